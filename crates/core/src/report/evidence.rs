//! Pieces of evidence in a report: those that verified, those that were refused, and the one that came closest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One verified piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ChildReport {
    /// The digest of its manifest.
    pub digest: String,
    /// The platforms for which the index lists it, such as `linux/arm64`; absent if it lists it without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

/// Who made a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct TimeReport {
    /// The time (RFC 3339).
    pub time: String,
    /// Who vouches for it.
    pub by: String,
}

/// A transparency log's entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LogReport {
    /// The log: host of its URL.
    pub log: String,
    /// The entry's index.
    pub index: u64,
}

/// The candidate that came closest to satisfying a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
