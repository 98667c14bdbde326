//! A certificate transparency log, and its promises inside certificates (RFC 6962).

use super::der;
use super::key::{Algorithm, Hash, Key};

/// A certificate transparency log.
#[derive(Clone, Debug)]
pub struct CtLog {
    /// What it signs with.
    pub key: Key,
}

/// A signed certificate timestamp before it is signed.
#[derive(Clone, Debug)]
pub struct Sct {
    /// Who signs.
    pub log: CtLog,
    /// The log that it names, 32 bytes.
    pub log_id: Vec<u8>,
    /// In milliseconds since 1970.
    pub millis: u64,
    /// Usually none.
    pub extensions: Vec<u8>,
    /// SHA-256 of the SubjectPublicKeyInfo of the leaf's issuer.
    pub issuer_key_hash: Vec<u8>,
    /// The certificate's TBS without this list.
    pub to_be_signed: Vec<u8>,
}

impl CtLog {
    /// A log with a new key.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self {
            key: Key::generate(algorithm),
        }
    }

    /// SHA-256 of its public key.
    #[must_use]
    pub fn log_id(&self) -> Vec<u8> {
        Hash::Sha256.of(&self.key.public_der())
    }
}

impl Sct {
    /// Version 1, serialized (3.2, 3.3).
    fn signed(&self) -> Vec<u8> {
        const PRECERT_ENTRY: [u8; 2] = [0, 1];
        let extensions = [
            &length(self.extensions.len(), 2),
            self.extensions.as_slice(),
        ]
        .concat();
        let message = [
            &[0, 0],
            self.millis.to_be_bytes().as_slice(),
            &PRECERT_ENTRY,
            &self.issuer_key_hash,
            &length(self.to_be_signed.len(), 3),
            &self.to_be_signed,
            &extensions,
        ]
        .concat();
        let signature = self.log.key.sign_with(Hash::Sha256, &message);
        // RFC 5246, 7.4.1.4.1: SHA-256 is 4; RSA is 1, ECDSA 3.
        let algorithm = match self.log.key.algorithm() {
            Algorithm::Rsa(_) | Algorithm::RsaPss(_) => [4, 1],
            _ => [4, 3],
        };
        [
            &[0],
            self.log_id.as_slice(),
            &self.millis.to_be_bytes(),
            &extensions,
            &algorithm,
            &length(signature.len(), 2),
            &signature,
        ]
        .concat()
    }
}

/// The value of the certificate extension.
pub(crate) fn list(scts: &[Sct]) -> Vec<u8> {
    let signed: Vec<u8> = scts
        .iter()
        .map(Sct::signed)
        .flat_map(|sct| [length(sct.len(), 2), sct].concat())
        .collect();
    der::octets(&[length(signed.len(), 2), signed].concat())
}

/// `value` in so many bytes, big-endian.
fn length(value: usize, bytes: usize) -> Vec<u8> {
    let all = value.to_be_bytes();
    all[all.len() - bytes..].to_vec()
}
