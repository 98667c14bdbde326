//! What the manual takes for granted: a cluster, a registry with images, and a folder with keys.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use countersign_e2e::{
    CLUSTER_PARTS, Countersign, Node, Output, REGISTRY_PARTS, Registry, RegistryKind, SigningKey,
    WebhookProgram, outcome, parts, plain_registries, workspace,
};
use tempfile::TempDir;

/// What the manual calls the registry, and the digest of the image that is bad.
const REGISTRY: &str = "registry.example";
const BAD: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000bad";

pub(crate) struct World {
    node: Node,
    registry: Registry,
    bad: String,
    path: String,
    folder: TempDir,
}

impl World {
    /// Nothing where the real parts are not asked for.
    pub(crate) fn start() -> Option<Self> {
        let wanted = [
            &CLUSTER_PARTS[..],
            &REGISTRY_PARTS,
            &["cosign3", "helm", "kubectl"],
        ];
        let parts = parts(&wanted.concat())?;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let registry = Registry::start(&parts, RegistryKind::WithReferrers).unwrap();
        fs::create_dir_all(at("work/acme")).unwrap();
        let key = |name: &str| {
            let key = SigningKey::generate(&parts, &at(name)).unwrap();
            fs::copy(key.public_key(), at(&format!("work/acme/{name}.pub"))).unwrap();
            key
        };
        let (release, next) = (key("release"), key("next"));
        let push =
            |name: &str, tag: &str| registry.push(&format!("acme/{name}"), tag, tag).unwrap();
        release.sign3(&push("app", "v1")).unwrap();
        next.sign3(&push("app", "v2")).unwrap();
        let bad = push("app", "bad");
        next.sign3(&bad).unwrap();
        push("tool", "v1");

        let registries = at("registries.yaml");
        fs::write(&registries, plain_registries(&[&registry.host()])).unwrap();
        let webhook = WebhookProgram::build().unwrap();
        let node = Node::start(&parts, &webhook, &registries).unwrap();

        // The repository is the working folder, but nothing is written into it.
        for name in ["deploy", "policies"] {
            std::os::unix::fs::symlink(workspace().join(name), at("work").join(name)).unwrap();
        }
        fs::create_dir(at("bin")).unwrap();
        let programs = [
            ("kubectl", parts.path("kubectl")),
            ("helm", parts.path("helm")),
            ("countersign-webhook", webhook.path().to_owned()),
        ];
        for (name, program) in programs {
            std::os::unix::fs::symlink(program, at("bin").join(name)).unwrap();
        }
        // A registry on this machine has to be allowed, where there is one that can be asked.
        let countersign = Countersign::build().unwrap();
        let script = format!(
            "#!/bin/sh\ncase \"$1 $2\" in verify*|'policy init') set -- \"$@\" --registries '{}' ;; esac\nexec '{}' \"$@\"\n",
            registries.display(),
            countersign.path().display()
        );
        let wrapper = at("bin/countersign");
        fs::write(&wrapper, script).unwrap();
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        Some(Self {
            bad: bad.rsplit('@').next().unwrap().to_owned(),
            path: format!("{}:{path}", at("bin").display()),
            node,
            registry,
            folder,
        })
    }

    /// Makes a namespace in which Pods can be created at once.
    pub(crate) fn has_namespace(&self, name: &str) {
        self.node.cluster().namespace(name).unwrap();
    }

    /// Writes a file of the working folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.work().join(name), self.real(text)).unwrap();
    }

    /// Runs a line of a shell in the working folder; what it prints has the manual's names.
    pub(crate) fn run(&self, line: &str) -> Output {
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", &self.real(line)])
            .current_dir(self.work())
            .env("PATH", &self.path)
            .env("HOME", self.folder.path())
            .env("KUBECONFIG", self.node.cluster().admin_kubeconfig());
        let said = outcome(&mut bash).unwrap();
        let named = |text: String| {
            text.replace(&self.registry.host(), REGISTRY)
                .replace(&self.bad, BAD)
        };
        Output {
            code: said.code,
            stdout: named(said.stdout),
            stderr: named(said.stderr),
        }
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn real(&self, text: &str) -> String {
        text.replace(REGISTRY, &self.registry.host())
            .replace(BAD, &self.bad)
    }
}
