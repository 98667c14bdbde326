//! Real registries on loopback, and images to put into them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::process::Process;
use crate::{Parts, run};

/// The parts that [`Registry`] needs.
pub const REGISTRY_PARTS: [&str; 3] = ["registry", "referrers-registry", "crane"];

/// Which registry to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryKind {
    /// go-containerregistry's `registry`: no referrers API, so cosign keeps the tag `sha256-<hex>`.
    Registry,
    /// `crane registry serve`: none either.
    Crane,
    /// The same code with the referrers API of the OCI distribution specification 1.1.
    WithReferrers,
}

/// A running in-memory registry; it ends, and forgets everything, when dropped.
#[derive(Debug)]
pub struct Registry {
    process: Process,
    port: u16,
    crane: Command,
    folder: TempDir,
}

impl Registry {
    /// Starts a registry on a free port.
    ///
    /// # Errors
    /// If it cannot be run or does not get ready.
    pub fn start(parts: &Parts, kind: RegistryKind) -> Result<Self> {
        let (name, arguments): (_, &[&str]) = match kind {
            RegistryKind::Registry => ("registry", &["-port", "0"]),
            RegistryKind::Crane => ("crane", &["registry", "serve", "--address", "127.0.0.1:0"]),
            RegistryKind::WithReferrers => ("referrers-registry", &["-port", "0"]),
        };
        let folder = tempfile::tempdir()?;
        let mut command = parts.command(name);
        command.args(arguments);
        let mut process = Process::start(name, &command, folder.path())?;
        let port = process.wait_until(|log| {
            let (_, rest) = log.split_once("serving on port ")?;
            rest.lines().next()?.trim().parse().ok()
        })?;
        process.wait_until_serving(port, "/v2/")?;
        Ok(Self {
            process,
            port,
            crane: parts.command("crane"),
            folder,
        })
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Pushes a tiny image whose one layer holds `content`, under `repository:tag`; gives back the full
    /// `host/repository@digest`. The same content is the same digest.
    ///
    /// # Errors
    /// If crane fails.
    pub fn push(&self, repository: &str, tag: &str, content: &str) -> Result<String> {
        // Neither crane nor any verifier looks into a layer, so that it need not be an archive.
        let layer = self.folder.path().join("layer");
        fs::write(&layer, content)?;
        let reference = format!("{}/{repository}:{tag}", self.host());
        let layer = path_text(&layer)?;
        let arguments = [
            "append",
            "--insecure",
            "--oci-empty-base",
            "-f",
            layer,
            "-t",
            &reference,
        ];
        let output = run(self.crane().args(arguments))?;
        Ok(output.stdout.trim().to_owned())
    }

    /// Pushes an index over images of this registry; gives back the full `host/repository@digest`.
    ///
    /// # Errors
    /// If crane fails.
    pub fn push_index(&self, repository: &str, tag: &str, children: &[&str]) -> Result<String> {
        let reference = format!("{}/{repository}:{tag}", self.host());
        let mut crane = self.crane();
        crane.args(["index", "append", "--insecure", "-t", &reference]);
        for child in children {
            crane.args(["-m", child]);
        }
        run(&mut crane)?;
        let digest = run(self.crane().args(["digest", "--insecure", &reference]))?;
        Ok(format!(
            "{}/{repository}@{}",
            self.host(),
            digest.stdout.trim()
        ))
    }

    /// Moves `repository:tag` to an image that is in the repository already.
    ///
    /// # Errors
    /// If crane fails.
    pub fn tag(&self, image: &str, tag: &str) -> Result<()> {
        run(self.crane().args(["tag", "--insecure", image, tag])).map(drop)
    }

    /// Stops the registry; the port refuses connections from now on.
    pub fn stop(self) {
        drop(self.process);
    }

    fn crane(&self) -> Command {
        Command::new(self.crane.get_program())
    }
}

fn path_text(path: &Path) -> Result<&str> {
    match path.to_str() {
        Some(text) => Ok(text),
        None => bail!("{} is not UTF-8", path.display()),
    }
}
