//! Serves a repository's files over HTTP on loopback, with the registry's faults.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};

use super::Repository;
use crate::registry::fault::{Answer, ArmedFault, apply, content, error};
use crate::registry::{Fault, Request};

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    state: Arc<State>,
    address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
}

#[derive(Debug, Default)]
struct State {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    requests: Mutex<Vec<String>>,
    faults: Mutex<Vec<ArmedFault>>,
}

impl Server {
    /// Starts on a free port of 127.0.0.1, with nothing to serve.
    ///
    /// # Panics
    /// When no port or thread can be had.
    #[must_use]
    pub fn start() -> Self {
        let listener =
            std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener
            .set_nonblocking(true)
            .expect("a socket can be non-blocking");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let state = Arc::new(State::default());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("testkit-tuf")
            .enable_all()
            .build()
            .expect("a thread can be had");
        runtime.spawn(accept(listener, Arc::clone(&state)));
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

    /// From now on serves what the repository has published so far, and nothing else.
    pub fn serve(&self, repository: &Repository) {
        *lock(&self.state.files) = repository.files.clone();
    }

    /// Answers to files whose name ends like this have this fault from now on.
    pub fn fault(&self, file: &str, fault: Fault) {
        let file = file.to_owned();
        lock(&self.state.faults).push(ArmedFault {
            when: Box::new(move |request: &Request| request.path.ends_with(&file)),
            fault,
            left: u64::MAX,
        });
    }

    /// Takes all faults away.
    pub fn heal(&self) {
        lock(&self.state.faults).clear();
    }

    /// The files that were asked for since the last call, without the slash before them.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.state.requests))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: std::net::TcpListener, state: Arc<State>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, Arc::clone(&state)));
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(&state, &request).await) }
    });
    // An error here is a fault that the test wanted, or a client that went away.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(state: &State, request: &hyper::Request<Incoming>) -> Answer {
    let request = Request {
        method: request.method().to_string(),
        version: format!("{:?}", request.version()),
        path: request.uri().path().to_owned(),
        headers: Vec::new(),
    };
    let name = request.path.trim_start_matches('/').to_owned();
    let mut answer = match lock(&state.files).get(&name) {
        Some(bytes) => content("application/json", bytes.clone()),
        None => error(404, "NOT_FOUND", "no such file"),
    };
    lock(&state.requests).push(name);
    let due: Vec<Fault> = lock(&state.faults)
        .iter()
        .filter(|armed| (armed.when)(&request))
        .map(|armed| armed.fault.clone())
        .collect();
    for fault in due {
        answer = match apply(&fault, &request, answer) {
            Some(answer) => answer,
            None => std::future::pending().await,
        };
    }
    answer
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding this lock")
}
