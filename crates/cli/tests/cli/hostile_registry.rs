//! A registry that means harm, as the whole command meets it: each attack ends within its bound, with exit 2, classed, with
//! a cause, and in little memory.

use std::process::Stdio;
use std::time::{Duration, Instant};

use countersign_testkit::registry::{Fault, Pages, Registry};
use serde_json::Value;

use crate::run::{ROOT, command, peak_memory};

/// What one check may take; the default of `--timeout` is longer.
const SECONDS: u64 = 5;
/// Of resident memory, in KiB.
const MOST_MEMORY: u64 = 64 * 1024;
const USER: &str = "robot";
const PASSWORD: &str = "a-secret-of-the-registry";

#[test]
fn a_gibibyte_of_manifest() {
    for declared in [true, false] {
        let attack = Attack::on(Registry::start());
        let bytes = 1 << 30;
        attack
            .registry
            .fault(|_| true, Fault::Huge { bytes, declared });
        attack.ends_as("hostile", "sends too much");
    }
}

#[test]
fn a_hundred_thousand_referrers() {
    let attack = Attack::on(Registry::start());
    attack.registry.attach_decoys("app", &attack.image, 100_000);
    attack.ends_as("hostile", "sends too much");
}

#[test]
fn pages_without_end() {
    for pages in [Pages::Same, Pages::New] {
        let attack = Attack::on(Registry::start());
        attack.registry.fault(
            |request| request.path.contains("/referrers/"),
            Fault::EndlessPages(pages),
        );
        attack.ends_as("hostile", "without end");
    }
}

#[test]
fn a_body_that_stalls() {
    let attack = Attack::on(Registry::start());
    attack.registry.fault(|_| true, Fault::StallAfter(10));
    attack.ends_as("unavailable", "5s");
}

#[test]
fn a_digest_that_lies() {
    let attack = Attack::on(Registry::start());
    attack.registry.fault(
        |request| request.path.contains("/blobs/"),
        Fault::WrongBytes,
    );
    attack.ends_as("hostile", "sha256:");
}

#[test]
fn a_redirect_to_this_machine() {
    let thief = Registry::start();
    let attack = Attack::on(Registry::builder().basic(USER, PASSWORD).start());
    attack.registry.fault(
        |request| request.path.contains("/blobs/"),
        Fault::RedirectTo(thief.url()),
    );
    // The registry was typed, and may be on this machine; where it leads may not.
    attack.ends_as("hostile", "is refused: it is this machine itself");
    assert_eq!(thief.connections(), 0);
}

#[test]
fn a_token_with_a_line_break() {
    let attack = Attack::on(Registry::builder().bearer(USER, PASSWORD).start());
    attack.registry.fault(
        |request| request.path.starts_with("/token"),
        Fault::token("good\r\nx-evil: yes"),
    );
    attack.ends_as("hostile", "token");
}

/// One image in a registry that is about to turn evil, and a policy that demands a signature.
struct Attack {
    registry: Registry,
    image: String,
    folder: tempfile::TempDir,
}

impl Attack {
    fn on(registry: Registry) -> Self {
        let image = registry.push_image("app", "v1");
        registry.attach_bundle("app", &image, b"{}");
        let folder = tempfile::tempdir().unwrap();
        let docker = serde_json::json!({
            "auths": {registry.host(): {"username": USER, "password": PASSWORD}},
        });
        std::fs::write(folder.path().join("config.json"), docker.to_string()).unwrap();
        let policy =
            std::fs::read_to_string(format!("{ROOT}/policies/testdata-keyed.yaml")).unwrap();
        let policy = policy.replace("registry.example/acme/*", "127.0.0.1:*/app");
        std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
        Self {
            registry,
            image,
            folder,
        }
    }

    #[track_caller]
    fn ends_as(&self, class: &str, cause: &str) {
        let image = format!("{}/app:v1", self.registry.host());
        let seconds = SECONDS.to_string();
        let policy = self.folder.path().join("policy.yaml");
        let arguments = [
            "verify",
            &image,
            "--plain-http",
            "--timeout",
            &seconds,
            "--format",
            "json",
            "--policy",
            policy.to_str().unwrap(),
        ];
        let begun = Instant::now();
        let mut child = command(&arguments)
            .env("DOCKER_CONFIG", self.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut memory = 0;
        while child.try_wait().unwrap().is_none() {
            memory = memory.max(peak_memory(child.id()));
            std::thread::sleep(Duration::from_millis(2));
        }
        let ended = child.wait_with_output().unwrap();
        let text = String::from_utf8(ended.stdout).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{text}");
        assert!(
            begun.elapsed() < Duration::from_secs(SECONDS + 20),
            "it went on and on"
        );
        assert!(memory < MOST_MEMORY, "{memory} KiB of memory");
        let report: Value = serde_json::from_str(&text).unwrap();
        let gaps = report["images"][0]["gaps"].as_array().unwrap();
        let found = gaps
            .iter()
            .any(|gap| gap["class"] == class && gap["cause"].as_str().unwrap().contains(cause));
        assert!(found, "no {class} gap because of `{cause}`: {gaps:#?}");
        assert!(!text.contains(PASSWORD));
    }
}
