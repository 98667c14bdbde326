//! `policy test`: what passes, what differs, and which changes nobody notices.

use insta::assert_snapshot;

use countersign_testkit::gate;
use serde_json::{Value, json};

use crate::run::{AT, ROOT, code, transcript};

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

/// Each field of any of these policies is tested by a case of some policy.
#[test]
fn the_cases_of_testdata_notice_every_field() {
    if !gate::full() {
        return;
    }
    let mutate = [
        "policy",
        "test",
        "testdata/cases",
        "--root",
        "testdata",
        "--mutate",
        "--across",
    ];
    assert_eq!(code(&mutate), Some(0));
}

/// Every example has cases, which notice every change of it: a field that is added needs one.
#[test]
fn the_examples_are_tested_whole() {
    let cases = |folder: &str| -> Vec<String> {
        let all = std::fs::read_dir(format!("{ROOT}/policies/{folder}")).unwrap();
        let names = all.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names
            .filter_map(|name| match folder {
                "" => Some(name.strip_suffix(".yaml")?.to_owned()),
                _ => Some(name),
            })
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(cases(""), cases("tests"));
    let mutate = transcript(&["policy", "test", "policies/tests", "--mutate"]);
    let summary: Vec<&str> = mutate
        .lines()
        .filter(|line| !line.starts_with("pass"))
        .collect();
    let told = summary.join("\n");
    assert!(told.contains(" 0 failed"), "{told}");
    assert!(
        told.contains(" of 13 policy sets tried, 0 unnoticed"),
        "{told}"
    );
}

/// A case may stand for the public-good instance; nothing else can replace its root.
#[test]
fn only_a_case_replaces_the_public_good_root() {
    let root = "public-good=policies/tests/baseline/trusted_root.json";
    let lint = [
        "policy",
        "lint",
        "policies/baseline.yaml",
        "--trust-root",
        root,
    ];
    assert_eq!(code(&lint), Some(3));
}

/// Bundles for a digest in place of an image, as they lie in an image of testdata.
#[test]
fn a_case_takes_bundles_for_a_digest() {
    let read = |path: &str| std::fs::read_to_string(format!("{ROOT}/testdata/{path}")).unwrap();
    let report: Value = serde_json::from_str(&read("cases/attested-keyed/expect.json")).unwrap();
    let image = &report["images"][0];
    let blobs = |of: &str| -> Vec<String> {
        let all = image["evidence"].as_array().unwrap().iter();
        all.filter(|it| it["predicateType"].as_str().unwrap().starts_with(of))
            .map(|it| it["found"]["blob"].as_str().unwrap().replace(':', "/"))
            .map(|blob| format!("testdata/images/attested-keyed/blobs/{blob}"))
            .collect()
    };
    let case = |digest: &str, bundles: &[String], expect: &Value| {
        let folder = tempfile::tempdir().unwrap();
        let case = json!({
            "why": "bundles for a digest",
            "policy": "testdata/cases/attested-keyed/policy.yaml",
            "artifact": digest,
            "bundles": bundles,
            "as": "registry.example/acme/app:v1",
            "at": AT,
            "expect": expect,
        });
        std::fs::write(folder.path().join("case.json"), case.to_string()).unwrap();
        code(&[
            "policy",
            "test",
            folder.path().to_str().unwrap(),
            "--root",
            ".",
        ])
    };
    let digest = image["digest"].as_str().unwrap();
    let allowed = json!({"effect": "allow", "reasons": {}});
    assert_eq!(case(digest, &blobs(""), &allowed), Some(0));
    let other = format!("sha256:{}", "0".repeat(64));
    assert_eq!(
        case(&other, &blobs(""), &allowed),
        Some(1),
        "another digest"
    );
    let one = json!({"effect": "deny", "reasons": {"signed": "no-signature"}});
    let attested = blobs("https://slsa.dev/");
    assert_eq!(case(digest, &attested, &one), Some(0), "no signature");
    assert_eq!(case(digest, &[], &allowed), Some(3), "no evidence");
}
