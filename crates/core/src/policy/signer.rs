//! A compiled Signer: what it is known by, and what it demands (step 16: its keys and their windows).

use regex::Regex;

use super::Place;
use super::claim::ClaimDemand;
use super::glob::Glob;
use crate::{Digest, Format, UnixTime};

/// `kind: Signer`.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) name: String,
    pub(crate) maker: Maker,
    /// The one trust root; none for a keyed Signer that demands neither log nor time.
    pub(crate) root: Option<RootDemand>,
    /// By how many different operators transparency logs must hold the signature; 0 where none must.
    pub(crate) logs: usize,
    pub(crate) time: TimeDemand,
    /// By how many different operators RFC 3161 timestamps must be; 0 where `time` alone decides.
    pub(crate) timestamps: usize,
    /// Which bundle versions count; empty if bundles do not.
    pub(crate) bundles: Vec<Format>,
    /// Whether cosign's `.sig` and `.att` layers count.
    pub(crate) legacy: bool,
}

/// The trust root that a Signer names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RootDemand {
    pub(crate) name: String,
    /// Whether a certificate needs a proof of certificate transparency.
    pub(crate) sct: bool,
    /// For one that a TUF repository gave.
    pub(crate) life: Option<RootLife>,
}

/// How long a trust root serves that a TUF repository gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RootLife {
    /// When the first role of the repository's metadata expires.
    pub(crate) expires: UnixTime,
    /// That, and `trust: {maxAge}` of the Settings.
    pub(crate) serves_until: UnixTime,
}

/// By what a Signer is known.
#[derive(Debug, Clone)]
pub(crate) enum Maker {
    Keys(Vec<Key>),
    Keyless(Box<Keyless>),
}

/// One key of a Signer, with the window in which it counts.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) key: Digest,
    /// Where it stands; none for one that no policy names.
    pub(crate) place: Option<Place>,
    pub(crate) valid_from: Option<UnixTime>,
    pub(crate) valid_until: Option<UnixTime>,
}

/// An identity that an OIDC issuer vouches for.
#[derive(Debug, Clone)]
pub(crate) struct Keyless {
    pub(crate) issuer: String,
    pub(crate) subject: Subject,
    /// Each of them must hold.
    pub(crate) claims: Vec<ClaimDemand>,
}

/// `subject`: which subject alternative names count.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    Exact(String),
    Email(String),
    Uri(String),
    /// Compiled with anchors at both ends; the second is what was written.
    Regex(Regex, String),
    Workflow {
        path: String,
        refs: Vec<Glob>,
    },
}

/// `time`: which proven times a Signer demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeDemand {
    Log,
    Timestamp,
    Either,
    None,
}
