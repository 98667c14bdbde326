//! What is trusted: trust roots (Fulcio, CT, Rekor, timestamp authorities) and the keys of a policy set.

mod chain;
mod key;
mod message;
mod operator;
mod parts;
mod root;
mod wire;

use crate::Digest;
pub(crate) use chain::Window;
pub(crate) use key::{Hash, Kind, Scheme, Unverified};
pub use key::{KeyError, PublicKey};
pub(crate) use message::Message;
pub(crate) use operator::distinct as distinct_operators;
pub use parts::{RootPart, RootPartKind};
pub(crate) use root::{CertificateAuthority, Log, TimestampAuthority};
pub use root::{TrustError, TrustRoot};

/// The trust roots and every key of one policy set: an immutable value, swapped whole.
///
/// Authentication is not authorization: being in here lets a signature *verify*; whether it counts is the policy's word.
#[derive(Debug, Clone)]
pub struct Trust {
    roots: Vec<TrustRoot>,
    keys: Vec<PublicKey>,
    fingerprint: Digest,
}

impl Trust {
    /// Puts roots and keys together. The same key given twice counts once.
    ///
    /// # Errors
    /// [`TrustError::DuplicateName`] when two roots have one name.
    pub fn new(roots: Vec<TrustRoot>, keys: Vec<PublicKey>) -> Result<Self, TrustError> {
        let mut names: Vec<&str> = roots.iter().map(|root| root.name().name.as_str()).collect();
        names.sort_unstable();
        if let Some(twin) = names.windows(2).find(|pair| pair.first() == pair.last()) {
            return Err(TrustError::DuplicateName(
                twin.first().copied().unwrap_or_default().to_owned(),
            ));
        }
        let mut keys = keys;
        keys.sort_by_key(|key| *key.id());
        keys.dedup_by_key(|key| *key.id());
        let mut material = Vec::new();
        for root in &roots {
            material.extend_from_slice(root.name().name.as_bytes());
            material.push(0);
            material.extend_from_slice(root.name().fingerprint.as_bytes());
        }
        material.push(1);
        for key in &keys {
            material.extend_from_slice(key.id().as_bytes());
        }
        let fingerprint = Digest::of(&material);
        Ok(Self {
            roots,
            keys,
            fingerprint,
        })
    }

    /// The trust roots.
    #[must_use]
    pub fn roots(&self) -> &[TrustRoot] {
        &self.roots
    }

    /// The keys, each once, sorted by id.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// sha256 over names and contents: two equal fingerprints verify alike.
    #[must_use]
    pub const fn fingerprint(&self) -> &Digest {
        &self.fingerprint
    }
}
