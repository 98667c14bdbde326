//! The `countersign-webhook` program as a cluster runs it: built in release, run as a process, asked over TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::built;
use crate::process::{Process, free_port, status_of};
use crate::recorder::client_config;
use crate::tls::Authority;

/// What the program is called, and its log.
const NAME: &str = "countersign-webhook";

/// A running webhook; it ends when dropped.
#[derive(Debug)]
pub struct Webhook {
    process: Process,
    port: u16,
    metrics: u16,
    authority: String,
    folder: TempDir,
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
        let policy = policy.display().to_string();
        let arguments = [&["--policy", &policy], arguments].concat();
        let mut webhook = self.launch(registries, &arguments)?;
        webhook.wait_until_ready()?;
        Ok(webhook)
    }

    /// Starts it alike, but with no policies other than those that `arguments` name, and does not wait until it is ready.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn launch(&self, registries: &Path, arguments: &[&str]) -> Result<Webhook> {
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
            .arg("--registries")
            .arg(registries)
            .args(arguments);
        let process = Process::start(NAME, &command, folder.path())?;
        Ok(Webhook {
            process,
            port,
            metrics,
            authority: authority.pem(),
            folder,
        })
    }
}

impl Webhook {
    /// How an API server reaches it (`clientConfig` of a webhook), at this path: `/validate`, `/validate-audit`.
    #[must_use]
    pub fn client_config(&self, path: &str) -> Value {
        client_config(self.port, path, &self.authority)
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// If it ends or a minute passes before.
    pub fn wait_until_ready(&mut self) -> Result<()> {
        self.process.wait_until_serving(self.metrics, "/readyz")
    }

    /// Whether it is ready now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        status_of(self.metrics, "/readyz") == Some(200)
    }

    /// The lines of its log so far that tell of this event.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn events(&self, event: &str) -> Result<Vec<Value>> {
        let log = fs::read_to_string(self.folder.path().join(format!("{NAME}.log")))?;
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        Ok(lines
            .filter(|line: &Value| line["event"] == event)
            .collect())
    }

    /// Ends it; the port refuses connections from now on.
    pub fn stop(self) {
        drop(self.process);
    }
}
