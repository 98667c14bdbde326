//! A CA of the registry's own and a certificate from it.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

pub(super) struct Tls {
    pub(super) ca_pem: String,
    /// Certificate and key of a client, where clients must have them.
    pub(super) client_pem: Option<(String, String)>,
    pub(super) acceptor: TlsAcceptor,
}

impl Tls {
    pub(super) fn new(client_certificates: bool) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "countersign testkit registry CA");
        let ca =
            CertifiedIssuer::self_signed(params, new_key()).expect("the parameters are complete");

        let key = new_key();
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let leaf = CertificateParams::new(names)
            .expect("both are valid names")
            .signed_by(&key, &ca);
        let leaf = leaf.expect("the parameters are complete");

        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider supports the default versions");
        let builder = if client_certificates {
            let mut roots = RootCertStore::empty();
            roots
                .add(ca.der().clone())
                .expect("the CA's certificate is one");
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("there is a root"))
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .expect("key and certificate belong together");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client_pem = client_certificates.then(|| {
            let key = new_key();
            let client = CertificateParams::new(["client.example".to_owned()])
                .expect("it is a valid name")
                .signed_by(&key, &ca);
            let client = client.expect("the parameters are complete");
            (client.pem(), key.serialize_pem())
        });
        Self {
            client_pem,
            ca_pem: ca.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the provider makes P-256 keys")
}
