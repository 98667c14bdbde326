//! Steps 4 and 5: a Sigstore bundle, strictly (`protobuf-specs`, `sigstore_bundle.proto`, JSON form).

use super::decode::{over_limit, short};
use super::signed::{Entry, Material, Proof, Signed, SignedContent};
use super::wire::{
    Bundle, CertificateChain, InclusionProof, MessageSignature, PublicKeyHint, RawCertificate,
    TlogEntry,
};
use crate::json;
use crate::refusal::Refusal;
use crate::x509::Cert;
use crate::{Format, Limits, ReasonCode, UnixTime};

/// Reads a bundle of v0.1 to v0.3, its limits first (step 0).
pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<Signed<'static>, Refusal> {
    if bytes.len() > limits.bundle_bytes {
        return Err(over_limit(format!("the bundle has {} bytes", bytes.len())));
    }
    let bundle: Bundle<'_> =
        json::parse(bytes, limits).map_err(|error| error.refusal(ReasonCode::BundleMalformed))?;
    let format = match &*bundle.media_type {
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
    let material = bundle.verification_material;
    let entries = material.tlog_entries.0;
    let timestamps = material.timestamp_verification_data.rfc3161_timestamps.0;
    // Step 0: counts before anything is decoded.
    if entries.len() > limits.log_entries || timestamps.len() > limits.timestamps {
        return Err(over_limit(format!(
            "{} log entries and {} timestamps",
            entries.len(),
            timestamps.len()
        )));
    }
    let bodies: usize = entries
        .iter()
        .map(|entry| entry.canonicalized_body.len())
        .sum();
    if bodies / 4 * 3 > limits.log_entry_bytes {
        return Err(over_limit(format!(
            "the log entries have about {} bytes together, more than {}",
            bodies / 4 * 3,
            limits.log_entry_bytes
        )));
    }
    let (content, signature) = match (bundle.message_signature, bundle.dsse_envelope) {
        (Some(message), None) => message_signature(&message, limits)?,
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
            .iter()
            .map(|entry| entry.read(format, limits))
            .collect::<Result<_, _>>()?,
        timestamps: timestamps
            .iter()
            .map(|timestamp| {
                decode(
                    &timestamp.signed_timestamp,
                    limits.timestamp_bytes,
                    "signedTimestamp",
                )
            })
            .collect::<Result<_, _>>()?,
    })
}

fn message_signature(
    message: &MessageSignature<'_>,
    limits: &Limits,
) -> Result<(SignedContent<'static>, Vec<u8>), Refusal> {
    let most = limits.signature_bytes;
    let declared = message
        .message_digest
        .as_ref()
        .map(|declared| {
            let algorithm = short(&declared.algorithm, limits.text_bytes, "the algorithm")?;
            Ok((algorithm, decode(&declared.digest, most, "messageDigest")?))
        })
        .transpose()?;
    let signature = decode(&message.signature, most, "signature")?;
    Ok((SignedContent::Message { declared }, signature))
}

/// Step 4: exactly one member of the oneof; v0.3 carries a single certificate, older bundles a chain of which only the leaf
/// is used.
fn signing_material(
    key: Option<PublicKeyHint<'_>>,
    chain: Option<CertificateChain<'_>>,
    certificate: Option<RawCertificate<'_>>,
    format: Format,
    limits: &Limits,
) -> Result<Material, Refusal> {
    let raw = match (key, chain, certificate) {
        (Some(key), None, None) => {
            let hint = key
                .hint
                .map(|hint| short(&hint, limits.text_bytes, "the hint"));
            return Ok(Material::Key {
                hint: hint.transpose()?,
            });
        }
        (None, Some(_), None) if format == Format::BundleV03 => {
            return Err(malformed(
                "a v0.3 bundle carries one certificate, not a chain",
            ));
        }
        (None, Some(chain), None) => {
            let chain = chain.certificates.0;
            if chain.len() > limits.chain_certificates {
                return Err(over_limit(format!("{} certificates", chain.len())));
            }
            let certs = chain
                .iter()
                .map(|cert| certificate_of(&cert.raw_bytes, limits))
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
    Ok(Material::Certificate(Box::new(certificate_of(
        &raw, limits,
    )?)))
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

fn certificate_of(raw: &str, limits: &Limits) -> Result<Cert, Refusal> {
    let der = decode(raw, limits.certificate_bytes, "certificate")?;
    Cert::parse(der).map_err(|why| Refusal::new(ReasonCode::CertificateMalformed, why.to_string()))
}

impl TlogEntry<'_> {
    /// Step 4: what each bundle version demands of an entry.
    fn read(&self, format: Format, limits: &Limits) -> Result<Entry, Refusal> {
        let missing = |what: &str| Refusal::new(ReasonCode::LogProofMissing, what);
        if format == Format::BundleV01 && self.inclusion_promise.is_none() {
            return Err(missing(
                "a v0.1 bundle's log entry needs an inclusion promise",
            ));
        }
        let proof = self
            .inclusion_proof
            .as_ref()
            .map(|proof| proof.read(limits))
            .transpose()?
            .flatten();
        if proof.is_none() && format != Format::BundleV01 {
            return Err(missing(
                "the log entry has no inclusion proof with a checkpoint",
            ));
        }
        let kind = &self.kind_version;
        Ok(Entry {
            log_id: decode(&self.log_id.key_id, limits.signature_bytes, "logId")?,
            declared: Some((
                short(&kind.kind, limits.text_bytes, "the entry's kind")?,
                short(&kind.version, limits.text_bytes, "the entry's version")?,
            )),
            index: self.log_index.unsigned(),
            integrated_time: Some(self.integrated_time.0)
                .filter(|seconds| *seconds > 0)
                .map(UnixTime::from_seconds),
            promise: self
                .inclusion_promise
                .as_ref()
                .map(|promise| {
                    decode(
                        &promise.signed_entry_timestamp,
                        limits.signature_bytes,
                        "signedEntryTimestamp",
                    )
                })
                .transpose()?,
            proof,
            body: decode(
                &self.canonicalized_body,
                limits.log_entry_bytes,
                "canonicalizedBody",
            )?,
        })
    }
}

impl InclusionProof<'_> {
    /// A proof without a checkpoint proves nothing, since nobody signed its root: v0.1 bundles may carry one.
    fn read(&self, limits: &Limits) -> Result<Option<Proof>, Refusal> {
        /// SHA-256's.
        const HASH: usize = 32;
        let hashes = &self.hashes.0;
        if hashes.len() > limits.proof_hashes {
            return Err(over_limit(format!("{} proof hashes", hashes.len())));
        }
        let Some(checkpoint) = &self.checkpoint else {
            return Ok(None);
        };
        Ok(Some(Proof {
            index: self.log_index.unsigned(),
            tree_size: self.tree_size.unsigned(),
            root_hash: decode(&self.root_hash, HASH, "rootHash")?,
            hashes: hashes
                .iter()
                .map(|hash| decode(hash, HASH, "proof hash"))
                .collect::<Result<_, _>>()?,
            checkpoint: short(
                &checkpoint.envelope,
                limits.checkpoint_bytes,
                "the checkpoint",
            )?,
        }))
    }
}

fn decode(text: &str, most: usize, what: &str) -> Result<Vec<u8>, Refusal> {
    super::decode::decode(text, most, what, ReasonCode::BundleMalformed)
}

fn malformed(why: impl Into<String>) -> Refusal {
    Refusal::new(ReasonCode::BundleMalformed, why)
}
