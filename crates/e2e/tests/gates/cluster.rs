//! The webhook between a real API server and the registry, in the namespaces of the example.

use std::path::Path;
use std::sync::Arc;

use countersign_e2e::{
    Answer, Cluster, Registered, Registration, Webhook, WebhookProgram, deployment, eventually, pod,
};
use serde_json::{Value, json};

use crate::lab::{ADMISSION, Lab};

/// From the first to the last.
pub(crate) const NAMESPACES: [&str; 4] = ["dev", "staging", "canary", "production"];

/// A webhook that is registered; it ends, and is taken out of the way, when dropped.
pub(crate) struct Gatekeeper {
    pub(crate) cluster: Arc<Cluster>,
    // In the order in which they end.
    _registered: Registered,
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
        let mut registration =
            Registration::of("production", name, webhook.client_config("/validate"));
        registration.namespaces = NAMESPACES.to_vec();
        let registered = registration.register(cluster).unwrap();
        Self {
            cluster: Arc::clone(cluster),
            _registered: registered,
            _webhook: webhook,
            name: name.to_owned(),
        }
    }

    /// A Pod with this image, which is not kept.
    pub(crate) fn try_pod(&self, namespace: &str, image: &str) -> Answer {
        let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
        let probe = pod("probe", image);
        self.cluster.admin().create(&path, &probe).unwrap()
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

/// One replica of this image, of which the old Pod goes before the new one comes.
pub(crate) fn replacing(image: &str) -> Value {
    let mut deployment = deployment("app", image);
    deployment["spec"]["strategy"] = json!({"type": "Recreate"});
    deployment
}
