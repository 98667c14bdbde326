//! `docs/exit-codes.md`: each code of its table comes out of a run.

use std::collections::BTreeSet;

use crate::run::{ROOT, code, verify};

const POLICY: &str = "policies/testdata-keyed.yaml";
const ALLOWED: &str = "oci:testdata/images/signed-keyed";
const DENIED: &str = "oci:testdata/images/unsigned";
const UNKNOWN: &str = "oci:testdata/images/signed-keyed:v9";

#[test]
fn every_documented_code_is_met() {
    let documented = std::fs::read_to_string(format!("{ROOT}/docs/exit-codes.md")).unwrap();
    let row = |line: &str| line.strip_prefix("| ")?.split(' ').next()?.parse().ok();
    let codes: BTreeSet<i32> = documented.lines().filter_map(row).collect();
    let met = [
        code(&verify(ALLOWED, POLICY, &[])),
        code(&verify(DENIED, POLICY, &[])),
        code(&verify(UNKNOWN, POLICY, &[])),
        code(&verify("nginx@", POLICY, &[])),
    ];
    let met: BTreeSet<i32> = met.into_iter().map(Option::unwrap).collect();
    assert_eq!(met, codes);
    assert_eq!(codes, BTreeSet::from([0, 1, 2, 3]));
}

#[test]
fn the_heaviest_image_decides() {
    for (images, expected) in [
        (&[ALLOWED, ALLOWED][..], 0),
        (&[ALLOWED, DENIED], 1),
        (&[DENIED, ALLOWED], 1),
        (&[ALLOWED, UNKNOWN], 2),
        (&[UNKNOWN, DENIED, ALLOWED], 1),
        (&[DENIED, UNKNOWN, "UPPER"], 3),
    ] {
        let arguments = [&["verify"], images, &["--policy", POLICY]].concat();
        assert_eq!(code(&arguments), Some(expected), "{images:?}");
    }
}

#[test]
fn warnings_deny_a_lint_only_where_they_are_asked_to() {
    let doubtful = "crates/cli/tests/cli/policies/doubtful.yaml";
    for (arguments, expected) in [
        (&["policy", "lint", POLICY, "--deny-warnings"][..], 0),
        (&["policy", "lint", doubtful], 0),
        (&["policy", "lint", doubtful, "--deny-warnings"], 1),
        (
            &["policy", "lint", "crates/cli/tests/cli/policies/wrong.yaml"],
            3,
        ),
        (&["policy", "lint", "nowhere"], 3),
        (&["--help"], 0),
        (&["verify", "--nonsense"], 3),
        (&["nonsense"], 3),
    ] {
        assert_eq!(code(arguments), Some(expected), "{arguments:?}");
    }
}
