//! `policy explain`: what a set means, in plain words.

use insta::assert_snapshot;

use crate::run::transcript;

#[test]
fn a_set_is_told_in_plain_words() {
    let explain = |path: &str| transcript(&["policy", "explain", path]);
    assert_snapshot!("explain-actions", explain("policies/github-actions.yaml"));
    assert_snapshot!("explain-rotation", explain("policies/key-rotation.yaml"));
    assert_snapshot!("explain-two", explain("policies/two-signers.yaml"));
    assert_snapshot!(
        "explain-exception",
        explain("testdata/cases/exception-two-rules/policy.yaml")
    );
    let json = [
        "policy",
        "explain",
        "policies/testdata-keyed.yaml",
        "--format",
        "json",
    ];
    assert_snapshot!("explain-json", transcript(&json));
}

#[test]
fn what_does_not_load_is_not_explained() {
    let wrong = "crates/cli/tests/cli/policies/wrong.yaml";
    let told = transcript(&["policy", "explain", wrong]);
    assert!(
        told.contains("what it means is not certain\n--- exit code 3"),
        "{told}"
    );
}
