//! The versioned report: what a [`Decision`] looks like outside. It *is* the decision record.
//!
//! Given the same input and `now` it has the same bytes in every door. Domain types are not `Serialize`; this mirror is,
//! so that they can change without breaking readers. Its schema is `docs/report.schema.json`.

mod blob;
mod break_glass;
mod evidence;
mod explained;
mod mirror;

pub use blob::{BlobRefusalReport, BlobReport, DemandReport, TrustRootReport};
pub use break_glass::{
    BreakGlassByReport, BreakGlassImageReport, BreakGlassReport, BreakGlassStatementReport,
    OverriddenReport,
};
pub use evidence::{
    CandidateReport, ChildReport, EvidenceReport, FoundReport, IdentityReport, LogReport,
    RefusedReport, TimeReport,
};
pub use explained::{ComparedReport, ComparisonReport};
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::safe;
use crate::{Decision, Limits, Verdict};

/// One or more decisions, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Report {
    /// `countersign.dev/report/v1alpha1`.
    #[schemars(extend("const" = "countersign.dev/report/v1alpha1"))]
    pub api_version: String,
    /// The worst judgement of all images, whatever the policies' modes.
    #[schemars(extend("enum" = ["allow", "unknown", "deny"]))]
    pub judged: String,
    /// The worst effect of all images: `allow`, `unknown` or `deny`.
    #[schemars(extend("enum" = ["allow", "unknown", "deny"]))]
    pub effect: String,
    /// One entry for each image, in the order in which they were given.
    pub images: Vec<ImageReport>,
}

/// The decision about one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ImageReport {
    /// The image as it was written.
    pub image: String,
    /// Canonical `host/path`, which policies match; absent if every policy of the set judged, for want of a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was asked beyond the name; absent if nothing was.
    #[serde(default, skip_serializing_if = "RequestReport::is_empty")]
    pub request: RequestReport,
    /// The digest that was examined; absent if the reference was not resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When it was decided (RFC 3339).
    pub now: String,
    /// sha256 over the policy set, contents of its files included.
    pub policy_digest: String,
    /// sha256 over the trust roots and keys.
    pub trust_fingerprint: String,
    /// What the matching policies judge, whatever their mode: `allow`, `unknown` or `deny`.
    #[schemars(extend("enum" = ["allow", "unknown", "deny"]))]
    pub judged: String,
    /// What follows from it: `allow`, `unknown` or `deny`.
    #[schemars(extend("enum" = ["allow", "unknown", "deny"]))]
    pub effect: String,
    /// Every policy that matches the image.
    pub policies: Vec<PolicyReport>,
    /// Present when no effective, enforcing policy names the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmatched: Option<UnmatchedReport>,
    /// What revokes the image, whatever policies say; absent if nothing does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<RevokedReport>,
    /// What a person should be told although it did not deny.
    pub warnings: Vec<WarningReport>,
    /// All evidence that verified, whether or not a rule asked for it.
    pub evidence: Vec<EvidenceReport>,
    /// All evidence that did not verify.
    pub refused: Vec<RefusedReport>,
    /// What could not be fetched.
    pub gaps: Vec<GapReport>,
    /// The last known lists by which it was decided, because a registry could not be asked; absent if there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<StaleReport>,
    /// What came of the break-glass statements that were handed over; absent if none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlassReport>,
    /// How many of each.
    pub counts: Counts,
}

/// What was asked of an image beyond its name ([`Request`](crate::Request)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RequestReport {
    /// The digest that was written, which the rule `digest` demands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The namespace in which the image is to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<NamespaceReport>,
    /// Whether age alone denies nothing: for a Pod that has an owner. Absent if it does.
    #[serde(default, skip_serializing_if = "is_false")]
    pub age_relief: bool,
    /// The approvals of break-glass statements that were handed over, each a Sigstore bundle as base64: nobody else keeps them. Absent if none were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_glass: Vec<String>,
}

impl RequestReport {
    /// The bundles of `breakGlass`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn break_glass_bundles(&self) -> Result<Vec<Vec<u8>>, String> {
        let decoded = self.break_glass.iter().map(|it| crate::base64::decode(it));
        decoded
            .collect::<Option<_>>()
            .ok_or_else(|| "an approval of `breakGlass` is not base64".to_owned())
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A namespace of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct NamespaceReport {
    /// Its name.
    pub name: String,
    /// All its labels; absent if they were not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
}

fn is_false(it: &bool) -> bool {
    !it
}

/// How one policy came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicyReport {
    /// Its name.
    pub name: String,
    /// The policy file.
    pub file: String,
    /// The line in it.
    pub line: usize,
    /// `enforce`, `warn` or `audit`.
    #[schemars(extend("enum" = ["enforce", "warn", "audit"]))]
    pub mode: String,
    /// Whether its `effectiveFrom` has passed.
    pub effective: bool,
    /// Whether its `namespaces` fit; absent if it is for all.
    #[schemars(extend("enum" = ["yes", "not-given", "unknown"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<String>,
    /// The level that a promotion summary may state after it; absent if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emits: Option<String>,
    /// What its rules together judge.
    #[schemars(extend("enum" = ["allow", "unknown", "deny"]))]
    pub judged: String,
    /// What follows from it.
    #[schemars(extend("enum" = ["allow", "unknown", "deny"]))]
    pub effect: String,
    /// One outcome for each rule.
    pub rules: Vec<RuleReport>,
}

