//! A webhook that allows everything and keeps what the API server asked it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::tls::Authority;
use crate::web::{Listener, request, respond};

/// More than two objects of etcd's 1.5 MiB.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// A running recorder; it ends when dropped.
#[derive(Debug)]
pub struct Recorder {
    listener: Listener,
    authority: String,
    reviews: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    /// Starts it on a free port, with a certificate of its own authority.
    ///
    /// # Errors
    /// If the port cannot be opened or the keys not be made.
    pub fn start() -> Result<Self> {
        let authority = Authority::new("countersign e2e recorder CA")?;
        let tls = Arc::new(authority.issue()?.server()?);
        let reviews: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&reviews);
        let listener = Listener::start(move |stream| answer(&tls, &kept, stream))?;
        Ok(Self {
            listener,
            authority: authority.pem(),
            reviews,
        })
    }

    /// How an API server reaches it (`clientConfig` of a webhook).
    #[must_use]
    pub fn client_config(&self) -> Value {
        client_config(self.listener.address().port(), "/record", &self.authority)
    }

    /// The bodies of what was asked so far, unchanged.
    #[must_use]
    pub fn reviews(&self) -> Vec<String> {
        let reviews = self.reviews.lock();
        reviews.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `clientConfig` of a webhook at this path of a port of loopback, whose certificate one of these authorities (PEM) has issued.
#[must_use]
pub fn client_config(port: u16, path: &str, authority: &str) -> Value {
    json!({
        "url": format!("https://127.0.0.1:{port}{path}"),
        "caBundle": STANDARD.encode(authority),
    })
}

fn answer(tls: &Arc<ServerConfig>, kept: &Mutex<Vec<String>>, stream: TcpStream) -> Result<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(tls))?, stream);
    let head = request(&mut stream)?;
    let length = head.length.context("a request without a length")?;
    anyhow::ensure!(length <= MAX_BODY, "a request of {length} bytes");
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let body = String::from_utf8(body)?;
    let review: Value = serde_json::from_str(&body)?;
    let response = json!({
        "apiVersion": review["apiVersion"],
        "kind": review["kind"],
        "response": {"uid": review["request"]["uid"], "allowed": true},
    });
    kept.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(body);
    respond(&mut stream, Some(response.to_string()), "")?;
    stream.conn.send_close_notify();
    Ok(stream.flush()?)
}
