//! An OCI registry served over HTTP or HTTPS on loopback, in this process, with faults on demand.
//!
//! It runs on a thread of its own, so that synchronous tests can use it as well as asynchronous ones, and it stops
//! when its handle is dropped. Content is put in by method calls; over HTTP it is read only, unless
//! [`Builder::writable`] says otherwise.
//!
//! ```
//! use countersign_testkit::registry::{Fault, Registry};
//!
//! let registry = Registry::start();
//! let image = registry.push_image("app", "v1");
//! registry.attach_bundle("app", &image, br#"{"mediaType":"..."}"#);
//! registry.fault(|request| request.path.contains("/referrers/"), Fault::Status(503));
//! assert!(registry.host().starts_with("127.0.0.1:"));
//! assert!(registry.requests().is_empty());
//! ```

mod attach;
mod auth;
pub(crate) mod body;
mod builder;
pub(crate) mod fault;
mod log;
mod server;
mod store;
mod tls;
pub(crate) mod write;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

pub use builder::{Builder, FallbackArtifactType, UploadLocation};
pub use fault::{Fault, Pages};

use fault::ArmedFault;
use log::Log;
use store::Store;

/// Media type of a Sigstore bundle, version 0.3.
pub const BUNDLE_V03: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// Media type of an OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A request that the registry got, in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// Path with query, as it was sent.
    pub path: String,
    /// Headers in the order sent, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// The first header of that name (lower case), if any.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A running registry; it stops when this is dropped.
#[derive(Debug)]
pub struct Registry {
    state: Arc<State>,
    address: SocketAddr,
    ca_pem: Option<String>,
    client_pem: Option<(String, String)>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Registry {
    /// A plain one: HTTP, anonymous, with the referrers API, without faults.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Starts with options.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// `127.0.0.1:PORT`, the registry part of an image reference.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:PORT` or `https://…`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        self.state.url()
    }

    /// The CA certificate that a client must trust, of a registry with TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Everything asked so far, token requests and requests without credentials too.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.state.requests).clone()
    }

    /// The paths that were asked so far, by rounds and sorted in each: a request belongs to the round behind the last one of which it could have
    /// seen an answer. Where nothing is held back, what was asked at once may count as two rounds: see [`Fault::Together`].
    #[must_use]
    pub fn rounds(&self) -> Vec<Vec<String>> {
        lock(&self.state.log).rounds()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        lock(&self.state.requests).clear();
        lock(&self.state.log).clear();
    }

    /// How many connections it has accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// How many of them are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// The certificate and the private key (PEM) that a client must have, of a registry that wants them.
    #[must_use]
    pub fn client_pem(&self) -> Option<(&str, &str)> {
        let (certificate, key) = self.client_pem.as_ref()?;
        Some((certificate, key))
    }

    /// From now on, answers to requests that `when` accepts have this fault. Several faults add up in their order.
    pub fn fault(&self, when: impl Fn(&Request) -> bool + Send + Sync + 'static, fault: Fault) {
        self.fault_times(u64::MAX, when, fault);
    }

    /// As [`Registry::fault`], for the next `times` such requests.
    pub fn fault_times(
        &self,
        times: u64,
        when: impl Fn(&Request) -> bool + Send + Sync + 'static,
        fault: Fault,
    ) {
        lock(&self.state.faults).push(ArmedFault {
            when: Box::new(when),
            fault,
            left: times,
        });
    }

    /// Takes all faults away.
    pub fn heal(&self) {
        lock(&self.state.faults).clear();
    }

    /// Stores a blob; its digest.
    pub fn push_blob(&self, repo: &str, bytes: &[u8]) -> String {
        lock(&self.state.store).push_blob(repo, bytes)
    }

    /// The digest at a tag, if there is such a tag.
    #[must_use]
    pub fn digest_at(&self, repo: &str, tag: &str) -> Option<String> {
        let store = lock(&self.state.store);
        store.manifest(repo, tag).map(|manifest| manifest.digest)
    }

    /// Stores a manifest under its digest, and under `reference` if that is a tag; its digest. One with a `subject` is
    /// listed as a referrer. The bytes may be anything.
    pub fn push_manifest(
        &self,
        repo: &str,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> String {
        lock(&self.state.store).push_manifest(repo, reference, media_type, bytes)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What the server's tasks and the handle share.
#[derive(Debug)]
struct State {
    options: Builder,
    store: Mutex<Store>,
    requests: Mutex<Vec<Request>>,
    log: Mutex<Log>,
    arrival: tokio::sync::Notify,
    accepted: AtomicUsize,
    open: AtomicUsize,
    faults: Mutex<Vec<ArmedFault>>,
    address: std::sync::OnceLock<SocketAddr>,
}

impl State {
    fn url(&self) -> String {
        let scheme = if self.options.tls { "https" } else { "http" };
        let address = self
            .address
            .get()
            .expect("set before the first request is accepted");
        format!("{scheme}://{address}")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding this lock")
}
