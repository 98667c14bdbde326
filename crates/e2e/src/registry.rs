//! Real registries on loopback, and images to put into them.

mod docker;

use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use tempfile::TempDir;

use self::docker::Door;
use crate::login::{Login, OWNER};
use crate::process::Process;
use crate::{Parts, run};

/// The parts that [`Registry`] needs.
pub const REGISTRY_PARTS: [&str; 4] =
    ["registry", "referrers-registry", "docker-registry", "crane"];

/// Which registry to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryKind {
    /// go-containerregistry's `registry`: no referrers API, so cosign keeps the tag `sha256-<hex>`.
    Registry,
    /// `crane registry serve`: none either.
    Crane,
    /// The same code with the referrers API of the OCI distribution specification 1.1.
    WithReferrers,
    /// Docker's registry 2.8 over TLS, for users with a password: no referrers API.
    DockerBasic,
    /// The same for bearers of a token, which a token service gives for one repository to users with a password.
    DockerToken,
}

/// A document of kind `Registries` (`docs/registries.md`) that lets these hosts be on this machine, and asks them without TLS.
#[must_use]
pub fn plain_registries(hosts: &[&str]) -> String {
    registries(hosts.iter(), ", plainHttp: true")
}

/// The same, with `more` said of each.
fn registries(hosts: impl Iterator<Item: Display>, more: &str) -> String {
    let entries: String = hosts
        .map(|host| format!("    - {{host: \"{host}\"{more}, addresses: [loopback]}}\n"))
        .collect();
    format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Registries\nspec:\n  registries:\n{entries}"
    )
}

/// A running registry that keeps everything in memory; it ends, and forgets it, when dropped.
#[derive(Debug)]
pub struct Registry {
    process: Process,
    port: u16,
    crane: Command,
    folder: TempDir,
    door: Option<Door>,
}

