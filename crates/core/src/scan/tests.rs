#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use super::*;

/// A document of testdata/predicates/scans.
macro_rules! scans {
    ($name:literal) => {
        include_bytes!(concat!("../../../../../testdata/predicates/scans/", $name)).as_slice()
    };
}

mod grype;
mod real;
mod sarif;

fn predicate(result: &Value) -> Value {
    json!({
        "scanner": {"uri": "pkg:github/aquasecurity/trivy@v0.67.0", "version": "0.67.0",
            "db": {"uri": "x", "version": "2", "lastUpdate": "2026-01-01T00:00:00Z"}, "result": result},
        "metadata": {"scanStartedOn": "2026-01-02T00:00:00Z", "scanFinishedOn": "2026-01-02T00:00:10Z"}
    })
}

fn read(predicate: &Value) -> Result<Scan, ScanError> {
    Scan::read(predicate.to_string().as_bytes())
}

fn trivy(vulnerabilities: &Value) -> Value {
    json!({"SchemaVersion": 2, "Results": [{"Target": "app", "Class": "lang-pkgs", "Vulnerabilities": vulnerabilities}]})
}

fn of(result: &Value) -> Vec<Finding> {
    read(&predicate(result)).unwrap().findings
}

fn kind(result: Result<Scan, ScanError>) -> &'static str {
    match result {
        Ok(_) => "read",
        Err(ScanError::Malformed(_)) => "malformed",
        Err(ScanError::Empty(_)) => "empty",
        Err(ScanError::Unsupported(_)) => "unsupported",
    }
}

#[test]
fn trivy_tells_fix_severity_and_publication() {
    for (change, fix, severity, published) in [
        (json!({}), Fix::None, None, false),
        (
            json!({"FixedVersion": "0.38.0", "Status": "fixed", "Severity": "HIGH"}),
            Fix::In("0.38.0".into()),
            Some(Severity::High),
            false,
        ),
        (
            json!({"FixedVersion": "", "Status": "will_not_fix", "Severity": "UNKNOWN"}),
            Fix::None,
            None,
            false,
        ),
        (json!({"Status": "fixed"}), Fix::Untold, None, false),
        (
            json!({"Severity": "UNKNOWN", "CVSS": {"nvd": {"V2Score": 10, "V3Score": 5.0}, "ghsa": {"V40Score": 9.1}}}),
            Fix::None,
            Some(Severity::Critical),
            false,
        ),
        (
            json!({"Severity": "LOW", "CVSS": {"nvd": {"V3Score": 9.8}}}),
            Fix::None,
            Some(Severity::Low),
            false,
        ),
        (
            json!({"PublishedDate": "2021-03-19T05:15:00Z"}),
            Fix::None,
            None,
            true,
        ),
        (
            json!({"PublishedDate": "0001-01-01T00:00:00Z"}),
            Fix::None,
            None,
            false,
        ),
        (
            json!({"PublishedDate": "yesterday"}),
            Fix::None,
            None,
            false,
        ),
    ] {
        let mut one =
            json!({"VulnerabilityID": "CVE-1", "PkgName": "net", "InstalledVersion": "0.37.0"});
        one.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let found = &of(&trivy(&json!([one])))[0];
        assert_eq!(found.fix, fix, "{change}");
        assert_eq!(found.severity, severity, "{change}");
        assert_eq!(found.published.is_some(), published, "{change}");
    }
}

#[test]
fn a_list_takes_words_of_any_method_and_numbers_of_cvss() {
    for (scores, expected) in [
        (
            json!([{"method": "nvd", "score": "medium"}, {"method": "cvss_score", "score": "5.2"}]),
            Some(Severity::Medium),
        ),
        (
            json!([{"method": "nvd", "score": "low"}, {"method": "CVSSv3", "score": "9.8"}]),
            Some(Severity::Critical),
        ),
        (json!([{"method": "epss", "score": "9.8"}]), None),
        (json!([{"method": "cvss", "score": "98"}]), None),
        (json!([{"method": "cvss", "score": "NaN"}]), None),
        (json!([]), None),
    ] {
        for item in [
            json!({"id": "CVE-1", "severity": scores}),
            json!({"vulnerability": {"id": "CVE-1", "severity": scores}}),
        ] {
            let found = &of(&json!([item]))[0];
            assert_eq!(
                (found.id.as_str(), found.severity),
                ("CVE-1", expected),
                "{item}"
            );
            assert_eq!(found.fix, Fix::Untold);
        }
    }
    assert!(of(&json!([])).is_empty());
    let two = json!([{"id": "CVE-1", "vulnerability": {"id": "CVE-2"}}]);
    assert_eq!(kind(read(&predicate(&two))), "malformed");
    assert_eq!(kind(read(&predicate(&json!([{}])))), "malformed");
}

#[test]
fn nothing_is_not_a_clean_result() {
    for (result, expected) in [
        (trivy(&json!([])), "read"),
        (trivy(&Value::Null), "read"),
        (json!(null), "empty"),
        (json!({}), "empty"),
        (json!({"SchemaVersion": 2}), "empty"),
        (json!({"SchemaVersion": 2, "Results": null}), "empty"),
        (json!({"SchemaVersion": 2, "Results": []}), "empty"),
        (
            json!({"SchemaVersion": 2, "Results": [{"Class": "secret"}]}),
            "empty",
        ),
        (json!({"matches": [], "SchemaVersion": 2}), "malformed"),
        (json!({"runs": [], "matches": []}), "malformed"),
        (json!({"SchemaVersion": 1, "Results": []}), "unsupported"),
        (json!({"SchemaVersion": null, "Results": []}), "unsupported"),
        (json!({"matches": []}), "unsupported"),
        (json!({"version": "2.1.0", "runs": []}), "empty"),
        (json!({"anything": 1}), "unsupported"),
        (json!("clean"), "unsupported"),
        (json!(0), "malformed"),
        (trivy(&json!([{"PkgName": "no id"}])), "malformed"),
        (trivy(&json!({"VulnerabilityID": "CVE-1"})), "malformed"),
    ] {
        assert_eq!(kind(read(&predicate(&result))), expected, "{result}");
    }
    let mut without = predicate(&trivy(&json!([])));
    without["scanner"].as_object_mut().unwrap().remove("result");
    assert_eq!(kind(read(&without)), "empty");
    assert_eq!(kind(Scan::read(b"")), "malformed");
    assert_eq!(kind(read(&trivy(&json!([])))), "malformed");
}

#[test]
fn times_are_really_told() {
    for pointer in [
        "/metadata/scanStartedOn",
        "/metadata/scanFinishedOn",
        "/scanner/db/lastUpdate",
    ] {
        for (time, expected) in [
            (json!("0001-01-01T00:00:00Z"), "empty"),
            (json!("1970-01-01T00:00:00Z"), "empty"),
            (json!("yesterday"), "malformed"),
            (json!("2026-01-02T03:04:05.678Z"), "read"),
        ] {
            let mut scan = predicate(&trivy(&json!([])));
            *scan.pointer_mut(pointer).unwrap() = time.clone();
            assert_eq!(kind(read(&scan)), expected, "{pointer} {time}");
        }
    }
    let mut scan = predicate(&trivy(&json!([])));
    scan["metadata"] = Value::Null;
    assert_eq!(kind(read(&scan)), "empty");
    // Cosign's own type makes no difference between a database without a time and none.
    let mut scan = predicate(&trivy(&json!([])));
    scan["scanner"]["db"] = Value::Null;
    assert_eq!(read(&scan).unwrap().database, None);
}
