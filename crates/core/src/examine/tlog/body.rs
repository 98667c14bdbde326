//! Step 9: what the log recorded equals what is being verified, for every kind of entry and every way that it arrived
//! (cosign CVE-2022-36056 and CVE-2026-22703: a valid entry of something else).

use serde::Deserialize;

use super::Verifier;
use crate::examine::bytes_needed;
use crate::examine::signed::{Entry, Envelope, Signed, SignedContent};
use crate::json::{self, Few, Text};
use crate::refusal::Refusal;
use crate::trust::{Hash, Message};
use crate::{Limits, ReasonCode, base64, pem};

#[derive(Deserialize)]
struct HashValue<'a> {
    #[serde(borrow)]
    algorithm: Text<'a>,
    value: Text<'a>,
}

/// Rekor `hashedrekord_v0_0_1_schema.json`
#[derive(Deserialize)]
struct HashedRekord001<'a> {
    #[serde(borrow)]
    data: Data001<'a>,
    signature: Signature001<'a>,
}

#[derive(Deserialize)]
struct Data001<'a> {
    #[serde(borrow)]
    hash: HashValue<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signature001<'a> {
    #[serde(borrow)]
    content: Text<'a>,
    public_key: Content<'a>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    content: Text<'a>,
}

/// Rekor v2 `hashedrekord.proto`, in the log as `{"spec": {"hashedRekordV002": …}}`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashedRekord002<'a> {
    #[serde(borrow)]
    hashed_rekord_v002: HashedRekordSpec002<'a>,
}

#[derive(Deserialize)]
struct HashedRekordSpec002<'a> {
    #[serde(borrow)]
    data: Data002<'a>,
    signature: Signature002<'a>,
}

#[derive(Deserialize)]
struct Data002<'a> {
    #[serde(borrow)]
    algorithm: Text<'a>,
    digest: Text<'a>,
}

#[derive(Deserialize)]
struct Signature002<'a> {
    #[serde(borrow)]
    content: Text<'a>,
    verifier: Verifier002<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verifier002<'a> {
    #[serde(borrow)]
    x509_certificate: Option<Raw<'a>>,
    public_key: Option<Raw<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw<'a> {
    #[serde(borrow)]
    raw_bytes: Text<'a>,
}

/// Rekor `dsse_v0_0_1_schema.json`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse001<'a> {
    #[serde(borrow)]
    payload_hash: HashValue<'a>,
    signatures: Few<DsseSignature001<'a>, 64>,
}

#[derive(Deserialize)]
struct DsseSignature001<'a> {
    #[serde(borrow)]
    signature: Text<'a>,
    verifier: Text<'a>,
}

/// Rekor `intoto_v0_0_1_schema.json`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intoto001<'a> {
    #[serde(borrow)]
    content: IntotoContent001<'a>,
    public_key: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent001<'a> {
    #[serde(borrow)]
    hash: HashValue<'a>,
    payload_hash: Option<HashValue<'a>>,
}

/// Rekor `intoto_v0_0_2_schema.json`
#[derive(Deserialize)]
struct Intoto002<'a> {
    #[serde(borrow)]
    content: IntotoContent002<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent002<'a> {
    #[serde(borrow)]
    envelope: IntotoEnvelope002<'a>,
    payload_hash: HashValue<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoEnvelope002<'a> {
    #[serde(borrow)]
    payload_type: Text<'a>,
    signatures: Few<IntotoSignature002<'a>, 64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoSignature002<'a> {
    #[serde(borrow)]
    sig: Text<'a>,
    public_key: Text<'a>,
}

/// Compares the entry's body with the signature.
pub(in crate::examine) fn check(
    entry: &Entry,
    signed: &Signed<'_>,
    message: &Message<'_>,
    verifier: &Verifier<'_>,
    limits: &Limits,
) -> Result<(), Refusal> {
    let refused = |error: json::Error| error.refusal(ReasonCode::LogEntryMalformed);
    let members = json::scan(&entry.body, limits.into()).map_err(refused)?;
    let member = |name: &str| {
        members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| *value)
            .ok_or_else(|| malformed(format!("it has no `{name}`")))
    };
    let text = |name: &str| json::typed::<Text<'_>>(member(name)?).map_err(refused);
    let (kind, version) = (text("kind")?, text("apiVersion")?);
    if let Some((declared_kind, declared_version)) = &entry.declared
        && (*declared_kind != *kind || *declared_version != *version)
    {
        return Err(mismatch("the kind and version that the bundle declares"));
    }
    let spec = member("spec")?;
    match (&*kind, &*version) {
        ("hashedrekord", "0.0.1") => hashedrekord_001(&read(spec)?, signed, message, verifier),
        ("hashedrekord", "0.0.2") => hashedrekord_002(&read(spec)?, signed, message, verifier),
        ("dsse", "0.0.1") => dsse_001(&read(spec)?, signed, verifier),
        ("intoto", "0.0.1") => intoto_001(&read(spec)?, signed, verifier),
        ("intoto", "0.0.2") => intoto_002(&read(spec)?, signed, verifier),
        (kind, version) => Err(malformed(format!(
            "entries of kind `{}` {} are not supported",
            crate::digest::clip(kind),
            crate::digest::clip(version)
        ))),
    }
}

