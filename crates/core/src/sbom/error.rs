//! Why a document is not read.

use std::fmt;

use crate::json;

/// Why an SBOM is not read: its class, and the particulars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct SbomError {
    kind: SbomErrorKind,
    detail: String,
}

/// What is wrong with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SbomErrorKind {
    /// Not a format, version or syntax that is read here.
    UnsupportedFormat,
    /// An SBOM, but another one than the predicate type says.
    OtherFormat,
    /// Not JSON, a duplicate key, or a wrong type where policy asks.
    Malformed,
    /// Larger, deeper or longer than is read.
    OverLimit,
}

impl fmt::Display for SbomErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnsupportedFormat => "unsupported format",
            Self::OtherFormat => "another format than the predicate type says",
            Self::Malformed => "malformed",
            Self::OverLimit => "over a limit",
        })
    }
}

impl SbomError {
    /// What class of error it is.
    #[must_use]
    pub const fn kind(&self) -> SbomErrorKind {
        self.kind
    }

    /// The particulars, safe to print.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    pub(super) fn unsupported(detail: impl AsRef<str>) -> Self {
        Self::new(SbomErrorKind::UnsupportedFormat, detail)
    }

    pub(super) fn other(detail: impl AsRef<str>) -> Self {
        Self::new(SbomErrorKind::OtherFormat, detail)
    }

    pub(super) fn over_limit(detail: impl AsRef<str>) -> Self {
        Self::new(SbomErrorKind::OverLimit, detail)
    }

    fn new(kind: SbomErrorKind, detail: impl AsRef<str>) -> Self {
        Self {
            kind,
            detail: crate::text::safe(detail.as_ref()),
        }
    }
}

impl From<json::Error> for SbomError {
    fn from(error: json::Error) -> Self {
        let kind = if error.is_over_limit() {
            SbomErrorKind::OverLimit
        } else {
            SbomErrorKind::Malformed
        };
        Self::new(kind, String::from(error))
    }
}
