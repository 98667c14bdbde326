//! Step 5: a DSSE envelope with exactly one signature, and step 17: the in-toto statement in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::Artifact;
use super::signed::Envelope;
use crate::refusal::Refusal;
use crate::trust::Hash;
use crate::{Digest, Limits, ReasonCode, Statement, Subject, base64, json};

/// The JSON form of an envelope (DSSE v1.0.2).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wire {
    payload: String,
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    sig: String,
    /// A hint, never used: the key comes from the policy.
    #[serde(rename = "keyid")]
    _keyid: Option<String>,
}

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT_TYPES: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];

impl Wire {
    /// Reads an envelope that stands alone.
    pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Refusal> {
        if bytes.len() > limits.bundle_bytes {
            return Err(Refusal::new(
                ReasonCode::OverLimit,
                format!("the envelope has {} bytes", bytes.len()),
            ));
        }
        json::parse(bytes, limits.json_depth).map_err(malformed)
    }

    /// Decodes payload and signature; `exact` are the envelope's own bytes, where it stood alone.
    pub(super) fn open(
        self,
        exact: Option<Vec<u8>>,
        limits: &Limits,
    ) -> Result<(Envelope, Vec<u8>), Refusal> {
        let [signature] = self.signatures.as_slice() else {
            return Err(malformed(format!(
                "{} signatures, not exactly one",
                self.signatures.len()
            )));
        };
        let signature = base64::decode(&signature.sig)
            .ok_or_else(|| malformed("the signature is not canonical base64"))?;
        let payload = base64::decode(&self.payload)
            .ok_or_else(|| malformed("the payload is not canonical base64"))?;
        if payload.len() > limits.payload_bytes {
            return Err(Refusal::new(
                ReasonCode::OverLimit,
                format!("the payload has {} bytes", payload.len()),
            ));
        }
        if self.payload_type != PAYLOAD_TYPE {
            return Err(Refusal::new(
                ReasonCode::PayloadType,
                format!("`{}`", crate::digest::clip(&self.payload_type)),
            ));
        }
        let envelope = Envelope {
            payload_type: self.payload_type,
            payload: payload.into(),
            exact,
        };
        Ok((envelope, signature))
    }
}

/// Fields that in-toto adds later are ignored, as its parsing rules say; twins of a key are not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireStatement {
    #[serde(rename = "_type")]
    statement_type: String,
    predicate_type: String,
    #[serde(default)]
    subject: Vec<WireSubject>,
}

#[derive(Deserialize)]
struct WireSubject {
    name: Option<String>,
    digest: Option<BTreeMap<String, String>>,
}

/// Reads the statement and finds the artifact among its subjects.
pub(super) fn statement(
    payload: &Arc<[u8]>,
    artifact: &Artifact<'_>,
    limits: &Limits,
) -> Result<Statement, Refusal> {
    let bad = |why: String| Refusal::new(ReasonCode::StatementMalformed, why);
    let wire: WireStatement = json::parse(payload, limits.json_depth).map_err(bad)?;
    if !STATEMENT_TYPES.contains(&wire.statement_type.as_str()) {
        return Err(bad(format!(
            "`{}` is not an in-toto statement type",
            crate::digest::clip(&wire.statement_type)
        )));
    }
    if wire.predicate_type.is_empty() {
        return Err(bad("the predicate type is empty".to_owned()));
    }
    if wire.subject.len() > limits.subjects {
        return Err(Refusal::new(
            ReasonCode::OverLimit,
            format!("{} subjects", wire.subject.len()),
        ));
    }
    let mut names_artifact = false;
    let mut subjects = Vec::with_capacity(wire.subject.len());
    for subject in wire.subject {
        let digests = subject.digest.unwrap_or_default();
        if digests.len() > limits.digests_per_subject {
            return Err(Refusal::new(
                ReasonCode::OverLimit,
                format!("{} digests of one subject", digests.len()),
            ));
        }
        let sha256 = digests.get("sha256").and_then(|hex| Digest::from_hex(hex));
        if sha256 == Some(artifact.digest) {
            check_stronger_digests(&digests, artifact)?;
            names_artifact = true;
        }
        subjects.push(Subject {
            name: subject.name.unwrap_or_default(),
            sha256,
        });
    }
    if !names_artifact {
        return Err(Refusal::new(
            ReasonCode::DigestMismatch,
            match subjects.iter().find_map(|subject| subject.sha256) {
                Some(other) => format!("its subject is {other}"),
                None => "no subject has a sha256 digest".to_owned(),
            },
        ));
    }
    Ok(Statement {
        statement_type: wire.statement_type,
        predicate_type: wire.predicate_type,
        subjects,
        payload: Arc::clone(payload),
    })
}

/// A sha384 or sha512 beside the matching sha256 must agree with our bytes, where we have them.
fn check_stronger_digests(
    digests: &BTreeMap<String, String>,
    artifact: &Artifact<'_>,
) -> Result<(), Refusal> {
    let Some(bytes) = artifact.bytes else {
        return Ok(());
    };
    for (name, hash) in [("sha384", Hash::Sha384), ("sha512", Hash::Sha512)] {
        if let Some(stated) = digests.get(name)
            && *stated != crate::digest::encode_hex(hash.of(bytes).as_ref())
        {
            return Err(Refusal::new(
                ReasonCode::DigestMismatch,
                format!("its subject's {name} differs though its sha256 agrees"),
            ));
        }
    }
    Ok(())
}

fn malformed(why: impl Into<String>) -> Refusal {
    Refusal::new(ReasonCode::EnvelopeMalformed, why)
}
