//! Steps 6 to 9: a transparency-log entry is about this very signature, and the log really promised or holds it.

pub(super) mod body;
pub(super) mod checkpoint;

use sigstore_merkle::{hash_leaf, verify_inclusion_proof};
use sigstore_types::Sha256Hash;

use super::signed::{Entry, Proof, Signed};
use crate::refusal::Refusal;
use crate::trust::{Log, Message, Window};
use crate::{Limits, LogFact, ProvenTime, ReasonCode, TimeSource, TrustRoot, base64};

/// What one entry proves.
pub(super) struct Logged {
    pub(super) fact: LogFact,
    /// The time of its SET. A checkpoint proves no time (step 8).
    pub(super) time: Option<ProvenTime>,
    /// When the log's key may be used.
    pub(super) window: Window,
}

/// Verifies one entry under one trust root.
pub(super) fn verify(
    entry: &Entry,
    signed: &Signed<'_>,
    message: &Message<'_>,
    verifier: &Verifier<'_>,
    root: &TrustRoot,
    limits: &Limits,
) -> Result<Logged, Refusal> {
    // Step 6: the log is the one that the entry names, and that this root knows.
    let log = root.log(&entry.log_id).ok_or_else(|| {
        Refusal::new(
            ReasonCode::LogUnknown,
            format!(
                "trust root `{}` knows no log {}",
                root.name().name,
                crate::digest::clip(&crate::digest::encode_hex(&entry.log_id))
            ),
        )
    })?;
    // Step 9: the entry is about this signature, made by this key over these bytes.
    body::check(entry, signed, message, verifier, limits)?;
    // Step 8
    let time = match (&entry.promise, entry.integrated_time) {
        (Some(promise), Some(time)) => {
            check_promise(entry, promise, time.seconds(), log)?;
            if !log.window.contains(time) {
                return Err(Refusal::new(
                    ReasonCode::LogPromiseInvalid,
                    format!("the log's key was not valid at {time}"),
                ));
            }
            Some(ProvenTime {
                time,
                source: TimeSource::Log {
                    name: log.name.clone(),
                    operator: log.operator.clone(),
                    log_id: crate::digest::encode_hex(&log.id),
                },
            })
        }
        (Some(_), None) => {
            return Err(Refusal::new(
                ReasonCode::LogPromiseInvalid,
                "the promise has no integrated time",
            ));
        }
        // Step 8: an integrated time that nobody signed is not a time.
        (None, _) => None,
    };
    // Step 7
    if let Some(proof) = &entry.proof {
        check_proof(entry, proof, log, limits)?;
    }
    if entry.promise.is_none() && entry.proof.is_none() {
        return Err(Refusal::new(
            ReasonCode::LogProofMissing,
            "the entry has neither a promise nor a proof",
        ));
    }
    Ok(Logged {
        fact: LogFact {
            name: log.name.clone(),
            operator: log.operator.clone(),
            log_id: crate::digest::encode_hex(&log.id),
            index: entry.index,
        },
        time,
        window: log.window,
    })
}

/// What made the signature: compared with what the entry says made it.
pub(super) enum Verifier<'a> {
    /// DER of the leaf.
    Certificate(&'a [u8]),
    /// DER SubjectPublicKeyInfo of the key.
    Key(&'a [u8]),
}

/// Step 8: the SET is the log's signature over the canonical JSON (RFC 8785) of body, time, index and log id.
fn check_promise(entry: &Entry, promise: &[u8], time: i64, log: &Log) -> Result<(), Refusal> {
    let canonical = format!(
        r#"{{"body":"{}","integratedTime":{time},"logID":"{}","logIndex":{}}}"#,
        base64::encode(&entry.body),
        crate::digest::encode_hex(&entry.log_id),
        entry.index
    );
    log.key
        .verify(canonical.as_bytes(), promise)
        .map_err(|_| Refusal::new(ReasonCode::LogPromiseInvalid, "the log did not sign it"))
}

/// Step 7: root hash and size come from the signed checkpoint, and the proof leads from this entry's leaf to it.
fn check_proof(entry: &Entry, proof: &Proof, log: &Log, limits: &Limits) -> Result<(), Refusal> {
    let checkpoint = checkpoint::verify(&proof.checkpoint, log, limits)?;
    let invalid = |why: String| Refusal::new(ReasonCode::LogProofInvalid, why);
    // Rekor v2 has one tree, so the entry's index is the leaf's; nothing else signs it. Rekor v1's counts older trees too, and
    // its promise signs it.
    if entry.promise.is_none() && !log.is_v1() && entry.index != proof.index {
        return Err(invalid("the entry's index is not the proof's".to_owned()));
    }
    let hash = |bytes: &[u8]| {
        Sha256Hash::try_from(bytes).map_err(|_| invalid("a hash is not 32 bytes long".to_owned()))
    };
    if hash(&proof.root_hash)? != checkpoint.root_hash || proof.tree_size != checkpoint.tree_size {
        return Err(invalid(
            "its root hash or tree size is not the checkpoint's".to_owned(),
        ));
    }
    let hashes = proof
        .hashes
        .iter()
        .map(|bytes| hash(bytes))
        .collect::<Result<Vec<_>, _>>()?;
    verify_inclusion_proof(
        &hash_leaf(&entry.body),
        proof.index,
        checkpoint.tree_size,
        &hashes,
        &checkpoint.root_hash,
    )
    .map_err(|error| invalid(error.to_string()))
}
