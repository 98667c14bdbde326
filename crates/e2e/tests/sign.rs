//! Statements that `countersign-sign` signs and attaches in real registries: real cosign and countersign believe them, and neither
//! believes a changed one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::{
    Budget, Call, CallBody, Checker, HttpRegistry, Image, ImageRef, Limits, Method, PolicySet,
    Reference as Wanted, Registry as _, Repository, Scope, Source, Target, UnixTime, Verdict,
};
use countersign_core::{Digest, NoFiles};
use countersign_e2e::{
    Output, Parts, REGISTRY_PARTS, Registry, RegistryKind, SigningKey as CosignKey, outcome, parts,
    workspace,
};
use countersign_sign::{Attacher, Done, SignedBundle, SigningKey, Statement, sign_statement};
use countersign_testkit::policy::KeyedPolicy;
use serde_json::{Value, json};
use tempfile::TempDir;

const KIND: &str = "https://acme.example/release/v1";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const KINDS: [RegistryKind; 2] = [RegistryKind::Registry, RegistryKind::WithReferrers];

/// A private key and what cosign has to be told beside its public half.
struct Signing {
    name: &'static str,
    key: SigningKey,
    cosign: &'static [&'static str],
}

struct Scene {
    parts: Parts,
    cosign: CosignKey,
    folder: TempDir,
}

impl Scene {
    /// Nothing where the real parts are not asked for.
    fn set() -> Option<Self> {
        let needed = [&REGISTRY_PARTS[..], &["cosign2", "cosign3"]].concat();
        let parts = parts(&needed)?;
        let folder = tempfile::tempdir().unwrap();
        let cosign = CosignKey::generate(&parts, &folder.path().join("cosign")).unwrap();
        Some(Self {
            parts,
            cosign,
            folder,
        })
    }

    /// Keys as files hold them: cosign's encrypted one, made just now, and PEM of every algorithm that cosign verifies.
    fn keys(&self) -> Vec<Signing> {
        let encrypted = fs::read_to_string(self.cosign.private_key()).unwrap();
        let file = |name: &str| {
            let folder = workspace().join("crates/sign/tests/keys");
            fs::read_to_string(folder.join(name)).unwrap()
        };
        // cosign signs with the hash that belongs to the curve, and has to be told of it to verify.
        let cases: [(&str, String, &[&str]); 6] = [
            ("cosign3", encrypted, &[]),
            ("p256", file("p256.ec.pem"), &[]),
            (
                "p384",
                file("p384.ec.pem"),
                &["--signature-digest-algorithm=sha384"],
            ),
            (
                "p521",
                file("p521.pem"),
                &["--signature-digest-algorithm=sha512"],
            ),
            ("ed25519", file("ed25519.pem"), &[]),
            ("rsa", file("rsa2048.pem"), &[]),
        ];
        cases
            .into_iter()
            .map(|(name, text, cosign)| Signing {
                name,
                key: SigningKey::from_pem(&text, Some(b"")).unwrap(),
                cosign,
            })
            .collect()
    }

    fn cosign(&self, signing: &Signing, image: &str) -> Output {
        let public = self.public(signing);
        let mut cosign = self.parts.command("cosign3");
        cosign
            .args(["verify-attestation", "--insecure-ignore-tlog"])
            .args(["--allow-http-registry", "--type", KIND, "--key"])
            .arg(public)
            .args(signing.cosign)
            .arg("--trusted-root")
            .arg(self.cosign.no_roots())
            .env("TUF_ROOT", self.folder.path().join("tuf"));
        outcome(cosign.arg(image)).unwrap()
    }

    fn public(&self, signing: &Signing) -> PathBuf {
        let public = self.folder.path().join(format!("{}.pub", signing.name));
        fs::write(&public, signing.key.public_pem()).unwrap();
        public
    }
}

fn signed(image: &str, signing: &Signing) -> SignedBundle {
    let image = ImageRef::parse(image).unwrap();
    let predicate = json!({"stage": "prod"}).as_object().unwrap().clone();
    let digest: Digest = *image.digest().unwrap();
    let name = image.to_string();
    let statement = Statement::new(digest, &name, KIND, predicate).unwrap();
    sign_statement(&statement, &signing.key).unwrap()
}

fn client(registry: &Registry) -> HttpRegistry {
    HttpRegistry::new().plain_http(registry.host())
}

async fn attach(registry: &Registry, image: &str, bundle: &SignedBundle) -> Done {
    let image = ImageRef::parse(image).unwrap();
    let now = UnixTime::from(SystemTime::now());
    let attacher = Attacher::new(client(registry));
    attacher.attach(&image, bundle, now).await.unwrap().done
}

async fn verdict(registry: &Registry, image: &str, signing: &Signing) -> Verdict {
    let rule = format!("statement: {{from: key, match: any, predicateType: \"{KIND}\"}}");
    let policy = KeyedPolicy::new(&signing.key.public_pem());
    let text = policy.rule("released", &rule).text();
    let name = "policy.yaml".to_owned();
    let loaded = PolicySet::load(&[Source { name, text }], &NoFiles, &[]);
    let checker = Checker::new(loaded.policies.unwrap()).registry(client(registry));
    let now = UnixTime::from(SystemTime::now());
    let image = Image::parse(image).unwrap();
    checker.check(&image, now).await.effect()
}

