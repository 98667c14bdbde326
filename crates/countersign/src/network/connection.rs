//! What connections to a host are made with.

use std::time::Duration;

use countersign_core::Hasher;
use reqwest::header::HeaderMap;
use reqwest::{Certificate, Identity};

use super::proxies::ProxyChoice;
use crate::RegistryError;

/// Everything that makes connections to one host differ from those to another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    roots: Vec<Certificate>,
    identity: Option<Identity>,
    pub(crate) proxy: ProxyChoice,
    pub(crate) connect: Option<Duration>,
    /// Sent with every request, as the operator wants it.
    pub(crate) headers: HeaderMap,
    /// Over the bytes of certificates and key: equal keys, equal connections.
    key: Vec<u8>,
}

impl Connection {
    /// Trusts these CA certificates (PEM) beside the system's.
    pub(crate) fn add_roots(&mut self, pem: &[u8], source_name: &str) -> Result<(), RegistryError> {
        self.roots.extend(certificates(pem, source_name)?);
        self.keyed(b"ca", pem);
        Ok(())
    }

    /// Shows this certificate (PEM, with the chain and the key).
    pub(crate) fn set_identity(
        &mut self,
        pem: &[u8],
        source_name: &str,
    ) -> Result<(), RegistryError> {
        let identity = Identity::from_pem(pem).map_err(|_| RegistryError::Configuration {
            source_name: source_name.to_owned(),
            cause: "no PEM certificate with its private key (PKCS 8, PKCS 1 or SEC 1)".to_owned(),
        })?;
        self.identity = Some(identity);
        self.keyed(b"identity", pem);
        Ok(())
    }

    pub(crate) fn roots(&self) -> &[Certificate] {
        &self.roots
    }

    pub(crate) const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// What tells the certificates and the key of this connection from another's.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    fn keyed(&mut self, what: &[u8], bytes: &[u8]) {
        let mut hasher = Hasher::new();
        hasher.update(&self.key);
        hasher.update(what);
        hasher.update(bytes);
        self.key = hasher.finish().as_bytes().to_vec();
    }
}

/// The certificates of a CA file: at least one.
pub(crate) fn certificates(
    pem: &[u8],
    source_name: &str,
) -> Result<Vec<Certificate>, RegistryError> {
    let broken = |cause: &str| RegistryError::Configuration {
        source_name: source_name.to_owned(),
        cause: cause.to_owned(),
    };
    let roots = Certificate::from_pem_bundle(pem).map_err(|_| broken("not PEM certificates"))?;
    if roots.is_empty() {
        return Err(broken("it holds no certificate"));
    }
    Ok(roots)
}
