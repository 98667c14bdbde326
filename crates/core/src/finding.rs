//! What verification proved, and what it refused.

use std::sync::Arc;

use serde::Deserialize;

use crate::{Digest, Gap, Locator, ReasonCode, UnixTime};

/// A claim whose signature was verified, together with every fact that verification proved about it.
///
/// Only [`examine`](crate::examine) makes one; it has no public constructor, no `Default` and no `Deserialize`:
///
/// ```compile_fail
/// let forged = countersign_core::Verified { claim: (), facts: todo!() };
/// ```
/// ```compile_fail
/// let forged: countersign_core::Verified<String> = Default::default();
/// ```
/// ```compile_fail
/// let forged: countersign_core::Verified<String> = serde_json::from_str("{}").unwrap();
/// ```
/// ```compile_fail
/// fn steal<T>(good: countersign_core::Verified<T>) -> countersign_core::Verified<&'static str> {
///     countersign_core::Verified { claim: "mine", ..good }
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Verified<T> {
    claim: T,
    facts: Facts,
}

impl<T> Verified<T> {
    pub(crate) const fn new(claim: T, facts: Facts) -> Self {
        Self { claim, facts }
    }

    /// What was signed.
    pub const fn claim(&self) -> &T {
        &self.claim
    }

    /// Who signed it, when, and by which trust root that is known.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// What a verified signature says.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Claim {
    /// Simple signing with `critical.type` "cosign container image signature": the image is signed.
    SimpleSigning {
        /// `critical.identity.docker-reference`: what the signer called the image. Not authenticated by anything else.
        docker_reference: String,
    },
    /// An in-toto statement in a DSSE envelope.
    Statement(Statement),
    /// A signature over the manifest bytes themselves (a message-signature bundle).
    Message,
}

impl Claim {
    /// The predicate type by which a cosign 3 bundle signs an image.
    pub const COSIGN_SIGN: &'static str = "https://sigstore.dev/cosign/sign/v1";

    /// Whether this says "I sign this image", as opposed to attesting something about it (CVE-2022-35929).
    #[must_use]
    pub fn is_image_signature(&self) -> bool {
        match self {
            Self::SimpleSigning { .. } => true,
            Self::Statement(statement) => statement.predicate_type == Self::COSIGN_SIGN,
            Self::Message => false,
        }
    }

    /// A short name for reports: `simple-signing`, `statement` or `message`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SimpleSigning { .. } => "simple-signing",
            Self::Statement(_) => "statement",
            Self::Message => "message",
        }
    }

    /// The statement's predicate type, if it is one.
    #[must_use]
    pub fn predicate_type(&self) -> Option<&str> {
        match self {
            Self::Statement(statement) => Some(&statement.predicate_type),
            Self::SimpleSigning { .. } | Self::Message => None,
        }
    }
}

/// An in-toto statement, decoded from the very bytes whose signature was checked (in-toto attestation framework, "Statement").
#[derive(Debug, Clone)]
pub struct Statement {
    /// `https://in-toto.io/Statement/v1` or `…/v0.1`.
    pub statement_type: String,
    /// The predicate's type URI.
    pub predicate_type: String,
    /// All subjects; at least one carries the image's digest.
    pub subjects: Vec<Subject>,
    pub(crate) payload: Arc<[u8]>,
}

/// One subject of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name; may be empty, and proves nothing.
    pub name: String,
    /// Its sha256, if it has one.
    pub sha256: Option<Digest>,
}

impl Statement {
    /// The whole signed payload (JSON).
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Reads the predicate as `T`; unknown fields are `T`'s affair. A missing predicate reads as JSON `null`.
    ///
    /// # Errors
    /// What serde says when the predicate does not have `T`'s shape.
    pub fn predicate<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        #[derive(Deserialize)]
        struct Outer<P> {
            predicate: P,
        }
        serde_json::from_slice::<Outer<T>>(&self.payload).map(|outer| outer.predicate)
    }
}

/// Everything that verification proved about one signature. All of it holds together, under one trust root.
#[derive(Debug, Clone)]
pub struct Facts {
    pub(crate) image: Digest,
    pub(crate) signer: SignedBy,
    pub(crate) root: Option<RootName>,
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
    pub const fn root(&self) -> Option<&RootName> {
        self.root.as_ref()
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

/// Who made a signature.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SignedBy {
    /// A key of the policy set, by the sha256 of its SubjectPublicKeyInfo.
    Key(Digest),
    /// A short-lived certificate that a trusted certificate authority issued.
    Certificate(Box<Certificate>),
}

/// The identity in a Fulcio certificate (github.com/sigstore/fulcio, `docs/oid-info.md`).
#[derive(Debug, Clone)]
pub struct Certificate {
    /// sha256 of the DER certificate.
    pub fingerprint: Digest,
    /// The one subject alternative name.
    pub san: San,
    /// The OIDC issuer that vouched for the identity: extension .1.8, or .1.1 where .1.8 is absent.
    pub issuer: String,
    /// What the CI provider said about the run.
    pub claims: CiClaims,
}

/// A subject alternative name (RFC 5280, 4.2.1.6) of a kind that Fulcio issues.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum San {
    /// rfc822Name.
    Email(String),
    /// uniformResourceIdentifier.
    Uri(String),
    /// dNSName.
    Dns(String),
    /// otherName 1.3.6.1.4.1.57264.1.7 (a user name).
    OtherName(String),
}