fn read<'a, T: Deserialize<'a>>(spec: &'a [u8]) -> Result<T, Refusal> {
    json::typed(spec).map_err(|error| error.refusal(ReasonCode::LogEntryMalformed))
}

fn hashedrekord_001(
    spec: &HashedRekord001<'_>,
    signed: &Signed<'_>,
    message: &Message<'_>,
    verifier: &Verifier<'_>,
) -> Result<(), Refusal> {
    let hash = &spec.data.hash;
    let stated = match &*hash.algorithm {
        "sha256" => Hash::Sha256,
        "sha384" => Hash::Sha384,
        "sha512" => Hash::Sha512,
        other => return Err(malformed(format!("hash `{}`", crate::digest::clip(other)))),
    };
    let ours = message.digest(stated).ok_or_else(bytes_needed)?;
    equal(
        *hash.value == *crate::digest::encode_hex(ours.as_ref()),
        "the hash of the signed bytes",
    )?;
    same_signature(&spec.signature.content, signed)?;
    same_verifier_pem(&spec.signature.public_key.content, verifier)
}

fn hashedrekord_002(
    spec: &HashedRekord002<'_>,
    signed: &Signed<'_>,
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
fn dsse_001(
    spec: &Dsse001<'_>,
    signed: &Signed<'_>,
    verifier: &Verifier<'_>,
) -> Result<(), Refusal> {
    let envelope = envelope(signed)?;
    same_payload(&spec.payload_hash, envelope)?;
    let [signature] = spec.signatures.0.as_slice() else {
        return Err(mismatch("the number of signatures"));
    };
    same_signature(&signature.signature, signed)?;
    same_verifier_pem(&signature.verifier, verifier)
}

/// Only beside an envelope that stands alone: the entry holds the hash of its exact bytes and no signature.
fn intoto_001(
    spec: &Intoto001<'_>,
    signed: &Signed<'_>,
    verifier: &Verifier<'_>,
) -> Result<(), Refusal> {
    let envelope = envelope(signed)?;
    let Some(exact) = &envelope.exact else {
        return Err(malformed(
            "intoto 0.0.1 entries are not supported in bundles",
        ));
    };
    let hash = &spec.content.hash;
    equal(
        &*hash.algorithm == "sha256"
            && *hash.value == *crate::digest::encode_hex(Hash::Sha256.of(exact).as_ref()),
        "the hash of the envelope",
    )?;
    if let Some(payload) = &spec.content.payload_hash {
        same_payload(payload, envelope)?;
    }
    same_verifier_pem(&spec.public_key, verifier)
}

fn intoto_002(
    spec: &Intoto002<'_>,
    signed: &Signed<'_>,
    verifier: &Verifier<'_>,
) -> Result<(), Refusal> {
    let envelope = envelope(signed)?;
    same_payload(&spec.content.payload_hash, envelope)?;
    equal(
        *spec.content.envelope.payload_type == *envelope.payload_type,
        "the payload type",
    )?;
    let [signature] = spec.content.envelope.signatures.0.as_slice() else {
        return Err(mismatch("the number of signatures"));
    };
    // Rekor keeps the base64 text of the signature, in base64 again.
    let once = base64::decode(&signature.sig).and_then(|text| String::from_utf8(text).ok());
    same_signature(once.as_deref().unwrap_or_default(), signed)?;
    same_verifier_pem(&signature.public_key, verifier)
}

fn envelope<'s>(signed: &'s Signed<'s>) -> Result<&'s Envelope<'s>, Refusal> {
    match &signed.content {
        SignedContent::Envelope(envelope) => Ok(envelope),
        SignedContent::Message { .. } | SignedContent::SimpleSigning { .. } => Err(mismatch(
            "the kind of signature: it is about a DSSE envelope",
        )),
    }
}

fn same_payload(hash: &HashValue<'_>, envelope: &Envelope<'_>) -> Result<(), Refusal> {
    let ours = Hash::Sha256.of(&envelope.payload);
    equal(
        &*hash.algorithm == "sha256" && *hash.value == *crate::digest::encode_hex(ours.as_ref()),
        "the hash of the payload",
    )
}

fn same_signature(text: &str, signed: &Signed<'_>) -> Result<(), Refusal> {
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
