//! The `countersign-webhook` program as a cluster runs it: built in release, run as a process, asked over TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::Value;
use tempfile::TempDir;

use crate::Client;
use crate::cli::built;
use crate::process::{Process, free_port, status_of};
use crate::recorder::client_config;
use crate::tls::{Authority, LOOPBACK};
use crate::trace::traced;

/// What the program is called, and its log.
const NAME: &str = "countersign-webhook";

/// A running webhook; it ends when dropped.
#[derive(Debug)]
pub struct Webhook {
    process: Process,
    port: u16,
    metrics: u16,
    client: Client,
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

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.program
    }

    /// Starts it on a free port, with a certificate of an authority of its own, under the policies of this file or
    /// folder, asking registries as the file `registries` says; with further arguments.
    ///
    /// # Errors
    /// If it cannot be run or does not get ready.
    pub fn start(&self, policy: &Path, registries: &Path, arguments: &[&str]) -> Result<Webhook> {
        self.start_as(&LOOPBACK, policy, registries, arguments)
    }

    /// The same with a certificate for these names.
    ///
    /// # Errors
    /// If it cannot be run or does not get ready.
    pub fn start_as(
        &self,
        names: &[&str],
        policy: &Path,
        registries: &Path,
        arguments: &[&str],
    ) -> Result<Webhook> {
        let command = Command::new(&self.program);
        let serving = Serving::issue(names)?;
        start(command, serving, policy, registries, arguments)
    }

    /// The same as [`Self::start`], and it takes only clients with a certificate, as [`Webhook::client`] has one: its questions are those of an API server that
    /// shows who it is.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_known(
        &self,
        policy: &Path,
        registries: &Path,
        arguments: &[&str],
    ) -> Result<Webhook> {
        let folder = tempfile::tempdir()?;
        let serving = Serving::issue(&LOOPBACK)?;
        let file = folder.path().join("client-ca.pem");
        fs::write(&file, serving.authority())?;
        let mut command = Command::new(&self.program);
        command.arg("--client-ca").arg(file);
        ready(launch_in(
            folder,
            command,
            serving,
            Some(policy),
            registries,
            arguments,
        )?)
    }

    /// Starts it alike, but with no policies other than those that `arguments` name, and does not wait until it is ready.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn launch(&self, registries: &Path, arguments: &[&str]) -> Result<Webhook> {
        let (folder, serving) = (tempfile::tempdir()?, Serving::issue(&LOOPBACK)?);
        let command = Command::new(&self.program);
        launch_in(folder, command, serving, None, registries, arguments)
    }

    /// The same as [`Self::start`] under `strace`, as [`traced`] says.
    ///
    /// # Errors
    /// If it cannot be run or does not get ready.
    pub fn start_traced(
        &self,
        trace: &Path,
        policy: &Path,
        registries: &Path,
        arguments: &[&str],
    ) -> Result<Webhook> {
        let command = traced(trace, &self.program);
        let serving = Serving::issue(&LOOPBACK)?;
        start(command, serving, policy, registries, arguments)
    }
}

fn start(
    command: Command,
    serving: Serving,
    policy: &Path,
    registries: &Path,
    arguments: &[&str],
) -> Result<Webhook> {
    let folder = tempfile::tempdir()?;
    ready(launch_in(
        folder,
        command,
        serving,
        Some(policy),
        registries,
        arguments,
    )?)
}

fn ready(mut webhook: Webhook) -> Result<Webhook> {
    webhook.wait_until_ready()?;
    Ok(webhook)
}