impl San {
    /// Its text.
    #[must_use]
    pub fn value(&self) -> &str {
        match self {
            Self::Email(value) | Self::Uri(value) | Self::Dns(value) | Self::OtherName(value) => {
                value
            }
        }
    }

    /// `email`, `uri`, `dns` or `other-name`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Uri(_) => "uri",
            Self::Dns(_) => "dns",
            Self::OtherName(_) => "other-name",
        }
    }
}

/// The Fulcio extensions 1.3.6.1.4.1.57264.1.2 to .1.24. A missing one is `None`, which matches nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CiClaims {
    /// .1.2 (old): the event, such as `push`.
    pub github_workflow_trigger: Option<String>,
    /// .1.3 (old): the commit.
    pub github_workflow_sha: Option<String>,
    /// .1.4 (old): the workflow's name.
    pub github_workflow_name: Option<String>,
    /// .1.5 (old): `owner/repository` of the caller.
    pub github_workflow_repository: Option<String>,
    /// .1.6 (old): the ref of the caller.
    pub github_workflow_ref: Option<String>,
    /// .1.9
    pub build_signer_uri: Option<String>,
    /// .1.10
    pub build_signer_digest: Option<String>,
    /// .1.11: `github-hosted` or `self-hosted`.
    pub runner_environment: Option<String>,
    /// .1.12: such as `https://github.com/acme/app`.
    pub source_repository_uri: Option<String>,
    /// .1.13: the commit.
    pub source_repository_digest: Option<String>,
    /// .1.14: such as `refs/heads/main`.
    pub source_repository_ref: Option<String>,
    /// .1.15: the repository's number, which survives renaming.
    pub source_repository_identifier: Option<String>,
    /// .1.16
    pub source_repository_owner_uri: Option<String>,
    /// .1.17
    pub source_repository_owner_identifier: Option<String>,
    /// .1.18
    pub build_config_uri: Option<String>,
    /// .1.19
    pub build_config_digest: Option<String>,
    /// .1.20: the event, such as `push`.
    pub build_trigger: Option<String>,
    /// .1.21
    pub run_invocation_uri: Option<String>,
    /// .1.22
    pub source_repository_visibility_at_signing: Option<String>,
    /// .1.23: the deployment environment.
    pub deployment_environment: Option<String>,
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
        /// The log's operator: host of its base URL.
        operator: String,
        /// Its key id, hexadecimal.
        log_id: String,
    },
    /// An RFC 3161 timestamp authority.
    Timestamp {
        /// The authority: its URI or the certificate's subject, as the trust root names it.
        authority: String,
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

    /// The operator or authority.
    #[must_use]
    pub fn authority(&self) -> &str {
        match self {
            Self::Log { operator, .. } => operator,
            Self::Timestamp { authority } => authority,
        }
    }
}

/// A transparency log that provably holds the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFact {
    /// The log's operator: host of its base URL.
    pub operator: String,
    /// Its key id, hexadecimal.
    pub log_id: String,
    /// The entry's index in the log.
    pub index: u64,
}

/// Evidence that was refused, and why.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// Where it was found.
    pub locator: Locator,
    /// What it claims to be, unverified, for the explanation only: `signature`, or a predicate type.
    pub claims: Option<String>,
    /// The stable reason.
    pub code: ReasonCode,
    /// The particulars, such as which certificate expired when.
    pub detail: String,
}

/// All that is known about one image after verification. Private inside, bound to one pinned image, made only here.
///
/// ```compile_fail
/// let none = countersign_core::Findings { image: todo!(), verified: vec![], rejected: vec![], gaps: vec![] };
/// ```
#[derive(Debug, Clone)]
pub struct Findings {
    image: Digest,
    verified: Vec<Verified<Claim>>,
    rejected: Vec<Rejected>,
    gaps: Vec<Gap>,
}

impl Findings {
    pub(crate) const fn new(
        image: Digest,
        verified: Vec<Verified<Claim>>,
        rejected: Vec<Rejected>,
        gaps: Vec<Gap>,
    ) -> Self {
        Self {
            image,
            verified,
            rejected,
            gaps,
        }
    }

    /// The digest of the image that these findings are about.
    #[must_use]
    pub const fn image(&self) -> &Digest {
        &self.image
    }

    /// Every claim that verified; one piece of evidence appears once for each trust root that proves it.
    pub fn verified(&self) -> &[Verified<Claim>] {
        &self.verified
    }

    /// Every piece of evidence that did not verify.
    #[must_use]
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// What could not be fetched.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }
}
