//! Service accounts with roles of their own, as which something outside asks the API server.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Cluster;

/// What a service account may do.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Where; everywhere, and what belongs to no namespace, without one.
    pub namespace: Option<String>,
    /// The rules (`rbac.authorization.k8s.io/v1`, `PolicyRule`).
    pub rules: Value,
}

impl Cluster {
    /// Makes a service account that may do what `grants` say and no more, and gives a kubeconfig with a token of it, whose default namespace is the account's.
    ///
    /// # Errors
    /// If the API server refuses, as it does when there is such an account.
    pub fn service_account(
        &self,
        namespace: &str,
        name: &str,
        grants: &[Grant],
    ) -> Result<PathBuf> {
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        self.make(
            &accounts,
            &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}),
        )?;
        let subject = json!({"kind": "ServiceAccount", "namespace": namespace, "name": name});
        for (number, grant) in grants.iter().enumerate() {
            self.grant(&format!("{namespace}-{name}-{number}"), grant, &subject)?;
        }
        self.kubeconfig_of(namespace, name)
    }

    /// A kubeconfig with a token of a service account that is there already.
    ///
    /// # Errors
    /// If there is no such account.
    pub fn kubeconfig_of(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let token = self.make(
            &format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"),
            &json!({
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {"expirationSeconds": 7200},
            }),
        )?;
        let token = token["status"]["token"].as_str().context("no token")?;
        let authority = fs::read(self.folder.path().join("ca.pem"))?;
        // JSON is YAML.
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "e2e",
            "clusters": [{"name": "e2e", "cluster": {
                "server": format!("https://{}", self.admin.address()),
                "certificate-authority-data": STANDARD.encode(authority),
            }}],
            "users": [{"name": "e2e", "user": {"token": token}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e", "namespace": namespace}}],
        });
        let path = self
            .folder
            .path()
            .join(format!("kubeconfig-{namespace}-{name}"));
        fs::write(&path, config.to_string())?;
        Ok(path)
    }

    fn grant(&self, name: &str, grant: &Grant, subject: &Value) -> Result<()> {
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        let (folder, scope) = match &grant.namespace {
            Some(namespace) => (format!("{rbac}/namespaces/{namespace}"), ""),
            None => (rbac.to_owned(), "Cluster"),
        };
        let scope_path = scope.to_lowercase();
        self.make(
            &format!("{folder}/{scope_path}roles"),
            &json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": format!("{scope}Role"),
                "metadata": {"name": name}, "rules": grant.rules,
            }),
        )?;
        self.make(
            &format!("{folder}/{scope_path}rolebindings"),
            &json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": format!("{scope}RoleBinding"),
                "metadata": {"name": name}, "subjects": [subject],
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": format!("{scope}Role"), "name": name},
            }),
        )?;
        Ok(())
    }

    fn make(&self, list: &str, object: &Value) -> Result<Value> {
        let answer = self.admin.create(list, object)?;
        if !answer.is_done() {
            bail!("{list}: {answer:?}");
        }
        Ok(answer.body)
    }
}
