//! Requests and answers.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::{State, answers, lock};
use crate::registry::fault::{Answer, apply, content, error};
use crate::registry::write::body;
use crate::registry::{Fault, Request};

/// What a service has to say: media type and bytes.
pub(super) enum Said {
    Json(Value),
    Timestamp(Vec<u8>),
}

pub(super) fn start(state: Arc<State>) -> (SocketAddr, Runtime) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener
        .set_nonblocking(true)
        .expect("a socket can be non-blocking");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("testkit-sigstore")
        .enable_all()
        .build()
        .expect("a thread can be had");
    runtime.spawn(accept(listener, state));
    (address, runtime)
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
        async move { Ok::<_, Infallible>(answer(&state, request).await) }
    });
    // An error here is a fault that the test wanted, or a client that went away.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(state: &State, incoming: hyper::Request<Incoming>) -> Answer {
    let headers = incoming.headers().iter();
    let request = Request {
        method: incoming.method().to_string(),
        version: format!("{:?}", incoming.version()),
        path: incoming.uri().to_string(),
        headers: headers
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.to_string(), value)
            })
            .collect(),
    };
    lock(&state.asked).push(request.clone());
    let posted = body(incoming.into_body()).await.unwrap_or_default();
    let path = request.path.split('?').next().unwrap_or_default();
    let said = match path {
        "/api/v2/signingCert" => answers::certificate(state, &posted),
        "/api/v2/log/entries" => answers::entry_v2(state, &posted),
        "/api/v1/log/entries" => answers::entry_v1(state, &posted),
        "/api/v1/timestamp" => answers::timestamp(state, &posted),
        "/token" => answers::token(state, &request),
        _ => None,
    };
    let mut answer = match said {
        Some(Said::Json(mut json)) => {
            for lie in &lock(&state.lies).json {
                lie(&mut json);
            }
            content("application/json", json.to_string().into_bytes())
        }
        Some(Said::Timestamp(der)) => content("application/timestamp-reply", der),
        None => error(400, "INVALID", "this request cannot be read"),
    };
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
