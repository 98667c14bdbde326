//! An OpenID Connect issuer that vouches for whatever identity a test wants, for a Fulcio on this machine.
//!
//! Fulcio knows its issuers by https URLs. This server is the proxy through which it reaches them: it answers `CONNECT`
//! by acting as the host that was asked for, with a certificate that Fulcio is told to trust.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow, bail};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::identity::{EMAIL_ISSUER, Identity, WORKFLOW_ISSUER};

/// The audience that Fulcio demands (`fulcio.yaml`).
const CLIENT_ID: &str = "sigstore";
/// Seconds for which a token is valid, before and after it was made.
const LEEWAY: u64 = 5;
const LIFE: u64 = 600;
/// The name of our one key.
const KEY_ID: &str = "1";
/// A request's head; what is asked here has a few hundred bytes.
const MAX_HEAD: usize = 16 * 1024;

/// A running issuer; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Issuer {
    address: SocketAddr,
    inner: Arc<Inner>,
    certificate: String,
}

#[derive(Debug)]
struct Inner {
    key: RsaKeyPair,
    tls: Arc<ServerConfig>,
    stopped: AtomicBool,
}

impl Issuer {
    /// Starts the issuer on a free port.
    ///
    /// # Errors
    /// If the port cannot be opened or the keys not be made.
    pub(crate) fn start() -> Result<Self> {
        let (certificate, tls) = server_config()?;
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("no RSA key"))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner {
            key,
            tls: Arc::new(tls),
            stopped: AtomicBool::new(false),
        });
        let server = Arc::clone(&inner);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if server.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let server = Arc::clone(&server);
                // A client that goes away in the middle is its own loss.
                thread::spawn(move || stream.map(|stream| server.converse(stream)));
            }
        });
        Ok(Self {
            address,
            inner,
            certificate,
        })
    }

    /// The URL that `HTTPS_PROXY` must have for who asks the issuers. `GET <url>/token/<identity>` is a fresh token.
    #[must_use]
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The certificate (PEM) to be trusted for the issuers' hosts.
    #[must_use]
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A token for `identity`, valid for ten minutes.
    ///
    /// # Errors
    /// If the clock is before 1970 or the key refuses to sign.
    pub(crate) fn token(&self, identity: &Identity) -> Result<String> {
        self.inner.token(identity)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.inner.stopped.store(true, Ordering::Relaxed);
        // Wakes the listening thread, which then ends; if nobody listens any more, it has ended.
        let _ = TcpStream::connect(self.address);
    }
}

impl Inner {
    /// One request in the clear (a token), or one inside the tunnel that `CONNECT` opens (discovery and keys).
    fn converse(&self, mut stream: TcpStream) -> Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let (method, target) = request(&mut stream)?;
        match method.as_str() {
            "CONNECT" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
                let mut tunnel =
                    StreamOwned::new(ServerConnection::new(Arc::clone(&self.tls))?, stream);
                let (_, path) = request(&mut tunnel)?;
                let host = target.trim_end_matches(":443");
                let answer = self.document(&format!("https://{host}"), &path);
                respond(&mut tunnel, answer.map(|value| value.to_string()))?;
                tunnel.conn.send_close_notify();
                tunnel.flush()?;
            }
            "GET" => {
                let token = target
                    .strip_prefix("/token/")
                    .and_then(|identity| self.token(&identity.parse().ok()?).ok());
                respond(&mut stream, token)?;
            }
            _ => respond(&mut stream, None)?,
        }
        Ok(())
    }

    /// OpenID Connect Discovery 1.0, section 4, and the key set (RFC 7517) that it points to.
    fn document(&self, issuer: &str, path: &str) -> Option<Value> {
        if ![EMAIL_ISSUER, WORKFLOW_ISSUER].contains(&issuer) {
            return None;
        }
        match path {
            "/.well-known/openid-configuration" => Some(json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/keys"),
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            })),
            "/keys" => {
                let public = self.key.public_key();
                Some(json!({"keys": [{
                    "kty": "RSA",
                    "alg": "RS256",
                    "use": "sig",
                    "kid": KEY_ID,
                    "n": encode(public.modulus().big_endian_without_leading_zero()),
                    "e": encode(public.exponent().big_endian_without_leading_zero()),
                }]}))
            }
            _ => None,
        }
    }

    /// A JSON Web Token (RFC 7519) in compact serialization, signed with RS256 (RFC 7518, 3.3).
    fn token(&self, identity: &Identity) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let mut claims = identity.claims();
        claims["aud"] = json!(CLIENT_ID);
        claims["iat"] = json!(now);
        claims["nbf"] = json!(now - LEEWAY);
        claims["exp"] = json!(now + LIFE);
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": KEY_ID});
        let signed = format!(
            "{}.{}",
            encode(header.to_string().as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| anyhow!("the token cannot be signed"))?;
        Ok(format!("{signed}.{}", encode(&signature)))
    }
}

/// A certificate for the issuers' hosts, as PEM, and a server that shows it.
fn server_config() -> Result<(String, ServerConfig)> {
    let hosts =
        [EMAIL_ISSUER, WORKFLOW_ISSUER].map(|url| url.trim_start_matches("https://").to_owned());
    let made = rcgen::generate_simple_self_signed(hosts)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok((made.cert.pem(), config))
}

/// Reads a request's head; gives back method and target.
fn request(stream: &mut impl Read) -> Result<(String, String)> {
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
    let mut words = head.split_ascii_whitespace();
    let method = words.next().context("no method")?;
    let target = words.next().context("no target")?;
    Ok((method.to_owned(), target.to_owned()))
}

/// Answers with `body`, or with 404 if there is none.
fn respond(stream: &mut impl Write, body: Option<String>) -> Result<()> {
    let status = if body.is_some() {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let body = body.unwrap_or_default();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(stream.flush()?)
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
