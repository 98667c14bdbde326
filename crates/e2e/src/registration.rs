//! Webhooks that the API server asks, while a test wants it to.

use std::fs;
use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{Answer, Cluster, workspace};

/// A webhook's registration, which is gone when dropped: the cluster is shared, and a webhook that has ended would block.
#[derive(Debug)]
pub struct Registered {
    cluster: Arc<Cluster>,
    path: String,
}

/// One webhook of a registration.
#[derive(Debug, Clone)]
pub struct Registration<'a> {
    /// What refusals call it, before `.countersign.dev`.
    pub name: &'a str,
    /// Whose objects it is asked about; they are part of the registration's own name.
    pub namespaces: Vec<&'a str>,
    /// How it is reached (`WebhookClientConfig`).
    pub client_config: Value,
    /// `Fail` or `Ignore`.
    pub failure_policy: &'a str,
    /// `Equivalent` or `Exact`.
    pub match_policy: &'a str,
    /// Seconds for which the API server waits.
    pub timeout: u32,
    /// What it is asked about (`RuleWithOperations`); [`workloads`] where there is nothing.
    pub rules: Option<Value>,
}

/// Everything that bears images, as `deploy/` registers it; `tests/deploy` holds that against what the API server serves.
///
/// # Errors
/// If the overlay is not there or cannot be read.
pub fn workloads() -> Result<Value> {
    let file = workspace().join("deploy/kustomize/overlays/enforce/enforce.yaml");
    let mut configuration: Value = serde_saphyr::from_str(&fs::read_to_string(file)?)?;
    Ok(configuration["webhooks"][0]["rules"].take())
}

/// Pods alone, as they are made and changed.
#[must_use]
pub fn pods_alone() -> Value {
    json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods"]}])
}

impl<'a> Registration<'a> {
    /// Of everything that bears images in this namespace.
    #[must_use]
    pub fn of(namespace: &'a str, name: &'a str, client_config: Value) -> Self {
        Self {
            name,
            namespaces: vec![namespace],
            client_config,
            failure_policy: "Fail",
            match_policy: "Equivalent",
            timeout: 10,
            rules: None,
        }
    }

    /// Registers it as one that allows and denies. The API server hears of it a little later.
    ///
    /// # Errors
    /// If the API server refuses it.
    pub fn register(self, cluster: &Arc<Cluster>) -> Result<Registered> {
        self.register_as("Validating", cluster)
    }

    /// The same as one that changes objects before others see them.
    ///
    /// # Errors
    /// As [`Self::register`].
    pub fn register_mutating(self, cluster: &Arc<Cluster>) -> Result<Registered> {
        self.register_as("Mutating", cluster)
    }

    fn register_as(self, kind: &str, cluster: &Arc<Cluster>) -> Result<Registered> {
        let own = format!("{}-{}", self.namespaces.join("-"), self.name);
        let rules = self.rules.map_or_else(workloads, Ok)?;
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": format!("{kind}WebhookConfiguration"),
            "metadata": {"name": own},
            "webhooks": [{
                "name": format!("{}.countersign.dev", self.name),
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "timeoutSeconds": self.timeout,
                "failurePolicy": self.failure_policy,
                "matchPolicy": self.match_policy,
                "namespaceSelector": {"matchExpressions": [
                    {"key": "kubernetes.io/metadata.name", "operator": "In", "values": self.namespaces},
                ]},
                "clientConfig": self.client_config,
                "rules": rules,
            }],
        });
        let list = format!(
            "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations",
            kind.to_lowercase()
        );
        done(&cluster.admin().create(&list, &configuration)?)?;
        Ok(Registered {
            cluster: Arc::clone(cluster),
            path: format!("{list}/{own}"),
        })
    }
}

impl Registered {
    /// The same webhook by another name, reached in another way: the name in a refusal tells when the API server knows.
    ///
    /// # Errors
    /// If the API server refuses that.
    pub fn change(&self, name: &str, client_config: &Value) -> Result<()> {
        let mut configuration = self.cluster.admin().get(&self.path)?.body;
        configuration["webhooks"][0]["name"] = json!(format!("{name}.countersign.dev"));
        configuration["webhooks"][0]["clientConfig"] = client_config.clone();
        done(&self.cluster.admin().replace(&self.path, &configuration)?)
    }
}

fn done(answer: &Answer) -> Result<()> {
    ensure!(answer.is_done(), "{answer:?}");
    Ok(())
}

impl Drop for Registered {
    fn drop(&mut self) {
        // Where that fails the cluster is about to end with the test that has failed.
        let _ = self.cluster.admin().delete(&self.path);
    }
}
