//! How a registry shall behave where nothing is wrong.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use super::auth::{Auth, User};
use super::tls::Tls;
use super::{Registry, State, server};

/// What a [`Registry`] shall be; made by [`Registry::builder`].
#[derive(Debug, Default)]
pub struct Builder {
    pub(super) auth: Auth,
    pub(super) token_realm: Option<String>,
    pub(super) tls: bool,
    pub(super) client_certificates: bool,
    pub(super) no_referrers_api: bool,
    pub(super) page_size: Option<usize>,
    pub(super) fallback_artifact_type: FallbackArtifactType,
    pub(super) writable: bool,
    pub(super) upload_location: UploadLocation,
}

/// How the registry writes where an upload goes on; the specification allows both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadLocation {
    /// `/v2/…`.
    #[default]
    Path,
    /// `http://127.0.0.1:PORT/v2/…`.
    Url,
}

/// What the fallback index says of a bundle's `artifactType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FallbackArtifactType {
    /// The bundle's media type, as cosign 3.1 writes.
    #[default]
    Bundle,
    /// `application/vnd.oci.empty.v1+json`, as earlier ones wrote (cosign#4641).
    Empty,
    /// None.
    Absent,
}

impl Builder {
    /// Answers 404 under `/referrers/`; [`Registry::attach_bundle`] keeps the index at tag `sha256-<hex>` instead.
    #[must_use]
    pub fn without_referrers_api(mut self) -> Self {
        self.no_referrers_api = true;
        self
    }

    /// What the fallback index says of a bundle's `artifactType`.
    #[must_use]
    pub fn fallback_artifact_type(mut self, said: FallbackArtifactType) -> Self {
        self.fallback_artifact_type = said;
        self
    }

    /// Lists so many referrers a page, with a `Link` to the next.
    #[must_use]
    pub fn page_size(mut self, items: usize) -> Self {
        self.page_size = Some(items);
        self
    }

    /// Takes pushes over HTTP: uploads, mounts and manifests whose parts are there.
    #[must_use]
    pub fn writable(mut self) -> Self {
        self.writable = true;
        self
    }

    /// How it writes where an upload goes on.
    #[must_use]
    pub fn upload_location(mut self, location: UploadLocation) -> Self {
        self.upload_location = location;
        self
    }

    /// Wants this user and password on every request.
    #[must_use]
    pub fn basic(mut self, user: &str, password: &str) -> Self {
        self.auth = Auth::Basic {
            user: user.into(),
            password: password.into(),
        };
        self
    }

    /// Wants one of several users on every request; this one, who may read these repositories, beside those before.
    #[must_use]
    pub fn user(mut self, user: &str, password: &str, repos: &[&str]) -> Self {
        let user = User {
            name: user.into(),
            password: password.into(),
            repos: repos.iter().map(|&repo| repo.into()).collect(),
        };
        match &mut self.auth {
            Auth::Users(users) => users.push(user),
            other => *other = Auth::Users(vec![user]),
        }
        self
    }

    /// Wants a bearer token, given at `/token` for this user and password.
    #[must_use]
    pub fn bearer(mut self, user: &str, password: &str) -> Self {
        self.auth = Auth::Bearer {
            credentials: Some((user.into(), password.into())),
        };
        self
    }

    /// Wants a bearer token, given at `/token` to anybody.
    #[must_use]
    pub fn anonymous_bearer(mut self) -> Self {
        self.auth = Auth::Bearer { credentials: None };
        self
    }

    /// Sends clients to this URL for a token, not to its own `/token`. Another registry's `/token` will do.
    #[must_use]
    pub fn token_realm(mut self, url: &str) -> Self {
        self.token_realm = Some(url.into());
        self
    }

    /// Serves HTTPS with a certificate for `127.0.0.1` and `localhost` from a CA of its own.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Serves HTTPS only to clients with a certificate from its own CA; [`Registry::client_pem`] is one.
    #[must_use]
    pub fn client_certificates(mut self) -> Self {
        self.tls = true;
        self.client_certificates = true;
        self
    }

    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port or thread can be had.
    #[must_use]
    pub fn start(self) -> Registry {
        let tls = self.tls.then(|| Tls::new(self.client_certificates));
        let state = Arc::new(State {
            options: self,
            store: Mutex::default(),
            requests: Mutex::default(),
            log: Mutex::default(),
            arrival: tokio::sync::Notify::new(),
            accepted: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            faults: Mutex::default(),
            address: std::sync::OnceLock::new(),
        });
        let (runtime, address) =
            server::start(&state, tls.as_ref().map(|tls| tls.acceptor.clone()));
        Registry {
            state,
            address,
            ca_pem: tls.as_ref().map(|tls| tls.ca_pem.clone()),
            client_pem: tls.and_then(|tls| tls.client_pem),
            runtime: Some(runtime),
        }
    }
}
