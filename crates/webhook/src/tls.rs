//! The serving certificate, looked at again when its files change, or the Secret from which it is read.

mod names;
mod source;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use countersign_core::UnixTime;
use der::Decode as _;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, server::danger::ClientCertVerifier};

use x509_cert::Certificate;

use self::names::Named;
pub(crate) use self::source::{Kept, Pair, Source};

/// What TLS is made from.
#[derive(Clone)]
pub(crate) struct TlsOptions {
    /// The serving certificate and its key.
    pub(crate) source: Source,
    /// Whose client certificates are taken; none are asked for without it.
    pub(crate) client_ca: Option<PathBuf>,
    /// Which names of those; any if there are none.
    pub(crate) client_names: Vec<String>,
}

/// Why there is no certificate to serve with. It never holds the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {why}")]
pub(crate) struct TlsError {
    at: String,
    why: String,
}

/// What came of looking at the source again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reload {
    /// It is what it was when it was looked at last.
    Unchanged,
    /// What it holds is served from the next connection on, until then.
    Changed(Option<UnixTime>),
    /// It holds nothing that could be served; what was good last is served on.
    Broken(TlsError),
}

/// What the source and the files hold, all read at one time.
#[derive(PartialEq, Eq)]
struct Contents {
    pair: Pair,
    client_ca: Option<Vec<u8>>,
}

/// What is served with now, and what the source held when it was looked at last.
pub(crate) struct Tls {
    options: TlsOptions,
    current: RwLock<Option<Arc<ServerConfig>>>,
    seen: Mutex<Option<Result<Contents, TlsError>>>,
}

impl Tls {
    /// Looks at the source for the first time. Files have to be there; what is kept in a Secret may come later.
    pub(crate) fn load(options: TlsOptions) -> Result<Self, TlsError> {
        let tls = Self {
            options,
            current: RwLock::default(),
            seen: Mutex::default(),
        };
        match tls.reload() {
            Reload::Broken(error) => Err(error),
            Reload::Unchanged | Reload::Changed(_) => Ok(tls),
        }
    }

    /// What the next connection is served with, if there is something yet.
    pub(crate) fn current(&self) -> Option<Arc<ServerConfig>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// When the certificate that is served ends, as far as it can be read.
    pub(crate) fn expires(&self) -> Option<UnixTime> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        expires(&seen.as_ref()?.as_ref().ok()?.pair.certificate)
    }

    /// Looks at the source again. A pair of which one half is new is no pair, and is looked at again the next time.
    pub(crate) fn reload(&self) -> Reload {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(read) = Contents::read(&self.options) else {
            return Reload::Unchanged;
        };
        if seen.as_ref() == Some(&read) {
            return Reload::Unchanged;
        }
        let config = match &read {
            Ok(contents) => contents.config(&self.options),
            Err(error) => Err(error.clone()),
        };
        let contents = read.as_ref().ok();
        let expires = contents.and_then(|it| expires(&it.pair.certificate));
        *seen = Some(read);
        match config {
            Ok(config) => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                *current = Some(Arc::new(config));
                Reload::Changed(expires)
            }
            Err(error) => Reload::Broken(error),
        }
    }
}

impl Contents {
    /// Nothing while the source has nothing yet.
    fn read(options: &TlsOptions) -> Option<Result<Self, TlsError>> {
        let pair = options.source.read()?;
        let client_ca = options.client_ca.as_deref().map(source::read).transpose();
        Some(pair.and_then(|pair| {
            Ok(Self {
                pair,
                client_ca: client_ca?,
            })
        }))
    }

    fn config(&self, options: &TlsOptions) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let (certificate, key) = (options.source.certificate_name(), options.source.key_name());
        let chain = certificates(&self.pair.certificate, &certificate)?;
        let private = PrivateKeyDer::from_pem_slice(&self.pair.key)
            .map_err(|_| broken(&key, "it holds no private key as PEM"))?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| broken(&certificate, &error.to_string()))?;
        let builder = match (&self.client_ca, &options.client_ca) {
            (Some(pem), Some(path)) => {
                builder.with_client_cert_verifier(verifier(pem, path, options, provider)?)
            }
            _ => builder.with_no_client_auth(),
        };
        // It also finds a certificate that is not the key's.
        let mut config = builder
            .with_single_cert(chain, private)
            .map_err(|error| broken(&certificate, &format!("with the key {key}: {error}")))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// When the first of these certificates, PEM, ends.
pub(crate) fn expires(pem: &[u8]) -> Option<UnixTime> {
    let first = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    let certificate = Certificate::from_der(&first).ok()?;
    let ends = certificate.tbs_certificate.validity.not_after;
    let ends = ends.to_unix_duration().as_secs();
    Some(UnixTime::from_seconds(i64::try_from(ends).ok()?))
}

fn verifier(
    pem: &[u8],
    path: &Path,
    options: &TlsOptions,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(pem, path.display())? {
        roots
            .add(authority)
            .map_err(|error| broken(path.display(), &error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| broken(path.display(), &error.to_string()))?;
    Ok(match options.client_names.as_slice() {
        [] => verifier,
        names => Arc::new(Named::new(verifier, names.to_vec())),
    })
}

fn certificates(
    pem: &[u8],
    at: impl fmt::Display,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(broken(at, "it holds no certificate as PEM")),
        Err(error) => Err(broken(at, &error.to_string())),
    }
}

fn broken(at: impl fmt::Display, why: &str) -> TlsError {
    TlsError {
        at: at.to_string(),
        why: why.to_owned(),
    }
}
