//! `countersign trust`: against a TUF repository that is served here.

use std::path::PathBuf;
use std::time::Duration;

use countersign_testkit::registry::Fault;
use countersign_testkit::tuf::{Repository, Role, Server};
use insta::assert_snapshot;

use crate::run::{ROOT, command, output, transcript};

/// 2027-06-01T00:00:00Z, which is `run::AT`.
const NOW: i64 = 1_811_808_000;
const AT: &str = crate::run::AT;
const LATER: &str = "2027-06-20T00:00:00Z";
const PRIVATE: &str = "testdata/trust/private-trusted_root.json";

/// A repository, its server, and a policy folder that names it.
struct World {
    repository: Repository,
    server: Server,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let mut repository = Repository::new(NOW);
        let json = std::fs::read(format!("{ROOT}/{PRIVATE}")).unwrap();
        repository.set_target("trusted_root.json", &json);
        repository.publish();
        let server = Server::start();
        server.serve(&repository);
        let folder = tempfile::tempdir().unwrap();
        let root = repository.file("1.root.json").unwrap();
        std::fs::write(folder.path().join("root.json"), root).unwrap();
        let policy = format!(
            "apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {{name: s}}
spec: {{trust: {{maxAge: 10d}}}}
---
apiVersion: countersign.dev/v1alpha1
kind: TrustRoot
metadata: {{name: acme}}
spec: {{tuf: {{url: \"{}\", root: root.json}}}}
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: ci}}
spec:
  trust: acme
  keyless: {{issuer: https://issuer.example, subject: {{email: dev@acme.example}}}}
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: p}}
spec: {{images: [\"**\"], rules: [{{name: signed, signature: {{from: ci}}}}]}}
",
            server.url()
        );
        std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
        Self {
            repository,
            server,
            folder,
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// `trust …` with a cache of its own, without what differs from run to run.
    fn run(&self, arguments: &[&str]) -> String {
        let cache = self.path("cache");
        let all = [arguments, &["--cache-dir", &cache]].concat();
        self.neutral(&transcript(&all))
    }

    fn neutral(&self, text: &str) -> String {
        let text = text.replace(&self.server.url(), "http://127.0.0.1:PORT");
        text.replace(&self.server.url()["http://".len()..], "127.0.0.1:PORT")
            .replace(&self.folder.path().display().to_string(), "FOLDER")
    }

    fn code(&self, arguments: &[&str]) -> i32 {
        let cache = self.path("cache");
        let all = [arguments, &["--cache-dir", &cache]].concat();
        output(&all).status.code().unwrap()
    }
}

#[test]
fn a_policys_roots_are_fetched_shown_and_used() {
    let world = World::new();
    let policy = world.path("policy.yaml");
    let show = ["trust", "show", &policy, "--at", AT];
    assert_snapshot!("trust-not-fetched", world.run(&show));
    let lint = ["policy", "lint", &policy];
    assert_eq!(world.code(&lint), 3);
    let update = ["trust", "update", "--policy", &policy, "--at", AT];
    assert_snapshot!("trust-update", world.run(&update));
    assert_snapshot!("trust-show", world.run(&show));
    assert_snapshot!(
        "trust-show-json",
        world.run(&[&show[..], &["--format", "json"]].concat())
    );
    assert_eq!(
        world.code(&[
            "verify",
            "oci:testdata/images/unsigned",
            "--policy",
            &policy,
            "--at",
            AT
        ]),
        1
    );
    // Nothing but `trust update` asks the repository.
    let _ = world.server.asked();
    world.run(&show);
    world.code(&lint);
    assert!(world.server.asked().is_empty());
}

#[test]
fn what_expires_is_told() {
    let world = World::new();
    let policy = world.path("policy.yaml");
    world.run(&["trust", "update", "--policy", &policy, "--at", AT]);
    assert_snapshot!(
        "trust-show-expired",
        world.run(&["trust", "show", &policy, "--at", LATER])
    );
    let image = "oci:testdata/images/unsigned";
    let verify = ["verify", image, "--policy", &policy, "--at", LATER];
    assert_snapshot!("trust-verify-expired", world.run(&verify));
}

#[test]
fn a_failed_update_says_why_and_ends_with_2() {
    let mut world = World::new();
    let policy = world.path("policy.yaml");
    let update = ["trust", "update", "--policy", &policy, "--at", AT];
    world.server.fault("timestamp.json", Fault::Status(503));
    assert_snapshot!("trust-update-unreachable", world.run(&update));
    world.server.heal();
    assert_eq!(world.code(&update), 0);
    world.repository.role(Role::Timestamp).version = 0;
    world.repository.publish();
    world.server.serve(&world.repository);
    assert_snapshot!("trust-update-rollback", world.run(&update));
    let json = world.run(&[&update[..], &["--format", "json"]].concat());
    assert!(json.contains("\"outcome\": \"rollback\""), "{json}");
}

#[test]
fn one_repository_is_fetched_by_its_address() {
    let world = World::new();
    let root = world.path("root.json");
    let url = world.server.url();
    let update = [
        "trust", "update", "--url", &url, "--root", &root, "--at", AT,
    ];
    assert_eq!(world.code(&update), 0);
    // It is the source that the policy names.
    let policy = world.path("policy.yaml");
    assert_eq!(world.code(&["trust", "show", &policy, "--at", AT]), 0);
}

#[test]
fn wrong_words_end_with_3() {
    let world = World::new();
    let (policy, root, url) = (
        world.path("policy.yaml"),
        world.path("root.json"),
        world.server.url(),
    );
    let nowhere = world.path("nowhere.json");
    for wrong in [
        &["trust", "update", "--url", &url][..],
        &["trust", "update", "--root", &root],
        &[
            "trust", "update", "--policy", &policy, "--url", &url, "--root", &root,
        ],
        &[
            "trust",
            "update",
            "--url",
            "http://tuf.example",
            "--root",
            &root,
        ],
        &["trust", "update", "--url", &url, "--root", &nowhere],
        &["trust", "update", "--url", &url, "--root", &policy],
        &["trust", "update", "--policy", &nowhere],
        &[
            "trust",
            "update",
            "--policy",
            "policies/testdata-keyed.yaml",
        ],
        &["trust", "update", "--policy", &policy, "--ca-file", &policy],
        &["trust", "show", &nowhere],
    ] {
        assert_eq!(world.code(wrong), 3, "{wrong:?}");
    }
    assert!(world.server.asked().is_empty());
}

#[test]
fn a_trusted_root_is_read_strictly() {
    assert_snapshot!("trust-verify", transcript(&["trust", "verify", PRIVATE]));
    assert_snapshot!(
        "trust-verify-malformed",
        transcript(&["trust", "verify", "testdata/keys/release.pub"])
    );
    assert_snapshot!(
        "trust-verify-missing",
        transcript(&["trust", "verify", "nowhere.json"])
    );
    assert_eq!(output(&["trust", "show", PRIVATE]).status.code(), Some(0));
}

#[test]
fn public_good_is_shown_without_anything() {
    let shown = transcript(&["trust", "show"]);
    assert!(shown.contains("public-good (built-in)"), "{shown}");
    assert!(shown.ends_with("exit code 0\n"), "{shown}");
}

/// Killed at any moment, `trust update` leaves a cache that serves.
#[test]
fn a_killed_update_leaves_what_was_good() {
    let mut world = World::new();
    let policy = world.path("policy.yaml");
    let cache = world.path("cache");
    let update = [
        "trust",
        "update",
        "--policy",
        &policy,
        "--at",
        AT,
        "--cache-dir",
        &cache,
    ];
    assert_eq!(output(&update).status.code(), Some(0));
    for wait in 0..20 {
        world.repository.publish();
        world.server.serve(&world.repository);
        let mut child = command(&update)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait * 3));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(
            world.code(&["trust", "show", &policy, "--at", AT]),
            0,
            "after {wait}"
        );
    }
    assert_eq!(output(&update).status.code(), Some(0));
    assert!(PathBuf::from(cache).is_dir());
}
