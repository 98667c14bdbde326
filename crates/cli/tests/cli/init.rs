//! `countersign policy init`: what it prints loads without a warning, lets the image pass, and nothing else.

use std::fs;

use insta::assert_snapshot;

use crate::run::{AT, ROOT as ROOT_FOLDER, code, output, transcript};

const ROOT: &str = "testdata/trust/private-trusted_root.json";
const NAME: &str = "registry.example/acme/app:v1";

fn init<'a>(image: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["policy", "init", image, "--as", NAME, "--at", AT], more].concat()
}

/// Whatever it is made from: lint-clean, the image passes, its copy under another repository and an unsigned image do not.
#[test]
fn what_it_prints_is_what_it_says() {
    let keyless = ["--trust-root", &format!("private={ROOT}")].map(str::to_owned);
    let keyed = |key: &str| ["--key", &format!("testdata/keys/{key}.pub")].map(str::to_owned);
    for (image, material) in [
        ("signed-keyless", keyless.clone()),
        ("signed-keyless-workflow", keyless.clone()),
        ("signed-keyless-legacy", keyless.clone()),
        ("signed-keyless-other", keyless.clone()),
        ("signed-keyed", keyed("release")),
        ("signed-keyed-legacy-rsa", keyed("release-rsa")),
        ("signed-index", keyed("release")),
        ("platforms-signed", keyed("release")),
        ("attested-only", keyed("release")),
        ("attested-keyed", keyed("release")),
        ("attested-keyed-legacy", keyed("release")),
        ("attested-keyless", keyless.clone()),
        ("attested-keyless-legacy", keyless),
    ] {
        let image = format!("oci:testdata/images/{image}:v1");
        let material: Vec<&str> = material.iter().map(String::as_str).collect();
        let made = output(&init(&image, &material));
        let error = String::from_utf8_lossy(&made.stderr);
        assert_eq!(made.status.code(), Some(0), "{image}: {error}");
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policy.yaml");
        fs::write(&policy, &made.stdout).unwrap();
        let root = format!("{ROOT_FOLDER}/{ROOT}");
        fs::copy(root, folder.path().join("private-trusted_root.json")).unwrap();
        let policy = policy.to_str().unwrap();
        assert_eq!(
            code(&["policy", "lint", "--deny-warnings", policy]),
            Some(0),
            "{image}"
        );
        let judged = |image: &str, name: &str| {
            code(&[
                "verify", image, "--policy", policy, "--at", AT, "--as", name,
            ])
        };
        assert_eq!(judged(&image, NAME), Some(0), "{image}");
        assert_eq!(
            judged(&image, "registry.example/acme/copy:v1"),
            Some(1),
            "{image}"
        );
        assert_eq!(
            judged("oci:testdata/images/unsigned:v1", NAME),
            Some(1),
            "{image}"
        );
    }
}

#[test]
fn each_line_says_what_it_trusts() {
    let root = format!("private={ROOT}");
    let workflow = "oci:testdata/images/signed-keyless-workflow:v1";
    let attested = "oci:testdata/images/attested-keyless:v1";
    let root = ["--trust-root", &root];
    assert_snapshot!("init-workflow", transcript(&init(workflow, &root)));
    assert_snapshot!("init-attested", transcript(&init(attested, &root)));
    let keyed = "oci:testdata/images/signed-keyed:v1";
    let key = ["--key", "testdata/keys/release.pub"];
    assert_snapshot!("init-key", transcript(&init(keyed, &key)));
}

#[test]
fn it_says_why_it_prints_nothing() {
    let keyed = "oci:testdata/images/signed-keyed:v1";
    assert_snapshot!("init-no-key", transcript(&init(keyed, &[])));
    let unsigned = "oci:testdata/images/unsigned:v1";
    assert_snapshot!("init-nothing", transcript(&init(unsigned, &[])));
    let tampered = "oci:testdata/images/tampered-payload:v1";
    let key = ["--key", "testdata/keys/release.pub"];
    assert_eq!(code(&init(tampered, &key)), Some(1));
    let nowhere = "oci:testdata/images/nowhere:v1";
    assert_eq!(code(&init(nowhere, &key)), Some(2));
    let nameless = [
        "policy",
        "init",
        keyed,
        "--key",
        "testdata/keys/release.pub",
    ];
    assert_snapshot!("init-no-name", transcript(&nameless));
    let named_twice = ["policy", "init", "ghcr.io/acme/app:v1", "--as", NAME];
    assert_eq!(code(&named_twice), Some(3));
    assert_eq!(code(&init(keyed, &["--key", "nowhere.pub"])), Some(3));
    assert_eq!(code(&init(keyed, &["--key", ROOT])), Some(3));
    // A time before anything was signed.
    let early = [
        "policy",
        "init",
        workflow(),
        "--as",
        NAME,
        "--at",
        "2001-01-01T00:00:00Z",
    ];
    let root = format!("private={ROOT}");
    assert_eq!(
        code(&[&early[..], &["--trust-root", &root]].concat()),
        Some(1)
    );
}

const fn workflow() -> &'static str {
    "oci:testdata/images/signed-keyless-workflow:v1"
}
