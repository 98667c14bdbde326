//! What a [`BlobDecision`] looks like outside (`docs/verify-bundle.schema.json`).

use schemars::JsonSchema;
use serde::Serialize;

use super::{EvidenceReport, IdentityReport, RefusedReport, mirror};
use crate::BlobDecision;
use crate::text::safe;

/// The decision about one blob, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BlobReport {
    /// `countersign.dev/verify-bundle/v1alpha1`.
    #[schemars(extend("const" = "countersign.dev/verify-bundle/v1alpha1"))]
    pub api_version: String,
    /// `allow` or `deny`.
    #[schemars(extend("enum" = ["allow", "deny"]))]
    pub verdict: String,
    /// The artifact as it was given: a path or a digest.
    pub artifact: String,
    /// Its sha256.
    pub digest: String,
    /// When it was decided (RFC 3339).
    pub now: String,
    /// The trust root by which it was decided.
    pub trust_root: TrustRootReport,
    /// What was demanded.
    pub demanded: DemandReport,
    /// The signature that counts; absent if the blob is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceReport>,
    /// What the statement that counts calls the blob.
    pub subjects: Vec<String>,
    /// Why the blob is refused; absent if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<BlobRefusalReport>,
    /// Everything that verified, whether or not it is what was demanded.
    pub verified: Vec<EvidenceReport>,
    /// Everything that did not verify.
    pub refused: Vec<RefusedReport>,
}

/// A trust root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TrustRootReport {
    /// `public-good`, `staging`, or `file` and a path.
    pub name: String,
    /// sha256 of the `trusted_root.json`.
    pub fingerprint: String,
}

/// What was demanded of the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DemandReport {
    /// Who should have signed.
    pub signer: String,
    /// The predicate type that the statement should have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate_type: Option<String>,
}

/// Why a blob is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BlobRefusalReport {
    /// The reason code (`docs/reasons.md`).
    pub code: String,
    /// One sentence for the person who is told.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// What it is or has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What is demanded; absent if verification refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// Who made it, if it verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<IdentityReport>,
}

impl BlobReport {
    /// The version of the format.
    pub const API_VERSION: &'static str = "countersign.dev/verify-bundle/v1alpha1";

    /// The report about a blob, which was given as `artifact`.
    #[must_use]
    pub fn new(decision: &BlobDecision, artifact: &str) -> Self {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            api_version: Self::API_VERSION.to_owned(),
            verdict: decision.verdict().as_str().to_owned(),
            artifact: safe(artifact),
            digest: decision.blob().to_string(),
            now: decision.now().to_string(),
            trust_root: TrustRootReport {
                name: safe(&decision.root().name),
                fingerprint: decision.root().fingerprint.to_string(),
            },
            demanded: DemandReport {
                signer: decision.demanded().to_owned(),
                predicate_type: decision.predicate_type.clone(),
            },
            evidence: decision.proof().map(mirror::evidence),
            subjects: decision.subjects().to_vec(),
            refusal: decision.refusal().map(|refusal| BlobRefusalReport {
                code: refusal.code.as_str().to_owned(),
                message: refusal.message.clone(),
                hint: refusal.hint.clone(),
                found: some(&refusal.found),
                wanted: some(&refusal.wanted),
                signed_by: refusal.identity.as_ref().map(mirror::identity),
            }),
            verified: decision.verified().iter().map(mirror::evidence).collect(),
            refused: decision.refused().iter().map(mirror::refused).collect(),
        }
    }

    /// The report as indented JSON with a line break at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        super::pretty(self)
    }

    /// The JSON Schema of the report, as in `docs/verify-bundle.schema.json`.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}
