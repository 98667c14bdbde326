//! Step 4 for cosign's `.sig` and `.att` layers: the annotations that a bundle would carry (cosign `specs/SIGNATURE_SPEC.md`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::envelope;
use super::signed::{Entry, Material, Signed, SignedContent};
use crate::refusal::Refusal;
use crate::x509::Cert;
use crate::{Digest, Format, Limits, ReasonCode, UnixTime, base64, json, pem};

type Annotations = BTreeMap<String, String>;

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// A `.sig` layer: the payload is what was signed.
pub(super) fn simple_signing(
    payload: &[u8],
    annotations: &Annotations,
    limits: &Limits,
) -> Result<Signed, Refusal> {
    if payload.len() > limits.payload_bytes {
        return Err(over_limit(format!(
            "the payload has {} bytes",
            payload.len()
        )));
    }
    let signature = annotations
        .get(SIGNATURE)
        .ok_or_else(|| malformed("the layer has no signature annotation"))?;
    let signature = base64::decode(signature)
        .ok_or_else(|| malformed("the signature annotation is not canonical base64"))?;
    let content = SignedContent::SimpleSigning {
        payload: payload.to_vec(),
    };
    signed(content, signature, annotations, limits)
}

/// An `.att` layer: a DSSE envelope that carries its own signature.
pub(super) fn attestation(
    exact: &[u8],
    annotations: &Annotations,
    limits: &Limits,
) -> Result<Signed, Refusal> {
    let (envelope, signature) =
        envelope::Wire::parse(exact, limits)?.open(Some(exact.to_vec()), limits)?;
    signed(
        SignedContent::Envelope(envelope),
        signature,
        annotations,
        limits,
    )
}

fn signed(
    content: SignedContent,
    signature: Vec<u8>,
    annotations: &Annotations,
    limits: &Limits,
) -> Result<Signed, Refusal> {
    for (name, text) in annotations {
        if text.len() > limits.manifest_bytes {
            return Err(over_limit(format!(
                "annotation `{}`",
                crate::digest::clip(name)
            )));
        }
    }
    // An empty annotation is cosign's way to say that there is none.
    let annotation = |name: &str| annotations.get(name).filter(|text| !text.is_empty());
    let material = match annotation(CERTIFICATE) {
        Some(certificate) => {
            let der = pem::one(certificate, "CERTIFICATE")
                .map_err(|why| Refusal::new(ReasonCode::CertificateMalformed, why))?;
            let leaf = Cert::parse(&der)
                .map_err(|why| Refusal::new(ReasonCode::CertificateMalformed, why.to_string()))?;
            Material::Certificate(Box::new(leaf))
        }
        None => Material::Key { hint: None },
    };
    // The chain is never used, but one that cannot be read says that somebody tampered with the layer.
    if let Some(chain) = annotation(CHAIN) {
        pem::many(chain, "CERTIFICATE", limits.chain_certificates)
            .map_err(|why| malformed(format!("chain: {why}")))?;
    }
    Ok(Signed {
        format: Format::Legacy,
        content,
        signature,
        material,
        entries: annotation(BUNDLE)
            .map(|text| entry(text, limits))
            .transpose()?
            .into_iter()
            .collect(),
        timestamps: annotation(TIMESTAMP)
            .map(|text| timestamp(text, limits))
            .transpose()?
            .into_iter()
            .collect(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RekorBundle {
    #[serde(rename = "SignedEntryTimestamp")]
    signed_entry_timestamp: String,
    #[serde(rename = "Payload")]
    payload: RekorPayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RekorPayload {
    body: String,
    integrated_time: i64,
    log_index: u64,
    #[serde(rename = "logID")]
    log_id: String,
}

/// Rekor v1's promise, as the annotation keeps it: no inclusion proof.
fn entry(text: &str, limits: &Limits) -> Result<Entry, Refusal> {
    let bundle: RekorBundle = json::parse(text.as_bytes(), limits.json_depth)
        .map_err(|why| malformed(format!("bundle: {why}")))?;
    let payload = bundle.payload;
    let base64 =
        |text: &str| base64::decode(text).ok_or_else(|| malformed("bundle: not canonical base64"));
    Ok(Entry {
        log_id: Digest::from_hex(&payload.log_id)
            .ok_or_else(|| malformed("bundle: logID is not 64 lower-case hexadecimal digits"))?
            .as_bytes()
            .to_vec(),
        declared: None,
        index: payload.log_index,
        integrated_time: Some(UnixTime::from_seconds(payload.integrated_time)),
        promise: Some(base64(&bundle.signed_entry_timestamp)?),
        proof: None,
        body: base64(&payload.body)?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rfc3161 {
    #[serde(rename = "SignedRFC3161Timestamp")]
    signed_timestamp: String,
}

fn timestamp(text: &str, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    let wire: Rfc3161 = json::parse(text.as_bytes(), limits.json_depth)
        .map_err(|why| malformed(format!("rfc3161timestamp: {why}")))?;
    base64::decode(&wire.signed_timestamp)
        .ok_or_else(|| malformed("rfc3161timestamp: not canonical base64"))
}

fn malformed(why: impl Into<String>) -> Refusal {
    Refusal::new(ReasonCode::AnnotationsMalformed, why)
}

fn over_limit(what: String) -> Refusal {
    Refusal::new(ReasonCode::OverLimit, what)
}
