//! Which services sign: a signing config (Sigstore `protobuf-specs`, `SigningConfig` in `sigstore_trustroot.proto`, v0.2, JSON form).

mod select;
mod wire;

use countersign::{ServiceUrl, ServiceUrlError};
use countersign_core::UnixTime;

pub(crate) use select::{Chosen, one, several};

/// The public-good instance's has 1.5 KiB.
const MOST_BYTES: usize = 256 * 1024;
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/// The services of a Sigstore instance, as its operator lists them. Nothing is chosen yet: that depends on the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningConfig {
    pub(crate) authorities: Vec<Service>,
    pub(crate) logs: Vec<Service>,
    pub(crate) log_selector: Option<Selector>,
    pub(crate) timestampers: Vec<Service>,
    pub(crate) timestamp_selector: Option<Selector>,
}

/// One `Service`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) url: ServiceUrl,
    pub(crate) version: u32,
    pub(crate) start: UnixTime,
    /// Inclusive, as in every `TimeRange`.
    pub(crate) end: Option<UnixTime>,
    /// Who runs it; empty if it does not say.
    pub(crate) operator: String,
}

/// How many services of a kind a signature needs (`ServiceSelector` with its `count`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selector {
    All,
    Any,
    Exact(usize),
}

/// The kinds of service that a signing config names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceKind {
    /// `caUrls`: Fulcio.
    CertificateAuthority,
    /// `rekorTlogUrls`: Rekor.
    Log,
    /// `tsaUrls`: timestamp authorities (RFC 3161).
    TimestampAuthority,
}

/// Why a signing config cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningConfigError {
    /// It is larger than any.
    #[error("the signing config has {0} bytes, more than {MOST_BYTES}: that is none")]
    TooLarge(usize),
    /// It cannot be read strictly.
    #[error("the signing config is malformed: {0}")]
    Malformed(String),
    /// Another version, or something else.
    #[error(
        "the signing config's mediaType is `{0}`; only `{MEDIA_TYPE}` is supported, which `cosign signing-config create` writes"
    )]
    MediaType(String),
    /// An address that nothing is sent to.
    #[error("the signing config's {field}[{number}].url is refused: {cause}")]
    Url {
        /// In which list.
        field: &'static str,
        /// Its place, from 0.
        number: usize,
        /// What is wrong with it.
        #[source]
        cause: ServiceUrlError,
    },
    /// Services without a word of how many of them are needed.
    #[error(
        "the signing config lists {field} and no selector in {field_config}; say ANY, ALL, or EXACT with a count"
    )]
    NoSelector {
        /// The list.
        field: &'static str,
        /// Where the selector belongs.
        field_config: &'static str,
    },
    /// Of a kind that is needed, none is listed.
    #[error(
        "the signing config names no {kind} ({}), and this signature needs one",
        kind.field()
    )]
    NoneListed {
        /// What is needed.
        kind: ServiceKind,
    },
    /// All that are listed are of other versions, or not valid now.
    #[error(
        "of the {listed} in the signing config's {} none can be used at {now}: each is of an API version that is not supported \
         (supported: {supported}), or not valid at that time; get a current signing config",
        kind.field()
    )]
    NoneUsable {
        /// What is needed.
        kind: ServiceKind,
        /// How many are listed.
        listed: usize,
        /// The supported major API versions.
        supported: String,
        /// When they were to be used.
        now: UnixTime,
    },
    /// Fewer operators than `EXACT` demands.
    #[error(
        "the signing config wants {wanted} of its {} from different operators, and at {now} only {found} can be used; those \
         without an operator count as one",
        kind.field()
    )]
    TooFew {
        /// What is needed.
        kind: ServiceKind,
        /// How many.
        wanted: usize,
        /// How many there are.
        found: usize,
        /// When they were to be used.
        now: UnixTime,
    },
    /// Neither log nor timestamp authority.
    #[error(
        "the signing config names neither logs (rekorTlogUrls) nor timestamp authorities (tsaUrls): nobody would say when anything was signed"
    )]
    NoWitness,
    /// Nobody would say when it was signed.
    #[error(
        "the signing config names no timestamp authority (tsaUrls), and its logs (Rekor v2) prove no time: nobody could tell when it \
         was signed, so that neither a certificate nor a log entry would count; add a timestamp authority"
    )]
    NoTime,
}

impl SigningConfig {
    /// Reads a signing config, strictly: unknown and repeated fields, services without a beginning of their validity, and addresses
    /// where others could listen are refused.
    ///
    /// # Errors
    /// [`SigningConfigError`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, SigningConfigError> {
        wire::read(bytes)
    }
}

impl Service {
    fn valid_at(&self, now: UnixTime) -> bool {
        self.start <= now && self.end.is_none_or(|end| now <= end)
    }
}

impl ServiceKind {
    /// The field of a signing config that lists them.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::CertificateAuthority => "caUrls",
            Self::Log => "rekorTlogUrls",
            Self::TimestampAuthority => "tsaUrls",
        }
    }

    /// The major API versions that are spoken here, best first.
    const fn supported(self) -> &'static [u32] {
        match self {
            // Fulcio's first major version is the one with `/api/v2/signingCert`.
            Self::CertificateAuthority | Self::TimestampAuthority => &[1],
            Self::Log => &[2, 1],
        }
    }
}

impl std::fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CertificateAuthority => "certificate authority",
            Self::Log => "log",
            Self::TimestampAuthority => "timestamp authority",
        })
    }
}

#[cfg(test)]
mod tests;
