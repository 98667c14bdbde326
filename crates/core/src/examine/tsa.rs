//! Step 10: RFC 3161 timestamps (CMS, RFC 5652), by an authority whose signing certificate the trust root pins.

use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use der::asn1::{Int, ObjectIdentifier, OctetString, OctetStringRef};
use der::{AnyRef, Decode as _, Encode as _, Reader as _, SliceReader, Tag, Tagged as _};

use crate::refusal::Refusal;
use crate::trust::{Hash, TimestampAuthority};
use crate::x509::oid;
use crate::{ProvenTime, ReasonCode, TimeSource, TrustRoot, UnixTime};

const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const SIGNING_CERTIFICATE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// Verifies one timestamp over `stamped` under one trust root.
pub(super) fn verify(
    token: &[u8],
    stamped: &[u8],
    root: &TrustRoot,
) -> Result<ProvenTime, Refusal> {
    let token = Token::parse(token)?;
    // The signer is the authority's pinned leaf; certificates inside the token are never looked at (CVE-2026-39984).
    let mut candidates = root
        .timestamp_authorities()
        .iter()
        .filter(|authority| is_signer(&token.signer, authority))
        .peekable();
    if candidates.peek().is_none() {
        return Err(untrusted(format!(
            "no timestamp authority of trust root `{}` signed it",
            root.name().name
        )));
    }
    let mut refusal = None::<Refusal>;
    for authority in candidates {
        match token.verify(stamped, authority) {
            Ok(time) => {
                return Ok(ProvenTime {
                    time,
                    source: TimeSource::Timestamp {
                        authority: authority.name.clone(),
                        operator: authority.operator.clone(),
                    },
                });
            }
            Err(why) => refusal = Some(Refusal::most_specific(refusal, why)),
        }
    }
    Err(refusal.unwrap_or_else(|| untrusted("no authority".to_owned())))
}

/// A token, parsed: who says to have signed what.
struct Token {
    signer: SignerInfo,
    content: Vec<u8>,
    info: TstInfo,
}

/// The fields of TSTInfo (RFC 3161, 2.4.2) that are compared.
struct TstInfo {
    hash: ObjectIdentifier,
    hashed_message: Vec<u8>,
    time: UnixTime,
}

