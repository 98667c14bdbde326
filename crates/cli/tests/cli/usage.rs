//! Wrong command lines: exit code 3 and a message on standard error that says what to write.

use insta::assert_snapshot;

use crate::run::{command, output, transcript, verify};

const POLICY: &str = "policies/testdata-keyed.yaml";
const IMAGE: &str = "oci:testdata/images/signed-keyed";

#[test]
fn help_is_no_error() {
    assert_snapshot!("help", transcript(&["--help"]));
    assert_snapshot!("help-verify", transcript(&["verify", "--help"]));
    assert_snapshot!("help-evidence", transcript(&["evidence", "--help"]));
    assert_snapshot!(
        "help-pull-evidence",
        transcript(&["pull-evidence", "--help"])
    );
    assert_snapshot!("help-lock", transcript(&["lock", "--help"]));
    assert_snapshot!("help-pin", transcript(&["pin", "--help"]));
    assert_snapshot!("help-copy", transcript(&["copy", "--help"]));
    assert_snapshot!("help-promote", transcript(&["promote", "--help"]));
    assert_snapshot!("help-lint", transcript(&["policy", "lint", "--help"]));
    let version = output(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(
        version.stdout,
        concat!("countersign ", env!("CARGO_PKG_VERSION"), "\n").as_bytes()
    );
}

#[test]
fn wrong_words() {
    assert_snapshot!("usage-nothing", transcript(&[]));
    assert_snapshot!("usage-no-policy", transcript(&["verify", IMAGE]));
    assert_snapshot!(
        "usage-unknown-flag",
        transcript(&verify(IMAGE, POLICY, &["--insecure"]))
    );
    assert_snapshot!(
        "usage-time",
        transcript(&["verify", IMAGE, "--policy", POLICY, "--at", "tomorrow"])
    );
    assert_snapshot!(
        "usage-date",
        transcript(&["verify", IMAGE, "--policy", POLICY, "--at", "2027-06-01"])
    );
}

#[test]
fn wrong_images() {
    let both = [
        "verify",
        "ghcr.io/Acme/app",
        "oci:",
        "nginx@sha256:00",
        "--policy",
        POLICY,
    ];
    assert_snapshot!("usage-images", transcript(&both));
    assert_snapshot!(
        "usage-as-registry",
        transcript(&verify("nginx", POLICY, &["--as", "nginx"]))
    );
    let two = ["verify", IMAGE, IMAGE, "--policy", POLICY, "--as", "nginx"];
    assert_snapshot!("usage-as-two", transcript(&two));
}

#[test]
fn wrong_files() {
    assert_snapshot!(
        "usage-policy-missing",
        transcript(&verify(IMAGE, "nowhere.yaml", &[]))
    );
    assert_snapshot!(
        "usage-policy-empty",
        transcript(&verify(IMAGE, "testdata/keys", &[]))
    );
    let root = |file| verify(IMAGE, POLICY, &["--trust-root", file]);
    assert_snapshot!("trust-root-missing", transcript(&root("nowhere.json")));
    assert_snapshot!(
        "trust-root-malformed",
        transcript(&root("testdata/keys/release.pub"))
    );
    let authority = |file| verify("ghcr.io/acme/app", POLICY, &["--ca-file", file]);
    assert_snapshot!("ca-file-missing", transcript(&authority("nowhere.pem")));
    assert_snapshot!(
        "ca-file-malformed",
        transcript(&authority("policies/testdata-keyed.yaml"))
    );
}

/// A folder is judged whatever the docker config looks like; a registry is not asked with a broken one.
#[test]
fn a_broken_docker_config_matters_to_registries_only() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(
        home.path().join("config.json"),
        r#"{"auths": {"ghcr.io": {"auth": "c2VjcmV0"}}}"#,
    )
    .unwrap();
    let run = |image| {
        command(&verify(image, POLICY, &[]))
            .env("DOCKER_CONFIG", home.path())
            .output()
            .unwrap()
    };
    assert_eq!(run(IMAGE).status.code(), Some(0));
    let registry = run("registry.example/acme/app:v1");
    assert_eq!(registry.status.code(), Some(2));
    let message = String::from_utf8(registry.stderr).unwrap();
    assert!(message.contains("config.json"), "{message}");
    assert!(
        !message.contains("c2VjcmV0") && !message.contains("secret"),
        "{message}"
    );
}

/// `countersign verify … | head -1`: the reader has seen enough, the code stays.
#[test]
fn a_closed_pipe_is_no_panic() {
    for (image, code) in [(IMAGE, 0), ("oci:testdata/images/unsigned", 1)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = command(&verify(image, POLICY, &[]))
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn();
        let ended = child.unwrap().wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(code));
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
    }
}

/// What cannot be delivered is not an allow.
#[test]
fn a_full_disk_is_exit_2() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ended = command(&verify(IMAGE, POLICY, &[]))
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(
        String::from_utf8(ended.stderr)
            .unwrap()
            .starts_with("error: standard output cannot be written")
    );
}
