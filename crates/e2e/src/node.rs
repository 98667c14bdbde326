//! What a node does for an installed countersign, in a cluster without nodes: its Pods are ready, a webhook runs, has the policies of the
//! ConfigMap in a folder, and the API server trusts its certificate and reaches it as the Service.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::workspace;
use crate::process::{Process, free_port};
use crate::tls::Authority;
use crate::{Client, Cluster, Parts, WebhookProgram};

/// The namespace, and the names in it, of the chart (`deploy/helm/countersign`).
const NAMESPACE: &str = "countersign";
const SERVICE_NAME: &str = "countersign-webhook.countersign.svc";
const CONFIG_MAP: &str = "/api/v1/namespaces/countersign/configmaps/countersign-policy";
const CONFIGURATIONS: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
/// How long what is in the cluster may take until it is on the node.
const PERIOD: Duration = Duration::from_millis(200);

/// A cluster with a stand-in for its nodes, which runs `countersign-webhook` and nothing else.
#[derive(Debug)]
pub struct Node {
    // In the order in which they end.
    alive: Arc<()>,
    _webhook: Process,
    cluster: Cluster,
    _folder: TempDir,
}

impl Node {
    /// Starts a cluster and a webhook, under the policies that the chart begins with, that asks registries as the file `registries` says.
    ///
    /// # Errors
    /// If a part cannot be run or does not get ready.
    pub fn start(parts: &Parts, program: &WebhookProgram, registries: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let policy = folder.path().join("policy");
        fs::create_dir(&policy)?;
        let starter = workspace().join("deploy/helm/countersign/files/starter.yaml");
        fs::copy(&starter, policy.join("starter.yaml")).context("the chart's first policy")?;
        let authority = Authority::new("countersign e2e service CA")?;
        let issued = authority.issue_for(&[SERVICE_NAME])?;
        let [certificate, key] = ["tls.crt", "tls.key"].map(|name| folder.path().join(name));
        fs::write(&certificate, &issued.certificate_pem)?;
        fs::write(&key, issued.key.serialize_pem())?;
        let (port, metrics) = (free_port()?, free_port()?);
        let mut command = Command::new(program.path());
        command
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--metrics-listen", &format!("127.0.0.1:{metrics}")])
            .arg("--tls-cert")
            .arg(&certificate)
            .arg("--tls-key")
            .arg(&key)
            .arg("--policy")
            .arg(&policy)
            .arg("--registries")
            .arg(registries)
            .args(["--reload-interval", "1"]);
        let mut webhook = Process::start("countersign-webhook", &command, folder.path())?;
        webhook.wait_until_serving(metrics, "/readyz")?;
        let cluster = Cluster::with_services(parts, port)?;
        let alive = Arc::new(());
        let held = Arc::downgrade(&alive);
        let duty = Duty {
            client: cluster.admin().clone(),
            policy,
            authority: STANDARD.encode(authority.pem()),
        };
        thread::spawn(move || {
            while held.strong_count() > 0 {
                // What is not there yet, or goes at this moment, is looked at again.
                let _ = duty.policies();
                let _ = duty.pods();
                let _ = duty.trust();
                thread::sleep(PERIOD);
            }
        });
        Ok(Self {
            alive,
            _webhook: webhook,
            cluster,
            _folder: folder,
        })
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        debug_assert_eq!(Arc::strong_count(&self.alive), 1);
        &self.cluster
    }
}

/// What a node, and `tls.mode: self`, go on doing.
struct Duty {
    client: Client,
    policy: PathBuf,
    /// PEM, in base64: a `caBundle`.
    authority: String,
}

impl Duty {
    /// Writes the ConfigMap's files as a mounted volume has them.
    fn policies(&self) -> Result<()> {
        let answer = self.client.get(CONFIG_MAP)?;
        let Some(data) = answer.body["data"].as_object().filter(|_| answer.is_done()) else {
            return Ok(());
        };
        let wanted: BTreeMap<&str, &str> = data
            .iter()
            .filter_map(|(name, text)| Some((name.as_str(), text.as_str()?)))
            .collect();
        for file in fs::read_dir(&self.policy)?.flatten() {
            if !wanted.contains_key(file.file_name().to_string_lossy().as_ref()) {
                fs::remove_file(file.path())?;
            }
        }
        for (name, text) in wanted {
            let path = self.policy.join(name);
            if fs::read_to_string(&path).ok().as_deref() != Some(text) {
                fs::write(path, text)?;
            }
        }
        Ok(())
    }

    /// Says of every Pod of the release that it is ready.
    fn pods(&self) -> Result<()> {
        let list = format!("/api/v1/namespaces/{NAMESPACE}/pods");
        for pod in items(&self.client.get(&list)?.body) {
            let is_ready = items_of(&pod["status"]["conditions"])
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            if let (false, Some(name)) = (is_ready, pod["metadata"]["name"].as_str()) {
                let ready = json!({"type": "Ready", "status": "True"});
                let status = json!({"status": {"phase": "Running", "conditions": [ready]}});
                self.client
                    .merge(&format!("{list}/{name}/status"), &status)?;
            }
        }
        Ok(())
    }

    /// Has the API server trust the certificate.
    fn trust(&self) -> Result<()> {
        for configuration in items(&self.client.get(CONFIGURATIONS)?.body) {
            let Some(name) = configuration["metadata"]["name"].as_str() else {
                continue;
            };
            for webhook in items_of(&configuration["webhooks"]) {
                if webhook["clientConfig"]["caBundle"] != self.authority.as_str() {
                    let trusted = json!({
                        "name": webhook["name"],
                        "clientConfig": {"caBundle": self.authority},
                    });
                    let change = json!({"webhooks": [trusted]});
                    self.client
                        .patch(&format!("{CONFIGURATIONS}/{name}"), &change)?;
                }
            }
        }
        Ok(())
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    items_of(&list["items"])
}

fn items_of(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
