//! A registry over HTTP: the distribution specification's pull side, bounded in every way.

mod answer;
mod backoff;
mod call;
mod challenge;
mod clients;
mod exchange;
mod files;
mod gates;
mod home;
mod link;
mod place;
mod reads;
mod received;
mod referrers;
mod retry;
mod service;
mod session;
mod token;
mod transport;
mod upload;
mod watch;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use self::call::{Call, CallBody, Called, Method, Scope, Target};
pub(crate) use self::files::FileClient;
pub use self::service::{
    ServiceAnswer, ServiceClient, ServiceRequest, ServiceUrl, ServiceUrlError,
};

use self::home::Settings;
use self::place::Place;
use self::retry::Retry;
use self::session::Session;
use self::transport::Transport;
use crate::locked::lock;
use crate::network::{Allowed, Proxies, Registries, Special, certificates};
use crate::{Access, Keyring, Observer, RegistryError, Repository};

/// Sessions that are kept; a process that sees more repositories starts anew.
const MAX_SESSIONS: usize = 4096;

/// Reads registries over HTTPS, and over plain HTTP where that was allowed for a host by name.
///
/// One client serves any number of registries and checks with one set of credentials; a clone is the same client, and
/// [`with_credentials`](Self::with_credentials) makes one for another set that shares connections and patience. It sends no
/// credential before it is asked for one, and each to its registry and that registry's token service only. Nothing is
/// decompressed, no proxy of the environment is used unless it is given, and `Docker-Content-Digest` is not looked at.
///
/// Addresses are checked when they are connected to: loopback, link-local and metadata addresses are refused, whoever leads
/// there, but for what [`allow_typed`](Self::allow_typed) and [`plain_http`](Self::plain_http) name.
#[derive(Clone)]
pub struct HttpRegistry {
    transport: Transport,
    credentials: Keyring,
    sessions: Arc<Mutex<HashMap<SessionKey, Arc<Session>>>>,
}

/// Whose token it is: a token is never shared between repositories, purposes, credentials or what these are called.
type SessionKey = (Repository, Scope, Access);

impl HttpRegistry {
    /// A client without credentials, for HTTPS.
    #[must_use]
    pub fn new() -> Self {
        Self {
            transport: Transport::default(),
            credentials: Keyring::default(),
            sessions: Arc::default(),
        }
    }

    /// Uses these credentials.
    #[must_use]
    pub fn credentials(mut self, credentials: impl Into<Keyring>) -> Self {
        self.credentials = credentials.into();
        self
    }

    /// The same client with other credentials: connections, limits and back-off are shared, and so is a token that was got
    /// with the very same credential before. No two credentials ever share a token.
    #[must_use]
    pub fn with_credentials(&self, credentials: impl Into<Keyring>) -> Self {
        self.clone().credentials(credentials)
    }

    /// [`with_credentials`](Self::with_credentials) of these, and then those that it has.
    pub(crate) fn with_credentials_first(&self, credentials: &Keyring) -> Self {
        self.with_credentials(credentials.clone().and(self.credentials.clone()))
    }

    /// Speaks plain HTTP, never HTTPS, with this registry (`host[:port]` as [`Repository::registry`] has it): what is read
    /// by tag and every credential can then be changed and seen by anybody on the way. It may have loopback and private
    /// addresses, as with [`allow_typed`](Self::allow_typed).
    #[must_use]
    pub fn plain_http(self, registry: impl Into<String>) -> Self {
        self.set(|settings| {
            settings.plain_hosts.insert(registry.into());
        })
    }

    /// Lets this registry (`host[:port]`) have loopback and private addresses: a person has named it. What it redirects to,
    /// and what it names for tokens, gains nothing from that.
    #[must_use]
    pub fn allow_typed(self, registry: impl Into<String>) -> Self {
        self.set(|settings| {
            settings.typed_hosts.insert(registry.into());
        })
    }

    /// Whether private addresses (RFC 1918, RFC 4193, shared ones) are refused as loopback ones are, but for hosts that are
    /// named. Without this they are free.
    #[must_use]
    pub fn refuse_private(self, refuse: bool) -> Self {
        self.set(|settings| {
            settings.allowed = if refuse {
                Allowed::default()
            } else {
                Allowed::default().with([Special::Private])
            };
        })
    }

    /// Trusts these CA certificates (PEM, one or several) beside the system's.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] if there is no certificate, or one that cannot be read.
    pub fn ca_file(self, pem: &[u8]) -> Result<Self, RegistryError> {
        let roots = certificates(pem, "CA file")?;
        Ok(self.set(|settings| settings.extra_roots.extend(roots)))
    }

    /// How registries are reached: certificates, proxies, mirrors, addresses.
    #[must_use]
    pub fn registries(self, registries: Registries) -> Self {
        self.set(|settings| settings.registries = registries)
    }

    /// Asks through these proxies.
    #[must_use]
    pub fn proxies(self, proxies: Proxies) -> Self {
        self.set(|settings| settings.proxies = proxies)
    }

    /// How long to wait for a connection (5 s), and for the next byte of an answer (10 s). The check's [`Budget`](crate::Budget) ends both
    /// earlier.
    #[must_use]
    pub fn timeouts(self, connect: Duration, stall: Duration) -> Self {
        self.set(|settings| {
            settings.connect = connect;
            settings.stall = stall;
        })
    }

    /// How often a request is repeated after a connection error, 429 or 5xx (2), and the wait before the first repetition
    /// (250 ms), which then doubles. `Retry-After` goes before.
    #[must_use]
    pub fn retries(self, times: u32, first_wait: Duration) -> Self {
        self.set(|settings| settings.retry = Retry { times, first_wait })
    }

    /// Tells this observer of every request.
    #[must_use]
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        self.set(|settings| settings.observer = Some(observer))
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        self.transport.change(change);
        self.sessions = Arc::default();
        self
    }

    /// Under which access a repository is read, at all places where it is.
    ///
    /// # Errors
    /// [`RegistryError::Protocol`](crate::RegistryError::Protocol) if its name makes no URL.
    pub(crate) fn access_of(&self, repository: &Repository) -> Result<Access, RegistryError> {
        let accesses: Vec<Access> = self
            .places(repository)?
            .iter()
            .map(|place| self.credentials.access(&place.repository))
            .collect();
        Ok(match accesses.as_slice() {
            [own] => *own,
            several => Access::of(
                several
                    .iter()
                    .map(|it| it.fingerprint().as_bytes().as_slice()),
            ),
        })
    }

    fn retry(&self) -> Retry {
        self.transport.settings().retry
    }

    fn session(&self, place: &Place, scope: Scope) -> (Arc<Session>, Access) {
        let access = self.credentials.access(&place.repository);
        let kept_under = self.credentials.session(&place.repository);
        let key = (place.repository.clone(), scope, kept_under);
        let mut sessions = lock(&self.sessions);
        if let Some(session) = sessions.get(&key) {
            return (Arc::clone(session), access);
        }
        if sessions.len() >= MAX_SESSIONS {
            sessions.clear();
        }
        let plain = place.home.base.scheme() == "http";
        let session = Arc::new(Session::new(
            place.repository.clone(),
            self.credentials.clone(),
            scope,
            plain,
        ));
        sessions.insert(key, Arc::clone(&session));
        (session, access)
    }
}

impl Default for HttpRegistry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRegistry")
            .field("settings", self.transport.settings())
            .finish_non_exhaustive()
    }
}
