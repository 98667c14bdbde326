//! Step 4 for cosign's `.sig` and `.att` layers: the annotations that a bundle would carry (cosign `specs/SIGNATURE_SPEC.md`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::decode::over_limit;
use super::envelope;
use super::signed::{Entry, Material, Signed, SignedContent};
use crate::json::{self, Text};
use crate::refusal::Refusal;
use crate::x509::Cert;
use crate::{Digest, Format, Limits, ReasonCode, UnixTime, pem};

type Annotations = BTreeMap<String, String>;

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// A `.sig` layer: the payload is what was signed.
pub(super) fn simple_signing<'a>(
    payload: &'a [u8],
    annotations: &Annotations,
    limits: &Limits,
) -> Result<Signed<'a>, Refusal> {
    if payload.len() > limits.payload_bytes {
        return Err(over_limit(format!(
            "the payload has {} bytes",
            payload.len()
        )));
    }
    let signature = annotations
        .get(SIGNATURE)
        .ok_or_else(|| malformed("the layer has no signature annotation"))?;
    let signature = decode(
        signature,
        limits.signature_bytes,
        "the signature annotation",
    )?;
    let content = SignedContent::SimpleSigning { payload };
    signed(content, signature, annotations, limits)
}

/// An `.att` layer: a DSSE envelope that carries its own signature.
pub(super) fn attestation<'a>(
    exact: &'a [u8],
    annotations: &Annotations,
    limits: &Limits,
) -> Result<Signed<'a>, Refusal> {
    let (envelope, signature) = envelope::Wire::parse(exact, limits)?.open(Some(exact), limits)?;
    signed(
        SignedContent::Envelope(envelope),
        signature,
        annotations,
        limits,
    )
}

fn signed<'a>(
    content: SignedContent<'a>,
    signature: Vec<u8>,
    annotations: &Annotations,
    limits: &Limits,
) -> Result<Signed<'a>, Refusal> {
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
            // PEM wraps base64 in lines: a third more, and the two lines around it.
            if certificate.len() > limits.certificate_bytes.saturating_mul(2) {
                return Err(over_limit("the certificate annotation is too long"));
            }
            let der = pem::one(certificate, "CERTIFICATE")
                .map_err(|why| Refusal::new(ReasonCode::CertificateMalformed, why))?;
            let leaf = Cert::parse(der)
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
struct RekorBundle<'a> {
    #[serde(borrow, rename = "SignedEntryTimestamp")]
    signed_entry_timestamp: Text<'a>,
    #[serde(rename = "Payload")]
    payload: RekorPayload<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RekorPayload<'a> {
    #[serde(borrow)]
    body: Text<'a>,
    integrated_time: i64,
    log_index: u64,
    #[serde(rename = "logID")]
    log_id: Text<'a>,
}

/// Rekor v1's promise, as the annotation keeps it: no inclusion proof.
fn entry(text: &str, limits: &Limits) -> Result<Entry, Refusal> {
    let bundle: RekorBundle<'_> = json::parse(text.as_bytes(), limits)
        .map_err(|error| error.refusal(ReasonCode::AnnotationsMalformed))?;
    let payload = bundle.payload;
    Ok(Entry {
        log_id: Digest::from_hex(&payload.log_id)
            .ok_or_else(|| malformed("bundle: logID is not 64 lower-case hexadecimal digits"))?
            .as_bytes()
            .to_vec(),
        declared: None,
        index: payload.log_index,
        integrated_time: Some(UnixTime::from_seconds(payload.integrated_time)),
        promise: Some(decode(
            &bundle.signed_entry_timestamp,
            limits.signature_bytes,
            "bundle: SignedEntryTimestamp",
        )?),
        proof: None,
        body: decode(&payload.body, limits.log_entry_bytes, "bundle: body")?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rfc3161<'a> {
    #[serde(borrow, rename = "SignedRFC3161Timestamp")]
    signed_timestamp: Text<'a>,
}

fn timestamp(text: &str, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    let wire: Rfc3161<'_> = json::parse(text.as_bytes(), limits)
        .map_err(|error| error.refusal(ReasonCode::AnnotationsMalformed))?;
    decode(
        &wire.signed_timestamp,
        limits.timestamp_bytes,
        "rfc3161timestamp",
    )
}

fn decode(text: &str, most: usize, what: &str) -> Result<Vec<u8>, Refusal> {
    super::decode::decode(text, most, what, ReasonCode::AnnotationsMalformed)
}

fn malformed(why: impl Into<String>) -> Refusal {
    Refusal::new(ReasonCode::AnnotationsMalformed, why)
}
