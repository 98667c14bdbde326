//! What the tests share: a fake Sigstore whose services run, and signers that use them.

use std::time::Duration;

use countersign::{HttpRegistry, UnixTime};
use countersign_core::{Blob, Digest, Facts, Limits, PublicKey, Trust, TrustRoot, examine_blob};
use countersign_sign::{
    IdentitySource, IdentityToken, SignError, SignedBundle, Signer, SigningConfig, SigningKey,
    SigningServices, Statement,
};
use countersign_testkit::forge::{Forge, Services, token_of};
use serde_json::{Map, Value, json};

pub(crate) const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);
pub(crate) const ISSUER: &str = "https://accounts.acme.example";
pub(crate) const CERTIFICATE: &str = "/api/v2/signingCert";
pub(crate) const STAMP: &str = "/api/v1/timestamp";
pub(crate) const ENTRY_V1: &str = "/api/v1/log/entries";
pub(crate) const ENTRY_V2: &str = "/api/v2/log/entries";

pub(crate) struct Scene {
    pub(crate) forge: Forge,
    pub(crate) services: Services,
    pub(crate) config: Value,
}

impl Scene {
    /// With Rekor v2, or v1.
    pub(crate) fn with_log(generation: u8) -> Self {
        let forge = Forge::new(NOW.seconds());
        let services = Services::start(&forge);
        let config = services.signing_config(generation);
        Self {
            forge,
            services,
            config,
        }
    }

    pub(crate) fn new() -> Self {
        Self::with_log(2)
    }

    pub(crate) fn root(&self) -> TrustRoot {
        TrustRoot::from_json("forge", self.forge.trusted_root().as_bytes()).unwrap()
    }

    pub(crate) fn chosen(&self) -> SigningServices {
        self.chosen_under(self.root())
    }

    pub(crate) fn chosen_under(&self, root: TrustRoot) -> SigningServices {
        let config = SigningConfig::from_json(self.config.to_string().as_bytes()).unwrap();
        let client = HttpRegistry::new()
            .timeouts(Duration::from_secs(2), Duration::from_millis(500))
            .retries(0, Duration::from_millis(1))
            .services();
        let services = SigningServices::new(&config, root, client, NOW).unwrap();
        services.timeout(Duration::from_secs(10))
    }

    pub(crate) fn keyless(&self) -> Signer {
        self.keyless_as(&claims())
    }

    pub(crate) fn keyless_as(&self, claims: &Value) -> Signer {
        let token = IdentityToken::new(&token_of(claims), NOW).unwrap();
        Signer::keyless(self.chosen(), IdentitySource::Token(token)).unwrap()
    }

    pub(crate) fn keyed(&self) -> Signer {
        Signer::witnessed(key(), self.chosen()).unwrap()
    }

    /// The paths that were asked since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = self.services.asked().into_iter();
        asked.map(|request| request.path).collect()
    }

    /// What the whole bundle proves under the root of this scene, with the key trusted too.
    pub(crate) fn facts(&self, bundle: &SignedBundle) -> Facts {
        let keys: Vec<PublicKey> = vec![key().public_key().clone()];
        let trust = Trust::new(vec![self.root()], keys).unwrap();
        let blob = Blob::Digest(*bundle.image());
        let findings = examine_blob(blob, bundle.bytes(), &trust, &Limits::default());
        assert!(findings.rejected().is_empty(), "{findings:#?}");
        let [verified] = findings.verified() else {
            panic!("{findings:#?}");
        };
        verified.facts().clone()
    }
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_pem(include_str!("../keys/p256.pem"), None).unwrap()
}

/// The claims of a person's token.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "17", "email": "dev@acme.example", "email_verified": true,
        "aud": "sigstore", "iat": NOW.seconds() - 5, "nbf": NOW.seconds() - 5,
        "exp": NOW.seconds() + 600,
    })
}

pub(crate) fn statement() -> Statement {
    let kind = "https://acme.example/release/v1";
    let predicate: Map<String, Value> = [("stage".to_owned(), json!("prod"))].into_iter().collect();
    Statement::new(Digest::of(b"an image"), "acme/app", kind, predicate).unwrap()
}

pub(crate) async fn sign(signer: &Signer) -> Result<SignedBundle, SignError> {
    signer.sign(&statement(), NOW).await
}
