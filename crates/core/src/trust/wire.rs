//! `trusted_root.json` as it is written (Sigstore `protobuf-specs`, `sigstore_trustroot.proto`), strictly.

use serde::Deserialize;

use crate::json::null_is_default;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TrustedRoot {
    pub(super) media_type: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) tlogs: Vec<Log>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) certificate_authorities: Vec<Authority>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) ctlogs: Vec<Log>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) timestamp_authorities: Vec<Authority>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Log {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) base_url: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) hash_algorithm: String,
    pub(super) public_key: Key,
    pub(super) log_id: LogId,
    pub(super) checkpoint_key_id: Option<LogId>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) operator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Key {
    pub(super) raw_bytes: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) key_details: String,
    pub(super) valid_for: Option<ValidFor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LogId {
    pub(super) key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ValidFor {
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Authority {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) subject: Option<Subject>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) uri: String,
    pub(super) cert_chain: CertChain,
    pub(super) valid_for: Option<ValidFor>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) operator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Subject {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) organization: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) common_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CertChain {
    pub(super) certificates: Vec<RawCert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawCert {
    pub(super) raw_bytes: String,
}
