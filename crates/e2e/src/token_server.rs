//! The token service of a registry, as Docker's registry wants it (distribution's `docs/spec/auth/token.md` and
//! `jwt.md`): it looks at the user's password and signs a JSON Web Token with what the user may do of what was asked.

use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::login::Login;
use crate::tls::Authority;
use crate::web::{Listener, request, respond};

/// What a registry is told to expect in `iss`.
pub(crate) const ISSUER: &str = "countersign lab";
/// What a registry calls itself: `service` of a request, `aud` of a token.
pub(crate) const SERVICE: &str = "lab registry";
/// Seconds for which a token is valid, before and after it was made.
const LEEWAY: u64 = 5;
const LIFE: u64 = 300;

/// A running token service over TLS; it ends when dropped.
#[derive(Debug)]
pub(crate) struct TokenServer {
    listener: Listener,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    tls: Arc<ServerConfig>,
    key: EcdsaKeyPair,
    /// The certificate of `key`, as `x5c` has it (RFC 7515, 4.1.6).
    certificate: String,
    asked: Mutex<Vec<String>>,
}

impl TokenServer {
    /// Starts it on a free port; a registry that trusts `authority` takes its tokens.
    ///
    /// # Errors
    /// If the port cannot be opened or the keys not be made.
    pub(crate) fn start(authority: &Authority) -> Result<Self> {
        let signer = authority.issue()?;
        let key = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &signer.key.serialize_der(),
        )
        .map_err(|error| anyhow!("the token service's key: {error}"))?;
        let inner = Arc::new(Inner {
            tls: Arc::new(authority.issue()?.server()?),
            key,
            certificate: STANDARD.encode(&signer.certificate),
            asked: Mutex::default(),
        });
        let server = Arc::clone(&inner);
        let listener = Listener::start(move |stream| server.converse(stream))?;
        Ok(Self { listener, inner })
    }

    /// What a registry is told to send its clients to: a name, for cosign and crane refuse realms that are addresses of
    /// loopback.
    pub(crate) fn realm(&self) -> String {
        format!("https://{}/token", self.host())
    }

    /// `localhost:PORT`.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.listener.address().port())
    }

    /// `USER SCOPE` of each scope that was asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = self.inner.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Inner {
    fn converse(&self, stream: TcpStream) -> Result<()> {
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&self.tls))?, stream);
        let head = request(&mut stream)?;
        let user = match head.authorization.as_deref().map(Login::of_basic) {
            None => Some("anonymous"),
            Some(login) => login.map(|login| login.user),
        };
        let answer = match user {
            Some(user) => Some(self.token(user, &scopes(&head.target))?),
            None => None,
        };
        let body = answer.map(|token| {
            json!({"token": token, "access_token": token, "expires_in": LIFE}).to_string()
        });
        respond(&mut stream, body, "401 Unauthorized")?;
        stream.conn.send_close_notify();
        Ok(std::io::Write::flush(&mut stream)?)
    }

    /// A token for what `user` may do of these scopes, signed with ES256 (RFC 7518, 3.4).
    fn token(&self, user: &str, scopes: &[String]) -> Result<String> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(scopes.iter().map(|scope| format!("{user} {scope}")));
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let access: Vec<Value> = scopes
            .iter()
            .filter_map(|scope| granted(user, scope))
            .collect();
        let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [self.certificate]});
        let claims = json!({
            "iss": ISSUER, "sub": user, "aud": SERVICE,
            "iat": now, "nbf": now - LEEWAY, "exp": now + LIFE,
            "jti": format!("{user}-{now}"), "access": access,
        });
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed = format!(
            "{}.{}",
            encode(header.to_string().as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .map_err(|_| anyhow!("the token cannot be signed"))?;
        Ok(format!("{signed}.{}", encode(signature.as_ref())))
    }
}

/// What the user gets of `repository:NAME:ACTION,ACTION`.
fn granted(user: &str, scope: &str) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let actions: Vec<_> = actions
        .split(',')
        .filter(|action| Login::may(user, name, action))
        .collect();
    Some(json!({"type": kind, "name": name, "actions": actions}))
}

/// Every `scope` of a query, decoded.
fn scopes(target: &str) -> Vec<String> {
    let (_, query) = target.split_once('?').unwrap_or_default();
    let scopes = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("scope="));
    scopes
        // One parameter may hold several, with spaces between.
        .flat_map(|scopes| {
            let scopes = decoded(scopes);
            scopes.split(' ').map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

/// `%XX` and `+` decoded, as far as clients of registries encode: ASCII.
fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..2).map(|hex| u8::from_str_radix(hex, 16)) {
            Some(Ok(byte)) => {
                decoded.push(char::from(byte));
                decoded += part.get(2..).unwrap_or_default();
            }
            _ => decoded += part,
        }
    }
    decoded
}
