//! A client of the API server: JSON over HTTPS, one connection for each request.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::tls::Issued;

/// The API server waits for a webhook for 30 s at most.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a request body is; a patch is of a kind of its own.
const JSON: &str = "application/json";
/// A list as `kubectl get` shows it.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";

/// Somebody who asks an API server, by a client certificate.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
}

/// What the API server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The texts of its `Warning` headers (RFC 9111, 5.5; code 299).
    pub warnings: Vec<String>,
    /// The object, or the `Status` that says why there is none.
    pub body: Value,
}

impl Client {
    /// A client of the API server on this port of loopback, whose certificate `ca` has issued; as `identity`.
    pub(crate) fn new(port: u16, ca: CertificateDer<'static>, identity: &Issued) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(ca)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![identity.certificate.clone()], key)?;
        Ok(Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            tls: Arc::new(tls),
        })
    }

    /// Where the API server listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads what is at `path` (`/api/v1/namespaces/shop/pods/app`).
    ///
    /// # Errors
    /// Of this and of all that follow: if nobody answers, or with something that is no JSON. A refusal is an answer.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.request("GET", path, JSON, None)
    }

    /// Reads what is at `path` as the table that `kubectl get` shows (`meta.k8s.io/v1`, `Table`).
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn table(&self, path: &str) -> Result<Answer> {
        self.request_as("GET", path, JSON, TABLE, None)
    }

    /// Creates `object` in the list at `path`, which may end in parameters (`…/pods?dryRun=All`).
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn create(&self, path: &str, object: &Value) -> Result<Answer> {
        self.request("POST", path, JSON, Some(object))
    }

    /// Puts `object` in the place of what is at `path`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn replace(&self, path: &str, object: &Value) -> Result<Answer> {
        self.request("PUT", path, JSON, Some(object))
    }

    /// Merges `change` into what is at `path` (RFC 7386: a list is replaced whole).
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn merge(&self, path: &str, change: &Value) -> Result<Answer> {
        self.request("PATCH", path, MERGE_PATCH, Some(change))
    }

    /// Merges `change` into what is at `path` as `kubectl` does: items of lists are known again by their names.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn patch(&self, path: &str, change: &Value) -> Result<Answer> {
        self.request("PATCH", path, STRATEGIC_PATCH, Some(change))
    }

    /// Deletes what is at `path`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn delete(&self, path: &str) -> Result<Answer> {
        self.request("DELETE", path, JSON, None)
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        self.request_as(method, path, kind, JSON, body)
    }

    fn request_as(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        accept: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let asked = || format!("{method} {path}");
        let body = body.map(Value::to_string).unwrap_or_default();
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE).with_context(asked)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::IpAddress(self.address.ip().into());
        let connection = ClientConnection::new(Arc::clone(&self.tls), name)?;
        let mut stream = StreamOwned::new(connection, stream);
        // HTTP/1.0: the answer comes in one piece, and ends with the connection.
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nAccept: {accept}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .with_context(asked)?;
        stream.flush().with_context(asked)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).with_context(asked)?;
        Answer::read(&answer).with_context(asked)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Answer {
    fn read(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes)?;
        let (head, body) = text
            .split_once("\r\n\r\n")
            .context("the answer has no head")?;
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status = status.context("the answer has no status")?.parse()?;
        let mut warnings = Vec::new();
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("warning") {
                warnings.push(warning(value.trim())?);
            }
        }
        Ok(Self {
            status,
            warnings,
            // `/readyz` says `ok`, an error in front of the API may be plain text too.
            body: serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)),
        })
    }

    /// Whether the API server did what it was asked to.
    #[must_use]
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What the API server says about a refusal (`Status.message`); empty if it did what it was asked to.
    #[must_use]
    pub fn message(&self) -> &str {
        match self.is_done() {
            true => "",
            false => self.body["message"].as_str().unwrap_or_default(),
        }
    }
}

/// The text of `299 - "text"`.
fn warning(header: &str) -> Result<String> {
    let quoted = header
        .strip_prefix("299 - \"")
        .and_then(|rest| rest.strip_suffix('"'));
    let Some(quoted) = quoted else {
        bail!("`{header}` is no warning of an API server");
    };
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(next) = chars.next() {
        match next {
            '\\' => text.extend(chars.next()),
            other => text.push(other),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_is_read_with_its_warnings() {
        let answer = Answer::read(
            b"HTTP/1.0 403 Forbidden\r\nWarning: 299 - \"say \\\"no\\\"\"\r\nAudit-Id: 1\r\nwarning: 299 - \"twice\"\r\n\r\n{\"message\":\"why\"}",
        )
        .unwrap();
        assert_eq!(answer.status, 403);
        assert_eq!(answer.warnings, ["say \"no\"", "twice"]);
        assert_eq!(answer.message(), "why");
        let answer = Answer::read(b"HTTP/1.0 200 OK\r\n\r\nok").unwrap();
        assert!(answer.is_done() && answer.body == json!("ok") && answer.message().is_empty());
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for bytes in [
            &b""[..],
            b"HTTP/1.0 200 OK\r\n",
            b"HTTP/1.0\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nWarning: 199 - x\r\n\r\n",
        ] {
            assert!(Answer::read(bytes).is_err(), "{bytes:?}");
        }
    }
}
