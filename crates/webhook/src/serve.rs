//! From a connection to the router: TLS, HTTP/1.1 and HTTP/2, bounded, and an end that loses nothing.
//!
//! On hyper itself and not on `axum-server`: the certificate of the next connection, the bound on connections, the time of a handshake and what
//! happens to open requests at the end are ours to say here.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use futures_util::future::{Either, select};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use crate::tls::Tls;

/// An API server keeps one connection, or a few; a cluster has a handful of API servers.
const MOST_CONNECTIONS: usize = 1024;
/// Who connects and says nothing, or says it slowly, is not waited for.
const HANDSHAKE: Duration = Duration::from_secs(10);
const FIRST: Duration = Duration::from_secs(10);
/// A connection over HTTP/1.1 on which nothing comes is closed after this, as servers do.
const HEADERS: Duration = Duration::from_secs(90);
/// Requests of one HTTP/2 connection at once: the API server's own client sends all over one.
const MOST_STREAMS: u32 = 1000;
/// A peer that is gone without a word is noticed after this.
const PING: Duration = Duration::from_secs(30);
/// After an error of accept (no file descriptors left, say) the next try waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is ready; then takes no more connections, and ends with the last open request, after `grace` at the latest.
///
/// Without `tls` it speaks plain HTTP.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    stop: impl Future<Output = ()>,
    grace: Duration,
) {
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut stop = pin!(stop);
    loop {
        let next = pin!(next(&listener, &connections));
        let (stream, permit) = match select(next, stop.as_mut()).await {
            Either::Left((Ok(accepted), _)) => accepted,
            Either::Left((Err(_), _)) => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
            Either::Right(_) => break,
        };
        let watcher = graceful.watcher();
        let (router, tls) = (router.clone(), tls.clone());
        tokio::spawn(async move {
            // Answers are small and waited for.
            let _ = stream.set_nodelay(true);
            match tls {
                None => answer(stream, router, watcher).await,
                Some(tls) => {
                    // Who asks before there is a certificate is hung up on.
                    let Some(config) = tls.current() else { return };
                    let acceptor = TlsAcceptor::from(config);
                    let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream));
                    if let Ok(Ok(stream)) = handshake.await {
                        answer(stream, router, watcher).await;
                    }
                }
            }
            drop(permit);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(grace, graceful.shutdown()).await;
}

async fn next(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned();
    let permit = permit.await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

/// Answers the requests of one connection. Whoever goes away takes the work for his open requests along.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .keep_alive_interval(PING);
    let has_asked = Arc::new(AtomicBool::new(false));
    let asks = Arc::clone(&has_asked);
    let service = service_fn(move |request: Request<Incoming>| {
        asks.store(true, Ordering::Relaxed);
        let mut router = router.clone();
        async move {
            let answered: Result<Response<Body>, Infallible> =
                router.call(request.map(Body::new)).await;
            answered
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(watcher.watch(connection.into_owned()));
    // How a connection ends is the peer's affair; one over which nothing was ever asked is closed.
    let first = tokio::time::timeout(FIRST, connection.as_mut()).await;
    if first.is_err() && has_asked.load(Ordering::Relaxed) {
        let _ = connection.await;
    }
}
