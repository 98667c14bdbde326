//! An OpenID Connect issuer that vouches for whatever identity a test wants, for a Fulcio on this machine.
//!
//! Fulcio knows its issuers by https URLs. This server is the proxy through which it reaches them: it answers `CONNECT`
//! by acting as the host that was asked for, with a certificate that Fulcio is told to trust.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::identity::{EMAIL_ISSUER, Identity, WORKFLOW_ISSUER};
use crate::web::{Head, Listener, request, respond};

/// The audience that Fulcio demands (`fulcio.yaml`).
const CLIENT_ID: &str = "sigstore";
/// Seconds for which a token is valid, before and after it was made.
const LEEWAY: u64 = 5;
const LIFE: u64 = 600;
/// The name of our one key.
const KEY_ID: &str = "1";
const NOT_FOUND: &str = "404 Not Found";

/// A running issuer; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Issuer {
    listener: Listener,
    inner: Arc<Inner>,
    certificate: String,
}

#[derive(Debug)]
struct Inner {
    key: RsaKeyPair,
    tls: Arc<ServerConfig>,
}

impl Issuer {
    /// Starts the issuer on a free port.
    ///
    /// # Errors
    /// If the port cannot be opened or the keys not be made.
    pub(crate) fn start() -> Result<Self> {
        let (certificate, tls) = server_config()?;
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("no RSA key"))?;
        let inner = Arc::new(Inner {
            key,
            tls: Arc::new(tls),
        });
        let server = Arc::clone(&inner);
        let listener = Listener::start(move |stream| server.converse(stream))?;
        Ok(Self {
            listener,
            inner,
            certificate,
        })
    }

    /// The URL that `HTTPS_PROXY` must have for who asks the issuers. `GET <url>/token/<identity>` is a fresh token.
    #[must_use]
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.address())
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

impl Inner {
    /// One request in the clear (a token), or one inside the tunnel that `CONNECT` opens (discovery and keys).
    fn converse(&self, mut stream: TcpStream) -> Result<()> {
        let Head { method, target, .. } = request(&mut stream)?;
        match method.as_str() {
            "CONNECT" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
                let mut tunnel =
                    StreamOwned::new(ServerConnection::new(Arc::clone(&self.tls))?, stream);
                let path = request(&mut tunnel)?.target;
                let host = target.trim_end_matches(":443");
                let answer = self.document(&format!("https://{host}"), &path);
                respond(
                    &mut tunnel,
                    answer.map(|value| value.to_string()),
                    NOT_FOUND,
                )?;
                tunnel.conn.send_close_notify();
                tunnel.flush()?;
            }
            "GET" => {
                let token = target
                    .strip_prefix("/token/")
                    .and_then(|identity| self.token(&identity.parse().ok()?).ok());
                respond(&mut stream, token, NOT_FOUND)?;
            }
            _ => respond(&mut stream, None, NOT_FOUND)?,
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

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
