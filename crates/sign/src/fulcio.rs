//! Certificates for ephemeral keys (Fulcio, `fulcio.proto`, `CreateSigningCertificate` over HTTP).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::{Budget, ServiceClient, ServiceRequest, ServiceUrl};
use der::asn1::{Any, BitString, ObjectIdentifier};
use der::{Decode as _, Encode as _, Tag};
use pem_rfc7468::LineEnding;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use x509_cert::Certificate;
use zeroize::Zeroizing;

use crate::answered::{self, malformed};
use crate::{IdentityToken, SignError, SigningKey};

/// A chain of three certificates has 4 KiB.
const MOST_BYTES: usize = 256 * 1024;
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// `SigningCertificate`: which of them there is says where the SCT is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Answer {
    SignedCertificateEmbeddedSct(Issued),
    SignedCertificateDetachedSct(IgnoredAny),
}

#[derive(Deserialize)]
struct Issued {
    chain: Chain,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<String>,
}

/// A certificate for a P-256 key, DER, from the authority at `url`. Whom it is for is compared when it has been verified.
pub(crate) async fn certificate(
    client: &ServiceClient,
    url: &ServiceUrl,
    token: &IdentityToken,
    key: &SigningKey,
    budget: &Budget,
) -> Result<Vec<u8>, SignError> {
    let service = name(url);
    // A signing request proves the key without a guess at which claim of the token is the subject.
    let request = signing_request(key)?;
    let body = Zeroizing::new(
        json!({
            "credentials": {"oidcIdentityToken": token.expose()},
            "certificateSigningRequest": STANDARD.encode(request),
        })
        .to_string(),
    );
    let request = ServiceRequest {
        url: &url.below("api/v2/signingCert"),
        what: "a certificate",
        accept: "application/json",
        bearer: None,
        body: Some(("application/json", body.as_bytes().to_vec())),
        most: MOST_BYTES,
    };
    let answer = answered::ask(client, &service, &request, &[200, 201], budget)
        .await
        .map_err(|error| without(error, token))?;
    leaf(&answer, key, &service)
}

pub(crate) fn name(url: &ServiceUrl) -> String {
    format!("the certificate authority at {}", url.host())
}

/// The first certificate of the answer, which has to be for our key.
fn leaf(answer: &[u8], key: &SigningKey, service: &str) -> Result<Vec<u8>, SignError> {
    // What serde says would show parts of an answer that repeats the token.
    let answer: Answer = serde_json::from_slice(answer)
        .map_err(|_| malformed(service, "it is no JSON of a signing certificate"))?;
    let issued = match answer {
        Answer::SignedCertificateEmbeddedSct(issued) => issued,
        Answer::SignedCertificateDetachedSct(_) => {
            return Err(malformed(
                service,
                "the certificate's proof of transparency (SCT) is beside it, where no bundle has a place for it; let the authority embed it",
            ));
        }
    };
    let first = issued.chain.certificates.first();
    let pem = first.ok_or_else(|| malformed(service, "it has no certificate"))?;
    let (label, der) = pem_rfc7468::decode_vec(pem.trim().as_bytes())
        .map_err(|error| malformed(service, format!("its certificate is no PEM: {error}")))?;
    if label != "CERTIFICATE" {
        return Err(malformed(service, "its PEM block is no CERTIFICATE"));
    }
    let broken = |error: der::Error| malformed(service, format!("its certificate: {error}"));
    let certificate = Certificate::from_der(&der).map_err(broken)?;
    let certified = certificate.tbs_certificate.subject_public_key_info;
    if certified.to_der().map_err(broken)? != key.public_key().spki() {
        return Err(SignError::OtherKey {
            service: service.to_owned(),
        });
    }
    Ok(der)
}

/// A PKCS#10 request (RFC 2986, 4) without a subject, PEM: the authority takes the subject from the token.
fn signing_request(key: &SigningKey) -> Result<String, SignError> {
    let made = |result: der::Result<Vec<u8>>| result.map_err(|_| SignError::Key);
    let sequence = |parts: &[&[u8]]| made(encoded(Tag::Sequence, &parts.concat()));
    const VERSION_1: &[u8] = &[0x02, 0x01, 0x00];
    const NO_SUBJECT: &[u8] = &[0x30, 0x00];
    const NO_ATTRIBUTES: &[u8] = &[0xa0, 0x00];
    let info = sequence(&[
        VERSION_1,
        NO_SUBJECT,
        key.public_key().spki(),
        NO_ATTRIBUTES,
    ])?;
    let algorithm = sequence(&[&made(ECDSA_WITH_SHA256.to_der())?])?;
    let signature = key.sign(&info).map_err(|_| SignError::Key)?;
    let signature = made(BitString::from_bytes(&signature).and_then(|bits| bits.to_der()))?;
    let request = sequence(&[&info, &algorithm, &signature])?;
    pem_rfc7468::encode_string("CERTIFICATE REQUEST", LineEnding::LF, &request)
        .map_err(|_| SignError::Key)
}

fn encoded(tag: Tag, content: &[u8]) -> der::Result<Vec<u8>> {
    Any::new(tag, content)?.to_der()
}

/// The error, without the authority's words if they repeat the token.
fn without(mut error: SignError, token: &IdentityToken) -> SignError {
    if let SignError::Refused { said, .. } = &mut error
        && token.is_told_by(said)
    {
        said.clear();
    }
    error
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use countersign_core::UnixTime;

    use super::*;

    #[test]
    fn an_authority_that_repeats_the_token_is_not_quoted() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let claims = r#"{"iss":"https://a.example","sub":"somebody","exp":100}"#;
        let text = [r#"{"alg":"RS256"}"#, claims, "signature"]
            .map(part)
            .join(".");
        let token = IdentityToken::new(&text, UnixTime::from_seconds(1)).unwrap();
        let said = |said: &str| {
            let error = SignError::Refused {
                service: String::new(),
                what: "a certificate",
                status: 400,
                said: said.to_owned(),
            };
            match without(error, &token) {
                SignError::Refused { said, .. } => said,
                other => panic!("{other}"),
            }
        };
        assert_eq!(said("the token is expired"), "the token is expired");
        assert_eq!(said(&format!("the token {text} is expired")), "");
        assert_eq!(said(&format!("claims {}", part(claims))), "");
    }
}
