//! A registry, a private Sigstore and our command, with the programs that steps of workflows call, on a `PATH` of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_e2e::{
    Identity, Output, Parts, REGISTRY_PARTS, Registry, RegistryKind, SIGSTORE_PARTS, Sigstore,
    built, outcome, parts, plain_registries, run, workspace,
};
use serde_json::json;
use tempfile::TempDir;

/// The provenance that GitHub's `actions/attest` writes.
const GITHUB_BUILD: &str = "https://actions.github.io/buildtypes/workflow/v1";

pub(crate) struct Lab {
    pub(crate) parts: Parts,
    pub(crate) registry: Registry,
    pub(crate) countersign: PathBuf,
    sigstore: Sigstore,
    folder: TempDir,
}

impl Lab {
    /// Nothing where the real parts are not asked for.
    pub(crate) fn set() -> Option<Self> {
        let more = ["syft", "kubectl"];
        let parts = parts(&[&REGISTRY_PARTS[..], &SIGSTORE_PARTS[..], &more].concat())?;
        let folder = tempfile::tempdir().unwrap();
        let authorities = folder.path().join("sigstore");
        fs::create_dir(&authorities).unwrap();
        let lab = Self {
            registry: Registry::start(&parts, RegistryKind::WithReferrers).unwrap(),
            sigstore: Sigstore::start(&parts, &authorities).unwrap(),
            countersign: built("countersign-cli", "countersign").unwrap(),
            parts,
            folder,
        };
        fs::create_dir(lab.path("bin")).unwrap();
        fs::write(lab.registries(), lab.registries_text()).unwrap();
        lab.program(
            "countersign",
            &format!(
                "command=$1; shift; exec '{}' \"$command\" --registries '{}' \"$@\"",
                lab.countersign.display(),
                lab.registries().display()
            ),
        );
        Some(lab)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of kind Registries: the registry is asked without TLS and on loopback.
    pub(crate) fn registries(&self) -> PathBuf {
        self.path("registries.yaml")
    }

    pub(crate) fn registries_text(&self) -> String {
        plain_registries(&[&self.registry.host()])
    }

    /// A policy's text with our registry in place of `host`, and the private Sigstore as its trust root; `root.json` is written beside it.
    pub(crate) fn policy(&self, text: &str, host: &str, file: &Path) {
        let text = text
            .replace(host, &self.registry.host())
            .replace("trust: public-good", "trust: private");
        let root = "apiVersion: countersign.dev/v1alpha1\nkind: TrustRoot\nmetadata: {name: private}\nspec: {file: root.json, sct: required}\n";
        fs::write(file, format!("{text}---\n{root}")).unwrap();
        let beside = file.parent().unwrap().join("root.json");
        fs::copy(self.sigstore.trusted_root(), beside).unwrap();
    }

    /// From now on, `cosign` signs as this workflow, in the private Sigstore; nothing else of its arguments changes.
    pub(crate) fn sign_as(&self, identity: &Identity) {
        let flags = format!(
            "--signing-config '{}' --trusted-root '{}' --identity-token '{}'",
            self.sigstore.signing_config().display(),
            self.sigstore.trusted_root().display(),
            self.sigstore.token(identity).unwrap()
        );
        let cosign = self.parts.path("cosign3").display().to_string();
        self.program(
            "cosign",
            &format!(
                "command=$1; shift\ncase $command in *-blob) plain= ;; *) plain=--allow-http-registry ;; esac\nexec '{cosign}' \"$command\" $plain {flags} \"$@\""
            ),
        );
    }

    /// What `actions/attest` says of an image: that this workflow built it from its repository.
    pub(crate) fn attest_provenance(&self, identity: &Identity, image: &str) {
        let Identity::Workflow {
            repository,
            workflow,
            reference,
        } = identity
        else {
            panic!("{identity} is no workflow")
        };
        let url = format!("https://github.com/{repository}");
        let path = workflow.splitn(3, '/').nth(2).unwrap();
        let predicate = json!({
            "buildDefinition": {
                "buildType": GITHUB_BUILD,
                "externalParameters": {"workflow": {"ref": reference, "repository": url, "path": path}},
                "internalParameters": {"github": {
                    "event_name": "push", "repository_id": "123", "repository_owner_id": "12", "runner_environment": "github-hosted",
                }},
                "resolvedDependencies": [{
                    "uri": format!("git+{url}@{reference}"), "digest": {"gitCommit": "5c0ffee5c0ffee5c0ffee5c0ffee5c0ffee5c0ff"},
                }],
            },
            "runDetails": {
                "builder": {"id": identity.subject()}, "metadata": {"invocationId": format!("{url}/actions/runs/1000/attempts/1")},
            },
        });
        let file = self.path("provenance.json");
        fs::write(&file, predicate.to_string()).unwrap();
        self.sigstore
            .attest3(identity, "slsaprovenance1", &file, image)
            .unwrap();
    }

    /// Puts a shell script on the steps' `PATH`.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let file = self.path("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        run(Command::new("chmod").arg("+x").arg(file)).unwrap();
    }

    /// Runs a script as GitHub runs `run:`, in this folder.
    pub(crate) fn shell(
        &self,
        folder: &Path,
        script: &str,
        environment: &[(String, String)],
    ) -> Output {
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
        outcome(
            self.surround(bash.current_dir(folder))
                .envs(environment.iter().cloned()),
        )
        .unwrap()
    }

    /// Runs a script of the workspace.
    pub(crate) fn script(&self, name: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(workspace().join(name));
        outcome(self.surround(command.args(arguments))).unwrap()
    }

    fn surround<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let parts = self.parts.path("");
        let given = std::env::var("PATH").unwrap();
        let path = format!("{}:{}:{given}", self.path("bin").display(), parts.display());
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.folder.path())
            .env("RUNNER_TEMP", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("SYFT_CHECK_FOR_APP_UPDATE", "false")
            .env("SYFT_REGISTRY_INSECURE_USE_HTTP", "true")
            .env("COUNTERSIGN_REGISTRIES", self.registries())
    }
}
