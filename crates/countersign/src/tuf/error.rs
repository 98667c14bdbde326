//! Why nothing new came from a TUF repository, or nothing old from the cache.

use std::path::PathBuf;

use countersign_core::UnixTime;

use super::{TrustState, TufRole};
use crate::RegistryError;
use crate::error::clip;

/// Why a TUF repository's answer, or what is cached of it, is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TufError {
    /// The repository did not answer, refused or failed.
    #[error("{0}")]
    Unreachable(RegistryError),
    /// It sends more than such a file ever has, redirects, or breaks HTTP.
    #[error("{0}")]
    Hostile(RegistryError),
    /// A file that must be there is not.
    #[error("the repository has no `{0}`")]
    Missing(String),
    /// A role has expired: whoever runs the repository did not sign anew, or somebody keeps us at an old state.
    #[error("its {role} metadata expired {expires}")]
    Expired {
        /// Which role.
        role: TufRole,
        /// When.
        expires: UnixTime,
    },
    /// An older version than what was seen before.
    #[error("its {role} has version {offered}, and version {trusted} was seen before")]
    Rollback {
        /// What went back: a role, perhaps as another role states it.
        role: String,
        /// What was seen before.
        trusted: u64,
        /// What is offered.
        offered: u64,
    },
    /// Too few valid signatures by distinct keys.
    #[error("its {role} metadata is not signed as it must be: {why}")]
    Signature {
        /// Which role.
        role: TufRole,
        /// What is wrong.
        why: String,
    },
    /// A file is not what another one says that it is: length, hash or version.
    #[error("`{file}` is not what the metadata says: {why}")]
    Mismatch {
        /// Which file.
        file: String,
        /// What differs.
        why: String,
    },
    /// A file cannot be read strictly, or says what none may say.
    #[error("`{file}` is malformed: {why}")]
    Malformed {
        /// Which file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// More new roots at once than any repository has had.
    #[error("it has more than {0} roots since the one that is known; ask again to follow on")]
    TooManyRoots(usize),
    /// No target of this name in the top-level targets.
    #[error("it has no target `{0}` in its top-level targets")]
    NoTarget(String),
    /// The target is genuine, and is no trust root that can be used.
    #[error("its target `{name}` cannot be used: {why}")]
    Target {
        /// Which target.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The pinned root cannot be used.
    #[error("the pinned TUF root cannot be used: {0}")]
    PinnedRoot(String),
    /// The cache cannot be read or written, or what is in it does not verify from the pinned root on.
    #[error("{}: {why}", path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// A refresh that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{cause}")]
#[non_exhaustive]
pub struct RefreshError {
    /// Why nothing new came.
    pub cause: TufError,
    /// What was good before, and still is what [`TrustStore::load`](super::TrustStore::load) gives.
    pub kept: Option<Box<TrustState>>,
}

impl TufError {
    /// The stable name of the kind, for programs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Hostile(_) => "hostile",
            Self::Missing(_) => "missing",
            Self::Expired { .. } => "expired",
            Self::Rollback { .. } => "rollback",
            Self::Signature { .. } => "signature",
            Self::Mismatch { .. } => "mismatch",
            Self::Malformed { .. } => "malformed",
            Self::TooManyRoots(_) => "too-many-roots",
            Self::NoTarget(_) => "no-target",
            Self::Target { .. } => "target",
            Self::PinnedRoot(_) => "pinned-root",
            Self::Cache { .. } => "cache",
        }
    }

    /// What `sigstore-tuf` says about a file of a role.
    pub(super) fn of(role: TufRole, error: &sigstore_tuf::Error) -> Self {
        use sigstore_tuf::Error;
        let file = format!("{role}.json");
        match error {
            Error::Rollback { role, trusted, new } => Self::Rollback {
                role: clip(role),
                trusted: *trusted,
                offered: *new,
            },
            Error::BadRootVersion { trusted, new } if new <= trusted => Self::Rollback {
                role: role.as_str().to_owned(),
                trusted: *trusted,
                offered: *new,
            },
            Error::Expired { expires, .. } => Self::Expired {
                role,
                expires: UnixTime::from_seconds(expires.as_second()),
            },
            Error::ThresholdNotMet { .. }
            | Error::DuplicateSignature { .. }
            | Error::UnusableKey { .. }
            | Error::UnsupportedScheme { .. }
            | Error::Crypto(_) => Self::Signature {
                role,
                why: clip(&error.to_string()),
            },
            Error::IntegrityMismatch(why) => Self::Mismatch {
                file,
                why: clip(why),
            },
            Error::Json(why) => Self::Malformed {
                file,
                why: clip(&why.to_string()),
            },
            other => Self::Malformed {
                file,
                why: clip(&other.to_string()),
            },
        }
    }
}

impl From<RegistryError> for TufError {
    fn from(error: RegistryError) -> Self {
        match error.class() {
            countersign_core::GapClass::Hostile => Self::Hostile(error),
            _ => Self::Unreachable(error),
        }
    }
}
