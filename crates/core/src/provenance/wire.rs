//! The two shapes of a provenance predicate; fields that SLSA adds later are ignored.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Dependency;
use crate::json::null_is_default;

/// SLSA v1 (slsa.dev/spec/v1.0/provenance, "Schema").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct V1 {
    pub(super) build_definition: BuildDefinition,
    pub(super) run_details: RunDetails,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuildDefinition {
    pub(super) build_type: String,
    pub(super) external_parameters: Map<String, Value>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) internal_parameters: Map<String, Value>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) resolved_dependencies: Vec<WireDependency>,
}

#[derive(Deserialize)]
pub(super) struct RunDetails {
    pub(super) builder: WireBuilder,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) metadata: RunMetadata,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunMetadata {
    pub(super) invocation_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireBuilder {
    pub(super) id: String,
}

/// SLSA v0.2 (slsa.dev/spec/v0.2/provenance, "Schema").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct V02 {
    pub(super) builder: WireBuilder,
    pub(super) build_type: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) invocation: Invocation,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) materials: Vec<WireDependency>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) config_source: ConfigSource,
    /// An object, by most builders.
    #[serde(default)]
    pub(super) parameters: Value,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) environment: Environment,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfigSource {
    pub(super) uri: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) digest: BTreeMap<String, String>,
    pub(super) entry_point: Option<String>,
}

/// What slsa-github-generator says of the run; all of it is text there.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Environment {
    pub(super) github_event_name: Option<String>,
    pub(super) github_repository_id: Option<String>,
    pub(super) github_repository_owner_id: Option<String>,
    pub(super) github_run_id: Option<String>,
    pub(super) github_run_attempt: Option<String>,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) github_event_payload: EventPayload,
}

/// Of what GitHub sends with an event: what somebody chose who started the run by hand.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct EventPayload {
    pub(super) inputs: Value,
}

#[derive(Deserialize)]
pub(super) struct WireDependency {
    uri: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    digest: BTreeMap<String, String>,
}

impl From<WireDependency> for Dependency {
    fn from(wire: WireDependency) -> Self {
        Self {
            uri: wire.uri.unwrap_or_default(),
            digests: wire.digest,
        }
    }
}
