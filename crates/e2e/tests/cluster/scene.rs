//! A cluster, a registry with signed and unsigned images, and webhooks between them.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_e2e::{
    Answer, CLUSTER_PARTS, Client, Cluster, Parts, REGISTRY_PARTS, RELEASE_POLICY, Registry,
    RegistryKind, Shared, SigningKey, WebhookProgram, eventually, parts, plain_registries, pod,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What every test of this program uses, while one does.
pub(crate) struct Lab {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) webhook: WebhookProgram,
    pub(crate) registry: Registry,
    /// Signed by the key that the policies name.
    pub(crate) signed: String,
    /// The same, another image.
    pub(crate) other: String,
    /// Signed by a key that nobody knows.
    pub(crate) foreign: String,
    pub(crate) unsigned: String,
    release: SigningKey,
    folder: TempDir,
}

static SHARED: Shared<Lab> = Shared::new();

impl Lab {
    /// Nothing where the real parts are not asked for.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        let parts = parts(&[&CLUSTER_PARTS[..], &REGISTRY_PARTS, &["cosign3"]].concat())?;
        let Ok(lab) = SHARED.get(|| Ok::<_, Infallible>(Self::start(&parts)));
        Some(lab)
    }

    fn start(parts: &Parts) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::start(parts, RegistryKind::WithReferrers).unwrap();
        let key = |name: &str| SigningKey::generate(parts, &folder.path().join(name)).unwrap();
        let push = |name: &str| registry.push(&format!("acme/{name}"), "v1", name).unwrap();
        let (release, stranger) = (key("release"), key("stranger"));
        let [signed, other, foreign] = [
            ("signed", &release),
            ("other", &release),
            ("foreign", &stranger),
        ]
        .map(|(name, key)| {
            let image = push(name);
            key.sign3(&image).unwrap();
            image
        });
        Self {
            cluster: Cluster::shared(parts).unwrap(),
            webhook: WebhookProgram::build().unwrap(),
            unsigned: push("unsigned"),
            signed,
            other,
            foreign,
            registry,
            release,
            folder,
        }
    }

    pub(crate) fn admin(&self) -> &Client {
        self.cluster.admin()
    }

    /// A folder of policies that demand the release key's signature, in this `mode` (`enforce`, `warn`, `audit`).
    pub(crate) fn policy(&self, mode: &str) -> PathBuf {
        self.write_policy(mode, mode, false)
    }

    /// The same, enforced, of which images have to be named by digest too.
    pub(crate) fn policy_of_digests(&self) -> PathBuf {
        self.write_policy("digests", "enforce", true)
    }

    /// A folder of its own with the policy that demands the release key's signature of every image, with further settings
    /// (`, stale: …`) and further documents behind it.
    pub(crate) fn policy_with(&self, name: &str, settings: &str, more: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(self.release.public_key(), folder.join("release.pub")).unwrap();
        let text = RELEASE_POLICY.replace("unmatched: deny", &format!("unmatched: deny{settings}"));
        fs::write(folder.join("policy.yaml"), text + more).unwrap();
        folder
    }

    fn write_policy(&self, name: &str, mode: &str, digests_required: bool) -> PathBuf {
        let folder = self.folder.path().join(name);
        let mut text = RELEASE_POLICY.replace(
            "  images: [\"**\"]\n",
            &format!("  mode: {mode}\n  images: [\"**\"]\n"),
        );
        assert!(text.contains(&format!("mode: {mode}")));
        if mode != "enforce" {
            text = text.replace("unmatched: deny", "unmatched: allow");
        }
        if digests_required {
            text = text.replace("rules: [", "rules: [{name: by-digest, digest: required}, ");
        }
        // Tests beside each other write the same.
        fs::create_dir_all(&folder).unwrap();
        fs::copy(self.release.public_key(), folder.join("release.pub")).unwrap();
        fs::write(folder.join("policy.yaml"), text).unwrap();
        folder
    }

    pub(crate) fn registries(&self) -> PathBuf {
        self.registries_of("registries", &[])
    }

    /// The lab's registry, and these hosts of loopback without TLS.
    pub(crate) fn registries_of(&self, name: &str, hosts: &[&str]) -> PathBuf {
        let file = self.folder.path().join(format!("{name}.yaml"));
        let registry = self.registry.host();
        let hosts = [&[registry.as_str()], hosts].concat();
        fs::write(&file, plain_registries(&hosts)).unwrap();
        file
    }

    /// The image as it is called at another host that leads to the same registry.
    pub(crate) fn at(&self, host: &str, image: &str) -> String {
        image.replace(&self.registry.host(), host)
    }

    /// The key that policies name.
    pub(crate) const fn release(&self) -> &SigningKey {
        &self.release
    }

    /// A webhook under policies of this mode.
    pub(crate) fn start_webhook(&self, mode: &str) -> countersign_e2e::Webhook {
        self.webhook
            .start(&self.policy(mode), &self.registries(), &[])
            .unwrap()
    }

    /// `object` with `SIGNED`, `OTHER`, `FOREIGN` and `UNSIGNED` replaced by images.
    pub(crate) fn with_images(&self, object: &Value) -> Value {
        match object {
            Value::String(text) => json!(match text.as_str() {
                "SIGNED" => &self.signed,
                "OTHER" => &self.other,
                "FOREIGN" => &self.foreign,
                "UNSIGNED" => &self.unsigned,
                text => text,
            }),
            Value::Array(items) => items.iter().map(|item| self.with_images(item)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter();
                fields
                    .map(|(name, field)| (name.clone(), self.with_images(field)))
                    .collect()
            }
            other => other.clone(),
        }
    }
}

/// Waits until a dry run of a Pod with this image gets an answer of which `is_it` is true: a registration has arrived.
pub(crate) fn until_answered(
    lab: &Lab,
    namespace: &str,
    image: &str,
    is_it: impl Fn(&Answer) -> bool,
) -> Answer {
    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    eventually(&format!("the webhook's answer in {namespace}"), || {
        let answer = lab.admin().create(&path, &pod("probe", image))?;
        Ok(is_it(&answer).then_some(answer))
    })
    .unwrap()
}

/// The path of scenarios beside this file.
pub(crate) fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cluster")
        .join(name)
}
