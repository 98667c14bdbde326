//! An Application, and what a person would see of it.

use countersign_e2e::{Client, eventually};
use serde_json::{Value, json};

use crate::lab::Lab;

const APPLICATIONS: &str = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";

/// One that is there; it goes when dropped, and what it made stays.
pub(crate) struct Application<'l> {
    pub(crate) name: String,
    client: &'l Client,
    log: Box<dyn Fn() -> String + 'l>,
}

/// An Application of the project `default` that syncs a folder of a repository into a namespace by itself, and tries again once after a second.
pub(crate) fn application(name: &str, url: &str, path: &str, namespace: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": url, "targetRevision": "main", "path": path},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
            "syncPolicy": {
                "automated": {"prune": true, "selfHeal": true},
                "retry": {"limit": 1, "backoff": {"duration": "1s"}},
            },
        },
    })
}

impl<'l> Application<'l> {
    /// Creates it.
    pub(crate) fn create(lab: &'l Lab, application: &Value) -> Self {
        Self::create_in(lab.cluster.admin(), || lab.argo.log(), application)
    }

    pub(crate) fn create_in(
        client: &'l Client,
        log: impl Fn() -> String + 'l,
        application: &Value,
    ) -> Self {
        let answer = client.create(APPLICATIONS, application).unwrap();
        assert!(answer.is_done(), "{answer:?}");
        Self {
            name: application["metadata"]["name"].as_str().unwrap().to_owned(),
            client,
            log: Box::new(log),
        }
    }

    fn path(&self) -> String {
        format!("{APPLICATIONS}/{}", self.name)
    }

    /// Its `status`.
    pub(crate) fn status(&self) -> Value {
        self.client.get(&self.path()).unwrap().body["status"].take()
    }

    /// Asks for a look at the repository now, as the button does.
    pub(crate) fn refresh(&self) {
        let change = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}});
        assert!(self.client.merge(&self.path(), &change).unwrap().is_done());
    }

    /// Waits until `is_it` is true of its `status`.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let name = &self.name;
        let found = eventually(&format!("{name}: {what}"), || {
            let status = self.status();
            Ok(is_it(&status).then_some(status))
        });
        found.unwrap_or_else(|error| {
            panic!("{error}: {:#}\n{}", self.status(), (self.log)());
        })
    }

    /// Waits until the cluster has this commit.
    #[track_caller]
    pub(crate) fn synced(&self, commit: &str) -> Value {
        self.refresh();
        self.until("Synced", |it| {
            it["sync"]["status"] == "Synced"
                && it["sync"]["revision"] == commit
                && it["operationState"]["phase"] == "Succeeded"
        })
    }

    /// Waits until it was compared so many times more, and gives every `status` that was seen.
    #[track_caller]
    pub(crate) fn compared(&self, times: usize) -> Vec<Value> {
        let mut seen: Vec<Value> = vec![self.status()];
        while seen.len() <= times {
            let before = seen.last().unwrap()["reconciledAt"].clone();
            seen.push(self.until("compared", |it| it["reconciledAt"] != before));
        }
        seen
    }
}

impl Drop for Application<'_> {
    fn drop(&mut self) {
        let _ = self.client.delete(&self.path());
    }
}

/// The messages of its conditions of this type.
pub(crate) fn conditions(status: &Value, kind: &str) -> String {
    let all = status["conditions"].as_array().into_iter().flatten();
    let all = all.filter(|it| it["type"] == kind);
    let texts = all.filter_map(|it| it["message"].as_str());
    texts.collect::<Vec<_>>().join("\n")
}

/// What its last sync said of the resource of this kind and name.
pub(crate) fn result<'v>(status: &'v Value, kind: &str, name: &str) -> &'v Value {
    let all = status["operationState"]["syncResult"]["resources"].as_array();
    let mut all = all.into_iter().flatten();
    all.find(|it| it["kind"] == kind && it["name"] == name)
        .unwrap_or_else(|| panic!("no {kind} {name}: {status:#}"))
}

/// What it shows of the resource of this kind and name.
pub(crate) fn resource<'v>(status: &'v Value, kind: &str, name: &str) -> &'v Value {
    let mut all = status["resources"].as_array().into_iter().flatten();
    all.find(|it| it["kind"] == kind && it["name"] == name)
        .unwrap_or(&Value::Null)
}
