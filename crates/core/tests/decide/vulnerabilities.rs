//! The rule `vulnerabilities`: what it demands of a scan, and how scans deceive.

use countersign_core::{Content, RuleOutcome};
use countersign_testkit::forge::{Algorithm, Identity, Key};
use serde_json::{Value, json};

use crate::world::{BARE, World, ci, keyed, keyless, set};

pub(crate) const VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";
pub(crate) const VULNS: &str = "https://in-toto.io/attestation/vulns/v0.2";
pub(crate) const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";
const TRIVY: &str = "pkg:github/aquasecurity/trivy@v0.67.0";
pub(crate) const NET: &str = "pkg:golang/golang.org/x/net@v0.37.0";
/// A minute before the forge signs, and what lies before that.
const SCANNED: &str = "2026-09-21T14:12:20Z";
const PUBLISHED: &str = "2026-09-11T14:13:20Z";

pub(crate) fn finding(id: &str, severity: &str) -> Value {
    json!({"VulnerabilityID": id, "PkgName": "golang.org/x/net", "PkgIdentifier": {"PURL": NET},
        "InstalledVersion": "v0.37.0", "FixedVersion": "0.38.0", "Status": "fixed", "Severity": severity,
        "PublishedDate": PUBLISHED})
}

fn unfixed(severity: &str) -> Value {
    let mut one = finding("CVE-2", severity);
    let fields = one.as_object_mut().unwrap();
    fields.remove("FixedVersion");
    fields.remove("PublishedDate");
    fields.insert("Status".to_owned(), json!("affected"));
    one
}

fn predicate(result: &Value) -> Value {
    json!({
        "invocation": {"parameters": []},
        "scanner": {"uri": TRIVY, "version": "0.67.0", "db": {"uri": "x", "version": "2", "lastUpdate": PUBLISHED}, "result": result},
        "metadata": {"scanStartedOn": SCANNED, "scanFinishedOn": SCANNED}
    })
}

pub(crate) fn scan(findings: &[Value]) -> Value {
    predicate(
        &json!({"SchemaVersion": 2, "Results": [{"Target": "app", "Class": "lang-pkgs", "Type": "gobinary", "Vulnerabilities": findings}]}),
    )
}

pub(crate) fn vex(
    id: &str,
    status: &str,
    justification: Option<&str>,
    products: Option<Value>,
) -> Value {
    let mut statement = json!({"vulnerability": {"name": id}, "status": status});
    let fields = statement.as_object_mut().unwrap();
    fields.extend(justification.map(|it| ("justification".to_owned(), json!(it))));
    fields.extend(products.map(|it| ("products".to_owned(), it)));
    json!({"@context": OPENVEX, "@id": "urn:x", "author": "acme", "timestamp": SCANNED, "version": 1, "statements": [statement]})
}

/// Whoever speaks of vulnerabilities.
pub(crate) fn security() -> Identity {
    Identity::github_workflow("acme/security", "vex.yml", "refs/heads/main")
}

pub(crate) fn signers() -> Vec<String> {
    let subject =
        "{workflow: {path: acme/security/.github/workflows/vex.yml, refs: [refs/heads/main]}}";
    vec![
        ci(),
        keyless("security", subject, "{repository: acme/security}"),
    ]
}

impl World {
    /// Attaches what `identity` attested so many days ago.
    pub(crate) fn attested(
        self,
        identity: &Identity,
        days: i64,
        predicate_type: &str,
        predicate: &Value,
    ) -> Self {
        let forge = self.ago(days);
        let bytes = forge
            .attestation(&self.digest(), predicate_type, predicate.clone())
            .keyless(identity.clone())
            .rekor_v1()
            .bundle();
        self.attach(Content::Bundle(bytes.into()))
    }

    pub(crate) fn scanned(self, days: i64, findings: &[Value]) -> Self {
        self.attested(&Identity::default(), days, VULN, &scan(findings))
    }

    pub(crate) fn judged(&self, more: &str) -> RuleOutcome {
        let used = if more.contains("security") { 2 } else { 1 };
        let rule = format!("vulnerabilities: {{from: ci, {more}}}");
        self.rule(&set(&signers()[..used], &rule))
    }

    pub(crate) fn says(&self, more: &str) -> &'static str {
        self.judged(more).code.map_or("pass", |code| code.as_str())
    }
}

