//! From a connection to an answer.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::fault::{self, Answer, Fault, content, error, with_header};
use super::write::{self, Target};
use super::{OCI_INDEX, Request, State, lock};

/// Listens and answers, on threads of its own.
pub(super) fn start(state: &Arc<State>, tls: Option<TlsAcceptor>) -> (Runtime, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener
        .set_nonblocking(true)
        .expect("a socket can be non-blocking");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    state.address.set(address).expect("set once");

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("testkit-registry")
        .enable_all()
        .build()
        .expect("a thread can be had");
    runtime.spawn(accept(listener, Arc::clone(state), tls));
    (runtime, address)
}

async fn accept(
    listener: std::net::TcpListener,
    state: Arc<State>,
    tls: Option<TlsAcceptor>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let connection = Connection::accepted(Arc::clone(&state));
        let (state, tls) = (Arc::clone(&state), tls.clone());
        tokio::spawn(async move {
            serve_accepted(stream, state, tls).await;
            drop(connection);
        });
    }
}

/// Counts as open until it is dropped.
struct Connection(Arc<State>);

impl Connection {
    fn accepted(state: Arc<State>) -> Self {
        state.accepted.fetch_add(1, Ordering::SeqCst);
        state.open.fetch_add(1, Ordering::SeqCst);
        Self(state)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn serve_accepted(stream: TcpStream, state: Arc<State>, tls: Option<TlsAcceptor>) {
    match tls {
        None => serve(stream, state).await,
        // A client that refuses our certificate is the test's business, not ours.
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, state).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, state: Arc<State>) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(&state, request).await) }
    });
    // An error here is a fault that the test wanted, or a client that went away.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(state: &State, incoming: hyper::Request<Incoming>) -> Answer {
    let request = noted(state, &incoming);
    let number = lock(&state.log).began(&request.path);
    let body = if request.is_write() {
        write::body(incoming.into_body()).await
    } else {
        None
    };
    let answer = faulty(state, &request, body.as_deref()).await;
    lock(&state.log).answered(number);
    answer
}

async fn faulty(state: &State, request: &Request, body: Option<&[u8]>) -> Answer {
    let faults = due_faults(state, request);
    let mut answer = if request.is_write() && faults.iter().any(fault::Fault::prevents_writes) {
        error(500, "TESTKIT", "a fault stands in for this")
    } else {
        healthy(state, request, body)
    };
    for fault in faults {
        if let Fault::Together(count) = fault {
            come(state, count).await;
        }
        if let Fault::Delay(time) = fault {
            tokio::time::sleep(time).await;
        }
        answer = match fault::apply(&fault, request, answer) {
            Some(answer) => answer,
            None => std::future::pending().await,
        };
    }
    if request.method == "HEAD" {
        answer = fault::headers_only(answer);
    }
    answer
}

fn noted(state: &State, request: &hyper::Request<Incoming>) -> Request {
    let headers = request.headers().iter();
    let request = Request {
        method: request.method().to_string(),
        version: format!("{:?}", request.version()),
        path: request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned(),
        headers: headers
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
    };
    lock(&state.requests).push(request.clone());
    state.arrival.notify_waiters();
    request
}

/// Waits until so many requests have come.
async fn come(state: &State, count: usize) {
    loop {
        let arrival = state.arrival.notified();
        if lock(&state.requests).len() >= count {
            return;
        }
        arrival.await;
    }
}

fn due_faults(state: &State, request: &Request) -> Vec<fault::Fault> {
    let mut due = Vec::new();
    for armed in lock(&state.faults).iter_mut() {
        if armed.left > 0 && (armed.when)(request) {
            armed.left -= 1;
            due.push(armed.fault.clone());
        }
    }
    due
}

