//! The two predicates (slsa.dev/spec/v1.1/verification_summary, "Schema"; in-toto `svr` v0.2, "Schema").
//!
//! What a rule may ask for is read strictly: it is there and of its type, or nothing is believed. What no rule asks for, such as
//! `timeVerified`, `inputAttestations` and `dependencyLevels`, is not looked at, and neither is what these types do not know.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{JudgedBy, Summary, SummaryFormat};
use crate::json::{Few, null_is_default};

/// Levels or policies of one summary: real ones have fewer than ten.
const MOST: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vsa {
    verifier: VsaVerifier,
    resource_uri: String,
    policy: VsaPolicy,
    verification_result: String,
    verified_levels: Few<String, MOST>,
}

#[derive(Deserialize)]
struct VsaVerifier {
    id: String,
}

/// "The entry MUST contain a `uri`."
#[derive(Deserialize)]
struct VsaPolicy {
    uri: String,
    #[serde(default, deserialize_with = "null_is_default")]
    digest: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Svr {
    verifier: SvrVerifier,
    properties: Few<String, MOST>,
}

/// "The `verifier.policies` field MUST be present", if only as an empty list.
#[derive(Deserialize)]
struct SvrVerifier {
    id: String,
    policies: Few<SvrPolicy, MOST>,
}

#[derive(Deserialize)]
struct SvrPolicy {
    uri: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    digest: BTreeMap<String, String>,
}

impl Summary {
    /// Reads the predicate of a statement of this format's predicate type.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn read(format: SummaryFormat, predicate: &[u8]) -> Result<Self, String> {
        match format {
            SummaryFormat::Vsa => crate::json::typed::<Vsa>(predicate).map(Self::from),
            SummaryFormat::Svr => crate::json::typed::<Svr>(predicate).map(Self::from),
        }
        .map_err(String::from)
    }
}

impl From<Vsa> for Summary {
    fn from(vsa: Vsa) -> Self {
        Self {
            verifier: vsa.verifier.id,
            resource: Some(vsa.resource_uri),
            policies: vec![JudgedBy {
                uri: Some(vsa.policy.uri),
                digests: vsa.policy.digest,
            }],
            result: Some(vsa.verification_result),
            levels: vsa.verified_levels.0,
        }
    }
}

impl From<Svr> for Summary {
    fn from(svr: Svr) -> Self {
        let policies = svr.verifier.policies.0.into_iter();
        Self {
            verifier: svr.verifier.id,
            resource: None,
            policies: policies
                .map(|policy| JudgedBy {
                    uri: policy.uri,
                    digests: policy.digest,
                })
                .collect(),
            result: None,
            levels: svr.properties.0,
        }
    }
}
