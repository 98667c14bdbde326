//! Which client certificates are taken, by name.

use std::fmt;
use std::sync::Arc;

use der::Decode as _;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Takes what another verifier takes, if the certificate has one of these names besides.
pub(super) struct Named {
    inner: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl Named {
    pub(super) fn new(inner: Arc<dyn ClientCertVerifier>, names: Vec<String>) -> Self {
        Self { inner, names }
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl ClientCertVerifier for Named {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .inner
            .verify_client_cert(end_entity, intermediates, now)?;
        match has_name(end_entity, &self.names) {
            true => Ok(verified),
            false => Err(Error::General(
                "the client certificate has none of the names that are configured".to_owned(),
            )),
        }
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Whether a common name or a DNS name of the certificate is one of `names`. One that cannot be read has no name.
fn has_name(certificate: &[u8], names: &[String]) -> bool {
    let Ok(certificate) = Certificate::from_der(certificate) else {
        return false;
    };
    let is_wanted = |name: &str| names.iter().any(|wanted| wanted == name);
    let subject = &certificate.tbs_certificate.subject;
    let attributes = subject.0.iter().flat_map(|part| part.0.iter());
    let mut common = attributes.filter(|it| it.oid == const_oid::db::rfc4519::COMMON_NAME);
    // Whatever kind of string it is: its bytes are compared, and names are ASCII.
    let common = common.any(|it| std::str::from_utf8(it.value.value()).is_ok_and(is_wanted));
    let alternative = certificate
        .tbs_certificate
        .get::<SubjectAltName>()
        .ok()
        .flatten();
    common
        || alternative.is_some_and(|(_, names)| {
            names
                .0
                .iter()
                .any(|name| matches!(name, GeneralName::DnsName(name) if is_wanted(name.as_str())))
        })
}
