//! Grype's report: what each part of it decides.

use serde_json::{Value, json};

use super::{kind, of, predicate, read};
use crate::scan::{Fix, Scan, Severity};

fn report(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The real report with one match, whose vulnerability is changed by what stands at the pointer.
fn changed(pointer: &str, value: &Value) -> Value {
    let mut report = report(scans!("grype-findings.json"));
    report["matches"].as_array_mut().unwrap().truncate(1);
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    report["matches"][0].pointer_mut(parent).unwrap()[key] = value.clone();
    report
}

#[test]
fn a_fix_is_what_grype_says_it_is() {
    for (state, versions, expected) in [
        (
            "fixed",
            json!(["1.2", "2.0"]),
            Fix::In("1.2, 2.0".to_owned()),
        ),
        ("fixed", json!([]), Fix::Untold),
        ("not-fixed", json!([]), Fix::None),
        ("wont-fix", json!([]), Fix::None),
        ("unknown", json!([]), Fix::Untold),
        ("", json!(["1.2"]), Fix::Untold),
    ] {
        let fix = json!({"state": state, "versions": versions});
        assert_eq!(
            of(&changed("/vulnerability/fix", &fix))[0].fix,
            expected,
            "{fix}"
        );
    }
    assert_eq!(
        of(&changed("/vulnerability/fix", &Value::Null))[0].fix,
        Fix::Untold
    );
}

#[test]
fn a_word_counts_before_scores_and_a_score_before_none() {
    let with = |word: &str, version: &str, score: f64, related: f64| {
        let cvss = |score: f64| json!([{"version": version, "metrics": {"baseScore": score}}]);
        let mut report = changed("/vulnerability/severity", &json!(word));
        report["matches"][0]["vulnerability"]["cvss"] = cvss(score);
        report["matches"][0]["relatedVulnerabilities"] =
            json!([{"id": "CVE-1", "cvss": cvss(related)}]);
        of(&report)[0].severity
    };
    assert_eq!(
        with("Negligible", "3.1", 9.8, 9.8),
        Some(Severity::Negligible)
    );
    assert_eq!(with("Critical", "3.1", 1.0, 1.0), Some(Severity::Critical));
    assert_eq!(with("Unknown", "3.1", 7.5, 1.0), Some(Severity::High));
    assert_eq!(with("Unknown", "4.0", 1.0, 9.1), Some(Severity::Critical));
    // Grype writes 0 where it could not read the vector, and version 2 has another scale.
    assert_eq!(with("Unknown", "3.1", 0.0, 0.0), None);
    assert_eq!(with("Unknown", "2.0", 10.0, 10.0), None);
    assert_eq!(with("", "3.1", 11.0, 0.0), None);
}

#[test]
fn an_advisory_about_one_vulnerability_has_its_name_too() {
    let related = |ids: &[&str]| {
        let related: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
        let mut report = changed("/vulnerability/id", &json!("GHSA-1"));
        report["matches"][0]["relatedVulnerabilities"] = json!(related);
        of(&report)[0].alias.clone()
    };
    assert_eq!(related(&["CVE-1"]).as_deref(), Some("CVE-1"));
    assert_eq!(
        related(&["CVE-1", "CVE-1", "GHSA-1"]).as_deref(),
        Some("CVE-1")
    );
    assert_eq!(related(&["CVE-1", "CVE-2"]), None);
    assert_eq!(related(&["GHSA-1"]), None);
    assert_eq!(related(&[]), None);
}

#[test]
fn a_report_that_says_nothing_is_not_clean() {
    for (pointer, value, expected) in [
        ("/matches", json!([]), "read"),
        ("/matches", Value::Null, "empty"),
        ("/matches", json!({}), "malformed"),
        ("/matches", json!([{"artifact": {}}]), "malformed"),
        ("/source", Value::Null, "empty"),
        (
            "/source",
            json!({"type": "unknown", "target": "unknown"}),
            "empty",
        ),
        ("/descriptor/name", json!("syft"), "unsupported"),
        ("/descriptor", Value::Null, "unsupported"),
        ("/descriptor/db", Value::Null, "unsupported"),
        ("/descriptor/db/status", Value::Null, "unsupported"),
        ("/descriptor/db/status/valid", json!(false), "empty"),
        ("/descriptor/db/status/valid", Value::Null, "malformed"),
        ("/descriptor/db/status/error", json!("too old"), "empty"),
        ("/descriptor/db/status/built", Value::Null, "empty"),
        (
            "/descriptor/db/status/built",
            json!("0001-01-01T00:00:00Z"),
            "empty",
        ),
        (
            "/descriptor/db/status/built",
            json!("yesterday"),
            "malformed",
        ),
    ] {
        let mut report = report(scans!("grype-clean.json"));
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        report.pointer_mut(parent).unwrap()[key] = value.clone();
        assert_eq!(
            kind(read(&predicate(&report))),
            expected,
            "{pointer} {value}"
        );
    }
}

#[test]
fn the_older_time_of_the_database_counts() {
    let built = "2026-09-20T12:00:00Z";
    let database = |told: Value| {
        let mut scan = predicate(&report(scans!("grype-clean.json")));
        scan["scanner"]["db"]["lastUpdate"] = told;
        read(&scan).map(|it| it.database.map(|at| at.to_string()))
    };
    for (told, expected) in [
        (Value::Null, built),
        (json!(""), built),
        (json!("2026-09-19T12:00:00Z"), "2026-09-19T12:00:00Z"),
        (json!("2026-09-21T12:00:00Z"), built),
    ] {
        assert_eq!(
            database(told.clone()),
            Ok(Some(expected.to_owned())),
            "{told}"
        );
    }
    assert_eq!(
        Scan::read(scans!("grype-clean.vuln.json"))
            .unwrap()
            .database
            .map(|it| it.to_string()),
        Some(built.to_owned())
    );
}
