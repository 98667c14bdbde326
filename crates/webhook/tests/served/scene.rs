//! A registry, policies on disk, and a certificate to serve with.

use std::path::{Path, PathBuf};

use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::policy::production;
use countersign_testkit::registry::Registry;
use serde_json::{Value, json};

use crate::files::Authority;

/// What one test starts the program with.
pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) registry: Registry,
    pub(crate) authority: Authority,
    pub(crate) key: Key,
    /// An image with a signature, by digest.
    pub(crate) signed: String,
    /// One without.
    pub(crate) unsigned: String,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::of(Registry::start())
    }

    /// With this registry.
    pub(crate) fn of(registry: Registry) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let key = Key::generate(Algorithm::P256);
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let forge = Forge::new(i64::try_from(now).unwrap() - 60);
        let digest = registry.push_image("acme/signed", "v1");
        let bundle = forge.image_signature(&digest).keyed(&key).bundle();
        registry.attach_bundle("acme/signed", &digest, &bundle);
        let other = registry.push_image("acme/unsigned", "v1");
        let host = registry.host();
        authority.serving().write(folder.path());
        let scene = Self {
            signed: format!("{host}/acme/signed@{digest}"),
            unsigned: format!("{host}/acme/unsigned@{other}"),
            folder,
            registry,
            authority,
            key,
        };
        std::fs::create_dir(scene.path("policy")).unwrap();
        scene.write_policy(&scene.policy("rules: [{name: signed, signature: {from: key}}]"));
        let registries = format!(
            "apiVersion: countersign.dev/v1alpha1\nkind: Registries\nspec:\n  registries: [{{host: \"{host}\", plainHttp: true, addresses: [loopback]}}]\n"
        );
        std::fs::write(scene.path("registries.yaml"), registries).unwrap();
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The set with this `spec` of its one policy.
    pub(crate) fn policy(&self, spec: &str) -> String {
        let (pem, host) = (self.key.public_pem(), self.registry.host());
        production("unmatched: deny", &pem, &host, spec)
    }

    pub(crate) fn write_policy(&self, text: &str) {
        replace(&self.path("policy/policy.yaml"), text);
    }
}

/// Writes a file whole, as careful programs do.
pub(crate) fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(&beside, path).unwrap();
}

/// A Pod in the namespace `shop` that would be made.
pub(crate) fn review(images: &[&str]) -> Value {
    let containers: Vec<Value> = images
        .iter()
        .enumerate()
        .map(|(number, image)| json!({"name": format!("c{number}"), "image": image}))
        .collect();
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": "CREATE",
            "namespace": "shop",
            "name": "app",
            "dryRun": false,
            "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": {"containers": containers}},
        },
    })
}
