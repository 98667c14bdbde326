//! Statements that `countersign-sign` signs with a real Sigstore: by an identity, and by keys with log entry and timestamp. Real cosign
//! and countersign believe them when attached to images, with their logs and times, and not as somebody else's.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::time::SystemTime;

use countersign::{
    Checker, HttpRegistry, Image, ImageRef, PolicySet, ServiceClient, Source, UnixTime, Verdict,
};
use countersign_core::{NoFiles, TrustRoot};
use countersign_e2e::{
    EMAIL_ISSUER, Identity, Output, Parts, REGISTRY_PARTS, Registry, RegistryKind, SIGSTORE_PARTS,
    Sigstore, WORKFLOW_ISSUER, outcome, parts, workspace,
};
use countersign_sign::{
    Attacher, IdentitySource, IdentityToken, SignError, SignedBundle, Signer, SigningConfig,
    SigningKey, SigningServices, Statement,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const KIND: &str = "https://slsa.dev/verification_summary/v1";
const DEVELOPER: &str = "dev@acme.example";
const WORKFLOW: &str = "acme/app:acme/ci/.github/workflows/release.yml@refs/heads/main";

struct Scene {
    parts: Parts,
    sigstore: Sigstore,
    registry: Registry,
    folder: TempDir,
}

impl Scene {
    /// Nothing where the real parts are not asked for.
    fn set() -> Option<Self> {
        let parts = parts(&[&REGISTRY_PARTS[..], &SIGSTORE_PARTS[..]].concat())?;
        let folder = tempfile::tempdir().unwrap();
        let sigstore = Sigstore::start(&parts, folder.path()).unwrap();
        let registry = Registry::start(&parts, RegistryKind::WithReferrers).unwrap();
        Some(Self {
            parts,
            sigstore,
            registry,
            folder,
        })
    }

    fn services(&self) -> SigningServices {
        let config = fs::read(self.sigstore.signing_config()).unwrap();
        let config = SigningConfig::from_json(&config).unwrap();
        let root = fs::read(self.sigstore.trusted_root()).unwrap();
        let root = TrustRoot::from_json("private", &root).unwrap();
        SigningServices::new(&config, root, ServiceClient::new(), now()).unwrap()
    }

    fn keyless(&self, identity: &str) -> Signer {
        let identity: Identity = identity.parse().unwrap();
        let token = self.sigstore.token(&identity).unwrap();
        let token = IdentityToken::new(&token, now()).unwrap();
        Signer::keyless(self.services(), IdentitySource::Token(token)).unwrap()
    }

    /// Signs a summary about a new image and attaches it; gives the image and the bundle.
    async fn attested(&self, name: &str, signer: &Signer) -> (String, SignedBundle) {
        let image = self.registry.push("acme/app", name, name).unwrap();
        let bundle = signer.sign(&summary(&image), now()).await.unwrap();
        let attacher = Attacher::new(client(&self.registry));
        let named = ImageRef::parse(&image).unwrap();
        attacher.attach(&named, &bundle, now()).await.unwrap();
        (image, bundle)
    }

    /// What cosign 3 says, under the trusted root alone: with log entry and timestamp.
    fn cosign(&self, image: &str, whose: &[&str]) -> Output {
        let mut cosign = self.parts.command("cosign3");
        cosign
            .args(["verify-attestation", "--allow-http-registry"])
            .args(["--use-signed-timestamps", "--type", KIND])
            .args(whose)
            .arg("--trusted-root")
            .arg(self.sigstore.trusted_root())
            .env("TUF_ROOT", self.folder.path().join("tuf"));
        outcome(cosign.arg(image)).unwrap()
    }

    /// What a policy says that demands log, timestamp and an age from this signer.
    async fn verdict(&self, image: &str, signer: &str) -> Verdict {
        let root = fs::read_to_string(self.sigstore.trusted_root()).unwrap();
        let root: Value = serde_json::from_str(&root).unwrap();
        let text = format!(
            r#"
apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {{name: e2e}}
spec: {{unmatched: deny}}
---
apiVersion: countersign.dev/v1alpha1
kind: TrustRoot
metadata: {{name: private}}
spec: {{sct: required, trustedRoot: {root}}}
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: promoter}}
spec:
  trust: private
  log: required
  time: timestamp
  formats: [bundle]
{signer}
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: promoted}}
spec:
  images: ["**"]
  rules: [{{name: promoted, statement: {{from: promoter, predicateType: "{KIND}", maxAge: 1h}}}}]
"#
        );
        let name = "policy.yaml".to_owned();
        let loaded = PolicySet::load(&[Source { name, text }], &NoFiles, &[]);
        let policies = loaded
            .policies
            .unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
        let checker = Checker::new(policies).registry(client(&self.registry));
        let image = Image::parse(image).unwrap();
        checker.check(&image, now()).await.effect()
    }
}

fn now() -> UnixTime {
    SystemTime::now().into()
}

fn client(registry: &Registry) -> HttpRegistry {
    HttpRegistry::new().plain_http(registry.host())
}

fn summary(image: &str) -> Statement {
    let image = ImageRef::parse(image).unwrap();
    let predicate = json!({"verificationResult": "PASSED", "verifiedLevels": ["ACME_STAGING"]});
    let predicate = predicate.as_object().unwrap().clone();
    let digest = *image.digest().unwrap();
    Statement::new(digest, &image.to_string(), KIND, predicate).unwrap()
}

