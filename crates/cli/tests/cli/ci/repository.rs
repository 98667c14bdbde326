//! A Git repository of manifests with a pull request checked out, whose images are in a registry.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::manifests::{Ended, Scene, pod};

/// The clone of a CI job: `origin/main` is the base, and what is checked out is a branch from it.
pub(super) struct Repository {
    pub(super) scene: Scene,
    folder: tempfile::TempDir,
}

impl Repository {
    /// The base has a policy, trust root, registries, and a manifest with a signed image; the branch has the same.
    pub(super) fn new() -> Self {
        let scene = Scene::new();
        let repository = Self {
            scene,
            folder: tempfile::tempdir().unwrap(),
        };
        let origin = repository.folder.path().join("origin");
        git(
            repository.folder.path(),
            &["init", "--quiet", "-b", "main", "origin"],
        );
        for name in ["policy.yaml", "forged.json", "registries.yaml"] {
            std::fs::write(origin.join(name), repository.scene.read(name)).unwrap();
        }
        std::fs::create_dir(origin.join("deploy")).unwrap();
        let manifest = repository.pod("good");
        std::fs::write(origin.join("deploy/pod.yaml"), manifest).unwrap();
        commit(&origin);
        git(
            repository.folder.path(),
            &["clone", "--quiet", "origin", "clone"],
        );
        git(&repository.path(""), &["switch", "--quiet", "-c", "change"]);
        repository
    }

    /// A Pod with the image of this tag.
    pub(super) fn pod(&self, tag: &str) -> String {
        let image = format!("{}/app:{tag}", self.scene.world.registry.host());
        pod("shop", &image)
    }

    /// A path in the clone.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("clone").join(name)
    }

    /// A file of its own, beside the clone.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Commits this text of a file to the branch.
    pub(super) fn change(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
        self.commit();
    }

    /// Commits what is in the clone to the branch.
    pub(super) fn commit(&self) {
        commit(&self.path(""));
    }

    /// Commits to the branch a policy that allows everything.
    pub(super) fn weaken(&self) {
        let policy = self.scene.read("policy.yaml");
        // A policy of nothing, so that what no policy names decides.
        let weak = policy.replace("127.0.0.1:*/app", "nowhere.example/app");
        self.change(
            "policy.yaml",
            &weak.replace("unmatched: deny", "unmatched: allow"),
        );
    }

    /// Git in the clone.
    pub(super) fn git(&self, arguments: &[&str]) {
        git(&self.path(""), arguments);
    }

    /// What every step is told: this repository's files and where things are.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        [
            ("COUNTERSIGN", env!("CARGO_BIN_EXE_countersign")),
            ("COUNTERSIGN_POLICY", "policy.yaml"),
            ("COUNTERSIGN_TRUST_ROOT", "forged=forged.json"),
            ("COUNTERSIGN_REGISTRIES", "registries.yaml"),
            ("COUNTERSIGN_FILES", "deploy"),
            ("COUNTERSIGN_PAUSE", "0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Runs a program or, by `sh`, a script at the top of the clone, without anything of the tester's surroundings.
    pub(super) fn run(
        &self,
        program: &str,
        arguments: &[&str],
        environment: &BTreeMap<String, String>,
    ) -> Ended {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.path(""))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(environment)
            .output()
            .unwrap();
        Ended::new(output, &self.scene.world.registry.host())
    }
}

fn commit(folder: &Path) {
    git(folder, &["add", "--all"]);
    git(
        folder,
        &["commit", "--quiet", "--allow-empty", "--message", "x"],
    );
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@example.com",
            "-c",
            "commit.gpgSign=false",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
}
