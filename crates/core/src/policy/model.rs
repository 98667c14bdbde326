//! A compiled policy set: nothing in here can be wrong any more.

use std::sync::Arc;

use super::Place;
use super::glob::Glob;
use super::signer::Signer;
use crate::{Mode, UnixTime, Verdict};

/// `kind: Settings`.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) place: Place,
    /// What happens to an image that no enforcing policy names.
    pub(crate) unmatched: OnUnmatched,
    /// What happens when evidence is unavailable (never when it is hostile).
    pub(crate) on_unknown: Verdict,
}

/// `unmatched: deny | warn | allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnUnmatched {
    Deny,
    Warn,
    Allow,
}

/// `kind: Policy`.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) images: Vec<Glob>,
    pub(crate) except: Vec<Glob>,
    pub(crate) mode: Mode,
    pub(crate) effective_from: Option<UnixTime>,
    pub(crate) rules: Vec<Rule>,
}

/// One rule of a policy.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) effective_from: Option<UnixTime>,
    pub(crate) condition: Condition,
}

/// What a rule demands.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Digest(DigestDemand),
    Evidence(EvidenceDemand),
}

/// `digest: required | resolve-at-admission-unsafe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DigestDemand {
    Required,
    ResolveAtAdmissionUnsafe,
}

/// `signature: {…}` and `statement: {…}`.
#[derive(Debug, Clone)]
pub(crate) struct EvidenceDemand {
    pub(crate) wanted: Wanted,
    pub(crate) from: From,
    pub(crate) selection: Selection,
    /// Seconds.
    pub(crate) max_age: Option<i64>,
}

/// Which claims count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Signature,
    Statement { predicate_type: String },
}

/// `match: any | all | newest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    Any,
    All,
    Newest,
}

/// `from`: how many of which Signers.
#[derive(Debug, Clone)]
pub(crate) struct From {
    pub(crate) signers: Vec<Arc<Signer>>,
    pub(crate) threshold: usize,
}
