//! `verify --namespace` and `--namespace-labels`: which policies judge, and what is said where nobody knows.

use std::fs;

use serde_json::Value;

use crate::run::{ROOT, output, verify};

const UNSIGNED: &str = "oci:testdata/images/unsigned:v1";
const SIGNED: &str = "oci:testdata/images/signed-keyed:v1";

/// What testdata's policy demands, in some namespaces only; elsewhere nothing is demanded.
fn policy(namespaces: &str) -> (tempfile::TempDir, String) {
    let text = fs::read_to_string(format!("{ROOT}/policies/testdata-keyed.yaml")).unwrap();
    let text = text.replace("unmatched: deny", "unmatched: allow").replace(
        "  rules:\n",
        &format!("  namespaces: {{{namespaces}}}\n  rules:\n"),
    );
    assert!(text.contains("unmatched: allow") && text.contains(namespaces));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.yaml");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

/// The exit code, and what the report says of the namespace.
fn judged(image: &str, policy: &str, more: &[&str]) -> (Option<i32>, String) {
    let name = ["--as", "registry.example/acme/app:v1", "--format", "json"];
    let ended = output(&verify(image, policy, &[&name, more].concat()));
    let told = match serde_json::from_slice::<Value>(&ended.stdout) {
        Ok(report) => {
            let text = report.to_string();
            ["namespace-not-given", "namespace-unknown"]
                .into_iter()
                .filter(|code| text.contains(code))
                .collect()
        }
        Err(_) => String::from_utf8(ended.stderr).unwrap(),
    };
    (ended.status.code(), told)
}

#[test]
fn policies_judge_in_the_namespaces_that_they_name() {
    let (_folder, policy) =
        policy("names: [\"prod-*\"], notNames: [prod-lab], matchLabels: {tier: prod}");
    let named = |name| ["--namespace", name];
    let labelled = |name, labels| ["--namespace", name, "--namespace-labels", labels];
    let judged = |image, more: &[&str]| judged(image, &policy, more);
    let told = |code, told: &str| (Some(code), told.to_owned());
    // The same image, by where it is to run.
    assert_eq!(
        judged(UNSIGNED, &labelled("prod-a", "tier=prod")),
        told(1, "")
    );
    assert_eq!(
        judged(UNSIGNED, &labelled("prod-a", "a=b,tier=prod")),
        told(1, "")
    );
    for elsewhere in [
        labelled("prod-a", "tier=test"),
        labelled("prod-a", "tier=production"),
        labelled("prod-a", ""),
        labelled("prod-lab", "tier=prod"),
        labelled("dev", "tier=prod"),
    ] {
        assert_eq!(judged(UNSIGNED, &elsewhere), told(0, ""), "{elsewhere:?}");
    }
    // What the policy demands, a signed image has.
    assert_eq!(
        judged(SIGNED, &labelled("prod-a", "tier=prod")),
        told(0, "")
    );
    // Labels that nobody told are neither these nor others; a name that does not fit is enough.
    for image in [UNSIGNED, SIGNED] {
        let unknown = told(2, "namespace-unknown");
        assert_eq!(judged(image, &named("prod-a")), unknown, "{image}");
    }
    assert_eq!(judged(UNSIGNED, &named("dev")), told(0, ""));
    assert_eq!(judged(UNSIGNED, &named("prod-lab")), told(0, ""));
    // Without a namespace every policy counts, and the report says so.
    assert_eq!(judged(UNSIGNED, &[]), told(1, "namespace-not-given"));
    assert_eq!(judged(SIGNED, &[]), told(0, "namespace-not-given"));
}

#[test]
fn wrong_words_about_namespaces_are_refused() {
    let (_folder, policy) = policy("names: [prod]");
    for (more, expected) in [
        (&["--namespace-labels", "tier=prod"][..], "--namespace"),
        (
            &["--namespace", "prod", "--namespace-labels", "tier"],
            "KEY=VALUE",
        ),
        (
            &["--namespace", "prod", "--namespace-labels", "a=b,a=c"],
            "twice",
        ),
    ] {
        let (code, told) = judged(UNSIGNED, &policy, more);
        assert_eq!(code, Some(3), "{more:?}");
        assert!(told.contains(expected), "{more:?}: {told}");
    }
    let name_only = judged(UNSIGNED, &policy, &["--namespace", "prod"]);
    assert_eq!(name_only, (Some(1), String::new()));
}
