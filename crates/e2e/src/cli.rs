//! The `countersign` command as users get it: built in release, run as a process.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{Output, outcome, run};

/// The command, built.
#[derive(Debug)]
pub struct Countersign {
    program: PathBuf,
}

/// How [`Countersign::verify_over_tls`] gets at a registry.
#[derive(Debug, Clone, Copy)]
pub struct TlsAccess<'a> {
    /// Certificate authorities to trust beside the built-in ones.
    pub ca: Option<&'a Path>,
    /// How registries are reached, a file of kind `Registries`.
    pub registries: Option<&'a Path>,
    /// The folder of a docker configuration.
    pub docker_config: &'a Path,
}

/// What `countersign verify --format json` said about one image.
#[derive(Debug)]
pub struct Verdict {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// The report; null if standard output held no JSON.
    pub report: Value,
    /// Standard error.
    pub stderr: String,
}

impl Countersign {
    /// Builds it in release, unless that is done already.
    ///
    /// # Errors
    /// If cargo fails.
    pub fn build() -> Result<Self> {
        let program = built("countersign-cli", "countersign")?;
        Ok(Self { program })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.program
    }

    /// Runs it with these arguments; a user's own docker config is not seen.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        let nowhere = env::temp_dir().join("countersign-e2e-no-docker-config");
        self.run_as(&nowhere, arguments)
    }

    /// Runs it with these arguments and the docker configuration of this folder, and no other credentials of the user's. Keys open with
    /// an empty password, as [`SigningKey`](crate::SigningKey) makes them.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn run_as(&self, docker_config: &Path, arguments: &[&str]) -> Result<Output> {
        outcome(
            Command::new(&self.program)
                .args(arguments)
                .env("DOCKER_CONFIG", docker_config)
                .env("REGISTRY_AUTH_FILE", docker_config.join("none.json"))
                .env("XDG_CONFIG_HOME", docker_config)
                .env("COSIGN_PASSWORD", ""),
        )
    }

    /// Verifies one image of a registry without TLS.
    ///
    /// # Errors
    /// If it cannot be run, or the policy's path is not UTF-8.
    pub fn verify(&self, image: &str, policy: &Path) -> Result<Verdict> {
        let policy = policy.to_str().context("the policy's path is not UTF-8")?;
        let arguments = ["verify", image, "--policy", policy, "--plain-http"];
        Ok(Verdict::of(
            self.run(&[&arguments[..], &["--format=json"]].concat())?,
        ))
    }

    /// Verifies one image of a registry with TLS.
    ///
    /// # Errors
    /// If it cannot be run, or a path is not UTF-8.
    pub fn verify_over_tls(
        &self,
        image: &str,
        policy: &Path,
        access: &TlsAccess<'_>,
    ) -> Result<Verdict> {
        let policy = policy.to_str().context("the policy's path is not UTF-8")?;
        let mut arguments = vec!["verify", image, "--policy", policy, "--format=json"];
        let options = [
            ("--ca-file", access.ca),
            ("--registries", access.registries),
        ];
        for (option, file) in options {
            if let Some(file) = file {
                arguments.extend([option, file.to_str().context("a path is not UTF-8")?]);
            }
        }
        Ok(Verdict::of(self.run_as(access.docker_config, &arguments)?))
    }
}

/// The program `name` of a package of ours, built in release unless that is done already.
///
/// # Errors
/// If cargo fails, or the package has no such program.
pub fn built(package: &str, name: &str) -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = run(Command::new(cargo)
        .args(["build", "--release", "--locked", "--quiet"])
        .args(["-p", package, "--message-format=json"])
        .current_dir(workspace()))?;
    // Cargo says where: CARGO_TARGET_DIR and configuration files may have moved it.
    output
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .with_context(|| format!("cargo built no `{name}`"))
}

impl Verdict {
    fn of(output: Output) -> Self {
        Self {
            code: output.code,
            report: serde_json::from_str(&output.stdout).unwrap_or_default(),
            stderr: output.stderr,
        }
    }

    /// The reason codes of the rules that did not pass.
    #[must_use]
    pub fn reasons(&self) -> Vec<&str> {
        self.rules()
            .filter_map(|rule| rule["code"].as_str())
            .collect()
    }

    /// The formats of the evidence that made rules pass.
    #[must_use]
    pub fn formats(&self) -> Vec<&str> {
        self.rules()
            .flat_map(|rule| items(&rule["evidence"]))
            .filter_map(|evidence| evidence["format"].as_str())
            .collect()
    }

    fn rules(&self) -> impl Iterator<Item = &Value> {
        items(&self.report["images"][0]["policies"]).flat_map(|policy| items(&policy["rules"]))
    }
}

/// The folder of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