fn key(file: &str) -> SigningKey {
    let text = fs::read_to_string(workspace().join("crates/sign/tests/keys").join(file)).unwrap();
    SigningKey::from_pem(&text, None).unwrap()
}

fn certified_for(subject: &str, issuer: &str) -> [String; 4] {
    [
        "--certificate-identity",
        subject,
        "--certificate-oidc-issuer",
        issuer,
    ]
    .map(str::to_owned)
}

#[tokio::test]
async fn what_an_identity_signs_is_believed_as_its_own() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let begun = now();
    let workflow = "https://github.com/acme/ci/.github/workflows/release.yml@refs/heads/main";
    let github = r#"  keyless:
    issuer: https://token.actions.githubusercontent.com
    subject: {workflow: {path: acme/ci/.github/workflows/release.yml, refs: [refs/heads/main]}}
    source: {repository: acme/app, repositoryId: "123", refs: [refs/heads/main], events: [push], runner: github-hosted}"#;
    let email = |address: &str| {
        format!("  keyless: {{issuer: {EMAIL_ISSUER}, subject: {{email: {address}}}}}")
    };
    for (name, identity, subject, issuer, signer) in [
        (
            "person",
            DEVELOPER,
            DEVELOPER,
            EMAIL_ISSUER,
            email(DEVELOPER),
        ),
        (
            "workflow",
            WORKFLOW,
            workflow,
            WORKFLOW_ISSUER,
            github.to_owned(),
        ),
    ] {
        let (image, bundle) = scene.attested(name, &scene.keyless(identity)).await;
        let signed_at = bundle.signed_at().unwrap();
        assert!(begun.plus(-2) <= signed_at && signed_at <= now().plus(2));
        let whose = certified_for(subject, issuer);
        let whose: Vec<&str> = whose.iter().map(String::as_str).collect();
        let cosign = scene.cosign(&image, &whose);
        assert_eq!(cosign.code, Some(0), "{name}: {cosign:#?}");
        assert_eq!(scene.verdict(&image, &signer).await, Verdict::Allow);
        // As somebody else's it counts for neither.
        let other = email("other@acme.example");
        assert_eq!(scene.verdict(&image, &other).await, Verdict::Deny);
        let other = certified_for("other@acme.example", issuer);
        let other: Vec<&str> = other.iter().map(String::as_str).collect();
        let cosign = scene.cosign(&image, &other);
        assert_eq!(cosign.code, Some(1), "{name}: {cosign:#?}");
    }
}

#[tokio::test]
async fn what_a_key_signs_has_a_log_entry_and_a_proven_time() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let files: [(&str, &[&str]); 4] = [
        ("p256.pem", &[]),
        ("p384.ec.pem", &["--signature-digest-algorithm=sha384"]),
        ("p521.pem", &["--signature-digest-algorithm=sha512"]),
        ("rsa2048.pem", &[]),
    ];
    for (file, options) in files {
        let public = scene.folder.path().join(format!("{file}.pub"));
        let pem = key(file).public_pem();
        fs::write(&public, &pem).unwrap();
        let signer = Signer::witnessed(key(file), scene.services()).unwrap();
        let (image, bundle) = scene.attested(file, &signer).await;
        assert!(bundle.signed_at().is_some());
        let whose = [&["--key", public.to_str().unwrap()], options].concat();
        let cosign = scene.cosign(&image, &whose);
        assert_eq!(cosign.code, Some(0), "{file}: {cosign:#?}");
        let keyed = |pem: &str| format!("  keys: [{{id: promoter, pem: {}}}]", json!(pem));
        assert_eq!(scene.verdict(&image, &keyed(&pem)).await, Verdict::Allow);
        let other = SigningKey::from_pem(
            &fs::read_to_string(workspace().join("crates/sign/tests/keys/ed25519.pem")).unwrap(),
            None,
        )
        .unwrap();
        let other = keyed(&other.public_pem());
        assert_eq!(scene.verdict(&image, &other).await, Verdict::Deny, "{file}");
    }
    let refused = Signer::witnessed(key("ed25519.pem"), scene.services()).unwrap_err();
    assert!(matches!(refused, SignError::Unloggable { .. }), "{refused}");
}

/// The certificate authority is told a token that its issuer did not sign for this time.
#[tokio::test]
async fn a_token_that_fulcio_does_not_believe_gets_no_signature() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let identity: Identity = DEVELOPER.parse().unwrap();
    let token = scene.sigstore.token(&identity).unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = IdentityToken::new(&format!("{signed}.AAAA"), now()).unwrap();
    let signer = Signer::keyless(scene.services(), IdentitySource::Token(forged)).unwrap();
    let image = scene.registry.push("acme/app", "forged", "forged").unwrap();
    let error = signer.sign(&summary(&image), now()).await.unwrap_err();
    assert!(
        matches!(&error, SignError::Refused { status: 400 | 401, said, .. } if !said.is_empty()),
        "{error}"
    );
    let shown = format!("{error} {error:?} {signer:?}");
    assert!(
        token.split('.').all(|part| !shown.contains(part)),
        "{shown}"
    );
}
