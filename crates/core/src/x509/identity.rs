//! Step 19: the identity that Fulcio wrote into a leaf (`docs/oid-info.md` of Fulcio).

use der::asn1::{ObjectIdentifier, Utf8StringRef};
use der::{AnyRef, Decode as _, Tag, Tagged as _};
use x509_cert::ext::pkix::{SubjectAltName, name::GeneralName};

use super::{Cert, Extensions, oid};
use crate::{Certificate, CiClaims, San};

/// Reads SAN, issuer and CI claims. Exactly one subject alternative name; the issuer from .1.8, from .1.1 only if .1.8 is
/// absent; anything malformed is an error, anything missing matches nothing.
pub(crate) fn identity(cert: &Cert) -> Result<Certificate, String> {
    let extensions = cert.extensions();
    let issuer = match der_text(extensions, 8)? {
        Some(issuer) => issuer,
        None => raw_text(extensions, 1)?.ok_or("it names no OIDC issuer")?,
    };
    if issuer.is_empty() {
        return Err("its OIDC issuer is empty".to_owned());
    }
    let claims = CiClaims {
        github_workflow_trigger: raw_text(extensions, 2)?,
        github_workflow_sha: raw_text(extensions, 3)?,
        github_workflow_name: raw_text(extensions, 4)?,
        github_workflow_repository: raw_text(extensions, 5)?,
        github_workflow_ref: raw_text(extensions, 6)?,
        build_signer_uri: der_text(extensions, 9)?,
        build_signer_digest: der_text(extensions, 10)?,
        runner_environment: der_text(extensions, 11)?,
        source_repository_uri: der_text(extensions, 12)?,
        source_repository_digest: der_text(extensions, 13)?,
        source_repository_ref: der_text(extensions, 14)?,
        source_repository_identifier: der_text(extensions, 15)?,
        source_repository_owner_uri: der_text(extensions, 16)?,
        source_repository_owner_identifier: der_text(extensions, 17)?,
        build_config_uri: der_text(extensions, 18)?,
        build_config_digest: der_text(extensions, 19)?,
        build_trigger: der_text(extensions, 20)?,
        run_invocation_uri: der_text(extensions, 21)?,
        source_repository_visibility_at_signing: der_text(extensions, 22)?,
        deployment_environment: der_text(extensions, 23)?,
        token_subject: der_text(extensions, 24)?,
    };
    Ok(Certificate {
        fingerprint: cert.fingerprint(),
        san: subject_alternative_name(extensions)?,
        issuer,
        claims,
    })
}

fn subject_alternative_name(extensions: &Extensions) -> Result<San, String> {
    let value = extensions
        .value(&oid::SUBJECT_ALT_NAME)
        .ok_or("it has no subject alternative name")?;
    let names = SubjectAltName::from_der(value)
        .map_err(|error| format!("subject alternative name: {error}"))?
        .0;
    let [name] = names.as_slice() else {
        return Err(format!(
            "it has {} subject alternative names, not one",
            names.len()
        ));
    };
    let san = match name {
        GeneralName::Rfc822Name(email) => San::Email(email.to_string()),
        GeneralName::UniformResourceIdentifier(uri) => San::Uri(uri.to_string()),
        GeneralName::DnsName(dns) => San::Dns(dns.to_string()),
        GeneralName::OtherName(other) if other.type_id == fulcio(7) => {
            let text = other
                .value
                .decode_as::<Utf8StringRef<'_>>()
                .map_err(|error| format!("OtherName: {error}"))?;
            San::OtherName(text.to_string())
        }
        _ => {
            return Err(
                "its subject alternative name is of a kind that Fulcio never issues".into(),
            );
        }
    };
    if san.value().is_empty() || san.value().contains('\0') {
        return Err("its subject alternative name is empty or has a NUL".to_owned());
    }
    Ok(san)
}

/// 1.3.6.1.4.1.57264.1.`arc`
fn fulcio(arc: u8) -> ObjectIdentifier {
    const BASE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");
    BASE.push_arc(arc.into())
        .expect("nine arcs and one more fit into an object identifier")
}

/// Extensions .1.1 to .1.6 hold the bare text.
fn raw_text(extensions: &Extensions, arc: u8) -> Result<Option<String>, String> {
    extensions
        .value(&fulcio(arc))
        .map(|value| {
            String::from_utf8(value.to_vec())
                .map_err(|_| format!("extension .1.{arc} is not UTF-8"))
        })
        .transpose()
}

/// Extensions .1.8 and later hold a DER UTF8String, and nothing behind it.
fn der_text(extensions: &Extensions, arc: u8) -> Result<Option<String>, String> {
    extensions
        .value(&fulcio(arc))
        .map(|value| {
            let malformed = || format!("extension .1.{arc} is not a DER UTF8String");
            let any = AnyRef::from_der(value).map_err(|_| malformed())?;
            if any.tag() != Tag::Utf8String {
                return Err(malformed());
            }
            String::from_utf8(any.value().to_vec()).map_err(|_| malformed())
        })
        .transpose()
}
