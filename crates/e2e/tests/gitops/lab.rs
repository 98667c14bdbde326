//! A cluster with Argo CD, a registry with signed and unsigned images, repositories, and webhooks between them.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_e2e::{
    ARGO_CD_PARTS, ArgoCd, CLUSTER_PARTS, Client, Cluster, Countersign, Parts, Plugin,
    REGISTRY_PARTS, RELEASE_POLICY, Registered, Registration, Registry, RegistryKind, Shared,
    SigningKey, WebhookProgram, deployment, eventually, gitops_parts, plain_registries, pod,
    workspace,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::repository::Repository;

/// What every test uses, while one does.
pub(crate) struct Lab {
    // Argo CD ends before the cluster that it watches.
    pub(crate) argo: ArgoCd,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) images: Images,
    pub(crate) webhook: WebhookProgram,
    pub(crate) folder: TempDir,
}

/// A registry, and what is in it.
pub(crate) struct Images {
    pub(crate) registry: Registry,
    /// Signed by the key of the policies, by digest.
    pub(crate) signed: String,
    /// The same, another image.
    pub(crate) other: String,
    pub(crate) unsigned: String,
    release: SigningKey,
}

static SHARED: Shared<Lab> = Shared::new();

/// The parts, where they are asked for.
pub(crate) fn parts() -> Option<Parts> {
    let wanted = [
        &CLUSTER_PARTS[..],
        &REGISTRY_PARTS,
        &ARGO_CD_PARTS,
        &["cosign3"],
    ];
    gitops_parts(&wanted.concat())
}

/// A file of `deploy/argocd`.
pub(crate) fn deploy(name: &str) -> PathBuf {
    workspace().join("deploy/argocd").join(name)
}