impl Token {
    fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let content = content_info(bytes)?;
        if content.content_type != ID_SIGNED_DATA {
            return Err(invalid("it is not CMS signed data"));
        }
        let data: SignedData = content.content.decode_as().map_err(broken)?;
        let encapsulated = &data.encap_content_info;
        if encapsulated.econtent_type != TST_INFO {
            return Err(invalid("its content is not TSTInfo"));
        }
        let content = encapsulated
            .econtent
            .as_ref()
            .ok_or_else(|| invalid("it has no content"))?
            .decode_as::<OctetString>()
            .map_err(broken)?
            .into_bytes();
        let [signer] = data.signer_infos.0.as_slice() else {
            return Err(invalid("it has not exactly one signer"));
        };
        Ok(Self {
            signer: signer.clone(),
            info: TstInfo::parse(&content).map_err(broken)?,
            content,
        })
    }

    fn verify(&self, stamped: &[u8], authority: &TimestampAuthority) -> Result<UnixTime, Refusal> {
        // The imprint, by SHA-2 only.
        let hash = Hash::by_oid(&self.info.hash)
            .ok_or_else(|| invalid("its imprint is not made by SHA-2"))?;
        if hash.of(stamped).as_ref() != self.info.hashed_message {
            return Err(invalid("it is a timestamp of something else"));
        }
        self.check_signature(authority)?;
        // Chain and windows at genTime, the root too; and within this authority's own window (TOB-SIGSTORE-11).
        let time = self.info.time;
        if !authority.leaf.valid_at(time) {
            return Err(untrusted(format!(
                "its signing certificate is valid from {}, not at {time}",
                authority.leaf.validity()
            )));
        }
        authority.chain.check_validity(time).map_err(untrusted)?;
        if !authority.window.contains(time) {
            return Err(untrusted(format!(
                "the trust root does not accept `{}` at {time}",
                authority.name
            )));
        }
        Ok(time)
    }

    /// RFC 5652, 5.4: the signed attributes name the content by type and digest, and are what is signed.
    fn check_signature(&self, authority: &TimestampAuthority) -> Result<(), Refusal> {
        let hash = Hash::by_oid(&self.signer.digest_alg.oid)
            .ok_or_else(|| invalid("it is not signed over SHA-2"))?;
        let content_type: ObjectIdentifier = self
            .attribute(ID_CONTENT_TYPE)?
            .ok_or_else(|| invalid("it has no contentType attribute"))?
            .decode_as()
            .map_err(broken)?;
        if content_type != TST_INFO {
            return Err(invalid("its contentType attribute is not TSTInfo"));
        }
        let digest: OctetString = self
            .attribute(ID_MESSAGE_DIGEST)?
            .ok_or_else(|| invalid("it has no messageDigest attribute"))?
            .decode_as()
            .map_err(broken)?;
        if digest.as_bytes() != hash.of(&self.content).as_ref() {
            return Err(invalid("its messageDigest is not that of its content"));
        }
        self.check_signing_certificate(authority)?;
        let attributes = self
            .signer
            .signed_attrs
            .as_ref()
            .ok_or_else(|| invalid("it has no signed attributes"))?
            .to_der()
            .map_err(broken)?;
        authority
            .leaf
            .key()
            .verify_with(hash, &attributes, self.signer.signature.as_bytes())
            .map_err(|_| invalid("its signature does not verify"))
    }

    /// The one value of a signed attribute; twins are refused.
    fn attribute(&self, id: ObjectIdentifier) -> Result<Option<&der::Any>, Refusal> {
        let attributes = self
            .signer
            .signed_attrs
            .as_ref()
            .ok_or_else(|| invalid("it has no signed attributes"))?;
        let mut found = attributes.iter().filter(|attribute| attribute.oid == id);
        let Some(attribute) = found.next() else {
            return Ok(None);
        };
        match (attribute.values.as_slice(), found.next()) {
            ([value], None) => Ok(Some(value)),
            _ => Err(invalid("a signed attribute has several values")),
        }
    }

    /// ESSCertID and ESSCertIDv2 (RFC 2634, RFC 5035), if present, name the pinned leaf.
    fn check_signing_certificate(&self, authority: &TimestampAuthority) -> Result<(), Refusal> {
        let leaf = authority.leaf.der();
        if let Some(value) = self.attribute(SIGNING_CERTIFICATE_V2)? {
            let (hash, stated) = first_cert_id(&value.to_der().map_err(broken)?).map_err(broken)?;
            let hash = match hash {
                Some(oid) => Hash::by_oid(&oid)
                    .ok_or_else(|| invalid("its signingCertificateV2 is not made by SHA-2"))?,
                None => Hash::Sha256,
            };
            if hash.of(leaf).as_ref() != stated {
                return Err(invalid(
                    "its signingCertificateV2 names another certificate",
                ));
            }
        }
        if let Some(value) = self.attribute(SIGNING_CERTIFICATE)? {
            let (_, stated) = first_cert_id(&value.to_der().map_err(broken)?).map_err(broken)?;
            let sha1 =
                aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, leaf);
            if sha1.as_ref() != stated {
                return Err(invalid("its signingCertificate names another certificate"));
            }
        }
        Ok(())
    }
}

/// The token within a TimeStampResp that was granted, or a bare token (RFC 3161, 2.4.2).
fn content_info(bytes: &[u8]) -> Result<ContentInfo, Refusal> {
    if let Ok(info) = ContentInfo::from_der(bytes) {
        return Ok(info);
    }
    let response = AnyRef::from_der(bytes).map_err(broken)?;
    response.tag().assert_eq(Tag::Sequence).map_err(broken)?;
    let mut fields = SliceReader::new(response.value()).map_err(broken)?;
    let granted = status(AnyRef::decode(&mut fields).map_err(broken)?).map_err(broken)?;
    // 0 granted, 1 grantedWithMods
    if granted > 1 {
        return Err(invalid("the authority did not grant it"));
    }
    let info = ContentInfo::decode(&mut fields).map_err(broken)?;
    fields.finish(info).map_err(broken)
}

