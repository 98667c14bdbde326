//! The serving certificate, read again when its files change.

mod names;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

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

/// A chain has a handful of certificates, a bundle of authorities a few hundred.
const MOST_BYTES: u64 = 1024 * 1024;

/// Which files TLS is made from.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    /// The serving certificate and its chain.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
    /// Whose client certificates are taken; none are asked for without it.
    pub(crate) client_ca: Option<PathBuf>,
    /// Which names of those; any if there are none.
    pub(crate) client_names: Vec<String>,
}

/// Why files give no certificate to serve with. It never holds the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub(crate) struct TlsError {
    path: String,
    why: String,
}

/// What came of looking at the files again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reload {
    /// They are what they were when they were looked at last.
    Unchanged,
    /// What they hold is served from the next connection on, until then.
    Changed(Option<UnixTime>),
    /// They hold nothing that could be served; what was good last is served on.
    Broken(TlsError),
}

/// What the files hold, all read at one time.
#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// What is served with now, and what the files were when they were looked at last.
pub(crate) struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
    seen: std::sync::Mutex<Result<Contents, TlsError>>,
}

impl Tls {
    /// Reads the files for the first time.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let contents = Contents::read(&files)?;
        let config = contents.config(&files)?;
        Ok(Self {
            files,
            current: RwLock::new(Arc::new(config)),
            seen: std::sync::Mutex::new(Ok(contents)),
        })
    }

    /// What the next connection is served with.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// When the certificate that is served ends, as far as it can be read.
    pub(crate) fn expires(&self) -> Option<UnixTime> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().ok()?.expires()
    }

    /// Looks at the files again. A pair of which one half is new is no pair, and is looked at again the next time.
    pub(crate) fn reload(&self) -> Reload {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let read = Contents::read(&self.files);
        if *seen == read {
            return Reload::Unchanged;
        }
        let config = match &read {
            Ok(contents) => contents.config(&self.files),
            Err(error) => Err(error.clone()),
        };
        let expires = read.as_ref().ok().and_then(Contents::expires);
        *seen = read;
        match config {
            Ok(config) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                Reload::Changed(expires)
            }
            Err(error) => Reload::Broken(error),
        }
    }
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            client_ca: files.client_ca.as_deref().map(read).transpose()?,
        })
    }

    fn expires(&self) -> Option<UnixTime> {
        expires(&self.certificate)
    }

    fn config(&self, files: &TlsFiles) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain = certificates(&self.certificate, &files.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| broken(&files.key, "it holds no private key as PEM"))?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| broken(&files.certificate, &error.to_string()))?;
        let builder = match (&self.client_ca, &files.client_ca) {
            (Some(pem), Some(path)) => {
                builder.with_client_cert_verifier(verifier(pem, path, files, provider)?)
            }
            _ => builder.with_no_client_auth(),
        };
        // It also finds a certificate that is not the key's.
        let mut config = builder.with_single_cert(chain, key).map_err(|error| {
            let key = files.key.display();
            broken(&files.certificate, &format!("with the key {key}: {error}"))
        })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// When the serving certificate ends.
fn expires(pem: &[u8]) -> Option<UnixTime> {
    let first = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    let certificate = Certificate::from_der(&first).ok()?;
    let ends = certificate.tbs_certificate.validity.not_after;
    let ends = ends.to_unix_duration().as_secs();
    Some(UnixTime::from_seconds(i64::try_from(ends).ok()?))
}

fn verifier(
    pem: &[u8],
    path: &Path,
    files: &TlsFiles,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(pem, path)? {
        roots
            .add(authority)
            .map_err(|error| broken(path, &error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| broken(path, &error.to_string()))?;
    Ok(match files.client_names.as_slice() {
        [] => verifier,
        names => Arc::new(Named::new(verifier, names.to_vec())),
    })
}

fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(broken(path, "it holds no certificate as PEM")),
        Err(error) => Err(broken(path, &error.to_string())),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |error: io::Error| broken(path, &error.to_string());
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > MOST_BYTES {
        return Err(broken(
            path,
            &format!("it has to be a regular file of at most {MOST_BYTES} bytes"),
        ));
    }
    fs::read(path).map_err(failed)
}

fn broken(path: &Path, why: &str) -> TlsError {
    TlsError {
        path: path.display().to_string(),
        why: why.to_owned(),
    }
}
