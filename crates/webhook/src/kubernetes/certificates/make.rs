//! Keys and certificates: how they are made, and whether one belongs to the other.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::UnixTime;
use der::{Decode as _, Encode as _};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, Error, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{self, CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use x509_cert::Certificate;

use super::held::Authority;
use crate::tls::Pair;

/// By so many seconds a clock that is behind may be wrong.
const BACKDATED: i64 = 3600;

/// A new authority, which lives until then, and its private key, PEM. Its name is its own, so that a chain leads to one alone.
pub(super) fn authority(now: UnixTime, until: UnixTime) -> Result<(Authority, String), Error> {
    let key = KeyPair::generate()?;
    let mut params = params(now, until);
    let number = params.key_identifier(&key);
    let number: String = number
        .iter()
        .take(4)
        .map(|it| format!("{it:02x}"))
        .collect();
    params.distinguished_name.push(
        DnType::CommonName,
        format!("countersign-webhook CA {number}"),
    );
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let der = params.self_signed(&key)?.der().clone();
    let authority = Authority::read(der).ok_or(Error::CouldNotParseCertificate)?;
    Ok((authority, key.serialize_pem()))
}

/// A new serving certificate for these names and addresses with a new key.
pub(super) fn serving(
    authority: &Authority,
    authority_key: &str,
    names: &[String],
    now: UnixTime,
    until: UnixTime,
) -> Result<Pair, Error> {
    let issuer = Issuer::from_ca_cert_pem(&authority.pem, KeyPair::from_pem(authority_key)?)?;
    let key = KeyPair::generate()?;
    let mut params = params(now, until);
    params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
    params
        .distinguished_name
        .push(DnType::CommonName, "countersign-webhook");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(Pair {
        certificate: params.signed_by(&key, &issuer)?.pem().into_bytes(),
        key: key.serialize_pem().into_bytes(),
    })
}

/// Whether it is the private key of this authority.
pub(super) fn is_key_of(key: &str, authority: &Authority) -> bool {
    let Ok(key) = KeyPair::from_pem(key) else {
        return false;
    };
    let certificate = Certificate::from_der(&authority.der).ok();
    let public = certificate.and_then(|it| {
        let public = it.tbs_certificate.subject_public_key_info;
        public.to_der().ok()
    });
    public.is_some_and(|it| it == key.subject_public_key_info())
}

/// Whether an API server that knows these authorities, and them alone, takes it under every name, and certificate and key are one another's.
pub(super) fn is_taken(
    pair: &Pair,
    authorities: &[Authority],
    names: &[String],
    now: UnixTime,
) -> bool {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pair.certificate).collect();
    let (Ok(chain), Ok(key)) = (chain, PrivateKeyDer::from_pem_slice(&pair.key)) else {
        return false;
    };
    if CertifiedKey::from_der(chain.clone(), key, &provider).is_err() {
        return false;
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().map(|it| it.der.clone()));
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let (Ok(verifier), Some((first, others))) = (verifier, chain.split_first()) else {
        return false;
    };
    let seconds = u64::try_from(now.seconds()).unwrap_or(0);
    let now = pki_types::UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    names.iter().all(|name| {
        let Ok(name) = ServerName::try_from(name.as_str()) else {
            return false;
        };
        let taken = verifier.verify_server_cert(first, others, &name, &[], now);
        taken.is_ok()
    })
}

fn params(now: UnixTime, until: UnixTime) -> CertificateParams {
    let at = |seconds: i64| {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    let mut params = CertificateParams::default();
    params.not_before = at(now.seconds() - BACKDATED);
    params.not_after = at(until.seconds());
    params.distinguished_name = DistinguishedName::new();
    params
}