/// Writes a part of a repository as any client could.
async fn put(registry: &Registry, repository: &Repository, path: String, part: &[u8], kind: &str) {
    let method = match path.starts_with("blobs") {
        true => Method::Post,
        false => Method::Put,
    };
    let call = Call {
        method,
        target: Target::Path(path),
        scope: Scope::PullPush,
        headers: vec![("content-type", kind.to_owned())],
        body: CallBody::Bytes(part.to_vec()),
    };
    let client = client(registry);
    let called = client.call(repository, call, &budget()).await.unwrap();
    assert_eq!(called.status, 201, "{kind}");
}

fn budget() -> Budget {
    Budget::new(&Limits::default(), Duration::from_secs(30))
}

/// Attaches `bundle` to `to` by the manifest that carries the good one of `from`, an image with the same digest.
async fn attach_changed(registry: &Registry, from: &str, to: &str, bundle: &[u8]) {
    let [from, to] = [from, to].map(|image| ImageRef::parse(image).unwrap());
    let (client, repository) = (client(registry), Repository::of(&from));
    let image = from.digest().unwrap();
    let listing = client.referrers(&repository, image, &budget()).await;
    let carrier = Wanted::Digest(listing.unwrap().items[0].digest);
    let budget = budget();
    let read = client.manifest(&repository, &carrier, 1 << 20, &budget);
    let mut manifest: Value = serde_json::from_slice(&read.await.unwrap().unwrap().bytes).unwrap();
    let layer = Digest::of(bundle).to_string();
    manifest["layers"][0]["digest"] = json!(layer);
    manifest["layers"][0]["size"] = json!(bundle.len());
    let manifest = manifest.to_string().into_bytes();
    let repository = Repository::of(&to);
    for blob in [&b"{}"[..], bundle] {
        let path = format!("blobs/uploads/?digest={}", Digest::of(blob));
        put(
            registry,
            &repository,
            path,
            blob,
            "application/octet-stream",
        )
        .await;
    }
    let path = format!("manifests/{}", Digest::of(&manifest));
    put(registry, &repository, path, &manifest, OCI_MANIFEST).await;
}

#[tokio::test]
async fn cosign_and_countersign_believe_what_is_signed_here() {
    let Some(scene) = Scene::set() else {
        return;
    };
    for kind in KINDS {
        let registry = Registry::start(&scene.parts, kind).unwrap();
        let keys = scene.keys();
        for (number, signing) in keys.iter().enumerate() {
            let what = format!("{kind:?} {}", signing.name);
            let image = registry.push("acme/app", signing.name, &what).unwrap();
            let bundle = signed(&image, signing);
            assert_eq!(attach(&registry, &image, &bundle).await, Done::Pushed);
            let cosign = scene.cosign(signing, &image);
            assert_eq!(cosign.code, Some(0), "{what}: {cosign:#?}");
            assert_eq!(verdict(&registry, &image, signing).await, Verdict::Allow);
            // Under another key it counts for neither.
            let other = &keys[(number + 1) % keys.len()];
            assert_eq!(scene.cosign(other, &image).code, Some(1), "{what}");
            assert_eq!(verdict(&registry, &image, other).await, Verdict::Deny);
        }
    }
}

#[tokio::test]
async fn a_changed_byte_is_refused_by_both() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let registry = Registry::start(&scene.parts, RegistryKind::WithReferrers).unwrap();
    for signing in scene.keys().iter().take(2) {
        let from = format!("acme/{}", signing.name);
        let from = registry.push(&from, "v1", signing.name).unwrap();
        let bundle = signed(&from, signing);
        attach(&registry, &from, &bundle).await;
        let whole: Value = serde_json::from_slice(bundle.bytes()).unwrap();
        for (case, pointer) in [
            ("whole", ""),
            ("payload", "/dsseEnvelope/payload"),
            ("signature", "/dsseEnvelope/signatures/0/sig"),
        ] {
            let mut changed = whole.clone();
            if let Some(text) = changed.pointer_mut(pointer).filter(|text| text.is_string()) {
                let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
                // Of the payload, a letter of the predicate; of the signature, its last byte.
                let prod = bytes.windows(4).position(|window| window == b"prod");
                let at = prod.unwrap_or(bytes.len() - 1);
                bytes[at] ^= 1;
                *text = json!(STANDARD.encode(bytes));
            }
            let to = format!("acme/{}-{case}", signing.name);
            let to = registry.push(&to, "v1", signing.name).unwrap();
            let changed = changed.to_string();
            attach_changed(&registry, &from, &to, changed.as_bytes()).await;
            let (code, expected) = match case {
                "whole" => (0, Verdict::Allow),
                _ => (1, Verdict::Deny),
            };
            let cosign = scene.cosign(signing, &to);
            assert_eq!(cosign.code, Some(code), "{case}: {cosign:#?}");
            assert_eq!(verdict(&registry, &to, signing).await, expected, "{case}");
        }
    }
}