/// A document of a YAML file.
pub(crate) fn document(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

impl Images {
    pub(crate) fn push(parts: &Parts, folder: &Path) -> Self {
        let registry = Registry::start(parts, RegistryKind::WithReferrers).unwrap();
        let release = SigningKey::generate(parts, &folder.join("release")).unwrap();
        let push = |name: &str| {
            let image = registry.push(&format!("acme/{name}"), "v1", name).unwrap();
            if name != "unsigned" {
                release.sign3(&image).unwrap();
            }
            image
        };
        Self {
            signed: push("app"),
            other: push("other"),
            unsigned: push("unsigned"),
            release,
            registry,
        }
    }

    /// A file of kind Registries that lets the registry be on this machine, without TLS.
    pub(crate) fn registries(&self, folder: &Path) -> PathBuf {
        let file = folder.join("registries.yaml");
        fs::write(&file, self.registries_text()).unwrap();
        file
    }

    pub(crate) fn registries_text(&self) -> String {
        plain_registries(&[&self.registry.host()])
    }

    /// Writes a folder with the policy that demands the release key's signature of every image, and more of `rules`.
    pub(crate) fn policy(&self, folder: PathBuf, rules: &str) -> PathBuf {
        fs::create_dir_all(&folder).unwrap();
        fs::copy(self.release.public_key(), folder.join("release.pub")).unwrap();
        let text = RELEASE_POLICY.replace("rules: [", &format!("rules: [{rules}"));
        fs::write(folder.join("policy.yaml"), text).unwrap();
        folder
    }

    /// The policy's files, by name.
    pub(crate) fn policy_files(&self) -> Value {
        let key = fs::read_to_string(self.release.public_key()).unwrap();
        json!({"policy.yaml": RELEASE_POLICY, "release.pub": key})
    }

    /// A Deployment of one container, as a file of a repository.
    pub(crate) fn deployment(name: &str, image: &str) -> String {
        serde_json::to_string_pretty(&deployment(name, image)).unwrap()
    }
}

impl Lab {
    /// Nothing where Argo CD is not asked for.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        let parts = parts()?;
        let Ok(lab) = SHARED.get(|| Ok::<_, Infallible>(Self::start(&parts)));
        Some(lab)
    }

    fn start(parts: &Parts) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let images = Images::push(parts, folder.path());
        let cluster = Cluster::shared(parts).unwrap();
        let plugin = Plugin {
            config: deploy("plugin.yaml"),
            programs: vec![
                (
                    "countersign-render".to_owned(),
                    deploy("countersign-render"),
                ),
                (
                    "countersign".to_owned(),
                    Countersign::build().unwrap().path().to_owned(),
                ),
            ],
            environment: vec![
                (
                    "COUNTERSIGN_POLICY".to_owned(),
                    text(&images.policy(folder.path().join("plugin-policy"), "")),
                ),
                (
                    "COUNTERSIGN_REGISTRIES".to_owned(),
                    text(&images.registries(folder.path())),
                ),
            ],
        };
        let health = document(&deploy("health.yaml"));
        let settings = [json!({"data": health["data"]})];
        Self {
            argo: ArgoCd::start(parts, &cluster, &settings, Some(&plugin)).unwrap(),
            webhook: WebhookProgram::build().unwrap(),
            cluster,
            images,
            folder,
        }
    }

    pub(crate) fn admin(&self) -> &Client {
        self.cluster.admin()
    }

    /// A repository of this name.
    pub(crate) fn repository(&self, name: &str) -> Repository {
        Repository::new(self.folder.path().join(format!("{name}.git")))
    }

    /// A webhook that judges by the policy with more of `rules`.
    pub(crate) fn webhook(
        &self,
        name: &str,
        rules: &str,
        arguments: &[&str],
    ) -> countersign_e2e::Webhook {
        let policy = self.images.policy(self.folder.path().join(name), rules);
        let registries = self.images.registries(self.folder.path());
        self.webhook.start(&policy, &registries, arguments).unwrap()
    }

    /// A namespace in which a webhook by these rules judges workloads, as the overlay `enforce` says.
    pub(crate) fn enforced(
        &self,
        namespace: &str,
        rules: &str,
    ) -> (countersign_e2e::Webhook, Registered) {
        self.cluster.namespace(namespace).unwrap();
        let webhook = self.webhook(namespace, rules, &[]);
        let validate = webhook.client_config("/validate");
        let registered =
            Registration::of(namespace, "validating", validate).register(&self.cluster);
        self.until_enforced(namespace);
        (webhook, registered.unwrap())
    }

    /// Waits until a Pod with this image, which has no signature, is refused in the namespace.
    pub(crate) fn until_enforced(&self, namespace: &str) {
        let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
        let probe = pod("probe", &self.images.unsigned);
        eventually(&format!("a refusal in {namespace}"), || {
            let answer = self.admin().create(&path, &probe)?;
            Ok((!answer.is_done()).then_some(()))
        })
        .unwrap();
    }

    /// The images of the Pods of a namespace that are not about to go.
    pub(crate) fn running(&self, namespace: &str) -> Vec<String> {
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let pods = self.admin().get(&path).unwrap().body;
        let pods = pods["items"].as_array().into_iter().flatten();
        let pods = pods.filter(|it| it["metadata"].get("deletionTimestamp").is_none());
        let images = pods.filter_map(|it| it["spec"]["containers"][0]["image"].as_str());
        images.map(str::to_owned).collect()
    }

    /// The image of a Deployment.
    pub(crate) fn deployed(&self, namespace: &str, name: &str) -> String {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}");
        let found = self.admin().get(&path).unwrap().body;
        let image = found["spec"]["template"]["spec"]["containers"][0]["image"].as_str();
        image.unwrap_or_default().to_owned()
    }

    /// Says of every Pod of a namespace that it is ready, as its node would.
    pub(crate) fn runs(&self, namespace: &str) {
        let list = format!("/api/v1/namespaces/{namespace}/pods");
        let pods = self.admin().get(&list).unwrap().body;
        for pod in pods["items"].as_array().into_iter().flatten() {
            let ready = json!({"type": "Ready", "status": "True"});
            let status = json!({"status": {"phase": "Running", "conditions": [ready]}});
            let name = pod["metadata"]["name"].as_str().unwrap();
            self.admin()
                .merge(&format!("{list}/{name}/status"), &status)
                .unwrap();
        }
    }
}

pub(crate) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
