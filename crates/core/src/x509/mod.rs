//! Certificates: strict parsing, the bytes that were signed, and the checks that are the same for every chain.
//!
//! A chain here is what a trust root lists and one leaf, so there are no paths to search: each certificate is checked against the
//! next, its windows arithmetically at every proven time.

mod extensions;
mod identity;
mod names;

use der::{Decode as _, Encode as _, Reader as _, SliceReader, asn1::ObjectIdentifier};
use x509_cert::Certificate as Parsed;

pub(crate) use extensions::{Extensions, oid};
pub(crate) use identity::identity;
pub(crate) use names::Constraints;

use crate::trust::Scheme;
use crate::{Digest, KeyError, PublicKey, UnixTime};

/// Why a certificate cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertError {
    /// Its key is of a kind that nobody here verifies with.
    #[error("its key is not supported: {0}")]
    Unsupported(String),
    #[error("{0}")]
    Malformed(String),
}

impl From<String> for CertError {
    fn from(why: String) -> Self {
        Self::Malformed(why)
    }
}

impl From<&str> for CertError {
    fn from(why: &str) -> Self {
        Self::Malformed(why.to_owned())
    }
}

/// One certificate, parsed once; `der` is what was signed, never a re-encoding.
#[derive(Debug, Clone)]
pub(crate) struct Cert {
    der: Vec<u8>,
    parsed: Parsed,
    key: PublicKey,
    extensions: Extensions,
    not_before: UnixTime,
    not_after: UnixTime,
}

impl Cert {
    /// Reads one DER certificate: X.509 v3, a supported key, no duplicate extension.
    pub(crate) fn parse(der: Vec<u8>) -> Result<Self, CertError> {
        let mut parsed = Parsed::from_der(&der).map_err(|error| error.to_string())?;
        let tbs = &mut parsed.tbs_certificate;
        if tbs.version != x509_cert::Version::V3 {
            return Err("not an X.509 v3 certificate".into());
        }
        if tbs.signature != parsed.signature_algorithm {
            return Err("two different signature algorithms".into());
        }
        let spki = tbs
            .subject_public_key_info
            .to_der()
            .map_err(|error| error.to_string())?;
        let key = PublicKey::from_spki(&spki).map_err(|error| match error {
            KeyError::Unsupported(why) => CertError::Unsupported(why),
            other => CertError::Malformed(other.to_string()),
        })?;
        let extensions = Extensions::of(tbs)?;
        let seconds = |time: &x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs())
                .map(UnixTime::from_seconds)
                .map_err(|error| error.to_string())
        };
        Ok(Self {
            not_before: seconds(&tbs.validity.not_before)?,
            not_after: seconds(&tbs.validity.not_after)?,
            der,
            key,
            extensions,
            parsed,
        })
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(crate) const fn key(&self) -> &PublicKey {
        &self.key
    }

    pub(crate) const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    pub(crate) fn fingerprint(&self) -> Digest {
        Digest::of(&self.der)
    }

    pub(crate) const fn tbs(&self) -> &x509_cert::TbsCertificate {
        &self.parsed.tbs_certificate
    }

    pub(crate) fn subject(&self) -> String {
        self.parsed.tbs_certificate.subject.to_string()
    }

    pub(crate) fn issued_by_name(&self, issuer: &Self) -> bool {
        self.parsed.tbs_certificate.issuer == issuer.parsed.tbs_certificate.subject
    }

    /// Whether notBefore ≤ `time` ≤ notAfter.
    pub(crate) fn valid_at(&self, time: UnixTime) -> bool {
        self.not_before <= time && time <= self.not_after
    }

    /// `notBefore to notAfter`, for messages.
    pub(crate) fn validity(&self) -> String {
        format!("{} to {}", self.not_before, self.not_after)
    }

    /// Whether `issuer` signed this certificate: names agree and the signature over the original TBS bytes verifies.
    pub(crate) fn issued_by(&self, issuer: &Self) -> bool {
        self.issued_by_name(issuer) && self.signature_verifies(issuer).unwrap_or(false)
    }

    fn signature_verifies(&self, issuer: &Self) -> Option<bool> {
        let mut inner = SliceReader::new(content(&self.der)?).ok()?;
        let tbs = inner.tlv_bytes().ok()?;
        let scheme = Scheme::of(content(inner.tlv_bytes().ok()?)?)?;
        let signature = self.parsed.signature.as_bytes()?;
        Some(issuer.key.verify_scheme(scheme, tbs, signature).is_ok())
    }

    /// Its name constraints, for what it issues.
    pub(crate) fn name_constraints(&self) -> Result<Option<Constraints>, String> {
        Constraints::of(self)
    }

    /// Whether this may issue certificates with `below` further authorities beneath it, for `usage`.
    pub(crate) fn check_authority(
        &self,
        below: usize,
        usage: ObjectIdentifier,
    ) -> Result<(), String> {
        let basic = self
            .extensions
            .basic_constraints()?
            .filter(|basic| basic.ca)
            .ok_or("not a certificate authority")?;
        if basic
            .path_len_constraint
            .is_some_and(|max| usize::from(max) < below)
        {
            return Err("its path length forbids the chain".to_owned());
        }
        if !self
            .extensions
            .key_usage()?
            .is_some_and(|usage| usage.key_cert_sign())
        {
            return Err("its KeyUsage lacks keyCertSign".to_owned());
        }
        let usages = self.extensions.extended_key_usage()?;
        if usages.is_some_and(|usages| {
            !usages.contains(&usage) && !usages.contains(&oid::ANY_EXTENDED_KEY_USAGE)
        }) {
            return Err(format!("its extended key usage lacks {usage}"));
        }
        self.extensions.check_critical()
    }
}

/// The content of one TLV.
fn content(tlv: &[u8]) -> Option<&[u8]> {
    let header = SliceReader::new(tlv).ok()?.peek_header().ok()?;
    tlv.get(usize::try_from(header.encoded_len().ok()?).ok()?..)
}
