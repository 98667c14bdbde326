//! SARIF logs: those that Trivy and Grype wrote, and what each part of them decides.

use serde_json::{Value, json};

use super::{kind, of, predicate, read};
use crate::scan::{Finding, Fix, Severity};

fn log(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn severities(log: &Value) -> Vec<(String, Option<Severity>)> {
    let findings = of(log).into_iter();
    findings.map(|it| (it.id, it.severity)).collect()
}

#[test]
fn trivys_log_says_what_its_report_says() {
    let found = of(&log(scans!("trivy-findings.sarif")));
    let report = of(&log(scans!("trivy-findings.json")));
    assert_eq!(found.len(), 6);
    for (sarif, json) in found.iter().zip(&report) {
        assert_eq!((&sarif.id, sarif.severity), (&json.id, json.severity));
        // It says neither in a place of its own.
        assert_eq!((&sarif.fix, &sarif.purl), (&Fix::Untold, &None));
    }
    assert!(of(&log(scans!("trivy-clean.sarif"))).is_empty());
    // It does not say that there was nothing to look at.
    assert!(of(&log(scans!("trivy-nothing.sarif"))).is_empty());
}

#[test]
fn grypes_log_says_what_its_report_says() {
    let found = of(&log(scans!("grype-findings.sarif")));
    let report = of(&log(scans!("grype-findings.json")));
    assert_eq!(found.len(), 5);
    for (sarif, json) in found.iter().zip(&report) {
        let of_both = |it: &Finding| (it.id.clone(), it.package.clone(), it.severity);
        assert_eq!(of_both(sarif), of_both(json));
        // A rule has the package URL of one of its packages only.
        assert_eq!((&sarif.fix, &sarif.purl), (&Fix::Untold, &None));
    }
    assert!(of(&log(scans!("grype-clean.sarif"))).is_empty());
    assert!(of(&log(scans!("grype-nothing.sarif"))).is_empty());
}

#[test]
fn grypes_word_stands_in_its_message() {
    let all = log(scans!("grype-findings.sarif"));
    let with = |score: &str, level: &str, message: &str| {
        let mut log = all.clone();
        let run = &mut log["runs"][0];
        run["tool"]["driver"]["rules"][3]["properties"]["security-severity"] = json!(score);
        run["results"][3]["level"] = json!(level);
        run["results"][3]["message"]["text"] = json!(message);
        let scan = read(&predicate(&log));
        scan.map(|it| it.findings[3].severity)
            .map_err(|error| kind(Err(error)))
    };
    let of_word = |word: &str| {
        format!("A {word} vulnerability in deb package: coreutils, version 9.1-1 was found")
    };
    for (score, level, word, expected) in [
        ("5.0", "note", "critical", Ok(Some(Severity::Critical))),
        ("5.0", "note", "high", Ok(Some(Severity::High))),
        ("9.1", "note", "low", Ok(Some(Severity::Critical))),
        ("1.0", "note", "low", Ok(Some(Severity::Low))),
        // So it writes what nobody rated.
        ("0.0", "note", "low", Ok(None)),
        ("0.0", "error", "low", Ok(Some(Severity::High))),
        ("9.1", "note", "terrible", Err("malformed")),
    ] {
        assert_eq!(
            with(score, level, &of_word(word)),
            expected,
            "{score} {level} {word}"
        );
    }
    assert_eq!(with("9.1", "error", "found something"), Err("malformed"));
}

#[test]
fn grypes_rules_are_named_by_vulnerability_and_package() {
    let named = |description: &str| {
        let mut log = log(scans!("grype-findings.sarif"));
        log["runs"][0]["tool"]["driver"]["rules"][3]["shortDescription"]["text"] =
            json!(description);
        let finding = of(&log).swap_remove(3);
        (finding.id, finding.package)
    };
    let both = ("CVE-2016-2781".to_owned(), "coreutils".to_owned());
    let whole = ("CVE-2016-2781-coreutils".to_owned(), String::new());
    assert_eq!(
        named("CVE-2016-2781 medium vulnerability for coreutils package"),
        both
    );
    for other in [
        "CVE-2016-278 medium vulnerability for coreutils package",
        "CVE-2016-2781 medium vulnerability for utils package",
        "CVE-2016 medium vulnerability for coreutils package",
        "",
    ] {
        assert_eq!(named(other), whole, "{other}");
    }
}

#[test]
fn the_highest_rating_of_a_rule_and_its_result_counts() {
    let all = log(scans!("trivy-findings.sarif"));
    let rated = |score: Value, tag: &str, level: Value| {
        let mut log = all.clone();
        let run = &mut log["runs"][0];
        run["tool"]["driver"]["rules"][0]["properties"]["security-severity"] = score;
        run["tool"]["driver"]["rules"][0]["properties"]["tags"][2] = json!(tag);
        run["results"][0]["level"] = level;
        severities(&log)[0].1
    };
    for (score, tag, level, expected) in [
        (
            json!("9.0"),
            "UNKNOWN",
            json!("note"),
            Some(Severity::Critical),
        ),
        (
            json!("2.0"),
            "CRITICAL",
            json!("note"),
            Some(Severity::Critical),
        ),
        (json!("2.0"), "LOW", json!("error"), Some(Severity::High)),
        (
            json!("2.0"),
            "LOW",
            json!("warning"),
            Some(Severity::Medium),
        ),
        (json!("2.0"), "LOW", json!("note"), Some(Severity::Low)),
        (json!("0.0"), "UNKNOWN", json!("note"), None),
        (json!("-1"), "UNKNOWN", json!("none"), None),
        (json!("high"), "UNKNOWN", Value::Null, None),
        (Value::Null, "UNKNOWN", json!("note"), None),
    ] {
        assert_eq!(
            rated(score.clone(), tag, level.clone()),
            expected,
            "{score} {tag} {level}"
        );
    }
    // A rule that is missing rates nothing, and hides nothing.
    let mut log = all.clone();
    log["runs"][0]["tool"]["driver"]["rules"] = json!([]);
    let found = severities(&log);
    assert_eq!(found.len(), 6);
    assert_eq!(found[2], ("TEMP-0517018-A83CE6".to_owned(), None));
    assert_eq!(
        found[4],
        ("CVE-2021-44228".to_owned(), Some(Severity::High))
    );
    // Of twins the higher counts.
    let mut log = all;
    let mut twin = log["runs"][0]["tool"]["driver"]["rules"][0].clone();
    twin["properties"]["security-severity"] = json!("9.9");
    log["runs"][0]["tool"]["driver"]["rules"]
        .as_array_mut()
        .unwrap()
        .push(twin);
    assert_eq!(severities(&log)[0].1, Some(Severity::Critical));
}

#[test]
fn what_trivy_says_of_other_things_is_no_finding() {
    for (tag, expected) in [
        ("misconfiguration", 5),
        ("secret", 5),
        ("license", 5),
        ("vulnerability", 6),
        ("something new", 6),
    ] {
        let mut log = log(scans!("trivy-findings.sarif"));
        log["runs"][0]["tool"]["driver"]["rules"][3]["properties"]["tags"][0] = json!(tag);
        assert_eq!(of(&log).len(), expected, "{tag}");
    }
}

#[test]
fn a_log_that_says_nothing_is_not_clean() {
    for (pointer, value, expected) in [
        ("/version", json!("2.1.0"), "read"),
        ("/version", json!("2.0.0"), "unsupported"),
        ("/version", Value::Null, "unsupported"),
        ("/runs", json!([]), "empty"),
        ("/runs", Value::Null, "empty"),
        ("/runs/0/results", Value::Null, "empty"),
        ("/runs/0/tool/driver/name", json!("CodeQL"), "unsupported"),
        ("/runs/0/tool/driver/name", json!("trivy"), "unsupported"),
        (
            "/runs/0/invocations",
            json!([{"executionSuccessful": false}]),
            "empty",
        ),
        (
            "/runs/0/invocations",
            json!([{"executionSuccessful": true}]),
            "read",
        ),
        ("/runs/0/invocations", json!([{}]), "malformed"),
        (
            "/runs/0/results",
            json!([{"message": {"text": "no rule"}}]),
            "malformed",
        ),
    ] {
        let mut log = log(scans!("trivy-clean.sarif"));
        log["runs"][0]["invocations"] = json!([]);
        *log.pointer_mut(pointer).unwrap() = value.clone();
        assert_eq!(kind(read(&predicate(&log))), expected, "{pointer} {value}");
    }
    let mut log = log(scans!("trivy-clean.sarif"));
    let mut second = log["runs"][0].clone();
    second["tool"]["driver"]["name"] = json!("CodeQL");
    log["runs"].as_array_mut().unwrap().push(second);
    assert_eq!(
        kind(read(&predicate(&log))),
        "unsupported",
        "one run of two is read"
    );
}
