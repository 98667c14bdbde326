//! The versioned report: what a [`Decision`] looks like outside. It *is* the decision record.
//!
//! Given the same input and `now` it has the same bytes in every door. Domain types are not `Serialize`; this mirror is,
//! so that they can change without breaking readers. Its schema is `docs/report.schema.json`.

mod blob;
mod mirror;

pub use blob::{BlobRefusalReport, BlobReport, DemandReport, TrustRootReport};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Decision, Verdict};

/// One or more decisions, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImageReport {
    /// The image as it was written.
    pub image: String,
    /// Canonical `host/path`, which policies match; absent if every policy of the set judged, for want of a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
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
    /// How many of each.
    pub counts: Counts,
}

/// How one policy came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
    /// The evidence that decided it.
    pub evidence: Vec<EvidenceReport>,
    /// The candidate that came closest, if it did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<CandidateReport>,
}

/// One verified piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EvidenceReport {
    /// `simple-signing`, `statement` or `message`.
    pub kind: String,
    /// The statement's predicate type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate_type: Option<String>,
    /// `bundle-v0.3`, `legacy`, …
    pub format: String,
    /// Where it was found.
    pub found: FoundReport,
    /// The child of the index that it is about; absent if it is about the image itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<ChildReport>,
    /// Who made it.
    pub signed_by: IdentityReport,
    /// The Signer for which it counts, where a rule cites it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The trust root that proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_root: Option<String>,
    /// The earliest proven time (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<String>,
    /// Every proven time.
    pub times: Vec<TimeReport>,
    /// The transparency logs that hold it.
    pub logs: Vec<LogReport>,
}

/// Where a piece of evidence was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FoundReport {
    /// `referrers`, `fallback-tag`, `signature-tag`, `attestation-tag` or `file`.
    pub by: String,
    /// The manifest that carries it.
    pub manifest: String,
    /// The layer's blob.
    pub blob: String,
    /// Where that is, if not in the image's own repository: a mirror's host, or the repository that keeps evidence apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// A child of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChildReport {
    /// The digest of its manifest.
    pub digest: String,
    /// The platforms for which the index lists it, such as `linux/arm64`; absent if it lists it without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

/// A last known list by which it was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StaleReport {
    /// What it is.
    pub what: String,
    /// How many seconds before the registry was asked.
    pub age_seconds: u64,
}

/// Who made a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    tag = "kind"
)]
#[non_exhaustive]
pub enum IdentityReport {
    /// A key of the policy set.
    Key {
        /// sha256 of its SubjectPublicKeyInfo.
        key: String,
        /// Signer and key id, as `signer/id`.
        #[serde(skip_serializing_if = "Option::is_none")]
        known_as: Option<String>,
    },
    /// A certificate's identity.
    Certificate {
        /// sha256 of the certificate.
        fingerprint: String,
        /// The subject alternative name.
        subject: String,
        /// The OIDC issuer.
        issuer: String,
        /// The repository that the CI provider states.
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
}

/// A proven time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TimeReport {
    /// The time (RFC 3339).
    pub time: String,
    /// Who vouches for it.
    pub by: String,
}

/// A transparency log's entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LogReport {
    /// The log: host of its URL.
    pub log: String,
    /// The entry's index.
    pub index: u64,
}

/// The candidate that came closest to satisfying a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CandidateReport {
    /// Why it did not count.
    pub code: String,
    /// Where it was found.
    pub found_at: FoundReport,
    /// The child of the index that it is about; absent if it is about the image itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<ChildReport>,
    /// The Signer with which it was compared; absent if verification refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Who made it, if it verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<IdentityReport>,
    /// What it is or has.
    pub found: String,
    /// What the policy demands; absent if verification refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
}

/// Evidence that verification refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RefusedReport {
    /// Where it was found.
    pub found: FoundReport,
    /// The child of the index to which it is attached; absent if that is the image itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<ChildReport>,
    /// What it claims to be, unverified: `signature`, or a predicate type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<String>,
    /// Why it was refused.
    pub code: String,
    /// The particulars.
    pub detail: String,
}

/// Something that could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
}

/// No effective, enforcing policy names the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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

/// What a person should be told although it did not deny.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
