//! A registry, a forged Sigstore instance, a key, and a policy that trusts both: for commands that read whole images.

use std::path::{Path, PathBuf};

use countersign_testkit::forge::{Algorithm, Forge, Identity, Key};
use countersign_testkit::registry::{OCI_MANIFEST, Registry};
use serde_json::{Value, json};

/// A time at which the forge's certificates are good.
const NOW: i64 = 1_790_000_000;
pub(crate) const AT: &str = "2026-12-01T00:00:00Z";

pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) forge: Forge,
    pub(crate) key: Key,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(registry: Registry) -> Self {
        let world = Self {
            registry,
            forge: Forge::new(NOW),
            key: Key::generate(Algorithm::P256),
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(world.path("policy.yaml"), world.policy_text()).unwrap();
        std::fs::write(world.path("forged.json"), world.forge.trusted_root()).unwrap();
        world
    }

    /// A path in a folder of its own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `host/app` and what follows.
    pub(crate) fn image(&self, rest: &str) -> String {
        format!("{}/app{rest}", self.registry.host())
    }

    /// `--policy` and `--trust-root`.
    pub(crate) fn trust(&self) -> Vec<String> {
        let policy = self.path("policy.yaml").display().to_string();
        let root = format!("forged={}", self.path("forged.json").display());
        ["--policy", &policy, "--trust-root", &root]
            .map(str::to_owned)
            .to_vec()
    }

    /// A bundle by the key that says that an image (or another manifest) is signed.
    pub(crate) fn keyed(&self, digest: &str) -> Vec<u8> {
        self.forge.image_signature(digest).keyed(&self.key).bundle()
    }

    /// The same by a person.
    pub(crate) fn keyless(&self, digest: &str) -> Vec<u8> {
        let identity = Identity::email("good@acme.example", "https://issuer.example");
        self.forge
            .image_signature(digest)
            .keyless(identity)
            .rekor_v2()
            .timestamp()
            .bundle()
    }

    /// Pushes a manifest; its descriptor.
    pub(crate) fn push(&self, reference: &str, manifest: &Value) -> Value {
        let bytes = manifest.to_string();
        let media_type = manifest["mediaType"].as_str().unwrap();
        let digest = self
            .registry
            .push_manifest("app", reference, media_type, bytes.as_bytes());
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    /// A manifest of one small layer; with an artifact type and a subject, a referrer.
    pub(crate) fn artifact(&self, reference: &str, more: &Value) -> Value {
        let blob = self.registry.push_blob("app", b"{}");
        let blob = json!({"mediaType": "application/vnd.in-toto+json", "digest": blob, "size": 2});
        let mut manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": blob, "layers": [blob]});
        let fields = more.as_object().unwrap().clone();
        manifest.as_object_mut().unwrap().extend(fields);
        self.push(reference, &manifest)
    }

    fn policy_text(&self) -> String {
        let pem = self.key.public_pem();
        let pem: String = pem.lines().map(|it| format!("        {it}\n")).collect();
        format!(
            r#"apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {{name: test}}
spec: {{unmatched: deny, onUnknown: deny}}
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: mine}}
spec:
  log: off
  time: none
  keys:
    - id: k
      pem: |
{pem}---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: person}}
spec:
  trust: forged
  keyless: {{issuer: "https://issuer.example", subject: {{email: good@acme.example}}}}
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: test}}
spec:
  images: ["127.0.0.1:*/app"]
  rules:
    - {{name: signed, signature: {{from: {{any: [mine, person]}}}}}}
"#
        )
    }
}

/// All files below, with their bytes.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            all.push((path, bytes));
        }
    }
    all.sort();
    all
}
