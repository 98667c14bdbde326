//! What our small servers share: a listener that ends when dropped, and one HTTP/1.1 exchange on a connection.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// A request's head; what is asked here has a few hundred bytes.
const MAX_HEAD: usize = 16 * 1024;
/// How long a client may be silent in the middle of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// A port of loopback on which every connection is served by a thread of its own; it is closed when dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

/// What was asked.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// Path and query, or the authority of a `CONNECT`.
    pub(crate) target: String,
    /// The `Authorization` header.
    pub(crate) authorization: Option<String>,
    /// The `Content-Length` header.
    pub(crate) length: Option<usize>,
}

impl Listener {
    /// Opens a free port.
    ///
    /// # Errors
    /// If none can be opened.
    pub(crate) fn start(
        serve: impl Fn(TcpStream) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let (ended, serve) = (Arc::clone(&stopped), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let serve = Arc::clone(&serve);
                // A client that goes away in the middle is its own loss.
                thread::spawn(move || {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    serve(stream)
                });
            }
        });
        Ok(Self { address, stopped })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the listening thread, which then ends; if nobody listens any more, it has ended.
        let _ = TcpStream::connect(self.address);
    }
}

/// Reads a request's head.
pub(crate) fn request(stream: &mut impl Read) -> Result<Head> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
        if head.len() > MAX_HEAD {
            bail!("the request's head is too long");
        }
    }
    let head = String::from_utf8(head)?;
    let mut lines = head.lines();
    let mut words = lines.next().context("no request")?.split_ascii_whitespace();
    let method = words.next().context("no method")?.to_owned();
    let target = words.next().context("no target")?.to_owned();
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
    let header = |wanted: &str| {
        let mut headers = headers.iter();
        let (_, value) = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        Some(value.trim())
    };
    let authorization = header("authorization").map(str::to_owned);
    let length = header("content-length").map(str::parse).transpose()?;
    Ok(Head {
        method,
        target,
        authorization,
        length,
    })
}

/// Answers with `body`, or with `refusal` (`404 Not Found`) if there is none, and no more on this connection.
pub(crate) fn respond(stream: &mut impl Write, body: Option<String>, refusal: &str) -> Result<()> {
    let status = if body.is_some() { "200 OK" } else { refusal };
    let body = body.unwrap_or_default();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(stream.flush()?)
}
