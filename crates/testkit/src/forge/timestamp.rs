//! A timestamp authority and its tokens (RFC 3161, RFC 5652, RFC 5816).

use super::certificate::{Certificate, Issued, Name, TIME_STAMPING};
use super::der;
use super::key::{Algorithm, Hash, Key};

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
/// The content type of timestamps.
pub const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";

/// A timestamp authority: a chain, and the key of its leaf.
#[derive(Clone, Debug)]
pub struct TimestampAuthority {
    /// What it signs tokens with.
    pub key: Key,
    /// The certificate of that key.
    pub leaf: Issued,
    /// Between leaf and root, if there is one.
    pub intermediate: Option<Issued>,
    /// Self-signed.
    pub root: Issued,
}

/// A timestamp token before it is signed.
#[derive(Clone, Debug)]
pub struct Timestamp {
    /// `PKIStatus`: 0 granted, 1 granted with modifications, 2 rejection.
    pub status: u8,
    /// eContentType.
    pub content_type: String,
    /// The hash named in the imprint.
    pub imprint_hash: Hash,
    /// The imprint: the hash of what is stamped.
    pub imprint: Vec<u8>,
    /// genTime in seconds since 1970.
    pub time: i64,
    /// The nonce, as big-endian bytes.
    pub nonce: Vec<u8>,
    /// Certificates in the token, DER.
    pub certificates: Vec<Vec<u8>>,
    /// What signs.
    pub key: Key,
    /// Names the signer: its issuer and serial number.
    pub signer: Issued,
    /// The hash over content and attributes; the authority of Sigstore uses SHA-256 even with a P-384 key.
    pub digest: Hash,
    /// The signed attribute contentType; `None` leaves it out.
    pub content_type_attribute: Option<String>,
    /// The signed attribute messageDigest; `Some` is written as it is.
    pub message_digest: Option<Vec<u8>>,
    /// Whether there is a messageDigest attribute.
    pub has_message_digest: bool,
    /// The certificate whose hash the attribute signingCertificateV2 names; `None` leaves it out.
    pub signing_certificate: Option<Vec<u8>>,
    /// How many SignerInfos there are.
    pub signer_infos: usize,
    /// Bytes behind the response.
    pub trailing: Vec<u8>,
}

/// How to make a [`TimestampAuthority`].
pub(crate) struct Recipe<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) organization: &'a str,
    pub(crate) now: i64,
    pub(crate) intermediate: bool,
    pub(crate) edit_root: Option<&'a super::Edit<'a, Certificate>>,
    pub(crate) edit_intermediate: Option<&'a super::Edit<'a, Certificate>>,
    pub(crate) edit_leaf: Option<&'a super::Edit<'a, Certificate>>,
}

impl Recipe<'_> {
    pub(crate) fn make(self) -> TimestampAuthority {
        let edited = |mut certificate: Certificate, edit: Option<&super::Edit<'_, Certificate>>| {
            if let Some(edit) = edit {
                edit(&mut certificate);
            }
            certificate
        };
        let (root_key, key) = (Key::generate(self.algorithm), Key::generate(self.algorithm));
        let root_name = Name::new(self.organization, "forge-tsa-selfsigned");
        let mut root = super::ca_certificate(&root_key, &root_name, self.now);
        root.push_key_identifiers(&root_key, None);
        let root = edited(root, self.edit_root).issue(&root_key);

        let (mut issuer_name, mut issuer_key, mut intermediate) = (root_name, root_key, None);
        if self.intermediate {
            let key = Key::generate(self.algorithm);
            let name = Name::new(self.organization, "forge-tsa-intermediate");
            let mut certificate = super::ca_certificate(&key, &name, self.now);
            certificate.issuer = issuer_name;
            certificate.push_purposes(false, &[TIME_STAMPING]);
            certificate.push_key_identifiers(&key, Some(&issuer_key));
            intermediate = Some(edited(certificate, self.edit_intermediate).issue(&issuer_key));
            (issuer_name, issuer_key) = (name, key);
        }

        let mut leaf =
            Certificate::new(&key, self.now - 2 * super::YEAR, self.now + 2 * super::YEAR);
        leaf.issuer = issuer_name;
        leaf.subject = Name::new(self.organization, "forge-tsa");
        leaf.push_key_usage(0x80);
        leaf.push_key_identifiers(&key, Some(&issuer_key));
        leaf.push_purposes(true, &[TIME_STAMPING]);
        let leaf = edited(leaf, self.edit_leaf).issue(&issuer_key);
        TimestampAuthority {
            key,
            leaf,
            intermediate,
            root,
        }
    }
}

