//! The explanation of a rule: each candidate, comparison by comparison.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EvidenceReport, Report, mirror};
use crate::{CandidateOutcome, Comparison, Decision};

/// One verified piece of evidence held against one Signer of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ComparedReport {
    /// `pass`, `unknown` or `fail`: whether it satisfies the rule for this Signer.
    #[schemars(extend("enum" = ["pass", "unknown", "fail"]))]
    pub outcome: String,
    /// The reason code, unless it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whether a younger one decides in its place (`match: newest`).
    pub superseded: bool,
    /// The evidence; its `signer` is the Signer with which it was compared.
    pub evidence: EvidenceReport,
    /// What was compared, in this order; what failed first decided.
    pub comparisons: Vec<ComparisonReport>,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ComparisonReport {
    /// The field of the policy, such as `source.refs`, or what verification proved, such as `time`.
    pub what: String,
    /// What the policy demands.
    pub wanted: String,
    /// What the evidence has.
    pub found: String,
    /// `pass`, `unknown` or `fail`.
    #[schemars(extend("enum" = ["pass", "unknown", "fail"]))]
    pub outcome: String,
}

impl Report {
    /// The same as [`new`](Self::new), and for each rule every candidate with every comparison.
    #[must_use]
    pub fn explained(decisions: &[Decision]) -> Self {
        let mut report = Self::new(decisions);
        for (image, decision) in report.images.iter_mut().zip(decisions) {
            for (policy, outcome) in image.policies.iter_mut().zip(decision.policies()) {
                for (rule, outcome) in policy.rules.iter_mut().zip(&outcome.rules) {
                    rule.candidates = outcome.candidates.iter().map(compared).collect();
                }
            }
        }
        report
    }
}

fn compared(candidate: &CandidateOutcome) -> ComparedReport {
    ComparedReport {
        outcome: candidate.outcome.as_str().to_owned(),
        code: candidate.code.map(|code| code.as_str().to_owned()),
        superseded: candidate.superseded,
        evidence: mirror::evidence(&candidate.evidence),
        comparisons: candidate.comparisons.iter().map(comparison).collect(),
    }
}

fn comparison(comparison: &Comparison) -> ComparisonReport {
    ComparisonReport {
        what: comparison.what.clone(),
        wanted: comparison.wanted.clone(),
        found: comparison.found.clone(),
        outcome: comparison.outcome.as_str().to_owned(),
    }
}
