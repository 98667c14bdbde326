//! What the parts of a control plane read: certificates, who they are, and what is to be written into the audit log.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;
use serde_json::json;

use crate::tls::{Authority, Issued};

/// Who the API server says it is when it asks a webhook that wants to know.
pub const API_SERVER: &str = "kube-apiserver";

/// The files of one cluster, in one folder.
pub(super) struct Files {
    folder: PathBuf,
    authority: Authority,
    /// Who issues the certificate by which webhooks know the API server: another than who issues what the API server believes.
    webhook_clients: Authority,
    /// Who may do everything.
    pub(super) admin: Issued,
}

impl Files {
    /// Makes them in `folder`.
    pub(super) fn prepare(folder: &Path) -> Result<Self> {
        let authority = Authority::new("countersign e2e cluster CA")?;
        let admin = authority.issue_client("admin", Some("system:masters"))?;
        let files = Self {
            folder: folder.to_owned(),
            authority,
            webhook_clients: Authority::new("countersign e2e webhook client CA")?,
            admin,
        };
        let server = files.authority.issue()?;
        let service_accounts = KeyPair::generate()?;
        let texts = [
            ("ca.pem", files.authority.pem()),
            ("server.pem", server.certificate_pem.clone()),
            ("server.key", server.key.serialize_pem()),
            ("service-accounts.key", service_accounts.serialize_pem()),
            ("service-accounts.pub", service_accounts.public_key_pem()),
            ("audit-policy.yaml", audit_policy()),
            ("admission.yaml", files.admission()),
            ("webhook-clients.pem", files.webhook_clients.pem()),
            ("webhook-kubeconfig", files.webhook_kubeconfig()?),
        ];
        for (name, text) in texts {
            fs::write(files.path(name), text)?;
        }
        Ok(files)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where the API server finds what it shows to webhooks (`AdmissionConfiguration`).
    fn admission(&self) -> String {
        let plugins = ["ValidatingAdmissionWebhook", "MutatingAdmissionWebhook"].map(|name| {
            json!({"name": name, "configuration": {
                "apiVersion": "apiserver.config.k8s.io/v1",
                "kind": "WebhookAdmissionConfiguration",
                "kubeConfigFile": self.path("webhook-kubeconfig"),
            }})
        });
        json!({
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AdmissionConfiguration",
            "plugins": plugins,
        })
        .to_string()
    }

    /// The same certificate for every webhook; one that does not ask for it never sees it.
    fn webhook_kubeconfig(&self) -> Result<String> {
        let identity = self.webhook_clients.issue_client(API_SERVER, None)?;
        Ok(json!({
            "apiVersion": "v1",
            "kind": "Config",
            "users": [{"name": "*", "user": {
                "client-certificate-data": STANDARD.encode(identity.certificate_pem),
                "client-key-data": STANDARD.encode(identity.key.serialize_pem()),
            }}],
        })
        .to_string())
    }

    pub(super) fn ca(&self) -> CertificateDer<'static> {
        self.authority.certificate().clone()
    }

    /// A kubeconfig for `user` at the API server on this port.
    pub(super) fn kubeconfig(&self, user: &str, port: u16) -> Result<PathBuf> {
        let identity = self.authority.issue_client(user, None)?;
        self.write_kubeconfig("kubeconfig", &identity, port)
    }

    /// The same for who may do everything, in the file `name`.
    pub(super) fn admin_kubeconfig(&self, name: &str, port: u16) -> Result<PathBuf> {
        self.write_kubeconfig(name, &self.admin, port)
    }

    fn write_kubeconfig(&self, name: &str, identity: &Issued, port: u16) -> Result<PathBuf> {
        let encode = |pem: String| STANDARD.encode(pem);
        // JSON is YAML.
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "e2e",
            "clusters": [{"name": "e2e", "cluster": {
                "server": format!("https://127.0.0.1:{port}"),
                "certificate-authority-data": encode(self.authority.pem()),
            }}],
            "users": [{"name": "e2e", "user": {
                "client-certificate-data": encode(identity.certificate_pem.clone()),
                "client-key-data": encode(identity.key.serialize_pem()),
            }}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e"}}],
        });
        let path = self.path(name);
        fs::write(&path, config.to_string())?;
        Ok(path)
    }
}

/// Who wrote what, and what webhooks said about it; no objects, and of what was only read what service accounts did that are not Kubernetes' own.
fn audit_policy() -> String {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "verbs": ["get", "list", "watch"], "userGroups": ["system:serviceaccounts:kube-system"]},
            {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
            {"level": "None", "verbs": ["get", "list", "watch"]},
            {"level": "Metadata"},
        ],
    })
    .to_string()
}