/// PKIStatusInfo (RFC 3161, 2.4.2): the number, and perhaps words for people and the reason of a failure.
fn status(info: AnyRef<'_>) -> der::Result<u8> {
    info.tag().assert_eq(Tag::Sequence)?;
    let mut fields = SliceReader::new(info.value())?;
    let status = u8::decode(&mut fields)?;
    for tag in [Tag::Sequence, Tag::BitString] {
        if !fields.is_finished() && fields.peek_tag()? == tag {
            AnyRef::decode(&mut fields)?;
        }
    }
    fields.finish(status)
}

fn is_signer(signer: &SignerInfo, authority: &TimestampAuthority) -> bool {
    let tbs = authority.leaf.tbs();
    match &signer.sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            id.issuer == tbs.issuer && id.serial_number == tbs.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => authority
            .leaf
            .extensions()
            .value(&oid::SUBJECT_KEY_ID)
            .and_then(|value| OctetStringRef::from_der(value).ok())
            .is_some_and(|own| own.as_bytes() == id.0.as_bytes()),
    }
}

impl TstInfo {
    fn parse(content: &[u8]) -> der::Result<Self> {
        let outer = AnyRef::from_der(content)?;
        outer.tag().assert_eq(Tag::Sequence)?;
        let mut fields = SliceReader::new(outer.value())?;
        if u8::decode(&mut fields)? != 1 {
            return Err(Tag::Integer.value_error());
        }
        ObjectIdentifier::decode(&mut fields)?; // the authority's policy
        let imprint = AnyRef::decode(&mut fields)?;
        imprint.tag().assert_eq(Tag::Sequence)?;
        let mut imprint = SliceReader::new(imprint.value())?;
        let hash = spki::AlgorithmIdentifierRef::decode(&mut imprint)?.oid;
        let hashed_message = OctetStringRef::decode(&mut imprint)?.as_bytes().to_vec();
        imprint.finish(())?;
        Int::decode(&mut fields)?; // serial number
        let time = AnyRef::decode(&mut fields)?;
        time.tag().assert_eq(Tag::GeneralizedTime)?;
        let time =
            generalized_time(time.value()).ok_or_else(|| Tag::GeneralizedTime.value_error())?;
        // accuracy, ordering, nonce, tsa and extensions follow: signed, but not compared
        while !fields.is_finished() {
            AnyRef::decode(&mut fields)?;
        }
        Ok(Self {
            hash,
            hashed_message,
            time,
        })
    }
}

/// `YYYYMMDDhhmmss[.f…]Z` (RFC 3161, 2.4.2); the fraction is dropped.
fn generalized_time(text: &[u8]) -> Option<UnixTime> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let part = |from: usize, to: usize| whole.get(from..to);
    UnixTime::parse(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    ))
    .ok()
}

/// The hash algorithm (v2, if stated) and hash of the first ESSCertID of SigningCertificate(V2).
fn first_cert_id(value: &[u8]) -> der::Result<(Option<ObjectIdentifier>, Vec<u8>)> {
    let outer = AnyRef::from_der(value)?;
    let mut ids = SliceReader::new(outer.value())?;
    let ids = AnyRef::decode(&mut ids)?;
    let mut ids = SliceReader::new(ids.value())?;
    let id = AnyRef::decode(&mut ids)?;
    let mut id = SliceReader::new(id.value())?;
    let algorithm = match id.peek_tag()? {
        Tag::Sequence => Some(spki::AlgorithmIdentifierRef::decode(&mut id)?.oid),
        _ => None,
    };
    let hash = OctetStringRef::decode(&mut id)?.as_bytes().to_vec();
    Ok((algorithm, hash))
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(ReasonCode::TimestampInvalid, why)
}

fn broken(error: der::Error) -> Refusal {
    Refusal::new(ReasonCode::TimestampInvalid, error.to_string())
}

fn untrusted(why: String) -> Refusal {
    Refusal::new(ReasonCode::TimestampUntrusted, why)
}
