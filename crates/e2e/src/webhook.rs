//! The `countersign-webhook` program as a cluster runs it: built in release, run as a process, asked over TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::built;
use crate::process::{Process, free_port};
use crate::recorder::client_config;
use crate::tls::Authority;

/// A running webhook; it ends when dropped.
#[derive(Debug)]
pub struct Webhook {
    process: Process,
    port: u16,
    authority: String,
    _folder: TempDir,
}

/// The webhook's program, built.
#[derive(Debug)]
pub struct WebhookProgram {
    program: PathBuf,
}

impl WebhookProgram {
    /// Builds it in release, unless that is done already.
    ///
    /// # Errors
    /// If cargo fails.
    pub fn build() -> Result<Self> {
        let program = built("countersign-webhook", "countersign-webhook")?;
        Ok(Self { program })
    }

    /// Starts it on a free port, with a certificate of an authority of its own, under the policies of this file or
    /// folder, asking registries as the file `registries` says; with further arguments.
    ///
    /// # Errors
    /// If it cannot be run or does not get ready.
    pub fn start(&self, policy: &Path, registries: &Path, arguments: &[&str]) -> Result<Webhook> {
        let folder = tempfile::tempdir()?;
        let authority = Authority::new("countersign e2e webhook CA")?;
        let issued = authority.issue()?;
        let [certificate, key] = ["tls.crt", "tls.key"].map(|name| folder.path().join(name));
        fs::write(&certificate, &issued.certificate_pem)?;
        fs::write(&key, issued.key.serialize_pem())?;
        let (port, metrics) = (free_port()?, free_port()?);
        let mut command = Command::new(&self.program);
        command
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--metrics-listen", &format!("127.0.0.1:{metrics}")])
            .arg("--tls-cert")
            .arg(&certificate)
            .arg("--tls-key")
            .arg(&key)
            .arg("--policy")
            .arg(policy)
            .arg("--registries")
            .arg(registries)
            .args(arguments);
        let mut process = Process::start("countersign-webhook", &command, folder.path())?;
        process.wait_until_serving(metrics, "/readyz")?;
        Ok(Webhook {
            process,
            port,
            authority: authority.pem(),
            _folder: folder,
        })
    }
}

impl Webhook {
    /// How an API server reaches it (`clientConfig` of a webhook), at this path: `/validate`, `/validate-audit`.
    #[must_use]
    pub fn client_config(&self, path: &str) -> Value {
        client_config(self.port, path, &self.authority)
    }

    /// The lines of its log so far, those that are JSON.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        let log = self.process.log();
        let lines = log.lines().map(serde_json::from_str);
        lines.filter_map(Result::ok).collect()
    }

    /// Ends it; the port refuses connections from now on.
    pub fn stop(self) {
        drop(self.process);
    }
}