#[test]
fn each_field_decides() {
    let high = World::new().scanned(1, &[finding("CVE-1", "HIGH")]);
    let none = World::new().scanned(1, &[unfixed("HIGH")]);
    let unrated = World::new().scanned(1, &[finding("CVE-1", "UNKNOWN")]);
    let grype = World::new().attested(
        &Identity::default(),
        1,
        VULN,
        &predicate(&json!({"matches": []})),
    );
    let clean = World::new().scanned(1, &[]);
    for (world, good, bad, expected) in [
        (
            &high,
            "denyFrom: critical",
            "denyFrom: high",
            "vulnerability-found",
        ),
        (
            &high,
            "denyFrom: critical",
            "denyFrom: negligible",
            "vulnerability-found",
        ),
        (
            &none,
            "denyFrom: high, ignoreUnfixed: true",
            "denyFrom: high",
            "vulnerability-found",
        ),
        (
            &high,
            "denyFrom: critical, ignoreUnfixed: true",
            "denyFrom: high, ignoreUnfixed: true",
            "vulnerability-found",
        ),
        (
            &high,
            "denyFrom: high, leeway: {high: 11d}",
            "denyFrom: high, leeway: {high: 9d}",
            "vulnerability-found",
        ),
        (
            &high,
            "denyFrom: high, leeway: {high: 11d}",
            "denyFrom: high, leeway: {critical: 11d}",
            "vulnerability-found",
        ),
        (
            &none,
            "denyFrom: critical, leeway: {critical: 900d}",
            "denyFrom: high, leeway: {high: 9000d}",
            "vulnerability-found",
        ),
        (
            &unrated,
            "denyFrom: critical, unknownSeverity: allow",
            "denyFrom: critical",
            "severity-unknown",
        ),
        (
            &unrated,
            "denyFrom: low, unknownSeverity: allow",
            "denyFrom: critical, unknownSeverity: deny",
            "severity-unknown",
        ),
        (
            &grype,
            "denyFrom: high, unsupported: warn",
            "denyFrom: high",
            "unsupported-format",
        ),
        (
            &clean,
            "denyFrom: low, maxAge: 2d",
            "denyFrom: low, maxAge: 12h",
            "too-old",
        ),
        (
            &clean,
            "denyFrom: low, maxDatabaseAge: 10d",
            "denyFrom: low, maxDatabaseAge: 8d",
            "database-too-old",
        ),
        (
            &clean,
            "denyFrom: low, scanners: [\"pkg:github/aquasecurity/trivy@*\"]",
            "denyFrom: low, scanners: [\"pkg:github/aquasecurity/trivy\"]",
            "scanner-mismatch",
        ),
        (
            &clean,
            "denyFrom: low, scanners: [\"pkg:github/aquasecurity/trivy@v0.67.0\"]",
            "denyFrom: low, scanners: [\"pkg:github/*/grype@*\"]",
            "scanner-mismatch",
        ),
    ] {
        assert_eq!(world.says(good), "pass", "{good}");
        assert_eq!(world.says(bad), expected, "{bad}");
    }
}

#[test]
fn leeway_begins_with_a_publication_that_was() {
    let published = |at: &str| {
        let mut one = finding("CVE-1", "HIGH");
        one["PublishedDate"] = json!(at);
        World::new()
            .scanned(1, &[one])
            .says("denyFrom: high, leeway: {high: 7d}")
    };
    assert_eq!(published("2026-09-20T00:00:00Z"), "pass");
    for at in [
        "2026-09-10T00:00:00Z",
        "2026-10-20T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "soon",
    ] {
        assert_eq!(published(at), "vulnerability-found", "{at}");
    }
}

#[test]
fn an_old_clean_scan_hides_no_newer_bad_one() {
    let bad = [finding("CVE-1", "HIGH")];
    let newer_bad = World::new().scanned(5, &[]).scanned(1, &bad);
    assert_eq!(newer_bad.says("denyFrom: high"), "vulnerability-found");
    assert_eq!(
        newer_bad.says("denyFrom: high, match: all"),
        "vulnerability-found"
    );
    assert_eq!(newer_bad.says("denyFrom: high, match: any"), "pass");
    let newer_clean = World::new().scanned(5, &bad).scanned(1, &[]);
    assert_eq!(newer_clean.says("denyFrom: high"), "pass");
    // By another's word nothing is hidden, and nothing is shown.
    let stranger = Identity::github_workflow("acme/other", "release.yml", "refs/heads/main");
    let world = World::new()
        .scanned(5, &bad)
        .attested(&stranger, 1, VULN, &scan(&[]));
    assert_eq!(world.says("denyFrom: high"), "vulnerability-found");
}

