//! Rekor v1 (`openapi.yaml`, `createLogEntry`): `dsse` 0.0.1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pem_rfc7468::LineEnding;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::bundle::{Draft, DraftSigner};

/// `LogEntry`, which stands below its UUID.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    body: String,
    integrated_time: u64,
    #[serde(rename = "logID")]
    log_id: String,
    log_index: u64,
    verification: Verification,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    inclusion_proof: Proof,
    signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    checkpoint: String,
    hashes: Vec<String>,
    log_index: u64,
    root_hash: String,
    tree_size: u64,
}

pub(super) fn proposed(draft: &Draft<'_>) -> Value {
    let (label, der) = match &draft.signer {
        DraftSigner::Key { public, .. } => ("PUBLIC KEY", public.spki()),
        DraftSigner::Certificate(der) => ("CERTIFICATE", der.as_slice()),
    };
    let verifier = pem_rfc7468::encode_string(label, LineEnding::LF, der)
        .expect("the label is valid and a string grows");
    json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {"proposedContent": {
        "envelope": draft.envelope().to_string(),
        "verifiers": [STANDARD.encode(verifier)],
    }}})
}

/// The one entry of the answer, in the form of bundles: hexadecimal becomes base64, numbers become texts.
pub(super) fn entry(answer: &[u8]) -> Result<Value, String> {
    let answer: Map<String, Value> =
        serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    let mut entries = answer.into_iter();
    let (Some((_, entry)), None) = (entries.next(), entries.next()) else {
        return Err("it is not exactly one".to_owned());
    };
    let entry: Entry = serde_json::from_value(entry).map_err(|error| error.to_string())?;
    let Verification {
        inclusion_proof: proof,
        signed_entry_timestamp,
    } = entry.verification;
    let hashes: Result<Vec<String>, String> =
        proof.hashes.iter().map(|hash| from_hex(hash)).collect();
    Ok(json!({
        "logIndex": entry.log_index.to_string(),
        "logId": {"keyId": from_hex(&entry.log_id)?},
        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
        "integratedTime": entry.integrated_time.to_string(),
        "inclusionPromise": {"signedEntryTimestamp": signed_entry_timestamp},
        "inclusionProof": {
            "logIndex": proof.log_index.to_string(),
            "rootHash": from_hex(&proof.root_hash)?,
            "treeSize": proof.tree_size.to_string(),
            "hashes": hashes?,
            "checkpoint": {"envelope": proof.checkpoint},
        },
        "canonicalizedBody": entry.body,
    }))
}

fn from_hex(text: &str) -> Result<String, String> {
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok()?;
        let is_hex = pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit);
        is_hex.then(|| u8::from_str_radix(text, 16).ok()).flatten()
    };
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
    bytes
        .map(|bytes| STANDARD.encode(bytes))
        .ok_or_else(|| "a hash is not hexadecimal".to_owned())
}
