//! Where the serving certificate and its key come from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{TlsError, broken};

/// A chain has a handful of certificates, a bundle of authorities a few hundred.
const MOST_BYTES: u64 = 1024 * 1024;

/// The serving certificate with its chain and its private key, both PEM. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

/// Where a [`Pair`] is looked for.
#[derive(Clone)]
pub(crate) enum Source {
    /// In two files.
    Files {
        /// The serving certificate and its chain.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// With somebody who reads it from elsewhere.
    Kept(Kept),
}

/// The pair that somebody reads from a Secret, for [`Source::Kept`]. Clones are the same.
#[derive(Clone)]
pub(crate) struct Kept {
    name: Arc<str>,
    pair: Arc<Mutex<Option<Pair>>>,
}

impl Kept {
    /// None yet; `name` is where it will come from, for messages.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            pair: Arc::default(),
        }
    }

    /// What is looked at from now on.
    pub(crate) fn put(&self, pair: Pair) {
        *self.pair.lock().unwrap_or_else(PoisonError::into_inner) = Some(pair);
    }
}

impl Source {
    /// Nothing where there was none yet.
    pub(super) fn read(&self) -> Option<Result<Pair, TlsError>> {
        match self {
            Self::Files { certificate, key } => Some(both(certificate, key)),
            Self::Kept(kept) => {
                let pair = kept.pair.lock().unwrap_or_else(PoisonError::into_inner);
                pair.clone().map(Ok)
            }
        }
    }

    pub(super) fn certificate_name(&self) -> String {
        match self {
            Self::Files { certificate, .. } => certificate.display().to_string(),
            Self::Kept(kept) => format!("{}, tls.crt", kept.name),
        }
    }

    pub(super) fn key_name(&self) -> String {
        match self {
            Self::Files { key, .. } => key.display().to_string(),
            Self::Kept(kept) => format!("{}, tls.key", kept.name),
        }
    }
}

fn both(certificate: &Path, key: &Path) -> Result<Pair, TlsError> {
    Ok(Pair {
        certificate: read(certificate)?,
        key: read(key)?,
    })
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |error: io::Error| broken(path.display(), &error.to_string());
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > MOST_BYTES {
        return Err(broken(
            path.display(),
            &format!("it has to be a regular file of at most {MOST_BYTES} bytes"),
        ));
    }
    fs::read(path).map_err(failed)
}
