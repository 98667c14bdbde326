//! Rekor v2 (rekor-tiles, `CreateEntry` over HTTP): `hashedrekord` 0.0.2, which is what cosign 3 logs of envelopes too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bundle::{Draft, DraftSigner};

/// `TransparencyLogEntry` (protobuf-specs, `sigstore_rekor.proto`), JSON form. It is written into the bundle again without what the
/// log leaves empty.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_index: Option<String>,
    log_id: LogId,
    kind_version: KindVersion,
    /// Rekor v2 vouches for no time, whatever stands here.
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "named so that it is no unknown field")]
    integrated_time: Value,
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "named so that it is no unknown field")]
    inclusion_promise: Value,
    inclusion_proof: Proof,
    canonicalized_body: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LogId {
    key_id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KindVersion {
    kind: String,
    version: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Proof {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_index: Option<String>,
    root_hash: String,
    tree_size: String,
    #[serde(default)]
    hashes: Vec<String>,
    checkpoint: Checkpoint,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    envelope: String,
}

/// `HashedRekordRequestV002`; nothing for a signature that cannot be checked by a hash alone.
pub(super) fn proposed(draft: &Draft<'_>) -> Option<Value> {
    let (details, digest) = draft.logged_as.as_ref()?;
    let mut verifier = json!({"keyDetails": details});
    match &draft.signer {
        DraftSigner::Key { public, .. } => {
            verifier["publicKey"] = json!({"rawBytes": STANDARD.encode(public.spki())});
        }
        DraftSigner::Certificate(der) => {
            verifier["x509Certificate"] = json!({"rawBytes": STANDARD.encode(der)});
        }
    }
    Some(json!({"hashedRekordRequestV002": {
        "digest": STANDARD.encode(digest),
        "signature": {"content": STANDARD.encode(&draft.signature), "verifier": verifier},
    }}))
}

pub(super) fn entry(answer: &[u8]) -> Result<Value, String> {
    let entry: Entry = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    serde_json::to_value(entry).map_err(|error| error.to_string())
}
