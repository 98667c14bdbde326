//! Signatures and attestations, as data: what verified, and what did not.

use countersign_core::{Claim, ReasonCode, Rejected, SignedBy as Signer, Verified};
use serde::Serialize;

use super::safe;
use crate::evidence::VerifiedBy;

/// A signature or attestation that verifies.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerifiedReport {
    /// Whether it says "I sign this image".
    pub(crate) signature: bool,
    /// `simple-signing`, `statement` or `message`.
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) predicate_type: Option<String>,
    /// `bundle-v0.3`, `legacy`, …
    pub(crate) format: &'static str,
    /// The layer that it is in.
    pub(crate) blob: String,
    pub(crate) signed_by: SignedBy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trust_root: Option<String>,
    /// Every proven time.
    pub(crate) times: Vec<TimeReport>,
    /// The transparency logs that hold it.
    pub(crate) logs: Vec<LogReport>,
}

/// Who made a signature.
#[derive(Serialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    tag = "kind"
)]
pub(crate) enum SignedBy {
    Key {
        key: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        known_as: Option<String>,
    },
    Certificate {
        fingerprint: String,
        subject: String,
        issuer: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
    Unknown,
}

#[derive(Serialize)]
pub(crate) struct TimeReport {
    pub(crate) time: String,
    pub(crate) by: String,
}

#[derive(Serialize)]
pub(crate) struct LogReport {
    pub(crate) log: String,
    pub(crate) index: u64,
}

/// A signature or attestation that does not verify.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefusedReport {
    /// What it claims to be, unverified: `signature`, or a predicate type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) claims: Option<String>,
    pub(crate) blob: String,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl VerifiedReport {
    pub(super) fn new(one: &Verified<Claim>, by: &VerifiedBy) -> Self {
        let (claim, facts) = (one.claim(), one.facts());
        Self {
            signature: claim.is_image_signature(),
            kind: claim.kind(),
            predicate_type: claim.predicate_type().map(safe),
            format: facts.format().as_str(),
            blob: facts.locator().blob.to_string(),
            signed_by: SignedBy::new(facts.signer(), by),
            trust_root: facts.root().map(|root| safe(&root.name)),
            times: facts
                .times()
                .iter()
                .map(|proven| TimeReport {
                    time: proven.time.to_string(),
                    by: format!(
                        "{} {}",
                        proven.source.kind(),
                        safe(proven.source.authority())
                    ),
                })
                .collect(),
            logs: facts
                .logs()
                .iter()
                .map(|log| LogReport {
                    log: safe(&log.name),
                    index: log.index,
                })
                .collect(),
        }
    }
}

impl SignedBy {
    fn new(signer: &Signer, by: &VerifiedBy) -> Self {
        match signer {
            Signer::Key(key) => Self::Key {
                key: key.to_string(),
                known_as: by.key_name(key).map(safe),
            },
            Signer::Certificate(certificate) => {
                let claims = &certificate.claims;
                let source = claims
                    .source_repository_uri
                    .as_deref()
                    .or(claims.github_workflow_repository.as_deref());
                Self::Certificate {
                    fingerprint: certificate.fingerprint.to_string(),
                    subject: safe(certificate.san.value()),
                    issuer: safe(&certificate.issuer),
                    source: source.map(safe),
                }
            }
            _ => Self::Unknown,
        }
    }
}

impl RefusedReport {
    pub(super) fn new(refused: &Rejected, by: &VerifiedBy) -> Self {
        let no_keys = by.path().is_none() && refused.code == ReasonCode::KeyUnknown;
        Self {
            claims: refused.claims.as_deref().map(safe),
            blob: refused.locator.blob.to_string(),
            code: refused.code.as_str(),
            detail: if no_keys {
                "no key to verify with; give --policy".to_owned()
            } else {
                safe(&refused.detail)
            },
        }
    }
}