impl TimestampAuthority {
    /// A stamp on `message`, with the leaf certificate in it.
    pub(crate) fn stamp(&self, message: &[u8], time: i64) -> Timestamp {
        Timestamp {
            status: 0,
            content_type: TST_INFO.into(),
            imprint_hash: Hash::Sha256,
            imprint: Hash::Sha256.of(message),
            time,
            nonce: Hash::Sha256.of(&Hash::Sha256.of(message))[16..24].to_vec(),
            certificates: vec![self.leaf.der.clone()],
            key: self.key.clone(),
            signer: self.leaf.clone(),
            digest: Hash::Sha256,
            content_type_attribute: Some(TST_INFO.into()),
            message_digest: None,
            has_message_digest: true,
            signing_certificate: Some(self.leaf.der.clone()),
            signer_infos: 1,
            trailing: Vec::new(),
        }
    }

    /// Leaf first, root last.
    #[must_use]
    pub fn chain(&self) -> Vec<Issued> {
        let ends = [
            Some(&self.leaf),
            self.intermediate.as_ref(),
            Some(&self.root),
        ];
        ends.into_iter().flatten().cloned().collect()
    }
}

impl Timestamp {
    /// The DER TimeStampResp (RFC 3161, 2.4.2).
    pub(crate) fn signed(&self) -> Vec<u8> {
        let content = self.info();
        let mut signed_data = vec![
            der::integer(3),
            der::set_of(&[self.digest.algorithm_identifier()]),
            der::sequence(&[
                der::oid(&self.content_type),
                der::context(0, &der::octets(&content)),
            ]),
        ];
        if !self.certificates.is_empty() {
            signed_data.push(der::context(0, &self.certificates.concat()));
        }
        let signer_infos = vec![self.signer_info(&content); self.signer_infos];
        signed_data.push(der::set_of(&signer_infos));

        let token = der::sequence(&[
            der::oid(SIGNED_DATA),
            der::context(0, &der::sequence(&signed_data)),
        ]);
        let mut response = vec![der::sequence(&[der::integer(self.status)])];
        if self.status < 2 {
            response.push(token);
        }
        [der::sequence(&response), self.trailing.clone()].concat()
    }

    /// TSTInfo.
    fn info(&self) -> Vec<u8> {
        let serial = Hash::Sha256.of(&self.imprint);
        der::sequence(&[
            der::integer(1),
            der::oid("1.3.6.1.4.1.57264.2"),
            der::sequence(&[
                self.imprint_hash.algorithm_identifier(),
                der::octets(&self.imprint),
            ]),
            der::unsigned(&serial[..16]),
            der::generalized(self.time),
            der::sequence(&[der::integer(1)]),
            der::unsigned(&self.nonce),
        ])
    }

    fn signer_info(&self, content: &[u8]) -> Vec<u8> {
        let attributes = self.attributes(content);
        // Signed as a SET, shown as [0] (RFC 5652, 5.4).
        let signature = self.key.sign_with(self.digest, &der::set_of(&attributes));
        der::sequence(&[
            der::integer(1),
            der::sequence(&[
                self.signer.certificate.issuer.to_der(),
                der::unsigned(&self.signer.certificate.serial),
            ]),
            self.digest.algorithm_identifier(),
            der::context(0, &der::sorted(&attributes)),
            self.key.signature_algorithm(self.digest),
            der::octets(&signature),
        ])
    }

    fn attributes(&self, content: &[u8]) -> Vec<Vec<u8>> {
        let attribute =
            |oid: &str, value: Vec<u8>| der::sequence(&[der::oid(oid), der::set_of(&[value])]);
        let mut attributes = vec![attribute("1.2.840.113549.1.9.5", der::time(self.time))];
        if let Some(content_type) = &self.content_type_attribute {
            attributes.push(attribute("1.2.840.113549.1.9.3", der::oid(content_type)));
        }
        if self.has_message_digest {
            let digest = self
                .message_digest
                .clone()
                .unwrap_or_else(|| self.digest.of(content));
            attributes.push(attribute("1.2.840.113549.1.9.4", der::octets(&digest)));
        }
        if let Some(certificate) = &self.signing_certificate {
            // ESSCertIDv2 with the default hash, SHA-256 (RFC 5816, 2.2.1).
            let id = der::sequence(&[der::octets(&Hash::Sha256.of(certificate))]);
            let value = der::sequence(&[der::sequence(&[id])]);
            attributes.push(attribute("1.2.840.113549.1.9.16.2.47", value));
        }
        attributes
    }
}
