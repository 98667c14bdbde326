//! What Trivy and Grype themselves wrote (testdata/make/scanners), as it is read.

use serde_json::{Value, json};

use super::{kind, predicate, read};
use crate::scan::{Finding, Fix, Scan, ScanError, Severity};

const TRIVY_VULN: &[u8] = scans!("trivy-findings.vuln.json");

/// What a finding says, but for its publication.
type Told<'a> = (&'a str, Option<&'a str>, &'a str, Option<Severity>, Fix);

fn told(finding: &Finding) -> Told<'_> {
    (
        &finding.id,
        finding.alias.as_deref(),
        &finding.package,
        finding.severity,
        finding.fix.clone(),
    )
}

fn trivys() -> [Told<'static>; 6] {
    let fixed = |version: &str| Fix::In(version.to_owned());
    [
        (
            "CVE-2016-2781",
            None,
            "coreutils",
            Some(Severity::Medium),
            Fix::None,
        ),
        (
            "CVE-2023-4911",
            None,
            "libc6",
            Some(Severity::High),
            fixed("2.36-9+deb12u3"),
        ),
        (
            "TEMP-0517018-A83CE6",
            None,
            "sysvinit-utils",
            None,
            Fix::None,
        ),
        (
            "CVE-2023-45853",
            None,
            "zlib1g",
            Some(Severity::Critical),
            Fix::None,
        ),
        (
            "CVE-2021-44228",
            None,
            "org.apache.logging.log4j:log4j-core",
            Some(Severity::Critical),
            fixed("2.15.0"),
        ),
        (
            "CVE-2021-23337",
            None,
            "lodash",
            Some(Severity::High),
            fixed("4.17.21"),
        ),
    ]
}

/// A report as it was written, put into a predicate.
fn put(report: &[u8]) -> Value {
    predicate(&serde_json::from_slice(report).unwrap())
}

#[test]
fn trivys_report_is_read_from_its_own_predicate_and_from_any_other() {
    for scan in [
        Scan::read(TRIVY_VULN).unwrap(),
        read(&put(scans!("trivy-findings.json"))).unwrap(),
    ] {
        let found: Vec<Told<'_>> = scan.findings.iter().map(told).collect();
        assert_eq!(found, trivys());
        let log4j = &scan.findings[4];
        assert_eq!(
            log4j.purl.as_deref(),
            Some("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1")
        );
        assert_eq!(log4j.version.as_deref(), Some("2.14.1"));
        assert_eq!(log4j.published.unwrap().to_string(), "2021-12-10T10:15:09Z");
        assert_eq!(scan.findings[2].published, None);
    }
    let scan = Scan::read(TRIVY_VULN).unwrap();
    assert_eq!(
        scan.scanner.as_deref(),
        Some("pkg:github/aquasecurity/trivy@0.74.0")
    );
    assert_eq!(
        scan.database, None,
        "Trivy does not say how old its database was"
    );
}

#[test]
fn trivys_clean_report_is_clean_and_one_of_no_packages_is_none() {
    for (own, bare, expected) in [
        (
            scans!("trivy-clean.vuln.json"),
            scans!("trivy-clean.json"),
            Ok(0),
        ),
        (
            scans!("trivy-nothing.vuln.json"),
            scans!("trivy-nothing.json"),
            Err(ScanError::Empty("no packages were scanned".to_owned())),
        ),
    ] {
        let count = |scan: Result<Scan, ScanError>| scan.map(|it| it.findings.len());
        assert_eq!(count(Scan::read(own)), expected);
        assert_eq!(count(read(&put(bare))), expected);
    }
    // What cosign makes of the bare report: it is no predicate.
    assert_eq!(kind(Scan::read(scans!("trivy-findings.json"))), "malformed");
}

#[test]
fn another_version_of_trivys_report_is_not_guessed_at() {
    for (version, expected) in [
        (json!(1), "unsupported"),
        (json!(3), "unsupported"),
        (Value::Null, "unsupported"),
        (json!("2"), "malformed"),
        (json!(2), "read"),
    ] {
        let mut scan: Value = serde_json::from_slice(TRIVY_VULN).unwrap();
        scan["scanner"]["result"]["SchemaVersion"] = version.clone();
        assert_eq!(kind(read(&scan)), expected, "{version}");
    }
}

fn grypes() -> [Told<'static>; 5] {
    let fixed = |version: &str| Fix::In(version.to_owned());
    [
        (
            "GHSA-jfh8-c2jp-5v3q",
            Some("CVE-2021-44228"),
            "log4j-core",
            Some(Severity::Critical),
            fixed("2.15.0"),
        ),
        (
            "CVE-2023-4911",
            None,
            "libc6",
            Some(Severity::High),
            fixed("2.36-9+deb12u3"),
        ),
        (
            "GHSA-35jh-r3h4-6jhm",
            Some("CVE-2021-23337"),
            "lodash",
            Some(Severity::High),
            fixed("4.17.21"),
        ),
        (
            "CVE-2016-2781",
            None,
            "coreutils",
            Some(Severity::Medium),
            Fix::None,
        ),
        (
            "TEMP-0517018-A83CE6",
            None,
            "sysvinit-utils",
            None,
            Fix::None,
        ),
    ]
}

#[test]
fn grypes_report_is_read_as_it_is_and_as_the_recipe_puts_it() {
    for scan in [
        Scan::read(scans!("grype-findings.vuln.json")).unwrap(),
        read(&put(scans!("grype-findings.json"))).unwrap(),
    ] {
        let found: Vec<Told<'_>> = scan.findings.iter().map(told).collect();
        assert_eq!(found, grypes());
        let log4j = &scan.findings[0];
        assert_eq!(log4j.version.as_deref(), Some("2.14.1"));
        assert_eq!(
            log4j.purl.as_deref(),
            Some("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1")
        );
        assert!(scan.findings.iter().all(|it| it.published.is_none()));
    }
    let scan = Scan::read(scans!("grype-findings.vuln.json")).unwrap();
    assert_eq!(
        scan.scanner.as_deref(),
        Some("pkg:github/anchore/grype@v0.121.2")
    );
    for clean in [
        scans!("grype-clean.vuln.json"),
        scans!("grype-nothing.vuln.json"),
    ] {
        assert!(Scan::read(clean).unwrap().findings.is_empty());
    }
}
