//! A registry over HTTP: the distribution specification's pull side, bounded in every way.

mod answer;
mod challenge;
mod exchange;
mod files;
mod link;
mod referrers;
mod retry;
mod scope;
mod session;
mod token;
mod transport;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_core::Digest;
use reqwest::{Certificate, Url};

pub(crate) use self::files::FileClient;
pub use self::scope::Scope;

use self::answer::status_error;
use self::exchange::Ask;
use self::retry::Retry;
use self::session::Session;
use self::transport::Transport;
use crate::error::clip;
use crate::registry::{check_digest, check_size};
use crate::wire::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use crate::{
    Access, Budget, Fetched, Keyring, Listing, Reference, Registry, RegistryError, Repository,
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
/// One client serves any number of registries and checks with one set of credentials. It sends no credential before it is
/// asked for one, and each to its registry and that registry's token service only. Nothing is decompressed, no proxy of
/// the environment is used, and `Docker-Content-Digest` is not looked at.
pub struct HttpRegistry {
    transport: Transport,
    credentials: Keyring,
    plain_hosts: BTreeSet<String>,
    retry: Retry,
    sessions: Mutex<HashMap<SessionKey, Arc<Session>>>,
}

/// A token is good for one repository, for what it was asked for, and for whoever asked.
type SessionKey = (Repository, Scope, Access);

impl HttpRegistry {
    /// A client without credentials, for HTTPS.
    #[must_use]
    pub fn new() -> Self {
        Self {
            transport: Transport::default(),
            credentials: Keyring::default(),
            plain_hosts: BTreeSet::new(),
            retry: Retry::default(),
            sessions: Mutex::default(),
        }
    }

    /// Uses these credentials.
    #[must_use]
    pub fn credentials(mut self, credentials: impl Into<Keyring>) -> Self {
        self.credentials = credentials.into();
        self
    }

    /// Speaks plain HTTP, never HTTPS, with this registry (`host[:port]` as [`Repository::registry`] has it): what is read
    /// by tag and every credential can then be changed and seen by anybody on the way.
    #[must_use]
    pub fn plain_http(mut self, registry: impl Into<String>) -> Self {
        self.plain_hosts.insert(registry.into());
        self
    }

    /// Trusts these CA certificates (PEM, one or several) beside the system's.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] if there is no certificate, or one that cannot be read.
    pub fn ca_file(mut self, pem: &[u8]) -> Result<Self, RegistryError> {
        self.transport.extra_roots.extend(certificates(pem)?);
        Ok(self)
    }

    /// How long to wait for a connection (5 s), and for the next byte of an answer (10 s). The check's [`Budget`] ends both
    /// earlier.
    #[must_use]
    pub fn timeouts(mut self, connect: Duration, stall: Duration) -> Self {
        self.transport.connect = connect;
        self.transport.stall = stall;
        self
    }

    /// How often a request is repeated after a connection error, 429 or 5xx (2), and the wait before the first repetition
    /// (250 ms), which then doubles. `Retry-After` goes before.
    #[must_use]
    pub fn retries(mut self, times: u32, first_wait: Duration) -> Self {
        self.retry = Retry { times, first_wait };
        self
    }

    fn session(&self, repository: &Repository) -> Arc<Session> {
        let scope = Scope::Pull;
        let key = (
            repository.clone(),
            scope,
            self.credentials.access(repository),
        );
        // A panic elsewhere cannot leave the map half changed.
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(&key) {
            return Arc::clone(session);
        }
        if sessions.len() >= MAX_SESSIONS {
            sessions.clear();
        }
        let session = Arc::new(Session::new(
            repository.clone(),
            self.credentials.clone(),
            scope,
            self.is_plain(repository),
        ));
        sessions.insert(key, Arc::clone(&session));
        session
    }

    fn is_plain(&self, repository: &Repository) -> bool {
        self.plain_hosts.contains(repository.registry())
    }

    /// `https://host/v2/<path>/<rest>`.
    fn url(&self, repository: &Repository, rest: &str) -> Result<Url, RegistryError> {
        let scheme = if self.is_plain(repository) {
            "http"
        } else {
            "https"
        };
        let host = match repository.registry() {
            // The name of Docker Hub is not the name of its registry.
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        Url::parse(&format!(
            "{scheme}://{host}/v2/{}/{rest}",
            repository.path()
        ))
        .map_err(|error| {
            RegistryError::protocol(
                repository.registry(),
                format!("its name makes no URL: {error}"),
            )
        })
    }
}

/// The certificates of a CA file: at least one.
fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, RegistryError> {
    let broken = |cause: &str| RegistryError::Configuration {
        source_name: "CA file".to_owned(),
        cause: cause.to_owned(),
    };
    let roots = Certificate::from_pem_bundle(pem).map_err(|_| broken("not PEM certificates"))?;
    if roots.is_empty() {
        return Err(broken("it holds no certificate"));
    }
    Ok(roots)
}

impl Default for HttpRegistry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry for HttpRegistry {
    async fn access(&self, repository: &Repository, _: &Budget) -> Result<Access, RegistryError> {
        Ok(self.credentials.access(repository))
    }

    async fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
        max: usize,
        budget: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        let ask = Ask {
            repository,
            url: self.url(repository, &format!("manifests/{reference}"))?,
            accept: MANIFEST_TYPES,
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
        let ask = Ask {
            repository,
            url: self.url(repository, &format!("blobs/{blob}"))?,
            accept: "*/*",
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
            .field("plain_hosts", &self.plain_hosts)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
