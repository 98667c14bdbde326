//! A cluster for one test at a time: what is installed here counts everywhere in it.

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_e2e::{
    Answer, CLUSTER_PARTS, Client, Cluster, Output, eventually, outcome, parts, pod,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::chart::{Chart, DEPLOY_PARTS};

static TURN: Mutex<()> = Mutex::new(());

/// The cluster, and the chart to install in it.
pub(crate) struct Lab {
    pub(crate) chart: Chart,
    pub(crate) cluster: Arc<Cluster>,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Lab {
    /// Waits for its turn; nothing where the real parts are not asked for.
    pub(crate) fn wait() -> Option<Self> {
        let parts = parts(&[&CLUSTER_PARTS[..], &DEPLOY_PARTS].concat())?;
        // Who waits holds the cluster, so that it is started once.
        let cluster = Cluster::shared(&parts).unwrap();
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Self {
            chart: Chart { parts },
            cluster,
            folder: tempfile::tempdir().unwrap(),
            _turn: turn,
        })
    }

    pub(crate) fn admin(&self) -> &Client {
        self.cluster.admin()
    }

    /// Makes the namespace, if it is not there, with all that Pods need.
    pub(crate) fn namespace(&self, name: &str) {
        let path = format!("/api/v1/namespaces/{name}");
        if !self.admin().get(&path).unwrap().is_done() {
            self.cluster.namespace(name).unwrap();
        }
    }

    /// Runs `kubectl WORDS -f` over this text.
    pub(crate) fn kubectl(&self, words: &[&str], text: &str) -> Output {
        let file = self.folder.path().join("rendered.yaml");
        fs::write(&file, text).unwrap();
        let mut command = self.chart.parts.command("kubectl");
        command
            .arg("--kubeconfig")
            .arg(self.cluster.admin_kubeconfig());
        command.args(words).arg("-f").arg(&file);
        // What it remembers of a cluster stays here.
        command.env("HOME", self.folder.path());
        outcome(&mut command).unwrap()
    }

    /// Runs `helm WORDS`, which has to succeed.
    pub(crate) fn helm(&self, words: &[&str]) -> String {
        let mut command = self.chart.parts.command("helm");
        command
            .args(words)
            .args(["--namespace", "countersign", "--kubeconfig"])
            .arg(self.cluster.admin_kubeconfig())
            .env("HOME", self.folder.path());
        let said = outcome(&mut command).unwrap();
        assert_eq!(
            said.code,
            Some(0),
            "{words:?}: {}{}",
            said.stdout,
            said.stderr
        );
        said.stdout
    }

    /// Creates a Pod with this image.
    pub(crate) fn create_pod(&self, namespace: &str, name: &str, image: &str) -> Answer {
        let list = format!("/api/v1/namespaces/{namespace}/pods");
        self.admin().create(&list, &pod(name, image)).unwrap()
    }

    /// The Pods of countersign that are not about to go.
    pub(crate) fn own_pods(&self) -> Vec<Value> {
        let path = "/api/v1/namespaces/countersign/pods?labelSelector=app.kubernetes.io/name%3Dcountersign-webhook";
        let list = self.admin().get(path).unwrap().body;
        let pods = list["items"].as_array().cloned().unwrap_or_default();
        let stays = |it: &Value| it["metadata"].get("deletionTimestamp").is_none();
        pods.into_iter().filter(stays).collect()
    }

    /// Waits until there are so many of them, and gives their names.
    pub(crate) fn until_pods(&self, count: usize) -> Vec<String> {
        let what = format!("{count} Pods of countersign");
        eventually(&what, || {
            let pods = self.own_pods();
            let names = pods
                .iter()
                .map(|it| it["metadata"]["name"].as_str().unwrap().to_owned());
            Ok((pods.len() == count).then(|| names.collect()))
        })
        .unwrap()
    }
}

/// The path of one of our webhook configurations.
pub(crate) fn configuration(name: &str) -> String {
    format!("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{name}")
}
