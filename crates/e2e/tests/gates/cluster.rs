//! The webhook between a real API server and the registry, in the namespaces of the example.

use std::path::Path;
use std::sync::Arc;

use countersign_e2e::{Answer, Cluster, Webhook, WebhookProgram, eventually};
use serde_json::{Value, json};

use crate::lab::{ADMISSION, Lab};

/// From the first to the last.
pub(crate) const NAMESPACES: [&str; 4] = ["dev", "staging", "canary", "production"];
const CONFIGURATIONS: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// A webhook that is registered; it ends, and is taken out of the way, when dropped.
pub(crate) struct Gatekeeper {
    pub(crate) cluster: Arc<Cluster>,
    _webhook: Webhook,
    name: String,
}

impl Gatekeeper {
    /// A new one, which has never seen an image, and whose connections are written into the file `trace`.
    pub(crate) fn start(lab: &Lab, cluster: &Arc<Cluster>, name: &str, trace: &Path) -> Self {
        let program = WebhookProgram::build().unwrap();
        let policy = lab.policy(ADMISSION);
        let webhook = program
            .start_traced(trace, &policy, &lab.registries(), &[])
            .unwrap();
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [{
                "name": format!("{name}.countersign.dev"),
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "timeoutSeconds": 10,
                "failurePolicy": "Fail",
                "clientConfig": webhook.client_config("/validate"),
                "namespaceSelector": {"matchExpressions": [
                    {"key": "kubernetes.io/metadata.name", "operator": "In", "values": NAMESPACES},
                ]},
                "rules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods"]},
                    {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["deployments", "replicasets"]},
                ],
            }],
        });
        let answer = cluster.admin().create(CONFIGURATIONS, &configuration);
        let answer = answer.unwrap();
        assert!(answer.is_done(), "{answer:?}");
        Self {
            cluster: Arc::clone(cluster),
            _webhook: webhook,
            name: name.to_owned(),
        }
    }

    /// A Pod with this image, which is not kept.
    pub(crate) fn try_pod(&self, namespace: &str, image: &str) -> Answer {
        let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"},
            "spec": {"containers": [{"name": "app", "image": image}]},
        });
        self.cluster.admin().create(&path, &pod).unwrap()
    }

    /// Waits for an answer of this webhook that lets the Pod in, or keeps it out: what a registry said is remembered for some seconds.
    pub(crate) fn until(&self, namespace: &str, image: &str, admitted: bool) -> Answer {
        let what = format!("{image} in {namespace}, admitted: {admitted}");
        eventually(&what, || {
            let answer = self.try_pod(namespace, image);
            let ours = answer.message().contains(&self.name);
            Ok((answer.is_done() == admitted && (admitted || ours)).then_some(answer))
        })
        .unwrap()
    }
}

impl Drop for Gatekeeper {
    fn drop(&mut self) {
        // Where that fails the cluster is about to end with the test that has failed.
        let path = format!("{CONFIGURATIONS}/{}", self.name);
        let _ = self.cluster.admin().delete(&path);
    }
}

/// One replica of this image, of which the old Pod goes before the new one comes.
pub(crate) fn deployment(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": "app"}},
            "template": {
                "metadata": {"labels": {"app": "app"}},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    })
}
