//! Verification summaries: that somebody has judged this image before, and how (policy.md, "Summaries (VSA) and promotion").
//!
//! Two predicates are read: SLSA's VSA v1 (slsa.dev/spec/v1.1/verification_summary) and in-toto's SVR v0.2 (in-toto attestation
//! framework, `spec/predicates/svr.md`). A rule takes one of them, and says which.

mod judge;
mod level;
mod resource;
mod wire;

pub(crate) use judge::{PolicyDemand, SummaryDemand, SummaryFormat};
pub(crate) use level::Level;
pub(crate) use resource::Resource;

use std::collections::BTreeMap;

/// What SLSA calls a verification summary.
pub(crate) const VSA: &str = "https://slsa.dev/verification_summary/v1";
/// What in-toto calls a simple verification result.
const SVR: &str = "https://in-toto.io/attestation/svr/v0.2";

/// One summary, as its predicate tells it. When it says that it was made is not read: only proven times count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// `verifier.id`.
    pub(crate) verifier: String,
    /// `resourceUri`; an SVR has none.
    pub(crate) resource: Option<String>,
    /// By which policies it was judged: of a VSA one, of an SVR any number.
    pub(crate) policies: Vec<JudgedBy>,
    /// `verificationResult`; an SVR states only what has passed.
    pub(crate) result: Option<String>,
    /// `verifiedLevels` of a VSA, `properties` of an SVR.
    pub(crate) levels: Vec<String>,
}

/// A policy by which somebody has judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JudgedBy {
    pub(crate) uri: Option<String>,
    /// Hexadecimal digits by algorithm.
    pub(crate) digests: BTreeMap<String, String>,
}

/// For the fuzz target: how many levels a predicate states.
#[cfg(fuzzing)]
pub(crate) fn count(format: SummaryFormat, predicate: &[u8]) -> Result<usize, String> {
    Summary::read(format, predicate).map(|summary| summary.levels.len())
}

#[cfg(test)]
mod tests;