#[test]
fn what_is_no_scan_counts_for_nothing() {
    let code = |predicate_type: &str, predicate: &Value| {
        let world = World::new().attested(&Identity::default(), 1, predicate_type, predicate);
        world.says("denyFrom: critical")
    };
    let mut year_one = scan(&[]);
    year_one["metadata"]["scanFinishedOn"] = json!("0001-01-01T00:00:00Z");
    let mut nothing = year_one.clone();
    nothing["scanner"]["result"] = Value::Null;
    for (predicate_type, predicate, expected) in [
        (VULN, scan(&[]), "pass"),
        (VULNS, scan(&[]), "pass"),
        (
            "https://in-toto.io/attestation/vulns/v0.1",
            predicate(&json!([])),
            "pass",
        ),
        (VULN, year_one, "scan-empty"),
        // What cosign makes of a bare report of Trivy.
        (VULN, nothing, "scan-empty"),
        (VULN, predicate(&json!({})), "scan-empty"),
        (VULN, json!({}), "scan-malformed"),
        (
            VULN,
            predicate(&json!({"SchemaVersion": 3})),
            "unsupported-format",
        ),
        (
            "https://in-toto.io/attestation/vulns/v0.9",
            scan(&[]),
            "no-scan",
        ),
        ("https://in-toto.io/attestation/vulns", scan(&[]), "no-scan"),
    ] {
        assert_eq!(
            code(predicate_type, &predicate),
            expected,
            "{predicate_type} {predicate}"
        );
    }
    let listed = |score: &str| {
        predicate(&json!([{"id": "CVE-1", "severity": [{"method": "nvd", "score": score}]}]))
    };
    assert_eq!(code(VULNS, &listed("critical")), "vulnerability-found");
    assert_eq!(code(VULNS, &listed("high")), "pass");
    // The list does not say that there is no fix.
    let world = World::new().attested(&Identity::default(), 1, VULNS, &listed("critical"));
    assert_eq!(
        world.says("denyFrom: critical, ignoreUnfixed: true"),
        "vulnerability-found"
    );
    assert_eq!(World::new().says("denyFrom: critical"), "no-evidence");
}

#[test]
fn a_database_is_as_old_as_it_was_when_the_scan_was_signed() {
    let with = |update: Value| {
        let mut scan = scan(&[]);
        scan["scanner"]["db"]["lastUpdate"] = update;
        World::new().attested(&Identity::default(), 1, VULN, &scan)
    };
    let rule = "denyFrom: high, maxDatabaseAge: 30d";
    assert_eq!(with(json!(PUBLISHED)).says(rule), "pass");
    assert_eq!(with(Value::Null).says(rule), "database-too-old");
    assert_eq!(with(Value::Null).says("denyFrom: high"), "pass");
    // Younger than its scan: a database that nobody can have had.
    assert_eq!(
        with(json!("2026-09-21T14:13:00Z")).says(rule),
        "database-too-old"
    );
    assert_eq!(with(json!("0001-01-01T00:00:00Z")).says(rule), "scan-empty");
}

#[test]
fn a_scan_by_a_bare_key_proves_no_time() {
    let key = Key::generate(Algorithm::P256);
    let signer = keyed("k", &key.public_pem(), "", BARE);
    let load = |rule: &str| {
        let text = set(std::slice::from_ref(&signer), rule);
        std::panic::catch_unwind(|| World::new().code(&text)).is_ok()
    };
    assert!(load(
        "vulnerabilities: {from: k, denyFrom: high, match: any}"
    ));
    assert!(!load("vulnerabilities: {from: k, denyFrom: high}"));
    assert!(!load(
        "vulnerabilities: {from: k, denyFrom: high, match: any, maxDatabaseAge: 1d}"
    ));
    assert!(!load(
        "vulnerabilities: {from: k, denyFrom: high, match: all, vex: {from: k}}"
    ));
}

#[test]
fn an_unread_result_that_passes_is_told() {
    let world = World::new().attested(
        &Identity::default(),
        1,
        VULN,
        &predicate(&json!({"runs": []})),
    );
    let rule = "vulnerabilities: {from: ci, denyFrom: high, unsupported: warn}";
    let decision = world.decide(&set(&[ci()], rule));
    let warnings: Vec<&str> = decision
        .warnings()
        .iter()
        .map(|it| it.code.as_str())
        .collect();
    assert_eq!(warnings, ["unsupported-format"]);
}
