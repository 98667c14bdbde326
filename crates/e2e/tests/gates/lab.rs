//! A registry behind a proxy, a private Sigstore, the shipped policies, and whoever signs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_e2e::{
    Countersign, Output, Parts, Proxy, REGISTRY_PARTS, Registry, RegistryKind, SIGSTORE_PARTS,
    Sigstore, Weather, outcome, parts, plain_registries, run, traced, workspace,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gate::{BUILD, GATES, Gate, PROMOTER, identity};
use crate::page;

/// The policies as they are shipped, each a set of its own.
pub(crate) const ADMISSION: &str = "gates.yaml";
pub(crate) const PROMOTION: &str = "gates-promotion.yaml";
/// The provenance that GitHub's `actions/attest` writes.
const GITHUB_BUILD: &str = "https://actions.github.io/buildtypes/workflow/v1";
const COMMIT: &str = "5c0ffee5c0ffee5c0ffee5c0ffee5c0ffee5c0ff";

pub(crate) struct Lab {
    pub(crate) parts: Parts,
    pub(crate) registry: Registry,
    /// By which the registry is called.
    pub(crate) proxy: Proxy,
    pub(crate) sigstore: Sigstore,
    pub(crate) countersign: Countersign,
    folder: TempDir,
}

impl Lab {
    /// Nothing where the real parts, and `more` of them, are not asked for.
    pub(crate) fn set(more: &[&str]) -> Option<Self> {
        let parts = parts(&[&REGISTRY_PARTS[..], &SIGSTORE_PARTS[..], more].concat())?;
        let folder = tempfile::tempdir().unwrap();
        let authorities = folder.path().join("sigstore");
        fs::create_dir(&authorities).unwrap();
        let registry = Registry::start(&parts, RegistryKind::WithReferrers).unwrap();
        let lab = Self {
            proxy: Proxy::start(&registry.host(), Weather::Clear).unwrap(),
            registry,
            sigstore: Sigstore::start(&parts, &authorities).unwrap(),
            countersign: Countersign::build().unwrap(),
            parts,
            folder,
        };
        for policy in [ADMISSION, PROMOTION] {
            lab.write_policy(policy, |text| text);
        }
        fs::write(lab.registries(), plain_registries(&[&lab.proxy.host()])).unwrap();
        Some(lab)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of kind Registries: the proxy is asked without TLS and on loopback.
    pub(crate) fn registries(&self) -> PathBuf {
        self.path("registries.yaml")
    }

    /// Where the policy of this name is.
    pub(crate) fn policy(&self, name: &str) -> PathBuf {
        self.path(name.trim_end_matches(".yaml")).join(name)
    }

    /// Writes a shipped policy with our registry in it, the private Sigstore as its trust root, and what `change` does.
    pub(crate) fn write_policy(&self, name: &str, change: impl FnOnce(String) -> String) {
        let shipped = fs::read_to_string(workspace().join("policies").join(name)).unwrap();
        let text = shipped
            .replace(
                "ghcr.io/acme/app",
                &format!("{}/acme/app", self.proxy.host()),
            )
            .replace("trust: public-good", "trust: private");
        let root = "apiVersion: countersign.dev/v1alpha1\nkind: TrustRoot\nmetadata: {name: private}\nspec: {file: root.json, sct: required}\n";
        let file = self.policy(name);
        let folder = file.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        fs::write(&file, format!("{}---\n{root}", change(text))).unwrap();
        fs::copy(self.sigstore.trusted_root(), folder.join("root.json")).unwrap();
    }

    /// Pushes an image that nobody has signed; `host/acme/app@digest`, by the proxy's host.
    pub(crate) fn push(&self, content: &str) -> String {
        let image = self.registry.push("acme/app", content, content).unwrap();
        image.replace(&self.registry.host(), &self.proxy.host())
    }

    /// An image that the build has signed, and said how it was built.
    pub(crate) fn built(&self, content: &str) -> String {
        let image = self.push(content);
        self.build(&image);
        image
    }

    /// The build signs an image, and says how it was built.
    pub(crate) fn build(&self, image: &str) {
        self.cosign("sign", None, BUILD, image);
        self.attest_provenance(image);
    }

    /// A gate attests what it says, by the page's command; by whom, as an identity.
    pub(crate) fn attest(&self, gate: &Gate, by: &str, predicate: &Value, image: &str) {
        let file = self.path(gate.file);
        fs::write(&file, predicate.to_string()).unwrap();
        self.cosign(gate.file, Some(&file), by, image);
    }

    /// Every gate says yes.
    pub(crate) fn pass_all(&self, image: &str) {
        for gate in &GATES {
            self.attest(gate, gate.by, &gate.yes(), image);
        }
    }

    /// The page's command with this word in it, where `predicate` stands for the file of that name.
    fn cosign(&self, word: &str, predicate: Option<&Path>, by: &str, image: &str) {
        let mut cosign = self.parts.command("cosign3");
        for argument in page::command(word).into_iter().skip(1) {
            match (argument, predicate) {
                (page::IMAGE, _) => cosign.arg(image),
                (argument, Some(file)) if argument == word => cosign.arg(file),
                _ => cosign.arg(argument),
            };
        }
        run(self.surround(&mut cosign, by).arg("--allow-http-registry")).unwrap();
    }

    fn surround<'c>(&self, command: &'c mut Command, by: &str) -> &'c mut Command {
        let token = self.sigstore.token(&identity(by)).unwrap();
        command
            .arg("--signing-config")
            .arg(self.sigstore.signing_config())
            .arg("--trusted-root")
            .arg(self.sigstore.trusted_root())
            .args(["--identity-token", &token])
            .env("TUF_ROOT", self.path("tuf"))
    }

    fn attest_provenance(&self, image: &str) {
        let builder = identity(BUILD).subject();
        let url = "https://github.com/acme/app";
        let predicate = json!({
            "buildDefinition": {
                "buildType": GITHUB_BUILD,
                "externalParameters": {"workflow": {
                    "ref": "refs/heads/main", "repository": url, "path": ".github/workflows/release.yml",
                }},
                "internalParameters": {"github": {
                    "event_name": "push", "repository_id": "123", "repository_owner_id": "12", "runner_environment": "github-hosted",
                }},
                "resolvedDependencies": [{
                    "uri": format!("git+{url}@refs/heads/main"), "digest": {"gitCommit": COMMIT},
                }],
            },
            "runDetails": {"builder": {"id": builder}, "metadata": {"invocationId": format!("{url}/actions/runs/1000/attempts/1")}},
        });
        let file = self.path("provenance.json");
        fs::write(&file, predicate.to_string()).unwrap();
        self.sigstore
            .attest3(&identity(BUILD), "slsaprovenance1", &file, image)
            .unwrap();
    }

    /// The page's `promote`, and what it said as JSON.
    pub(crate) fn promote(&self, image: &str) -> (Output, Value) {
        let token = self.path("token.jwt");
        fs::write(&token, self.sigstore.token(&identity(PROMOTER)).unwrap()).unwrap();
        let file = |path: PathBuf| path.display().to_string();
        let words = page::command("promote").into_iter().skip(1);
        let mut words: Vec<String> = words
            .map(|word| match word {
                page::IMAGE => image.to_owned(),
                PROMOTION => file(self.policy(PROMOTION)),
                "signing_config.json" => file(self.sigstore.signing_config()),
                word => word.to_owned(),
            })
            .collect();
        words.extend([
            "--trusted-root".to_owned(),
            file(self.sigstore.trusted_root()),
            "--identity-token".to_owned(),
            file(token),
            "--plain-http".to_owned(),
            "--format=json".to_owned(),
        ]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = self.countersign.run(&words).unwrap();
        let report = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:#?}"));
        (output, report)
    }

    /// The page's `verify` in this namespace; traced into a file, so that it tells who was asked.
    pub(crate) fn verify(&self, image: &str, namespace: &str, trace: &Path) -> Output {
        let mut command = traced(trace, self.countersign.path());
        let policy = self.policy(ADMISSION);
        for word in page::command("verify").into_iter().skip(1) {
            match word {
                page::IMAGE => command.arg(image),
                ADMISSION => command.arg(&policy),
                "production" => command.arg(namespace),
                word => command.arg(word),
            };
        }
        let nowhere = self.path("no-docker-config");
        let command = command
            .arg("--plain-http")
            .env("DOCKER_CONFIG", &nowhere)
            .env("REGISTRY_AUTH_FILE", nowhere.join("none.json"))
            .env("XDG_CONFIG_HOME", &nowhere);
        outcome(command).unwrap()
    }
}
