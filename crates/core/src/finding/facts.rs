//! Everything that is proven about one signature.

use crate::{Digest, Locator, SignedBy, UnixTime};

/// Everything that verification proved about one signature. All of it holds together, under one trust root.
#[derive(Debug, Clone)]
pub struct Facts {
    pub(crate) image: Digest,
    pub(crate) signer: SignedBy,
    pub(crate) root: Option<Box<RootName>>,
    pub(crate) times: Vec<ProvenTime>,
    pub(crate) logs: Vec<LogFact>,
    pub(crate) sct_logs: usize,
    pub(crate) format: Format,
    pub(crate) locator: Locator,
}

impl Facts {
    /// The digest that the signature is about, and that equals the pinned image's.
    #[must_use]
    pub const fn image(&self) -> &Digest {
        &self.image
    }

    /// The key or certificate that made the signature.
    #[must_use]
    pub const fn signer(&self) -> &SignedBy {
        &self.signer
    }

    /// The one trust root under which certificate, log entries and timestamps were verified; none for a bare keyed signature.
    #[must_use]
    pub fn root(&self) -> Option<&RootName> {
        self.root.as_deref()
    }

    /// Every proven time, each with the authority that vouches for it. Empty for a bare keyed signature.
    #[must_use]
    pub fn times(&self) -> &[ProvenTime] {
        &self.times
    }

    /// The earliest proven time: when the signature existed at the latest.
    #[must_use]
    pub fn signed_at(&self) -> Option<UnixTime> {
        self.times.iter().map(|proven| proven.time).min()
    }

    /// The transparency logs that hold this very signature, one for each distinct log.
    #[must_use]
    pub fn logs(&self) -> &[LogFact] {
        &self.logs
    }

    /// How many distinct certificate-transparency logs vouch for the certificate.
    #[must_use]
    pub const fn sct_logs(&self) -> usize {
        self.sct_logs
    }

    /// How the signature was packed.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Where it was found.
    #[must_use]
    pub const fn locator(&self) -> &Locator {
        &self.locator
    }
}

/// How a signature was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Sigstore bundle v0.1 (a log entry's promise is enough).
    BundleV01,
    /// Sigstore bundle v0.2.
    BundleV02,
    /// Sigstore bundle v0.3.
    BundleV03,
    /// cosign's `.sig` and `.att` layers.
    Legacy,
}

impl Format {
    /// The stable name that reports use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BundleV01 => "bundle-v0.1",
            Self::BundleV02 => "bundle-v0.2",
            Self::BundleV03 => "bundle-v0.3",
            Self::Legacy => "legacy",
        }
    }
}

/// The name of a trust root and the sha256 over its material.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootName {
    /// Its name in policy files; `public-good` is built in.
    pub name: String,
    /// sha256 of the `trusted_root.json` bytes that it was read from.
    pub fingerprint: Digest,
}

/// A time at which the signature provably existed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenTime {
    /// The time.
    pub time: UnixTime,
    /// Who vouches for it.
    pub source: TimeSource,
}

/// Who vouches for a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TimeSource {
    /// A log's signed entry timestamp (SET). A checkpoint proves no time.
    Log {
        /// The log: host of its base URL.
        name: String,
        /// Who runs it; empty if the trust root does not tell.
        operator: String,
        /// Its key id, hexadecimal.
        log_id: String,
    },
    /// An RFC 3161 timestamp authority.
    Timestamp {
        /// The authority: its URI or the certificate's subject, as the trust root names it.
        authority: String,
        /// Who runs it; empty if the trust root does not tell.
        operator: String,
    },
}

impl TimeSource {
    /// `log` or `timestamp`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Log { .. } => "log",
            Self::Timestamp { .. } => "timestamp",
        }
    }

    /// The log or timestamp authority, for people.
    #[must_use]
    pub fn authority(&self) -> &str {
        match self {
            Self::Log { name, .. } => name,
            Self::Timestamp { authority, .. } => authority,
        }
    }

    /// Who runs it, as thresholds count: the trust root's word, or else a domain. Empty if the root does not tell.
    #[must_use]
    pub fn operator(&self) -> &str {
        match self {
            Self::Log { operator, .. } | Self::Timestamp { operator, .. } => operator,
        }
    }
}

/// A transparency log that provably holds the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFact {
    /// The log: host of its base URL.
    pub name: String,
    /// Who runs it, as thresholds count: the trust root's word, or else a domain. Empty if the root does not tell.
    pub operator: String,
    /// Its key id, hexadecimal.
    pub log_id: String,
    /// The entry's index in the log.
    pub index: u64,
}
