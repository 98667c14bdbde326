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
mod received;
mod referrers;
mod retry;
mod session;
mod token;
mod transport;
mod upload;
mod watch;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_core::Digest;
use tokio::io::AsyncWrite;

pub use self::call::{Call, CallBody, Called, Method, Scope, Target};
pub(crate) use self::files::FileClient;

use self::answer::status_error;
use self::exchange::Ask;
use self::home::Settings;
use self::place::Place;
use self::retry::Retry;
use self::session::Session;
use self::transport::Transport;
use crate::error::clip;
use crate::network::{Allowed, Proxies, Special, certificates};
use crate::registry::{check_digest, check_size};
use crate::wire::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use crate::{
    Access, Budget, DockerConfig, Fetched, Listing, Observer, Reference, Registry, RegistryError,
    Repository,
};

/// Every kind of manifest that is understood, for `Accept`.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";
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
    credentials: DockerConfig,
    sessions: Arc<Mutex<HashMap<SessionKey, Arc<Session>>>>,
}

/// Whose token it is: a token is never shared between repositories, purposes or credentials.
type SessionKey = (Repository, Scope, Access);

impl HttpRegistry {
    /// A client without credentials, for HTTPS.
    #[must_use]
    pub fn new() -> Self {
        Self {
            transport: Transport::default(),
            credentials: DockerConfig::default(),
            sessions: Arc::default(),
        }
    }

    /// Uses these credentials.
    #[must_use]
    pub fn credentials(mut self, credentials: DockerConfig) -> Self {
        self.credentials = credentials;
        self
    }

    /// The same client with other credentials: connections, limits and back-off are shared, and so is a token that was got
    /// with the very same credential before. No two credentials ever share a token.
    #[must_use]
    pub fn with_credentials(&self, credentials: DockerConfig) -> Self {
        self.clone().credentials(credentials)
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

    /// Asks through these proxies.
    #[must_use]
    pub fn proxies(self, proxies: Proxies) -> Self {
        self.set(|settings| settings.proxies = proxies)
    }

    /// How long to wait for a connection (5 s), and for the next byte of an answer (10 s). The check's [`Budget`] ends both
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

    fn retry(&self) -> Retry {
        self.transport.settings().retry
    }

    fn session(&self, place: &Place, scope: Scope) -> (Arc<Session>, Access) {
        let found = self.credentials.find(&place.repository);
        let access = found.access();
        let key = (place.repository.clone(), scope, access);
        // A panic elsewhere cannot leave the map half changed.
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(&key) {
            return (Arc::clone(session), access);
        }
        if sessions.len() >= MAX_SESSIONS {
            sessions.clear();
        }
        let plain = place.home.base.scheme() == "http";
        let session = Session::new(place.repository.clone(), found, plain, scope);
        let session = Arc::new(session);
        sessions.insert(key, Arc::clone(&session));
        (session, access)
    }

    /// Writes a blob of exactly `size` bytes, as its descriptor says, to `sink`; it is hashed on the way, and may be larger
    /// than memory, or than what a check's [`Budget`] lets it read. `None` if the registry says that it is not there.
    ///
    /// # Errors
    /// As [`Registry::blob`]; [`RegistryError::Layout`] if the sink fails. What was written before an error is worthless.
    pub async fn download(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
        budget: &Budget,
    ) -> Result<Option<()>, RegistryError> {
        let place = self.origin(repository)?;
        let ask = Ask {
            url: place.url(&format!("blobs/{digest}"))?,
            place: &place,
            accept: "*/*",
            kind: "blob",
            what: "a blob",
            max: 0,
        };
        self.get_into(&ask, (digest, size), sink, budget).await
    }
}

impl Default for HttpRegistry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry for HttpRegistry {
    async fn access(&self, repository: &Repository, _: &Budget) -> Result<Access, RegistryError> {
        Ok(self.credentials.find(repository).access())
    }

    async fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
        max: usize,
        budget: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        let place = self.origin(repository)?;
        let ask = Ask {
            url: place.url(&format!("manifests/{reference}"))?,
            place: &place,
            accept: MANIFEST_TYPES,
            kind: "manifest",
            what: "a manifest",
            max,
        };
        let answer = self.get(&ask, budget).await?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            status => return Err(status_error(&answer.host(), status, "a manifest")),
        }
        if let Some(told) = answer.media_type()
            && ![OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST].contains(&told)
        {
            return Err(RegistryError::protocol(
                &answer.host(),
                format!("a manifest has the content type `{}`", clip(told)),
            ));
        }
        if let Reference::Digest(digest) = reference {
            check_digest(&answer.host(), digest, &answer.body)?;
        }
        Ok(Some(Fetched {
            content_type: answer.content_type,
            bytes: answer.body,
            from: None,
        }))
    }

    async fn referrers(
        &self,
        repository: &Repository,
        image: &Digest,
        budget: &Budget,
    ) -> Result<Listing, RegistryError> {
        self.list(repository, image, budget).await
    }

    async fn blob(
        &self,
        repository: &Repository,
        blob: &Digest,
        size: usize,
        budget: &Budget,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let place = self.origin(repository)?;
        let ask = Ask {
            url: place.url(&format!("blobs/{blob}"))?,
            place: &place,
            accept: "*/*",
            kind: "blob",
            what: "a blob",
            max: size,
        };
        let answer = self.get(&ask, budget).await?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            status => return Err(status_error(&answer.host(), status, "a blob")),
        }
        let expected = u64::try_from(size).unwrap_or(u64::MAX);
        check_size(&answer.host(), blob, expected, answer.body.len())?;
        check_digest(&answer.host(), blob, &answer.body)?;
        Ok(Some(answer.body))
    }
}

impl fmt::Debug for HttpRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRegistry")
            .field("settings", self.transport.settings())
            .finish_non_exhaustive()
    }
}
