//! Step 14: signed certificate timestamps (RFC 6962, 3.2 and 3.3) over the original bytes of the certificate.

use std::collections::BTreeSet;

use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{AnyRef, Decode as _, Reader as _, SliceReader};

use crate::refusal::Refusal;
use crate::trust::{Hash, Kind};
use crate::x509::{Cert, oid};
use crate::{Digest, ReasonCode, TrustRoot, UnixTime};

/// How many distinct logs of the root vouch for the leaf. At least one must where the root lists any, supported or not.
///
/// An SCT of a log that the root does not know counts for nothing; one of a known log must verify.
pub(super) fn verify(leaf: &Cert, issuer: &Cert, root: &TrustRoot) -> Result<usize, Refusal> {
    let list = match leaf.extensions().value(&oid::SCT_LIST) {
        Some(value) => parse_list(value).ok_or_else(|| invalid("the SCT list is malformed"))?,
        None => Vec::new(),
    };
    let mut logs = BTreeSet::new();
    if !list.is_empty() && root.ct_log_count() > 0 {
        let tbs = precertificate(leaf.der())
            .ok_or_else(|| invalid("the precertificate cannot be rebuilt"))?;
        let issuer_key_hash = Digest::of(issuer.key().spki());
        for sct in &list {
            if let Some(log) = root.ct_log(sct.log_id) {
                let at = UnixTime::from_seconds(
                    i64::try_from(sct.timestamp_ms / 1000).unwrap_or(i64::MAX),
                );
                if !log.window.contains(at) {
                    return Err(invalid(format!("its log's key was not valid at {at}")));
                }
                if !sct.algorithm_fits(log.key.kind()) {
                    return Err(invalid("its signature algorithm is not its log's"));
                }
                log.key
                    .verify_with(
                        Hash::Sha256,
                        &sct.signed(&issuer_key_hash, &tbs),
                        sct.signature,
                    )
                    .map_err(|_| invalid("its log did not sign it"))?;
                logs.insert(log.id.as_slice());
            }
        }
    }
    if logs.is_empty() && root.lists_ct_logs() {
        return Err(Refusal::new(
            ReasonCode::SctMissing,
            format!(
                "{} SCTs, none by a log of trust root `{}`",
                list.len(),
                root.name().name
            ),
        ));
    }
    Ok(logs.len())
}

/// One SCT of version 1.
struct Sct<'a> {
    log_id: &'a [u8],
    timestamp_ms: u64,
    extensions: &'a [u8],
    hash: u8,
    signature_algorithm: u8,
    signature: &'a [u8],
}

impl Sct<'_> {
    /// TLS `SignatureAndHashAlgorithm` (RFC 5246, 7.4.1.4.1): SHA-256 with the key's algorithm.
    fn algorithm_fits(&self, kind: Kind) -> bool {
        let wanted = match kind {
            Kind::P256 | Kind::P384 | Kind::P521 => 3,
            Kind::Rsa => 1,
            Kind::Ed25519 => 7,
        };
        self.hash == 4 && self.signature_algorithm == wanted
    }

    /// The `digitally-signed` struct for a precertificate entry.
    fn signed(&self, issuer_key_hash: &Digest, tbs: &[u8]) -> Vec<u8> {
        let mut out = vec![0, 0]; // v1, certificate_timestamp
        out.extend_from_slice(&self.timestamp_ms.to_be_bytes());
        out.extend_from_slice(&[0, 1]); // precert_entry
        out.extend_from_slice(issuer_key_hash.as_bytes());
        let length = u32::try_from(tbs.len()).unwrap_or(u32::MAX).to_be_bytes();
        out.extend_from_slice(&length[1..]);
        out.extend_from_slice(tbs);
        let length = u16::try_from(self.extensions.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(self.extensions);
        out
    }
}

/// The extension's value: an OCTET STRING around a TLS list, nothing behind it.
fn parse_list(value: &[u8]) -> Option<Vec<Sct<'_>>> {
    let inner = OctetStringRef::from_der(value).ok()?;
    let mut outer = Tls(inner.as_bytes());
    let mut list = Tls(outer.vector()?);
    if !outer.0.is_empty() {
        return None;
    }
    let mut scts = Vec::new();
    while !list.0.is_empty() {
        let mut sct = Tls(list.vector()?);
        if sct.take(1)? != [0] {
            return None;
        }
        scts.push(Sct {
            log_id: sct.take(32)?,
            timestamp_ms: u64::from_be_bytes(sct.take(8)?.try_into().ok()?),
            extensions: sct.vector()?,
            hash: *sct.take(1)?.first()?,
            signature_algorithm: *sct.take(1)?.first()?,
            signature: sct.vector()?,
        });
        if !sct.0.is_empty() || scts.len() > 16 {
            return None;
        }
    }
    Some(scts)
}

/// Reads TLS presentation language (RFC 5246, 4).
struct Tls<'a>(&'a [u8]);

impl<'a> Tls<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    /// A vector with a two-byte length.
    fn vector(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        self.take(length.into())
    }
}

/// The TBS certificate without the SCT extension, every other byte as it is: nothing is re-encoded but the lengths around
/// what was removed.
fn precertificate(der: &[u8]) -> Option<Vec<u8>> {
    let certificate = AnyRef::from_der(der).ok()?;
    let tbs = AnyRef::decode(&mut SliceReader::new(certificate.value()).ok()?).ok()?;
    let mut fields = SliceReader::new(tbs.value()).ok()?;
    let mut out = Vec::with_capacity(der.len());
    while !fields.is_finished() {
        let field = fields.tlv_bytes().ok()?;
        // [3] EXPLICIT Extensions
        if field.first() == Some(&0xa3) {
            let explicit = AnyRef::from_der(field).ok()?;
            let extensions = AnyRef::from_der(explicit.value()).ok()?;
            let kept = without_scts(extensions.value())?;
            out.extend(tlv(0xa3, &tlv(0x30, &kept)?)?);
        } else {
            out.extend_from_slice(field);
        }
    }
    tlv(0x30, &out)
}

fn without_scts(extensions: &[u8]) -> Option<Vec<u8>> {
    let mut reader = SliceReader::new(extensions).ok()?;
    let mut kept = Vec::with_capacity(extensions.len());
    while !reader.is_finished() {
        let extension = reader.tlv_bytes().ok()?;
        let mut inner = SliceReader::new(AnyRef::from_der(extension).ok()?.value()).ok()?;
        if ObjectIdentifier::decode(&mut inner).ok()? != oid::SCT_LIST {
            kept.extend_from_slice(extension);
        }
    }
    Some(kept)
}

/// Tag, DER length and content.
fn tlv(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![tag];
    let length = u32::try_from(content.len()).ok()?.to_be_bytes();
    match content.len() {
        0..=0x7f => out.push(length[3]),
        0x80..=0xff => out.extend_from_slice(&[0x81, length[3]]),
        0x100..=0xffff => out.extend_from_slice(&[0x82, length[2], length[3]]),
        _ => out.extend_from_slice(&[0x83, length[1], length[2], length[3]]),
    }
    out.extend_from_slice(content);
    Some(out)
}

fn invalid(why: impl Into<String>) -> Refusal {
    Refusal::new(ReasonCode::SctInvalid, why)
}
