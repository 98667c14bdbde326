//! Break-glass in a report: what was handed over, what came of it, and what it overrode.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EvidenceReport, RefusedReport, mirror};
use crate::text::safe;
use crate::{BreakGlassOutcome, BreakGlassScope, BreakGlassStatementOutcome, Overridden};

/// What came of the break-glass statements that were handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakGlassReport {
    /// Whether the image runs by break-glass alone.
    pub used: bool,
    /// What would have followed without it: `allow`, `unknown` or `deny`.
    #[schemars(extend("enum" = ["allow", "unknown", "deny"]))]
    pub enforced: String,
    /// Every denial, and everything that nobody could tell, that was overridden.
    pub overrode: Vec<OverriddenReport>,
    /// Each statement that was handed over.
    pub statements: Vec<BreakGlassStatementReport>,
    /// What was handed over and is no statement.
    pub refused: Vec<RefusedReport>,
}

/// A denial that break-glass overrode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct OverriddenReport {
    /// The policy; absent of what is no policy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Its rule; absent of what is no rule's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What would have followed: `unknown` or `deny`.
    #[schemars(extend("enum" = ["unknown", "deny"]))]
    pub effect: String,
    /// The reason code.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// A break-glass statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakGlassStatementReport {
    /// Its id.
    pub id: String,
    /// `used`, or why not.
    #[schemars(extend("enum" = ["not-allowed", "other-cluster", "other-namespace", "other-image", "out-of-scope", "too-early", "expired", "too-long", "revoked", "too-few-approvals", "untold", "revoked-image", "hostile", "holds", "not-needed", "spare", "used"]))]
    pub status: String,
    /// The reason code; absent where nothing is the matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// One sentence.
    pub message: String,
    /// The BreakGlass by which it is used, or came closest; absent if the set has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<BreakGlassByReport>,
    /// sha256 of the bytes that are approved.
    pub payload: String,
    /// The cluster that it names.
    pub cluster: String,
    /// The namespaces that it names.
    pub namespaces: Vec<String>,
    /// `images` or `namespace`.
    #[schemars(extend("enum" = ["images", "namespace"]))]
    pub scope: String,
    /// The images that it names; absent if it is about whole namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<BreakGlassImageReport>,
    /// Why, as it says.
    pub reason: String,
    /// Where it is being settled, as it says.
    pub ticket: String,
    /// Who asked for it, as it says.
    pub requested_by: String,
    /// From when on it holds (RFC 3339).
    pub not_before: String,
    /// From then on it does not (RFC 3339).
    pub not_after: String,
    /// The approvals that verify; those that count have a `signer`.
    pub approvals: Vec<EvidenceReport>,
    /// The approvals that do not verify.
    pub refused: Vec<RefusedReport>,
}

/// A BreakGlass of the policy set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakGlassByReport {
    /// Its name.
    pub name: String,
    /// The policy file.
    pub file: String,
    /// The line in it.
    pub line: usize,
}

/// An image that a statement names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakGlassImageReport {
    /// Canonical `host/path`.
    pub repository: String,
    /// The digest of its manifest.
    pub digest: String,
}

impl From<&BreakGlassOutcome> for BreakGlassReport {
    fn from(outcome: &BreakGlassOutcome) -> Self {
        Self {
            used: outcome.used().is_some(),
            enforced: outcome.enforced.as_str().to_owned(),
            overrode: outcome.overridden.iter().map(overridden).collect(),
            statements: outcome
                .statements
                .iter()
                .map(BreakGlassStatementReport::from)
                .collect(),
            refused: outcome.refused.iter().map(mirror::refused).collect(),
        }
    }
}

impl From<&BreakGlassStatementOutcome> for BreakGlassStatementReport {
    fn from(outcome: &BreakGlassStatementOutcome) -> Self {
        let statement = &outcome.statement;
        let (scope, images) = match &statement.scope {
            BreakGlassScope::Images(images) => ("images", images.as_slice()),
            BreakGlassScope::Namespace => ("namespace", [].as_slice()),
        };
        Self {
            id: statement.id.clone(),
            status: outcome.status.as_str().to_owned(),
            code: outcome.status.code().map(|code| code.as_str().to_owned()),
            message: outcome.message.clone(),
            by: outcome.by.as_ref().map(|(name, place)| BreakGlassByReport {
                name: name.clone(),
                file: safe(&place.file),
                line: place.line,
            }),
            payload: outcome.payload.to_string(),
            cluster: statement.cluster.clone(),
            namespaces: statement.namespaces.clone(),
            scope: scope.to_owned(),
            images: images
                .iter()
                .map(|(repository, digest)| BreakGlassImageReport {
                    repository: repository.clone(),
                    digest: digest.to_string(),
                })
                .collect(),
            reason: safe(&statement.reason),
            ticket: safe(&statement.ticket),
            requested_by: safe(&statement.requested_by),
            not_before: statement.not_before.to_string(),
            not_after: statement.not_after.to_string(),
            approvals: outcome.approvals.iter().map(mirror::evidence).collect(),
            refused: outcome.refused.iter().map(mirror::refused).collect(),
        }
    }
}

fn overridden(overridden: &Overridden) -> OverriddenReport {
    OverriddenReport {
        policy: overridden.policy.clone(),
        rule: overridden.rule.clone(),
        effect: overridden.effect.as_str().to_owned(),
        code: overridden.code.as_str().to_owned(),
        message: overridden.message.clone(),
    }
}
