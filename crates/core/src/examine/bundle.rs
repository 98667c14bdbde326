//! Steps 4 and 5: a Sigstore bundle, strictly (`protobuf-specs`, `sigstore_bundle.proto`, JSON form).

use serde::{Deserialize, Deserializer};

use super::envelope;
use super::signed::{Entry, Material, Proof, Signed, SignedContent};
use crate::refusal::Refusal;
use crate::x509::Cert;
use crate::{Format, Limits, ReasonCode, UnixTime, base64, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Bundle {
    media_type: String,
    verification_material: VerificationMaterial,
    message_signature: Option<MessageSignature>,
    dsse_envelope: Option<envelope::Wire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VerificationMaterial {
    public_key: Option<PublicKeyHint>,
    x509_certificate_chain: Option<CertificateChain>,
    certificate: Option<RawCertificate>,
    tlog_entries: Option<Vec<TlogEntry>>,
    timestamp_verification_data: Option<TimestampVerificationData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PublicKeyHint {
    hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CertificateChain {
    certificates: Vec<RawCertificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawCertificate {
    raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TimestampVerificationData {
    rfc3161_timestamps: Option<Vec<SignedTimestamp>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignedTimestamp {
    signed_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MessageSignature {
    message_digest: Option<MessageDigest>,
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MessageDigest {
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TlogEntry {
    #[serde(default, deserialize_with = "json::null_is_default")]
    log_index: Int64,
    log_id: LogId,
    kind_version: KindVersion,
    #[serde(default, deserialize_with = "json::null_is_default")]
    integrated_time: Int64,
    inclusion_promise: Option<InclusionPromise>,
    inclusion_proof: Option<InclusionProof>,
    canonicalized_body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LogId {
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KindVersion {
    kind: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InclusionPromise {
    signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InclusionProof {
    #[serde(default, deserialize_with = "json::null_is_default")]
    log_index: Int64,
    root_hash: String,
    tree_size: Int64,
    #[serde(default, deserialize_with = "json::null_is_default")]
    hashes: Vec<String>,
    checkpoint: Option<Checkpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Checkpoint {
    envelope: String,
}

/// A protobuf int64 that must not be negative: in JSON a string of digits, or a number.
#[derive(Clone, Copy, Default)]
struct Int64(u64);

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(i64),
            Text(String),
        }
        let value = match Either::deserialize(reader)? {
            Either::Number(number) => number,
            Either::Text(text) => text.parse().map_err(serde::de::Error::custom)?,
        };
        u64::try_from(value)
            .map(Self)
            .map_err(|_| serde::de::Error::custom("a negative number"))
    }
}

/// Reads a bundle of v0.1 to v0.3, its limits first (step 0).
pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<Signed, Refusal> {
    if bytes.len() > limits.bundle_bytes {
        return Err(over_limit(format!("the bundle has {} bytes", bytes.len())));
    }
    let bundle: Bundle = json::parse(bytes, limits.json_depth).map_err(malformed)?;
    let format = match bundle.media_type.as_str() {
        "application/vnd.dev.sigstore.bundle+json;version=0.1" => Format::BundleV01,
        "application/vnd.dev.sigstore.bundle+json;version=0.2" => Format::BundleV02,
        "application/vnd.dev.sigstore.bundle+json;version=0.3"
        | "application/vnd.dev.sigstore.bundle.v0.3+json" => Format::BundleV03,
        other => {
            return Err(Refusal::new(
                ReasonCode::BundleVersion,
                format!("media type `{}`", crate::digest::clip(other)),
            ));
        }
    };
    let (content, signature) = match (bundle.message_signature, bundle.dsse_envelope) {
        (Some(message), None) => message_signature(message)?,
        (None, Some(wire)) => {
            let (envelope, signature) = wire.open(None, limits)?;
            (SignedContent::Envelope(envelope), signature)
        }
        (Some(_), Some(_)) => {
            return Err(malformed(
                "both messageSignature and dsseEnvelope are there",
            ));
        }
        (None, None) => {
            return Err(malformed(
                "neither messageSignature nor dsseEnvelope is there",
            ));
        }
    };
    let material = bundle.verification_material;
    let entries = material.tlog_entries.unwrap_or_default();
    let timestamps = material
        .timestamp_verification_data
        .and_then(|data| data.rfc3161_timestamps)
        .unwrap_or_default();
    if entries.len() > limits.log_entries || timestamps.len() > limits.timestamps {
        return Err(over_limit(format!(
            "{} log entries and {} timestamps",
            entries.len(),
            timestamps.len()
        )));
    }
    let material = signing_material(
        material.public_key,
        material.x509_certificate_chain,
        material.certificate,
        format,
        limits,
    )?;
    Ok(Signed {
        format,
        content,
        signature,
        material,
        entries: entries
            .into_iter()
            .map(|entry| entry.read(format, limits))
            .collect::<Result<_, _>>()?,
        timestamps: timestamps
            .into_iter()
            .map(|timestamp| decode(&timestamp.signed_timestamp, "signedTimestamp"))
            .collect::<Result<_, _>>()?,
    })
}

fn message_signature(message: MessageSignature) -> Result<(SignedContent, Vec<u8>), Refusal> {
    let declared = message
        .message_digest
        .map(|digest| Ok((digest.algorithm, decode(&digest.digest, "messageDigest")?)))
        .transpose()?;
    let signature = decode(&message.signature, "signature")?;
    Ok((SignedContent::Message { declared }, signature))
}

/// Step 4: exactly one member of the oneof; v0.3 carries a single certificate, older bundles a chain of which only the leaf
/// is used.
fn signing_material(
    key: Option<PublicKeyHint>,
    chain: Option<CertificateChain>,
    certificate: Option<RawCertificate>,
    format: Format,
    limits: &Limits,
) -> Result<Material, Refusal> {
    let raw = match (key, chain, certificate) {
        (Some(key), None, None) => return Ok(Material::Key { hint: key.hint }),
        (None, Some(_), None) if format == Format::BundleV03 => {
            return Err(malformed(
                "a v0.3 bundle carries one certificate, not a chain",
            ));
        }
        (None, Some(chain), None) => {
            if chain.certificates.len() > limits.chain_certificates {
                return Err(over_limit(format!(
                    "{} certificates",
                    chain.certificates.len()
                )));
            }
            let certs = chain
                .certificates
                .iter()
                .map(|cert| certificate_of(&cert.raw_bytes))
                .collect::<Result<Vec<_>, _>>()?;
            return bundled_chain(certs);
        }
        (None, None, Some(certificate)) => certificate.raw_bytes,
        (None, None, None) => return Err(malformed("no certificate and no public key")),
        _ => {
            return Err(malformed(
                "more than one of publicKey, x509CertificateChain, certificate",
            ));
        }
    };
    Ok(Material::Certificate(Box::new(certificate_of(&raw)?)))
}

/// Step 12: further certificates of an old bundle are never used, and a root among them is refused (client specification).
fn bundled_chain(certs: Vec<Cert>) -> Result<Material, Refusal> {
    if let Some(root) = certs.iter().find(|cert| cert.issued_by(cert)) {
        return Err(Refusal::new(
            ReasonCode::CertificateMalformed,
            format!(
                "the bundle carries the self-signed certificate `{}`",
                root.subject()
            ),
        ));
    }
    match certs.into_iter().next() {
        Some(leaf) => Ok(Material::Certificate(Box::new(leaf))),
        None => Err(malformed("an empty certificate chain")),
    }
}

fn certificate_of(raw: &str) -> Result<Cert, Refusal> {
    let der = decode(raw, "certificate")?;
    Cert::parse(&der).map_err(|why| Refusal::new(ReasonCode::CertificateMalformed, why.to_string()))
}

impl TlogEntry {
    /// Step 4: what each bundle version demands of an entry.
    fn read(self, format: Format, limits: &Limits) -> Result<Entry, Refusal> {
        let missing = |what: &str| Refusal::new(ReasonCode::LogProofMissing, what);
        if format == Format::BundleV01 && self.inclusion_promise.is_none() {
            return Err(missing(
                "a v0.1 bundle's log entry needs an inclusion promise",
            ));
        }
        Ok(Entry {
            log_id: decode(&self.log_id.key_id, "logId")?,
            declared: Some((self.kind_version.kind, self.kind_version.version)),
            index: self.log_index.0,
            integrated_time: i64::try_from(self.integrated_time.0)
                .ok()
                .filter(|seconds| *seconds > 0)
                .map(UnixTime::from_seconds),
            promise: self
                .inclusion_promise
                .map(|promise| decode(&promise.signed_entry_timestamp, "signedEntryTimestamp"))
                .transpose()?,
            proof: self
                .inclusion_proof
                .map(|proof| proof.read(limits))
                .transpose()?
                .flatten(),
            body: decode(&self.canonicalized_body, "canonicalizedBody")?,
        })
        .and_then(|entry| match (&entry.proof, format) {
            (None, Format::BundleV02 | Format::BundleV03) => Err(missing(
                "the log entry has no inclusion proof with a checkpoint",
            )),
            _ => Ok(entry),
        })
    }
}

impl InclusionProof {
    /// A proof without a checkpoint proves nothing, since nobody signed its root: v0.1 bundles may carry one.
    fn read(self, limits: &Limits) -> Result<Option<Proof>, Refusal> {
        if self.hashes.len() > limits.proof_hashes {
            return Err(over_limit(format!("{} proof hashes", self.hashes.len())));
        }
        let Some(checkpoint) = self.checkpoint else {
            return Ok(None);
        };
        Ok(Some(Proof {
            index: self.log_index.0,
            tree_size: self.tree_size.0,
            root_hash: decode(&self.root_hash, "rootHash")?,
            hashes: self
                .hashes
                .iter()
                .map(|hash| decode(hash, "proof hash"))
                .collect::<Result<_, _>>()?,
            checkpoint: checkpoint.envelope,
        }))
    }
}

fn decode(text: &str, what: &str) -> Result<Vec<u8>, Refusal> {
    base64::decode(text).ok_or_else(|| malformed(format!("{what} is not canonical base64")))
}

fn malformed(why: impl Into<String>) -> Refusal {
    Refusal::new(ReasonCode::BundleMalformed, why)
}

fn over_limit(what: String) -> Refusal {
    Refusal::new(ReasonCode::OverLimit, what)
}
