//! A signed statement as a Sigstore bundle v0.3 (`protobuf-specs`, `sigstore_bundle.proto`, JSON form), as cosign 3 writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::{Blob, Digest, Limits, Trust, examine_blob};
use serde_json::json;

use crate::{SigningKey, Statement};

pub(crate) const BUNDLE_V03: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A bundle that verification has already taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBundle {
    bytes: Vec<u8>,
    image: Digest,
    predicate_type: String,
}

/// Why a statement was not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// aws-lc-rs did not sign.
    #[error("the private key did not sign; aws-lc-rs gives no reason")]
    Key,
    /// Verification does not take what was signed.
    #[error(
        "the signed statement about {image} would not be verified by countersign itself, so it is thrown away: {why}"
    )]
    Unverifiable {
        /// The image.
        image: Digest,
        /// What verification says.
        why: String,
    },
}

/// Signs a statement: one DSSE signature over its PAE (DSSE protocol v1, "Signature Definition"), with the key's hint for verifiers.
///
/// The bundle holds neither a log entry nor a timestamp, so it counts under a Signer with `log: off` and `time: none` only, and cosign
/// verifies it with `--insecure-ignore-tlog`.
///
/// What comes back has been verified with the public half, within the limits of [`Limits::default`]: neither a faulty signature nor a
/// statement that nobody would read leaves this function.
///
/// # Errors
/// [`SignError`].
pub fn sign_statement(statement: &Statement, key: &SigningKey) -> Result<SignedBundle, SignError> {
    let payload = statement.payload();
    let signature = key
        .sign(&pre_authentication_encoding(IN_TOTO, payload))
        .map_err(|_| SignError::Key)?;
    let bundle = json!({
        "mediaType": BUNDLE_V03,
        "verificationMaterial": {"publicKey": {"hint": key.hint()}},
        "dsseEnvelope": {
            "payload": STANDARD.encode(payload),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": STANDARD.encode(&signature)}],
        },
    });
    let signed = SignedBundle {
        bytes: bundle.to_string().into_bytes(),
        image: *statement.image(),
        predicate_type: statement.predicate_type().to_owned(),
    };
    signed.check(key)?;
    Ok(signed)
}

impl SignedBundle {
    /// The bundle, JSON.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The image that it is about.
    #[must_use]
    pub const fn image(&self) -> &Digest {
        &self.image
    }

    /// The type of what it says.
    #[must_use]
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    fn check(&self, key: &SigningKey) -> Result<(), SignError> {
        let unverifiable = |why| SignError::Unverifiable {
            image: self.image,
            why,
        };
        let trust = Trust::new(Vec::new(), vec![key.public_key().clone()])
            .map_err(|error| unverifiable(error.to_string()))?;
        let blob = Blob::Digest(self.image);
        let findings = examine_blob(blob, &self.bytes, &trust, &Limits::default());
        match (findings.verified(), findings.rejected()) {
            ([_], []) => Ok(()),
            (_, rejected) => Err(unverifiable(
                rejected
                    .iter()
                    .map(|rejected| format!("{}: {}", rejected.code, rejected.detail))
                    .collect::<Vec<_>>()
                    .join("; "),
            )),
        }
    }
}

/// DSSE's PAE (DSSE protocol v1, "Signature Definition").
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}