impl Registry {
    /// Starts a registry on a free port.
    ///
    /// # Errors
    /// If it cannot be run or does not get ready.
    pub fn start(parts: &Parts, kind: RegistryKind) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (mut door, mut command) = (None, parts.command(kind.program()));
        match kind {
            RegistryKind::Registry | RegistryKind::WithReferrers => {
                command.args(["-port", "0"]);
            }
            RegistryKind::Crane => {
                command.args(["registry", "serve", "--address", "127.0.0.1:0"]);
            }
            RegistryKind::DockerBasic | RegistryKind::DockerToken => {
                let (built, opened) = Door::build(parts, kind, folder.path())?;
                (door, command) = (Some(built), opened);
            }
        }
        let mut process = Process::start(kind.program(), &command, folder.path())?;
        let port = process.wait_until(|log| {
            let (_, rest) = log.split_once("serving on port ")?;
            rest.lines().next()?.trim().parse().ok()
        })?;
        // What listens behind TLS says so when it is ready; the others may have said it a little early.
        if door.is_none() {
            process.wait_until_serving(port, "/v2/")?;
        }
        let registry = Self {
            process,
            port,
            crane: parts.command("crane"),
            folder,
            door,
        };
        registry.login(Some(&OWNER), OWNER.password, &registry.owner_config())?;
        Ok(registry)
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
        self.push_layer(repository, tag, &layer)
    }

    /// Pushes an image for `platform` (`linux/amd64`) whose one layer has the files of the folder `root`, so that scanners find
    /// something in it; gives back the full `host/repository@digest`. The same files are the same digest.
    ///
    /// # Errors
    /// If tar or crane fails.
    pub fn push_files(
        &self,
        repository: &str,
        tag: &str,
        platform: &str,
        root: &Path,
    ) -> Result<String> {
        let layer = self.folder.path().join("layer.tar");
        let mut tar = Command::new("tar");
        tar.args(["--create", "--format=ustar", "--sort=name", "--mtime=@0"])
            .args(["--owner=0", "--group=0", "--numeric-owner"]);
        run(tar
            .arg("--file")
            .arg(&layer)
            .arg("--directory")
            .arg(root)
            .arg("."))?;
        let image = self.push_layer(repository, tag, &layer)?;
        let mutate = ["mutate", &image, "--set-platform", platform];
        let output = run(self.crane().args(mutate))?;
        let image = output.stdout.trim().to_owned();
        self.tag(&image, tag)?;
        Ok(image)
    }

    /// Pushes an index over images of this registry; gives back the full `host/repository@digest`.
    ///
    /// # Errors
    /// If crane fails.
    pub fn push_index(&self, repository: &str, tag: &str, children: &[&str]) -> Result<String> {
        let reference = format!("{}/{repository}:{tag}", self.host());
        let mut crane = self.crane();
        crane.args(["index", "append", "-t", &reference]);
        for child in children {
            crane.args(["-m", child]);
        }
        run(&mut crane)?;
        let digest = run(self.crane().args(["digest", &reference]))?;
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
        run(self.crane().args(["tag", image, tag])).map(drop)
    }

    /// Stops the registry; the port refuses connections from now on.
    pub fn stop(self) {
        drop(self.process);
    }

    /// The certificate authority that clients of a registry with TLS must trust, PEM.
    #[must_use]
    pub fn ca(&self) -> Option<&Path> {
        self.door.as_ref().map(|door| door.ca.as_path())
    }

    /// A file of kind `Registries` (`docs/registries.md`) that lets the registry and its token service be on this machine.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn registries_file(&self) -> Result<PathBuf> {
        let tokens = self.door.as_ref().and_then(|door| door.tokens.as_ref());
        let hosts = [self.host()].into_iter().chain(tokens.map(|it| it.host()));
        let file = self.folder.path().join("registries.yaml");
        fs::write(&file, registries(hosts, ""))?;
        Ok(file)
    }

    /// Writes a docker configuration into the folder `to`, which is made too: of this user with this password, or of nobody.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn login(&self, login: Option<&Login>, password: &str, to: &Path) -> Result<()> {
        fs::create_dir_all(to)?;
        let config = login.map_or_else(
            || "{}".to_owned(),
            |login| login.docker_config(&self.host(), password),
        );
        Ok(fs::write(to.join("config.json"), config)?)
    }

    /// `USER SCOPE` of each scope for which a token was asked so far, of a registry that wants tokens.
    #[must_use]
    pub fn tokens_asked(&self) -> Vec<String> {
        let tokens = self.door.as_ref().and_then(|door| door.tokens.as_ref());
        tokens.map_or_else(Vec::new, |tokens| tokens.asked())
    }

    /// With which environment crane and cosign get in, to read and to write everything.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let config = ("DOCKER_CONFIG", self.owner_config().into_os_string());
        let ca = self.ca().map(|ca| ("SSL_CERT_FILE", ca.into()));
        [config].into_iter().chain(ca).collect()
    }

    fn owner_config(&self) -> PathBuf {
        self.folder.path().join("owner")
    }

    fn push_layer(&self, repository: &str, tag: &str, layer: &Path) -> Result<String> {
        let reference = format!("{}/{repository}:{tag}", self.host());
        let layer = path_text(layer)?;
        let arguments = ["append", "--oci-empty-base", "-f", layer, "-t", &reference];
        let output = run(self.crane().args(arguments))?;
        Ok(output.stdout.trim().to_owned())
    }

    /// Loopback needs no `--insecure`: crane tries HTTPS first there, and then HTTP.
    fn crane(&self) -> Command {
        let mut crane = Command::new(self.crane.get_program());
        crane.envs(self.environment());
        crane
    }
}

impl RegistryKind {
    const fn program(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Crane => "crane",
            Self::WithReferrers => "referrers-registry",
            Self::DockerBasic | Self::DockerToken => "docker-registry",
        }
    }
}

fn path_text(path: &Path) -> Result<&str> {
    match path.to_str() {
        Some(text) => Ok(text),
        None => bail!("{} is not UTF-8", path.display()),
    }
}
