//! The services of a [`Forge`] over HTTP on loopback, for who has something signed: Fulcio, both generations of Rekor, a timestamp
//! authority, and the token service of GitHub Actions. Each tells lies on demand.

mod answers;
mod server;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use super::{Certificate, Entry, Forge, Identity, Timestamp};
use crate::registry::fault::ArmedFault;
use crate::registry::{Fault, Request};

/// Running services; they stop when this is dropped.
///
/// They answer as if it were always the Forge's `now`, and believe every token that can be read.
#[derive(Debug)]
pub struct Services {
    state: Arc<State>,
    address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
}

struct State {
    forge: Forge,
    lies: Mutex<Lies>,
    faults: Mutex<Vec<ArmedFault>>,
    asked: Mutex<Vec<Request>>,
}

type Lie<T> = Box<dyn Fn(&mut T) + Send + Sync>;

/// What is changed in the next answers, before it is signed or sent.
#[derive(Default)]
struct Lies {
    identity: Vec<Lie<Identity>>,
    leaf: Vec<Lie<Certificate>>,
    stamp: Vec<Lie<Timestamp>>,
    entry: Vec<Lie<Entry>>,
    json: Vec<Lie<Value>>,
}

impl Services {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port or thread can be had.
    #[must_use]
    pub fn start(forge: &Forge) -> Self {
        let state = Arc::new(State {
            forge: forge.clone(),
            lies: Mutex::default(),
            faults: Mutex::default(),
            asked: Mutex::default(),
        });
        let (address, runtime) = server::start(Arc::clone(&state));
        Self {
            state,
            address,
            runtime: Some(runtime),
        }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A signing config v0.2 that names them, with one log of this generation (1 or 2).
    #[must_use]
    pub fn signing_config(&self, log: u8) -> Value {
        let service = |path: &str, version: u8| {
            json!({
                "url": format!("{}{path}", self.url()), "majorApiVersion": version,
                "validFor": {"start": "2020-01-01T00:00:00Z"}, "operator": self.state.forge.domain,
            })
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service("", 1)],
            "rekorTlogUrls": [service("", log)],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [service("/api/v1/timestamp", 1)],
            "tsaConfig": {"selector": "ANY"},
        })
    }

    /// Changes whom certificates are for.
    pub fn lie_about_identity(&self, lie: impl Fn(&mut Identity) + Send + Sync + 'static) {
        lock(&self.state.lies).identity.push(Box::new(lie));
    }

    /// Changes certificates before the CT log and the authority sign them.
    pub fn lie_in_leaf(&self, lie: impl Fn(&mut Certificate) + Send + Sync + 'static) {
        lock(&self.state.lies).leaf.push(Box::new(lie));
    }

    /// Changes timestamps before they are signed.
    pub fn lie_in_timestamp(&self, lie: impl Fn(&mut Timestamp) + Send + Sync + 'static) {
        lock(&self.state.lies).stamp.push(Box::new(lie));
    }

    /// Changes entries before the log takes them.
    pub fn lie_in_entry(&self, lie: impl Fn(&mut Entry) + Send + Sync + 'static) {
        lock(&self.state.lies).entry.push(Box::new(lie));
    }

    /// Changes answers that are JSON.
    pub fn lie_in_json(&self, lie: impl Fn(&mut Value) + Send + Sync + 'static) {
        lock(&self.state.lies).json.push(Box::new(lie));
    }

    /// Answers to paths that end like this have this fault from now on.
    pub fn fault(&self, path: &str, fault: Fault) {
        let path = path.to_owned();
        lock(&self.state.faults).push(ArmedFault {
            when: Box::new(move |request: &Request| request.path.ends_with(&path)),
            fault,
            left: u64::MAX,
        });
    }

    /// Takes all faults and lies away.
    pub fn heal(&self) {
        lock(&self.state.faults).clear();
        *lock(&self.state.lies) = Lies::default();
    }

    /// What was asked since the last call.
    #[must_use]
    pub fn asked(&self) -> Vec<Request> {
        std::mem::take(&mut *lock(&self.state.asked))
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("State")
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding this lock")
}

/// A token with these claims. Nobody has signed it, and the [`Services`] do not mind.
#[must_use]
pub fn token_of(claims: &Value) -> String {
    let part = |bytes: &[u8]| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    };
    let header = json!({"alg": "RS256", "typ": "JWT"}).to_string();
    format!(
        "{}.{}.{}",
        part(header.as_bytes()),
        part(claims.to_string().as_bytes()),
        part(b"a signature that nobody checks")
    )
}
