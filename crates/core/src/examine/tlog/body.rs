//! Step 9: what the log recorded equals what is being verified, for every kind of entry and every way that it arrived
//! (cosign CVE-2022-36056 and CVE-2026-22703: a valid entry of something else).

use serde::Deserialize;

use super::Verifier;
use crate::examine::bytes_needed;
use crate::examine::signed::{Entry, Envelope, Signed, SignedContent};
use crate::refusal::Refusal;
use crate::trust::{Hash, Message};
use crate::{Limits, ReasonCode, base64, json, pem};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    kind: String,
    api_version: String,
}

#[derive(Deserialize)]
struct Body<T> {
    spec: T,
}

#[derive(Deserialize)]
struct HashValue {
    algorithm: String,
    value: String,
}

/// Rekor `hashedrekord_v0_0_1_schema.json`
#[derive(Deserialize)]
struct HashedRekord001 {
    data: Data001,
    signature: Signature001,
}

#[derive(Deserialize)]
struct Data001 {
    hash: HashValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signature001 {
    content: String,
    public_key: Content,
}

#[derive(Deserialize)]
struct Content {
    content: String,
}

/// Rekor v2 `hashedrekord.proto`, in the log as `{"spec": {"hashedRekordV002": …}}`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashedRekord002 {
    hashed_rekord_v002: HashedRekordSpec002,
}

#[derive(Deserialize)]
struct HashedRekordSpec002 {
    data: Data002,
    signature: Signature002,
}

