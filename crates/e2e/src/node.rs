//! What a node does for an installed countersign, in a cluster without nodes: it runs the webhook as the chart says, under the chart's file of options, with the
//! policies of the ConfigMap in a folder and as the service account with its very rights; the API server reaches it as the Service, and its Pods are ready when it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, free_port, status_of};
use crate::{Cluster, Parts, WebhookProgram};

/// The namespace, and the name of nearly everything in it, of the chart (`deploy/helm/countersign`).
const NAMESPACE: &str = "countersign";
const NAME: &str = "countersign-webhook";
/// How long what is in the cluster may take until it is on the node.
const PERIOD: Duration = Duration::from_millis(200);

/// A cluster with a stand-in for its nodes, which runs `countersign-webhook` and nothing else.
#[derive(Debug)]
pub struct Node {
    kubelet: Arc<Kubelet>,
}

impl Node {
    /// Starts a cluster. Where the chart is installed a webhook begins to run, which asks registries as the file `registries` says.
    ///
    /// # Errors
    /// If a part cannot be run or does not get ready.
    pub fn start(parts: &Parts, program: &WebhookProgram, registries: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("policy"))?;
        let port = free_port()?;
        let kubelet = Arc::new(Kubelet {
            container: Mutex::new(None),
            cluster: Cluster::with_services(parts, port)?,
            program: program.path().to_owned(),
            registries: registries.to_owned(),
            port,
            probe_port: free_port()?,
            folder,
        });
        let held = Arc::downgrade(&kubelet);
        thread::spawn(move || work(&held));
        Ok(Self { kubelet })
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.kubelet.cluster
    }
}

/// Does its duty until nobody holds the node any more. What is not there yet, or goes at this moment, is looked at again.
fn work(kubelet: &Weak<Kubelet>) {
    while let Some(kubelet) = kubelet.upgrade() {
        let _ = kubelet.policies();
        let _ = kubelet.container();
        let _ = kubelet.pods();
        drop(kubelet);
        thread::sleep(PERIOD);
    }
}

/// What runs containers on a node.
#[derive(Debug)]
struct Kubelet {
    // In the order in which they end.
    container: Mutex<Option<Container>>,
    cluster: Cluster,
    program: PathBuf,
    registries: PathBuf,
    port: u16,
    probe_port: u16,
    folder: TempDir,
}

/// A running webhook, and the file of options that it was begun with.
#[derive(Debug)]
struct Container {
    config: String,
    _process: Process,
}

impl Kubelet {
    fn policy(&self) -> PathBuf {
        self.folder.path().join("policy")
    }

    /// The files of a ConfigMap of the release; none if it is not there.
    fn files(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/{name}");
        let answer = self.cluster.admin().get(&path)?;
        if answer.status == 404 {
            return Ok(None);
        }
        if !answer.is_done() {
            bail!("{path}: {answer:?}");
        }
        let data = answer.body["data"].as_object().into_iter().flatten();
        let text = |text: &Value| text.as_str().map(str::to_owned);
        let files = data.filter_map(|(name, it)| Some((name.clone(), text(it)?)));
        Ok(Some(files.collect()))
    }

    /// Writes the policies as a mounted volume has them.
    fn policies(&self) -> Result<()> {
        let Some(wanted) = self.files("countersign-policy")? else {
            return Ok(());
        };
        for file in fs::read_dir(self.policy())?.flatten() {
            if !wanted.contains_key(file.file_name().to_string_lossy().as_ref()) {
                fs::remove_file(file.path())?;
            }
        }
        for (name, text) in wanted {
            let path = self.policy().join(name);
            if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                fs::write(path, text)?;
            }
        }
        Ok(())
    }

    /// Runs the webhook by the options of the release, and none if there is no release.
    fn container(&self) -> Result<()> {
        let config = self.files(NAME)?;
        let config = config.and_then(|mut files| files.remove("config.yaml"));
        let mut container = self
            .container
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let running = container.as_ref().map(|it| &it.config);
        if running == config.as_ref() {
            return Ok(());
        }
        // The port has to be free for the next one.
        *container = None;
        if let Some(config) = config {
            let process = self.begin(&config)?;
            *container = Some(Container {
                config,
                _process: process,
            });
        }
        Ok(())
    }

    /// Begins it as a container would: only where things are is other than the file says.
    fn begin(&self, config: &str) -> Result<Process> {
        let account = self.cluster.kubeconfig_of(NAMESPACE, NAME)?;
        let at = |name: &str| self.folder.path().join(name);
        let file = at("config.yaml");
        fs::write(&file, config)?;
        let mut command = Command::new(&self.program);
        command
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .args([
                "--metrics-listen",
                &format!("127.0.0.1:{}", self.probe_port),
            ])
            .args(["--reload-interval", "1"]);
        let places = [
            ("--config", file),
            ("--kubernetes", account),
            ("--policy", self.policy()),
            ("--break-glass", at("break-glass")),
            ("--cache-dir", at("cache")),
            ("--trust-cache", at("trust")),
            ("--registries", self.registries.clone()),
        ];
        for (option, place) in places {
            command.arg(option).arg(place);
        }
        Process::start(NAME, &command, self.folder.path())
    }

    /// Says of every Pod of the release that it is ready, when the webhook is.
    fn pods(&self) -> Result<()> {
        if status_of(self.probe_port, "/readyz") != Some(200) {
            return Ok(());
        }
        let client = self.cluster.admin();
        let list = format!("/api/v1/namespaces/{NAMESPACE}/pods");
        for pod in items(&client.get(&list)?.body) {
            let is_ready = items_of(&pod["status"]["conditions"])
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            if let (false, Some(name)) = (is_ready, pod["metadata"]["name"].as_str()) {
                let ready = json!({"type": "Ready", "status": "True"});
                let status = json!({"status": {"phase": "Running", "conditions": [ready]}});
                client.merge(&format!("{list}/{name}/status"), &status)?;
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
