//! `docs/promotion.md`: its policies load, and its commands do what it says.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::promote::{Ended, Scene};
use crate::run::{ROOT, command};

const PAGE: &str = include_str!("../../../../docs/promotion.md");

/// The YAML that begins with a comment of this name.
fn documented(name: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("```yaml\n# {name}\n")).unwrap();
    rest.split("```").next().unwrap()
}

/// Every command of the page, in its order.
fn commands() -> Vec<&'static str> {
    let lines = PAGE.lines();
    lines
        .filter_map(|line| line.strip_prefix("$ countersign "))
        .collect()
}

#[test]
fn the_documented_session_is_what_happens() {
    let scene = Scene::new();
    let host = scene.world.registry.host();
    let path = |name: &str| scene.path(name);
    for policy in ["staging.yaml", "production.yaml"] {
        let text = documented(policy).replace("ghcr.io/acme/app", "127.0.0.1:*/app");
        fs::write(path(policy), text).unwrap();
    }
    fs::write(path("build.pub"), scene.world.key.public_pem()).unwrap();
    for (from, to) in [
        ("cosign3.key", "promoter.key"),
        ("cosign3.pub", "promoter.pub"),
    ] {
        let from = Path::new(ROOT).join("crates/sign/tests/keys").join(from);
        fs::copy(from, path(to)).unwrap();
    }
    let run = |line: &str| {
        let words = line.split(' ').map(|word| match word {
            "kept" => path("kept"),
            word if word.ends_with(".yaml")
                || word.ends_with(".key")
                || word.ends_with(".json") =>
            {
                path(word)
            }
            word => word.replace("ghcr.io/acme/app", &format!("{host}/app")),
        });
        let words: Vec<String> = words.collect();
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.push("--plain-http");
        let mut command = command(&words);
        Ended::from(
            command
                .env("COSIGN_PASSWORD", "countersign test key")
                .output()
                .unwrap(),
        )
    };
    let commands = commands();
    let [dry, promote, verify, predicate, audited] = commands[..] else {
        panic!("{commands:?}")
    };
    let ended = run(dry);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("would be promoted to ACME_STAGING"),
        "{}",
        ended.stdout
    );
    // Production does not take what was only shown.
    assert_eq!(run(verify).code, Some(1));
    let ended = run(promote);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(run(verify).code, Some(0), "{}", run(verify).stdout);
    let ended = run(predicate);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let image = format!("{host}/app@{}", scene.image);
    let vsa = path("vsa.json");
    let sign = format!(
        "cosign attest --type https://slsa.dev/verification_summary/v1 --predicate {vsa} {image}"
    );
    assert!(ended.stdout.contains(&sign), "{}", ended.stdout);
    let ended = run(audited);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(report["record"]["images"].is_array());
}

/// The table of what is stated names every field of a summary, and no other.
#[test]
fn the_documented_fields_are_the_fields() {
    let scene = Scene::unsigned();
    scene.policy(
        "---\napiVersion: countersign.dev/v1alpha1\nkind: Policy",
        "---\napiVersion: countersign.dev/v1alpha1\nkind: Exception\nmetadata: {name: waiver}\nspec: {policy: test, rules: [signed], images: [\"127.0.0.1:*/app\"], expires: 2090-01-01, reason: it is tried, ticket: SEC-1}\n---\napiVersion: countersign.dev/v1alpha1\nkind: Policy",
    );
    let ended = scene.staged(&["--dry-run", "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let predicate = report["predicate"].as_object().unwrap();
    let (_, table) = PAGE.split_once("### What is stated\n").unwrap();
    let (table, _) = table.split_once("### What is refused").unwrap();
    let cells = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let mut fields: Vec<&str> = cells
        .flat_map(|cell| cell.split(", "))
        .map(|field| field.trim_matches('`'))
        .collect();
    fields.sort_unstable();
    let mut stated: Vec<&str> = predicate.keys().map(String::as_str).collect();
    stated.sort_unstable();
    assert_eq!(fields, stated);
    let waived = predicate["https://countersign.dev/promotion/exceptions/v1"][0]
        .as_object()
        .unwrap();
    for field in waived.keys() {
        assert!(table.contains(&format!("`{field}`")), "{field}");
    }
}

/// Each refusal that has a code is in the table, with the exit code that it ends with.
#[test]
fn the_documented_refusals_have_codes() {
    let (_, table) = PAGE.split_once("### What is refused\n").unwrap();
    let (table, _) = table.split_once("### Where it goes").unwrap();
    for code in [
        "denied",
        "unknown",
        "not-matched",
        "not-enforced",
        "only-warned",
        "stale",
        "not-examined",
    ] {
        assert_eq!(table.matches(&format!("| `{code}` |")).count(), 1, "{code}");
    }
}
