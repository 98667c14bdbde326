//! Every message that a person reads, as a snapshot.

use insta::assert_snapshot;

use crate::run::{AT, transcript, verify};

const KEYED: &str = "policies/testdata-keyed.yaml";
const KEYLESS: &str = "testdata/cases/keyless-workflow/policy.yaml";
const ROOT: &[&str] = &["--trust-root", "testdata/trust/private-trusted_root.json"];

fn by_key(image: &str, more: &[&str]) -> String {
    transcript(&verify(
        &format!("oci:testdata/images/{image}"),
        KEYED,
        more,
    ))
}

fn by_workflow(image: &str, more: &[&str]) -> String {
    let image = format!("oci:testdata/images/{image}");
    transcript(&verify(&image, KEYLESS, &[ROOT, more].concat()))
}

#[test]
fn allowed() {
    assert_snapshot!("allowed-by-key", by_key("signed-keyed", &[]));
    assert_snapshot!(
        "allowed-keyless",
        by_workflow("signed-keyless-workflow", &[])
    );
    assert_snapshot!(
        "allowed-by-name",
        by_key("signed-keyed", &["--as", "registry.example/acme/app:v1"])
    );
    assert_snapshot!(
        "allowed-explained",
        by_workflow("attested-keyless", &["--explain"])
    );
}

#[test]
fn explained() {
    assert_snapshot!(
        "explained-denied",
        by_workflow("signed-keyless-other", &["--explain"])
    );
    assert_snapshot!(
        "explained-json",
        by_workflow(
            "signed-keyless-workflow",
            &["--explain", "--format", "json"]
        )
    );
}

/// What is waived stays visible, and so does an exception that is over.
#[test]
fn excepted() {
    let verify = |case: &str, at: &str, more: &[&str]| {
        let policy = format!("testdata/cases/{case}/policy.yaml");
        let image = "oci:testdata/images/unsigned";
        let name = "registry.example/acme/app:v1";
        let fixed = [
            "verify", image, "--policy", &policy, "--as", name, "--at", at,
        ];
        transcript(&[&fixed, more].concat())
    };
    let (before, after) = ("2026-11-24T00:00:00Z", "2027-01-01T00:00:00Z");
    assert_snapshot!("excepted-waived", verify("exception-waives", before, &[]));
    assert_snapshot!(
        "excepted-explained",
        verify("exception-digest", before, &["--explain"])
    );
    assert_snapshot!("excepted-expired", verify("exception-expired", after, &[]));
    assert_snapshot!(
        "excepted-revoked",
        verify("exception-revoked-image", before, &[])
    );
}

#[test]
fn denied() {
    assert_snapshot!("denied-unsigned", by_key("unsigned", &[]));
    assert_snapshot!("denied-foreign", by_key("foreign-signed", &["--explain"]));
    assert_snapshot!("denied-tampered", by_key("tampered-signature", &[]));
    assert_snapshot!(
        "denied-tampered-legacy",
        by_key("tampered-payload-legacy", &[])
    );
    assert_snapshot!(
        "denied-attestation-only",
        by_key("attested-only", &["--explain"])
    );
    assert_snapshot!(
        "denied-other-identity",
        by_workflow("signed-keyless-other", &[])
    );
    assert_snapshot!(
        "denied-unmatched",
        by_key("signed-keyed", &["--as", "ghcr.io/other/app:v1"])
    );
    let digest = verify(
        "oci:testdata/images/signed-keyed",
        "testdata/cases/digest-required/policy.yaml",
        &[],
    );
    assert_snapshot!("denied-without-digest", transcript(&digest));
}

#[test]
fn allowed_with_a_warning() {
    let image = "oci:testdata/images/unsigned";
    let warn = verify(image, "testdata/cases/warn-mode/policy.yaml", &[]);
    assert_snapshot!("warned", transcript(&warn));
}

#[test]
fn could_not_tell() {
    // Nobody listens on port 1.
    let image = "127.0.0.1:1/acme/app:v1";
    let policy = "crates/cli/tests/cli/policies/loopback.yaml";
    assert_snapshot!(
        "unknown-registry-down",
        transcript(&verify(image, policy, &["--plain-http"]))
    );
    assert_snapshot!(
        "unknown-no-such-tag",
        by_key("signed-keyed:v9", &["--explain"])
    );
    assert_snapshot!("unknown-no-layout", by_key("nowhere", &[]));
}

#[test]
fn several_images() {
    let images = [
        "verify",
        "oci:testdata/images/signed-keyed",
        "oci:testdata/images/unsigned",
    ];
    let rest = ["--policy", KEYED, "--at", AT];
    assert_snapshot!("several", transcript(&[&images[..], &rest].concat()));
}

#[test]
fn json() {
    assert_snapshot!(
        "json-denied",
        by_key("tampered-signature", &["--format", "json"])
    );
}

#[test]
fn colours_only_where_they_are_asked_for() {
    let plain = by_key("unsigned", &[]);
    assert!(!plain.contains('\u{1b}'), "a pipe gets no colours");
    assert_eq!(
        by_key("unsigned", &["--color", "never"])
            .lines()
            .skip(1)
            .collect::<Vec<_>>(),
        plain.lines().skip(1).collect::<Vec<_>>()
    );
    let colored = by_key("unsigned", &["--color", "always"]);
    assert!(
        colored.contains("\u{1b}[1m\u{1b}[31mDENIED\u{1b}[0m"),
        "{colored:?}"
    );
}

#[test]
fn lint() {
    assert_snapshot!("lint-clean", transcript(&["policy", "lint", KEYED]));
    let wrong = "crates/cli/tests/cli/policies/wrong.yaml";
    assert_snapshot!("lint-errors", transcript(&["policy", "lint", wrong]));
    assert_snapshot!(
        "lint-errors-json",
        transcript(&["policy", "lint", wrong, "--format", "json"])
    );
    let doubtful = "crates/cli/tests/cli/policies/doubtful.yaml";
    assert_snapshot!("lint-warnings", transcript(&["policy", "lint", doubtful]));
    assert_snapshot!(
        "lint-warnings-denied",
        transcript(&["policy", "lint", doubtful, "--deny-warnings"])
    );
    assert_snapshot!(
        "verify-wrong-policy",
        transcript(&verify("oci:testdata/images/unsigned", wrong, &[]))
    );
}
