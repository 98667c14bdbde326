//! What the Secret holds.

use std::collections::BTreeMap;

use countersign_core::UnixTime;
use der::Decode as _;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_cert::Certificate;
use x509_cert::der::EncodePem as _;
use x509_cert::der::pem::LineEnding;

use crate::tls::{self, Pair};

const TYPE: &str = "kubernetes.io/tls";
/// By this annotation the webhook knows its own Secret: no other is ever written to.
const MADE_BY: &str = "countersign.dev/made-by";
const US: &str = "countersign-webhook";

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITIES: &str = "ca.crt";
const AUTHORITY_KEY: &str = "ca.key";

/// A certificate of an authority.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) pem: String,
    pub(super) der: CertificateDer<'static>,
    pub(super) ends: UnixTime,
}

/// Serving certificate and authorities, of each what can be read.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) serving: Option<Pair>,
    /// The one that issues first, then those whose certificates may still be served.
    pub(super) authorities: Vec<Authority>,
    /// The private key of the first authority, PEM.
    pub(super) key: Option<String>,
}

impl Authority {
    pub(super) fn read(der: CertificateDer<'static>) -> Option<Self> {
        let certificate = Certificate::from_der(&der).ok()?;
        let pem = certificate.to_pem(LineEnding::LF).ok()?;
        let ends = tls::expires(pem.as_bytes())?;
        Some(Self { pem, der, ends })
    }
}

impl Held {
    /// What a Secret holds; what of it is broken is left out.
    ///
    /// # Errors
    /// If the Secret holds something and is not of the webhook's making: it is somebody else's, and never written to.
    pub(super) fn read(secret: &Secret) -> Result<Self, String> {
        let data = secret.data.clone().unwrap_or_default();
        let is_empty = data.values().all(|it| it.0.is_empty());
        let annotations = secret.metadata.annotations.as_ref();
        let is_ours = annotations
            .and_then(|it| it.get(MADE_BY))
            .is_some_and(|it| it == US);
        if secret.type_.as_deref() != Some(TYPE) {
            let found = secret.type_.as_deref().unwrap_or("none");
            return Err(format!(
                "it is of the type `{found}` and has to be of `{TYPE}`"
            ));
        }
        if !is_ours && !is_empty {
            return Err(format!(
                "it holds something and has no annotation `{MADE_BY}: {US}`: it is not of this webhook's making"
            ));
        }
        let text = |name: &str| {
            let bytes = data.get(name).filter(|it| !it.0.is_empty())?;
            String::from_utf8(bytes.0.clone()).ok()
        };
        let serving = text(CERTIFICATE)
            .zip(text(KEY))
            .map(|(certificate, key)| Pair {
                certificate: certificate.into_bytes(),
                key: key.into_bytes(),
            });
        let bundle = text(AUTHORITIES).unwrap_or_default();
        let authorities = CertificateDer::pem_slice_iter(bundle.as_bytes())
            .filter_map(Result::ok)
            .filter_map(Authority::read);
        Ok(Self {
            serving,
            authorities: authorities.collect(),
            key: text(AUTHORITY_KEY),
        })
    }

    /// The Secret that holds this, in the place of one that was `found`: of what is not the webhook's nothing is lost.
    pub(super) fn write(&self, name: &str, found: Option<Secret>) -> Secret {
        let mut secret = found.unwrap_or_else(|| Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            type_: Some(TYPE.to_owned()),
            ..Secret::default()
        });
        let annotations = secret.metadata.annotations.get_or_insert_default();
        annotations.insert(MADE_BY.to_owned(), US.to_owned());
        let data: &mut BTreeMap<_, _> = secret.data.get_or_insert_default();
        let mut put = |name: &str, bytes: &[u8]| {
            data.insert(name.to_owned(), ByteString(bytes.to_vec()));
        };
        put(AUTHORITIES, self.bundle().as_bytes());
        if let Some(key) = &self.key {
            put(AUTHORITY_KEY, key.as_bytes());
        }
        if let Some(pair) = &self.serving {
            put(CERTIFICATE, &pair.certificate);
            put(KEY, &pair.key);
        }
        secret
    }

    /// All authorities, PEM, as a `caBundle` has them.
    pub(super) fn bundle(&self) -> String {
        self.authorities.iter().map(|it| it.pem.as_str()).collect()
    }

    /// The same with what was known `before` in the place of what is missing. The authority's key is not among it: whoever deletes the Secret wants another.
    pub(super) fn or(mut self, before: &Self) -> Self {
        if self.authorities.is_empty() {
            self.authorities.clone_from(&before.authorities);
        }
        if self.serving.is_none() {
            self.serving.clone_from(&before.serving);
        }
        self
    }
}