#[derive(Deserialize)]
struct Data002 {
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
struct Signature002 {
    content: String,
    verifier: Verifier002,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verifier002 {
    x509_certificate: Option<Raw>,
    public_key: Option<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    raw_bytes: String,
}

/// Rekor `dsse_v0_0_1_schema.json`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse001 {
    payload_hash: HashValue,
    signatures: Vec<DsseSignature001>,
}

#[derive(Deserialize)]
struct DsseSignature001 {
    signature: String,
    verifier: String,
}

/// Rekor `intoto_v0_0_1_schema.json`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intoto001 {
    content: IntotoContent001,
    public_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent001 {
    hash: HashValue,
    payload_hash: Option<HashValue>,
}

/// Rekor `intoto_v0_0_2_schema.json`
#[derive(Deserialize)]
struct Intoto002 {
    content: IntotoContent002,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent002 {
    envelope: IntotoEnvelope002,
    payload_hash: HashValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoEnvelope002 {
    payload_type: String,
    signatures: Vec<IntotoSignature002>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoSignature002 {
    sig: String,
    public_key: String,
}

/// Compares the entry's body with the signature.
pub(super) fn check(
    entry: &Entry,
    signed: &Signed,
    message: &Message<'_>,
    verifier: &Verifier<'_>,
    limits: &Limits,
) -> Result<(), Refusal> {
    let head: Head = json::parse(&entry.body, limits.json_depth).map_err(malformed)?;
    if let Some((kind, version)) = &entry.declared
        && (*kind != head.kind || *version != head.api_version)
    {
        return Err(mismatch("the kind and version that the bundle declares"));
    }
    match (head.kind.as_str(), head.api_version.as_str()) {
        ("hashedrekord", "0.0.1") => hashedrekord_001(&spec(entry)?, signed, message, verifier),
        ("hashedrekord", "0.0.2") => hashedrekord_002(&spec(entry)?, signed, message, verifier),
        ("dsse", "0.0.1") => dsse_001(&spec(entry)?, signed, verifier),
        ("intoto", "0.0.1") => intoto_001(&spec(entry)?, signed, verifier),
        ("intoto", "0.0.2") => intoto_002(&spec(entry)?, signed, verifier),
        (kind, version) => Err(malformed(format!(
            "entries of kind `{}` {} are not supported",
            crate::digest::clip(kind),
            crate::digest::clip(version)
        ))),
    }
}

fn spec<'a, T: Deserialize<'a>>(entry: &'a Entry) -> Result<T, Refusal> {
    serde_json::from_slice::<Body<T>>(&entry.body)
        .map(|body| body.spec)
        .map_err(|error| malformed(crate::digest::clip(&error.to_string())))
}

fn hashedrekord_001(
    spec: &HashedRekord001,
    signed: &Signed,
    message: &Message<'_>,
    verifier: &Verifier<'_>,
) -> Result<(), Refusal> {
    let hash = &spec.data.hash;
    let stated = match hash.algorithm.as_str() {
        "sha256" => Hash::Sha256,
        "sha384" => Hash::Sha384,
        "sha512" => Hash::Sha512,
        other => return Err(malformed(format!("hash `{}`", crate::digest::clip(other)))),
    };
    let ours = message.digest(stated).ok_or_else(bytes_needed)?;
    equal(
        hash.value == crate::digest::encode_hex(ours.as_ref()),
        "the hash of the signed bytes",
    )?;
    same_signature(&spec.signature.content, signed)?;
    same_verifier_pem(&spec.signature.public_key.content, verifier)
}

fn hashedrekord_002(
    spec: &HashedRekord002,
    signed: &Signed,
    message: &Message<'_>,
    verifier: &Verifier<'_>,
) -> Result<(), Refusal> {
    let spec = &spec.hashed_rekord_v002;
    let stated = Hash::by_proto_name(&spec.data.algorithm).ok_or_else(|| {
        malformed(format!(
            "hash `{}`",
            crate::digest::clip(&spec.data.algorithm)
        ))
    })?;
    let ours = message.digest(stated).ok_or_else(bytes_needed)?;
    equal(
        base64::decode(&spec.data.digest).as_deref() == Some(ours.as_ref()),
        "the hash of the signed bytes",
    )?;
    same_signature(&spec.signature.content, signed)?;
    let entry = &spec.signature.verifier;
    let (raw, ours) = match (&entry.x509_certificate, &entry.public_key, verifier) {
        (Some(raw), None, Verifier::Certificate(der)) => (raw, der),
        (None, Some(raw), Verifier::Key(spki)) => (raw, spki),
        _ => return Err(mismatch("the kind of verifier")),
    };
    equal(
        base64::decode(&raw.raw_bytes).as_deref() == Some(*ours),
        "the key or certificate",
    )
}

/// Not `envelopeHash`: Rekor hashes its own form of the envelope.
fn dsse_001(spec: &Dsse001, signed: &Signed, verifier: &Verifier<'_>) -> Result<(), Refusal> {
    let envelope = envelope(signed)?;
    same_payload(&spec.payload_hash, envelope)?;
    let [signature] = spec.signatures.as_slice() else {
        return Err(mismatch("the number of signatures"));
    };
    same_signature(&signature.signature, signed)?;
    same_verifier_pem(&signature.verifier, verifier)
}

/// Only beside an envelope that stands alone: the entry holds the hash of its exact bytes and no signature.
fn intoto_001(spec: &Intoto001, signed: &Signed, verifier: &Verifier<'_>) -> Result<(), Refusal> {
    let envelope = envelope(signed)?;
    let Some(exact) = &envelope.exact else {
        return Err(malformed(
            "intoto 0.0.1 entries are not supported in bundles",
        ));
    };
    let hash = &spec.content.hash;
    equal(
        hash.algorithm == "sha256"
            && hash.value == crate::digest::encode_hex(Hash::Sha256.of(exact).as_ref()),
        "the hash of the envelope",
    )?;
    if let Some(payload) = &spec.content.payload_hash {
        same_payload(payload, envelope)?;
    }
    same_verifier_pem(&spec.public_key, verifier)
}

fn intoto_002(spec: &Intoto002, signed: &Signed, verifier: &Verifier<'_>) -> Result<(), Refusal> {
    let envelope = envelope(signed)?;
    same_payload(&spec.content.payload_hash, envelope)?;
    equal(
        spec.content.envelope.payload_type == envelope.payload_type,
        "the payload type",
    )?;
    let [signature] = spec.content.envelope.signatures.as_slice() else {
        return Err(mismatch("the number of signatures"));
    };
    // Rekor keeps the base64 text of the signature, in base64 again.
    let once = base64::decode(&signature.sig).and_then(|text| String::from_utf8(text).ok());
    same_signature(once.as_deref().unwrap_or_default(), signed)?;
    same_verifier_pem(&signature.public_key, verifier)
}

fn envelope(signed: &Signed) -> Result<&Envelope, Refusal> {
    match &signed.content {
        SignedContent::Envelope(envelope) => Ok(envelope),
        SignedContent::Message { .. } | SignedContent::SimpleSigning { .. } => Err(mismatch(
            "the kind of signature: it is about a DSSE envelope",
        )),
    }
}

fn same_payload(hash: &HashValue, envelope: &Envelope) -> Result<(), Refusal> {
    let ours = Hash::Sha256.of(&envelope.payload);
    equal(
        hash.algorithm == "sha256" && hash.value == crate::digest::encode_hex(ours.as_ref()),
        "the hash of the payload",
    )
}

fn same_signature(text: &str, signed: &Signed) -> Result<(), Refusal> {
    equal(
        base64::decode(text).as_deref() == Some(signed.signature.as_slice()),
        "the signature",
    )
}

/// The entry holds base64 of PEM text: a certificate or a public key.
fn same_verifier_pem(encoded: &str, verifier: &Verifier<'_>) -> Result<(), Refusal> {
    let text = base64::decode(encoded)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| malformed("its verifier is not PEM in base64"))?;
    let (label, ours) = match verifier {
        Verifier::Certificate(der) => ("CERTIFICATE", der),
        Verifier::Key(spki) => ("PUBLIC KEY", spki),
    };
    equal(
        pem::one(&text, label).as_deref() == Ok(*ours),
        "the key or certificate",
    )
}

fn equal(holds: bool, what: &str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(mismatch(what)) }
}

fn mismatch(what: &str) -> Refusal {
    Refusal::new(
        ReasonCode::LogEntryMismatch,
        format!("it differs from the signature in {what}"),
    )
}

fn malformed(why: impl Into<String>) -> Refusal {
    Refusal::new(ReasonCode::LogEntryMalformed, why)
}
