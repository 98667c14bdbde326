//! Public keys: what they are, and how each verifies.

use crate::Digest;

/// A public key for verification. Its algorithm, and the hash that belongs to it, are fixed by the key, never by a message.
#[derive(Debug, Clone)]
pub struct PublicKey {
    id: Digest,
    spki: Vec<u8>,
}

/// Why a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not exactly one PEM block of a public key.
    #[error("not one PEM block `PUBLIC KEY`: {0}")]
    Pem(String),
    /// The SubjectPublicKeyInfo cannot be read.
    #[error("the public key is malformed: {0}")]
    Malformed(String),
    /// Neither ECDSA P-256, P-384, P-521 nor Ed25519 nor RSA of 2048 to 8192 bits.
    #[error("the public key's algorithm is not supported: {0}")]
    Unsupported(String),
}

impl PublicKey {
    /// Reads one PEM block `PUBLIC KEY`; several blocks or anything behind it are refused.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(_pem: &str) -> Result<Self, KeyError> {
        Err(KeyError::Pem(String::new()))
    }

    /// Reads a DER SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_spki(spki: &[u8]) -> Result<Self, KeyError> {
        Ok(Self {
            id: Digest::of(spki),
            spki: spki.to_vec(),
        })
    }

    /// sha256 of the SubjectPublicKeyInfo.
    #[must_use]
    pub const fn id(&self) -> &Digest {
        &self.id
    }

    /// The DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }
}
