//! The rule `vulnerabilities` over what real scanners wrote (testdata/make/scanners), each judged in both directions.

use countersign_testkit::forge::Identity;
use serde_json::{Value, json};

use crate::vex::WITH_VEX;
use crate::vulnerabilities::{OPENVEX, VULN, VULNS, security, vex};
use crate::world::World;

/// A document of testdata/predicates/scans.
fn scan(name: &str) -> Value {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/../../testdata/predicates/scans/{name}");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A report put into a predicate as somebody would who has only the report.
fn around(report: &str) -> Value {
    json!({
        "invocation": {"parameters": []},
        "scanner": {"uri": "pkg:github/acme/scanner", "version": "1", "db": {}, "result": scan(report)},
        "metadata": {"scanStartedOn": "2026-09-21T14:12:20Z", "scanFinishedOn": "2026-09-21T14:12:20Z"}
    })
}

fn attested(predicate_type: &str, predicate: &Value) -> World {
    World::new().attested(&Identity::default(), 1, predicate_type, predicate)
}

#[test]
fn a_real_scan_denies_by_what_it_found() {
    for (document, rules) in [
        (
            "trivy-findings.vuln.json",
            &[
                ("denyFrom: critical", "vulnerability-found"),
                // The one that nobody rated is left, then nothing.
                (
                    "denyFrom: critical, leeway: {critical: 9000d}",
                    "severity-unknown",
                ),
                (
                    "denyFrom: critical, leeway: {critical: 9000d}, unknownSeverity: allow",
                    "pass",
                ),
                (
                    "denyFrom: critical, leeway: {critical: 9000d}, ignoreUnfixed: true",
                    "pass",
                ),
                (
                    "denyFrom: critical, leeway: {critical: 1000d}, ignoreUnfixed: true",
                    "vulnerability-found",
                ),
                (
                    "denyFrom: high, leeway: {critical: 9000d}, ignoreUnfixed: true",
                    "vulnerability-found",
                ),
                (
                    "denyFrom: high, leeway: {critical: 9000d, high: 9000d}, ignoreUnfixed: true",
                    "pass",
                ),
                ("denyFrom: high, maxDatabaseAge: 900d", "database-too-old"),
                (
                    "denyFrom: critical, scanners: [\"pkg:github/aquasecurity/trivy@v0.67.0\"]",
                    "scanner-mismatch",
                ),
            ][..],
        ),
        (
            "trivy-clean.vuln.json",
            &[
                ("denyFrom: negligible", "pass"),
                (
                    "denyFrom: negligible, scanners: [\"pkg:github/aquasecurity/trivy@0.74.0\"]",
                    "pass",
                ),
                (
                    "denyFrom: negligible, scanners: [\"pkg:github/anchore/grype@*\"]",
                    "scanner-mismatch",
                ),
                (
                    "denyFrom: negligible, maxDatabaseAge: 900d",
                    "database-too-old",
                ),
            ],
        ),
        (
            "trivy-nothing.vuln.json",
            &[("denyFrom: critical", "scan-empty")],
        ),
    ] {
        for predicate_type in [VULN, VULNS] {
            let world = attested(predicate_type, &scan(document));
            for (rule, expected) in rules {
                assert_eq!(world.says(rule), *expected, "{document}: {rule}");
            }
        }
    }
    // The same report, put into a predicate by somebody else.
    for (report, expected) in [
        ("trivy-findings.json", "vulnerability-found"),
        ("trivy-clean.json", "pass"),
        ("trivy-nothing.json", "scan-empty"),
        ("trivy-findings.sarif", "vulnerability-found"),
        ("trivy-clean.sarif", "pass"),
        ("grype-findings.json", "vulnerability-found"),
        ("grype-clean.json", "pass"),
        ("grype-findings.sarif", "vulnerability-found"),
        ("grype-clean.sarif", "pass"),
    ] {
        assert_eq!(
            attested(VULN, &around(report)).says("denyFrom: high"),
            expected,
            "{report}"
        );
    }
    // As it is, it is no predicate.
    let bare = attested(VULN, &scan("trivy-findings.json"));
    assert_eq!(bare.says("denyFrom: critical"), "scan-malformed");
}

#[test]
fn vex_about_packages_of_a_real_scan() {
    let log4j = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1";
    let said = |document: &str, product: &str| {
        let why = vex(
            "CVE-2021-44228",
            "fixed",
            None,
            Some(json!([{"@id": product}])),
        );
        let rule = WITH_VEX.replace("high", "critical, ignoreUnfixed: true");
        attested(VULN, &scan(document))
            .attested(&security(), 1, OPENVEX, &why)
            .says(&rule)
    };
    // GitHub's advisory is about this CVE alone.
    assert_eq!(said("grype-findings.vuln.json", log4j), "pass");
    assert_eq!(said("trivy-findings.vuln.json", log4j), "pass");
    assert_eq!(
        said(
            "trivy-findings.vuln.json",
            &log4j.replace("2.14.1", "2.14.0")
        ),
        "vulnerability-found"
    );
}
