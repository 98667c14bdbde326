//! `policy test`: what passes, what differs, and which changes nobody notices.

use insta::assert_snapshot;

use crate::run::{code, transcript};

const CASES: &str = "crates/cli/tests/cli/policy_cases";

fn test(folder: &str, more: &[&str]) -> String {
    let folder = format!("{CASES}/{folder}");
    transcript(&[&["policy", "test", &folder, "--root", "."], more].concat())
}

#[test]
fn cases_pass_or_say_what_differs() {
    assert_snapshot!("test-passes", test("keyed", &[]));
    assert_snapshot!("test-fails", test("failing", &[]));
    assert_snapshot!("test-fails-json", test("failing", &["--format", "json"]));
    assert_snapshot!("test-fails-unmutated", test("failing", &["--mutate"]));
    assert_snapshot!("test-invalid", test("invalid", &[]));
}

#[test]
fn a_case_that_cannot_be_judged_is_no_pass() {
    assert_snapshot!("test-broken", test("broken", &[]));
    assert_snapshot!("test-nothing", test("nowhere", &[]));
}

/// Every change of the policy is noticed by one of four cases, and by three of them not.
#[test]
fn changes_that_no_case_notices_are_listed() {
    assert_snapshot!("test-mutate", test("keyed", &["--mutate"]));
    assert_snapshot!("test-mutate-few", test("keyed/signed", &["--mutate"]));
    let json = ["--mutate", "--format", "json"];
    assert_snapshot!("test-mutate-json", test("keyed/signed", &json));
}

/// The repository's own cases, which the library's tests compare word for word, come out the same by the command.
#[test]
fn the_cases_of_testdata_pass() {
    let arguments = ["policy", "test", "testdata/cases", "--root", "testdata"];
    assert_eq!(code(&arguments), Some(0));
}