/// The answer of a registry in which nothing is wrong (distribution-spec 1.1, "Endpoints").
fn healthy(state: &State, request: &Request, body: Option<&[u8]>) -> Answer {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    if path == "/token" {
        return token(state, request);
    }
    if !matches!(request.method.as_str(), "GET" | "HEAD") && !request.is_write() {
        return error(405, "UNSUPPORTED", "no such endpoint");
    }
    let Some(path) = path.strip_prefix("/v2/") else {
        return error(404, "NAME_UNKNOWN", "not under /v2/");
    };
    let (repo, kind, reference) = match split(path) {
        Some(parts) => parts,
        None if path.is_empty() => ("", "base", ""),
        None => return error(404, "NAME_UNKNOWN", "no such endpoint"),
    };
    if let Some(denied) = denied(state, request, repo) {
        return denied;
    }
    if request.is_write() {
        let target = Target {
            repo,
            kind,
            reference,
            query,
        };
        return write::answer(state, request, &target, body);
    }
    let store = lock(&state.store);
    match kind {
        "base" => content("application/json", "{}"),
        "blobs" => match store.blob(repo, reference) {
            Some(bytes) => with_header(
                content("application/octet-stream", bytes),
                "docker-content-digest",
                reference,
            ),
            None => error(404, "BLOB_UNKNOWN", reference),
        },
        "manifests" => match store.manifest(repo, reference) {
            Some(found) => with_header(
                content(&found.media_type, found.bytes),
                "docker-content-digest",
                &found.digest,
            ),
            None => error(404, "MANIFEST_UNKNOWN", reference),
        },
        "tags" => match store.tags(repo) {
            Some(tags) => content(
                "application/json",
                json!({"name": repo, "tags": tags}).to_string(),
            ),
            None => error(404, "NAME_UNKNOWN", repo),
        },
        _ if state.options.no_referrers_api => error(404, "UNSUPPORTED", "no referrers API"),
        _ => referrers(
            store.referrers(repo, reference),
            path,
            query,
            state.options.page_size,
        ),
    }
}

/// `REPO/KIND/REFERENCE`; the repository may have slashes.
fn split(path: &str) -> Option<(&str, &'static str, &str)> {
    ["blobs", "manifests", "referrers", "tags"]
        .into_iter()
        .find_map(|kind| {
            let (repo, reference) = path.rsplit_once(&format!("/{kind}/"))?;
            Some((repo, kind, reference))
        })
}

fn token(state: &State, request: &Request) -> Answer {
    match state.options.auth.token(request) {
        Some(token) => content(
            "application/json",
            json!({"token": token, "access_token": token, "expires_in": 300}).to_string(),
        ),
        None => with_header(
            error(401, "UNAUTHORIZED", "wrong credentials"),
            "www-authenticate",
            "Basic realm=\"token\"",
        ),
    }
}

fn denied(state: &State, request: &Request, repo: &str) -> Option<Answer> {
    let own = format!("{}/token", state.url());
    let realm = state.options.token_realm.as_ref().unwrap_or(&own);
    let service = state
        .address
        .get()
        .map(ToString::to_string)
        .unwrap_or_default();
    let challenge = state
        .options
        .auth
        .check(request, repo, realm, &service)
        .err()?;
    Some(with_header(
        error(401, "UNAUTHORIZED", "authentication required"),
        "www-authenticate",
        &challenge,
    ))
}

/// One page of the list, filtered if the query asks for it.
fn referrers(all: Vec<Value>, path: &str, query: &str, page_size: Option<usize>) -> Answer {
    let asked = |name: &str| {
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let wanted = asked("artifactType").map(|wanted| wanted.replace("%2F", "/").replace("%2B", "+"));
    let listed: Vec<_> = match &wanted {
        Some(wanted) => all
            .into_iter()
            .filter(|item| item["artifactType"] == wanted.as_str())
            .collect(),
        None => all,
    };
    let page: usize = asked("page")
        .and_then(|page| page.parse().ok())
        .unwrap_or_default();
    let size = page_size.unwrap_or(usize::MAX);
    let start = page.saturating_mul(size).min(listed.len());
    let end = start.saturating_add(size).min(listed.len());
    let index =
        json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed[start..end]});

    let mut answer = content(OCI_INDEX, index.to_string());
    if end < listed.len() {
        let filter = wanted
            .as_ref()
            .map(|wanted| format!("&artifactType={wanted}"))
            .unwrap_or_default();
        answer = with_header(
            answer,
            "link",
            &format!("</v2/{path}?page={}{filter}>; rel=\"next\"", page + 1),
        );
    }
    if wanted.is_some() {
        answer = with_header(answer, "oci-filters-applied", "artifactType");
    }
    answer
}