/// How one rule came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RuleReport {
    /// Its name.
    pub name: String,
    /// `digest`, `signature` or `statement`.
    pub kind: String,
    /// The policy file.
    pub file: String,
    /// The line in it.
    pub line: usize,
    /// Whether its `effectiveFrom`, and its policy's, has passed.
    pub effective: bool,
    /// `pass`, `unknown` or `fail`.
    #[schemars(extend("enum" = ["pass", "unknown", "fail"]))]
    pub outcome: String,
    /// The reason code (`docs/reasons.md`), unless it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// One sentence for the person who is told.
    pub message: String,
    /// What to do next; absent if it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The Exceptions that waive it; if none does, those that would but for what their status says. Absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionReport>,
    /// The evidence that decided it.
    pub evidence: Vec<EvidenceReport>,
    /// The candidate that came closest, if it did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<CandidateReport>,
    /// Every piece of evidence of the wanted kind, held against each Signer; only in a report that explains (`--explain`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<ComparedReport>,
}

/// An Exception that names a rule which did not pass, and the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ExceptionReport {
    /// Its name.
    pub name: String,
    /// `waives`, or why it does not.
    #[schemars(extend("enum" = ["waives", "expired", "revoked", "hostile", "unexamined", "namespace-unknown"]))]
    pub status: String,
    /// The policy file.
    pub file: String,
    /// The line in it.
    pub line: usize,
    /// Why, as it says.
    pub reason: String,
    /// Where it is being settled, as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Until when it waives (RFC 3339).
    pub expires: String,
}

/// A last known list by which it was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct StaleReport {
    /// What it is.
    pub what: String,
    /// How many seconds before the registry was asked.
    pub age_seconds: u64,
}

/// Something that could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GapReport {
    /// `unavailable` or `hostile`.
    #[schemars(extend("enum" = ["unavailable", "hostile"]))]
    pub class: String,
    /// The reason code.
    pub code: String,
    /// What was asked for.
    pub what: String,
    /// The cause.
    pub cause: String,
    /// The way of finding whose evidence may be hidden behind it; absent if it may be any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hides: Option<String>,
    /// The child of the index whose evidence may be hidden; absent if it is the image's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<ChildReport>,
}

/// No effective, enforcing policy names the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct UnmatchedReport {
    /// What Settings makes of it.
    #[schemars(extend("enum" = ["allow", "unknown", "deny"]))]
    pub effect: String,
    /// The policy file that says so.
    pub file: String,
    /// The line in it.
    pub line: usize,
}

/// An image that a Revocation names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RevokedReport {
    /// `image-revoked`.
    pub code: String,
    /// The Revocation.
    pub revocation: String,
    /// The policy file that has it.
    pub file: String,
    /// The line in it.
    pub line: usize,
    /// Why, as it says.
    pub reason: String,
    /// The digest that it names.
    pub digest: String,
    /// The child of the index that it is; absent if it is the image itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<ChildReport>,
}

/// What a person should be told although it did not deny.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct WarningReport {
    /// The reason code.
    pub code: String,
    /// The policy that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The rule that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// One sentence.
    pub message: String,
}

/// How much evidence there was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Counts {
    /// Verified claims; one that several trust roots prove counts for each.
    pub verified: usize,
    /// Refused pieces of evidence.
    pub refused: usize,
    /// Gaps.
    pub gaps: usize,
}

impl Report {
    /// The version of the format.
    pub const API_VERSION: &'static str = "countersign.dev/report/v1alpha1";

    /// Puts decisions together, in their order. Without any the effect is `unknown`: nothing passes by emptiness.
    #[must_use]
    pub fn new(decisions: &[Decision]) -> Self {
        let worst = |verdict: fn(&Decision) -> Verdict| {
            decisions
                .iter()
                .map(verdict)
                .max()
                .unwrap_or(Verdict::Unknown)
                .as_str()
                .to_owned()
        };
        Self {
            api_version: Self::API_VERSION.to_owned(),
            judged: worst(Decision::judged),
            effect: worst(Decision::effect),
            images: decisions.iter().map(mirror::image).collect(),
        }
    }

    /// Reads a report again, of this version of the format.
    ///
    /// # Errors
    /// Why it is none: not JSON, another version, or with something that this version does not have.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        let limits = Limits {
            json_keys: usize::MAX,
            ..Limits::default()
        };
        let report: Self = crate::json::parse_text(text, &limits)?;
        if report.api_version != Self::API_VERSION {
            let found = safe(&report.api_version);
            return Err(format!("its version is {found}, not {}", Self::API_VERSION));
        }
        Ok(report)
    }

    /// The report as indented JSON with a line break at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        pretty(self)
    }

    /// The JSON Schema of the report, as in `docs/report.schema.json`.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}

fn pretty(report: &impl Serialize) -> String {
    let mut json = serde_json::to_string_pretty(report)
        .expect("a tree of strings, numbers and lists always serializes");
    json.push('\n');
    json
}
