//! What an API server does with the `service:` of a webhook's `clientConfig`: which name it asks for, and whom it trusts.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// What an API server sends unless the configuration says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks the webhook of this `clientConfig` as an API server does: over TLS to the name `NAME.NAMESPACE.svc`, trusting the
/// `caBundle` alone, at the service's `path`; `endpoint` is where the Service leads to. Gives back the body of the answer.
///
/// # Errors
/// If the configuration has no service or no bundle, if the server's certificate is not for that name or of another authority, or if
/// it does not answer with status 200 and JSON.
pub fn ask_service(client_config: &Value, endpoint: SocketAddr, review: &Value) -> Result<Value> {
    let service = &client_config["service"];
    let text = |name: &str| {
        let text = service[name].as_str().filter(|it| !it.is_empty());
        text.with_context(|| format!("clientConfig.service has no `{name}`"))
    };
    let name = format!("{}.{}.svc", text("name")?, text("namespace")?);
    let path = service["path"].as_str().unwrap_or("/");
    let mut stream = connect(client_config, endpoint, &name)?;
    let body = review.to_string();
    write!(
        stream,
        "POST {path}?timeout={}s HTTP/1.1\r\nHost: {name}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        TIMEOUT.as_secs(),
        body.len()
    )
    .with_context(|| format!("no TLS with {name}"))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "{head}\n{body}");
    Ok(serde_json::from_str(body)?)
}

fn connect(
    client_config: &Value,
    endpoint: SocketAddr,
    name: &str,
) -> Result<StreamOwned<ClientConnection, TcpStream>> {
    let bundle = client_config["caBundle"].as_str();
    let bundle = STANDARD.decode(bundle.context("clientConfig has no `caBundle`")?)?;
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&bundle) {
        roots.add(authority?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerName::try_from(name.to_owned())?;
    let stream = TcpStream::connect_timeout(&endpoint, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let connection = ClientConnection::new(Arc::new(tls), server)?;
    Ok(StreamOwned::new(connection, stream))
}
