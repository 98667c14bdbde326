//! Untrusted evidence: bytes that were found beside an image, and what could not be fetched.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::{Digest, ReasonCode};

/// Everything that was collected for one image. Nothing in it has been verified.
///
/// A [`Gap`] is "could not be fetched" and is kept apart from "is not there": a registry that answers 401 or 500
/// never turns a signed image into an unsigned one.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Signatures and attestations, in the order in which they were found.
    pub items: Vec<Item>,
    /// What could not be fetched or must not be believed.
    pub gaps: Vec<Gap>,
    /// What stands in for something that could not be asked: the last known lists that `items` come from.
    pub stale: Vec<Stale>,
}

/// A last known list of evidence that was used because the registry could not be asked (`stale: {maxAge}` in Settings).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// What it is: `referrers of sha256:… in host/repo`.
    pub what: String,
    /// How many seconds ago the registry was asked.
    pub age: u64,
}

/// One attached signature or attestation, as untrusted bytes.
#[derive(Debug, Clone)]
pub struct Item {
    /// Where it was found.
    pub locator: Locator,
    /// The bytes.
    pub content: Content,
}

/// The form in which evidence was attached. Its bytes are shared, not copied, with whoever has fetched and keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// A Sigstore bundle (JSON), an OCI referrer of the image.
    Bundle(Arc<[u8]>),
    /// A layer of cosign's `.sig` manifest: the simple-signing payload and the layer's annotations.
    SimpleSigning {
        /// The exact bytes that were signed.
        payload: Arc<[u8]>,
        /// `dev.cosignproject.cosign/signature`, certificate, chain, bundle and timestamp.
        annotations: BTreeMap<String, String>,
    },
    /// A layer of cosign's `.att` manifest: a DSSE envelope and the layer's annotations.
    Attestation {
        /// The exact bytes of the DSSE envelope (JSON).
        envelope: Arc<[u8]>,
        /// Certificate, chain, bundle and timestamp.
        annotations: BTreeMap<String, String>,
    },
}

/// Where a piece of evidence was found: enough to fetch the same bytes again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Locator {
    /// By which of the formats' ways.
    pub found_by: FoundBy,
    /// The manifest that carries it.
    pub manifest: Digest,
    /// The layer's blob.
    pub blob: Digest,
    /// Where that is, if not in the image's own repository: a mirror's host, or the repository that keeps evidence apart.
    pub place: Option<String>,
}

/// The ways by which evidence is attached to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FoundBy {
    /// The referrers API (OCI distribution specification 1.1), or a manifest with `subject` in an OCI layout.
    Referrers,
    /// The index at the tag `sha256-<hex>` (the referrers tag schema).
    FallbackTag,
    /// cosign's tag `sha256-<hex>.sig`, or cosign save's `kind: …/sigs`.
    SignatureTag,
    /// cosign's tag `sha256-<hex>.att`, or cosign save's `kind: …/atts`.
    AttestationTag,
    /// A file handed over directly.
    File,
}

impl FoundBy {
    const ALL: [Self; 5] = [
        Self::Referrers,
        Self::FallbackTag,
        Self::SignatureTag,
        Self::AttestationTag,
        Self::File,
    ];

    /// The way that has this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// The stable name that reports use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Referrers => "referrers",
            Self::FallbackTag => "fallback-tag",
            Self::SignatureTag => "signature-tag",
            Self::AttestationTag => "attestation-tag",
            Self::File => "file",
        }
    }
}

/// Which kinds of evidence can matter for a decision: what `collect` looks for. Nothing by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Needs {
    /// Sigstore bundles: referrers of the image, by the API or the fallback tag.
    pub referrers: bool,
    /// cosign's tag `sha256-<hex>.sig`.
    pub signature_tag: bool,
    /// cosign's tag `sha256-<hex>.att`.
    pub attestation_tag: bool,
    /// Whether a rule with `match: all` or `newest` is among those that matter: then nothing that is needed may be left
    /// out, not even when what was found already satisfies every rule.
    pub exhaustive: bool,
    /// Whether, of an index, evidence on the index itself can matter.
    pub index: bool,
    /// Whether, of an index, evidence on its platforms can matter.
    pub platforms: PlatformNeed,
    /// Whether it matters what the reference means, even where no evidence does.
    pub manifest: bool,
}

/// Whether evidence on the platforms of an index can matter, from less to more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlatformNeed {
    /// It cannot.
    #[default]
    No,
    /// In place of evidence on the index (`subject: either`).
    Instead,
    /// In any case (`subject: platform`).
    Always,
}

impl Needs {
    /// Everything.
    pub const ALL: Self = Self {
        referrers: true,
        signature_tag: true,
        attestation_tag: true,
        exhaustive: true,
        index: true,
        platforms: PlatformNeed::Always,
        manifest: true,
    };

    /// Nothing.
    pub const NONE: Self = Self {
        referrers: false,
        signature_tag: false,
        attestation_tag: false,
        exhaustive: false,
        index: false,
        platforms: PlatformNeed::No,
        manifest: false,
    };

    /// Whether nothing has to be fetched at all, the image's manifest included.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        !self.referrers && !self.signature_tag && !self.attestation_tag && !self.manifest
    }
}

/// Something that could not be fetched, or that a registry sent and must not be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Whether it was missing or wrong.
    pub class: GapClass,
    /// The stable code: `registry-unavailable`, `registry-hostile`, …
    pub code: ReasonCode,
    /// What was asked for: `referrers of sha256:… in host/repo`.
    pub what: String,
    /// The cause, with status and host.
    pub cause: String,
    /// Which evidence may be hidden behind it; none if it may be any.
    pub hides: Option<FoundBy>,
}

impl Gap {
    /// The same gap, known to hide evidence of one kind only: rules that never ask for that kind are not touched by it.
    #[must_use]
    pub fn hiding(mut self, kind: FoundBy) -> Self {
        self.hides = Some(kind);
        self
    }
}

/// Whose fault a gap looks like. `onUnknown` and `stale` of a policy speak of [`Unavailable`](Self::Unavailable) only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GapClass {
    /// Connect error, time-out, 401, 403, 429, 5xx.
    Unavailable,
    /// Wrong digest, too large, endless, malformed, a refused redirect.
    Hostile,
}

impl GapClass {
    /// The class that has this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Unavailable, Self::Hostile];
        all.into_iter().find(|it| it.as_str() == name)
    }

    /// The stable name that reports use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Hostile => "hostile",
        }
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.blob, self.found_by.as_str())?;
        if let Some(place) = &self.place {
            write!(f, ", {}", crate::text::safe(place))?;
        }
        f.write_str(")")
    }
}

/// The bundles of a text: one bundle, or one on each line (JSON Lines), where each line is an object by itself.
#[must_use]
pub fn bundles_of(bytes: &[u8]) -> Vec<&[u8]> {
    let lines: Vec<&[u8]> = bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .collect();
    let whole = |line: &&[u8]| line.starts_with(b"{") && line.ends_with(b"}");
    if lines.iter().all(whole) {
        lines
    } else {
        vec![bytes]
    }
}