/// Starts it with its files in this folder.
fn launch_in(
    folder: TempDir,
    mut command: Command,
    serving: Serving,
    policy: Option<&Path>,
    registries: &Path,
    arguments: &[&str],
) -> Result<Webhook> {
    let (port, metrics) = (free_port()?, free_port()?);
    command
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(["--metrics-listen", &format!("127.0.0.1:{metrics}")])
        .arg("--tls-cert")
        .arg(folder.path().join("tls.crt"))
        .arg("--tls-key")
        .arg(folder.path().join("tls.key"))
        .arg("--registries")
        .arg(registries)
        .args(arguments);
    if let Some(policy) = policy {
        command.arg("--policy").arg(policy);
    }
    serving.write(folder.path())?;
    let process = Process::start(NAME, &command, folder.path())?;
    let identity = serving.issuer.issue_client("kube-apiserver", None)?;
    Ok(Webhook {
        process,
        port,
        metrics,
        client: Client::new(port, serving.issuer.certificate().clone(), &identity)?,
        authority: serving.authority,
        folder,
    })
}

/// A serving certificate, its key, and the authority that issued it, all PEM.
pub struct Serving {
    issuer: Authority,
    authority: String,
    certificate: String,
    key: String,
}

impl Serving {
    /// Makes one for these names, of an authority of its own.
    ///
    /// # Errors
    /// If no key can be made.
    pub fn issue(names: &[&str]) -> Result<Self> {
        let issuer = Authority::new("countersign e2e webhook CA")?;
        let issued = issuer.issue_for(names)?;
        Ok(Self {
            authority: issuer.pem(),
            issuer,
            key: issued.key.serialize_pem(),
            certificate: issued.certificate_pem,
        })
    }

    /// The authority's certificate, PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Each file whole at once; the program itself has to see that both belong together.
    fn write(&self, folder: &Path) -> Result<()> {
        for (name, text) in [("tls.crt", &self.certificate), ("tls.key", &self.key)] {
            let new = folder.join("new");
            fs::write(&new, text)?;
            fs::rename(&new, folder.join(name))?;
        }
        Ok(())
    }
}

impl Webhook {
    /// How an API server reaches it (`clientConfig` of a webhook), at this path: `/validate`, `/validate-audit`.
    #[must_use]
    pub fn client_config(&self, path: &str) -> Value {
        client_config(self.port, path, &self.authority)
    }

    /// The authority of the certificate that it began with, PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The port of loopback on which it answers the API server.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The port of loopback on which it is probed.
    #[must_use]
    pub const fn probe_port(&self) -> u16 {
        self.metrics
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// If it ends or a minute passes before.
    pub fn wait_until_ready(&mut self) -> Result<()> {
        self.process.wait_until_serving(self.metrics, "/readyz")
    }

    /// Whether `/readyz` says that it may be asked.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        status_of(self.metrics, "/readyz") == Some(200)
    }

    /// The lines of its log so far, those that are JSON.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        let log = self.process.log();
        let lines = log.lines().map(serde_json::from_str);
        lines.filter_map(Result::ok).collect()
    }

    /// The lines of its log so far that tell of this event.
    #[must_use]
    pub fn events(&self, event: &str) -> Vec<Value> {
        let mut lines = self.log();
        lines.retain(|line| line["event"] == event);
        lines
    }

    /// Puts another certificate and key where those are that it serves with. The program sees it in its own time.
    ///
    /// # Errors
    /// If the files cannot be written.
    pub fn install(&self, serving: &Serving) -> Result<()> {
        serving.write(self.folder.path())
    }

    /// Tells it to end as a kubelet does, by SIGTERM; it goes on answering for its time of draining.
    ///
    /// # Errors
    /// If it has ended already.
    pub fn terminate(&self) -> Result<()> {
        self.process.signal("TERM")
    }

    /// Ends it without a word, by SIGKILL.
    ///
    /// # Errors
    /// If it has ended already.
    pub fn kill(&self) -> Result<()> {
        self.process.signal("KILL")
    }

    /// Waits for its end; gives its exit code.
    ///
    /// # Errors
    /// If it runs on for a minute.
    pub fn ended(&mut self) -> Result<Option<i32>> {
        self.process.ended()
    }

    /// Asks it as an API server would, without one.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Ends it; the port refuses connections from now on.
    pub fn stop(self) {
        drop(self.process);
    }
}
