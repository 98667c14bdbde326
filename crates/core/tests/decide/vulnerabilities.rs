//! The rule `vulnerabilities`: what it demands of a scan, how scans deceive, and what VEX may say away.

use countersign_core::{Content, FoundBy, GapClass, Outcome, RuleOutcome};
use countersign_testkit::forge::{Algorithm, Identity, Key};
use serde_json::{Value, json};

use crate::world::{BARE, World, ci, keyed, keyless, keyless_with, set, workflow};

pub(crate) const VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";
pub(crate) const VULNS: &str = "https://in-toto.io/attestation/vulns/v0.2";
pub(crate) const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";
const TRIVY: &str = "pkg:github/aquasecurity/trivy@v0.67.0";
const NET: &str = "pkg:golang/golang.org/x/net@v0.37.0";
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

fn signers() -> Vec<String> {
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
        self.attach(Content::Bundle(bytes))
    }

    fn scanned(self, days: i64, findings: &[Value]) -> Self {
        self.attested(&Identity::default(), days, VULN, &scan(findings))
    }

    fn judged(&self, more: &str) -> RuleOutcome {
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

pub(crate) const WITH_VEX: &str = "denyFrom: high, vex: {from: security}";

#[test]
fn vex_subtracts_with_a_reason_only() {
    let scanned = || World::new().scanned(1, &[finding("CVE-1", "HIGH")]);
    let said = |id: &str, status: &str, justification: Option<&str>| {
        let document = vex(id, status, justification, None);
        scanned()
            .attested(&security(), 1, OPENVEX, &document)
            .says(WITH_VEX)
    };
    let reason = Some("vulnerable_code_not_present");
    assert_eq!(said("CVE-1", "not_affected", reason), "pass");
    assert_eq!(said("CVE-1", "fixed", None), "pass");
    for (id, status, justification) in [
        ("CVE-1", "not_affected", None),
        ("CVE-1", "not_affected", Some("trust me")),
        ("CVE-1", "affected", reason),
        ("CVE-1", "under_investigation", reason),
        ("CVE-10", "not_affected", reason),
        ("CVE-1", "no_such_status", reason),
    ] {
        assert_eq!(
            said(id, status, justification),
            "vulnerability-found",
            "{id} {status}"
        );
    }
    // Without `vex` nobody's word subtracts.
    let document = vex("CVE-1", "fixed", None, None);
    let world = scanned().attested(&security(), 1, OPENVEX, &document);
    assert_eq!(world.says("denyFrom: high"), "vulnerability-found");
    // Nor does that of whoever scanned, or of a stranger.
    for identity in [
        Identity::default(),
        Identity::github_workflow("acme/security-evil", "vex.yml", "refs/heads/main"),
    ] {
        let world = scanned().attested(&identity, 1, OPENVEX, &document);
        assert_eq!(world.says(WITH_VEX), "vulnerability-found");
    }
    // One of two findings is not both.
    let both = World::new().scanned(1, &[finding("CVE-1", "HIGH"), finding("CVE-2", "HIGH")]);
    let rule = both
        .attested(&security(), 1, OPENVEX, &document)
        .judged(WITH_VEX);
    assert_eq!(rule.code.unwrap().as_str(), "vulnerability-found");
    assert!(
        rule.message
            .contains("CVE-2 high in golang.org/x/net v0.37.0, fixed in 0.38.0"),
        "{}",
        rule.message
    );
    assert!(
        rule.message
            .contains("1 of 2 findings (1 subtracted by VEX)"),
        "{}",
        rule.message
    );
}

#[test]
fn the_newest_vex_counts() {
    let document = |status: &str| vex("CVE-1", status, Some("component_not_present"), None);
    let world = |first: i64, second: i64| {
        World::new()
            .scanned(1, &[finding("CVE-1", "HIGH")])
            .attested(&security(), first, OPENVEX, &document("not_affected"))
            .attested(&security(), second, OPENVEX, &document("affected"))
    };
    assert_eq!(world(3, 9).says(WITH_VEX), "pass");
    assert_eq!(world(9, 3).says(WITH_VEX), "vulnerability-found");
    assert_eq!(world(3, 3).says(WITH_VEX), "vulnerability-found");
    assert_eq!(
        world(3, 9).says("denyFrom: high, vex: {from: security, maxAge: 4d}"),
        "pass"
    );
    assert_eq!(
        world(3, 9).says("denyFrom: high, vex: {from: security, maxAge: 2d}"),
        "vulnerability-found"
    );
    // One that cannot be read outweighs what is older.
    let broken = json!({"@context": OPENVEX, "statements": "none"});
    let with = |age: i64| {
        world(3, 9)
            .attested(&security(), age, OPENVEX, &broken)
            .says(WITH_VEX)
    };
    assert_eq!(with(1), "vulnerability-found");
    assert_eq!(with(5), "pass");
}

#[test]
fn vex_is_about_this_image_or_a_package_in_it() {
    let said = |product: Value| {
        let document = vex("CVE-1", "fixed", None, Some(json!([product])));
        let world = World::new().scanned(1, &[finding("CVE-1", "HIGH")]);
        world
            .attested(&security(), 1, OPENVEX, &document)
            .says(WITH_VEX)
    };
    let digest = World::new().digest().replace(':', "%3A");
    assert_eq!(
        said(json!({"@id": format!("pkg:oci/app@{digest}")})),
        "pass"
    );
    assert_eq!(said(json!({"@id": NET})), "pass");
    for other in [
        "pkg:oci/app",
        "pkg:oci/app@sha256%3Aabcd",
        "pkg:golang/golang.org/x/net@v0.37",
        "pkg:golang/golang.org/x",
        "golang.org/x/net",
    ] {
        assert_eq!(
            said(json!({"@id": other})),
            "vulnerability-found",
            "{other}"
        );
    }
    // Attested about another image, it says nothing of this one.
    let world = World::new().scanned(1, &[finding("CVE-1", "HIGH")]);
    let bytes = world
        .forge
        .attestation(
            &format!("sha256:{}", "ab".repeat(32)),
            OPENVEX,
            vex("CVE-1", "fixed", None, None),
        )
        .keyless(security())
        .rekor_v1()
        .bundle();
    assert_eq!(
        world.attach(Content::Bundle(bytes)).says(WITH_VEX),
        "vulnerability-found"
    );
}

#[test]
fn two_signers_of_vex_are_two() {
    let rule = "vulnerabilities: {from: ci, denyFrom: high, vex: {from: {all: [security, other]}}}";
    let other = Identity::github_workflow("acme/other", "release.yml", "refs/heads/main");
    let mut all = signers();
    all.push(keyless(
        "other",
        &workflow("acme/other", "main"),
        "{repository: acme/other}",
    ));
    let document = vex("CVE-1", "fixed", None, None);
    let one = || {
        let world = World::new().scanned(1, &[finding("CVE-1", "HIGH")]);
        world.attested(&security(), 2, OPENVEX, &document)
    };
    let text = set(&all, rule);
    assert_eq!(one().code(&text), "vulnerability-found");
    assert_eq!(
        one()
            .attested(&security(), 1, OPENVEX, &document)
            .code(&text),
        "vulnerability-found"
    );
    assert_eq!(
        one().attested(&other, 1, OPENVEX, &document).code(&text),
        "pass"
    );
    let affected = vex("CVE-1", "affected", None, None);
    assert_eq!(
        one().attested(&other, 1, OPENVEX, &affected).code(&text),
        "vulnerability-found"
    );
}

#[test]
fn what_may_be_hidden_neither_passes_nor_excuses() {
    let document = vex("CVE-1", "fixed", None, None);
    let scanned = || World::new().scanned(1, &[finding("CVE-1", "HIGH")]);
    let hidden = |world: World| {
        world
            .gap(GapClass::Unavailable, Some(FoundBy::Referrers))
            .judged(WITH_VEX)
    };
    // A newer `affected` may be among what could not be fetched.
    let rule = hidden(scanned().attested(&security(), 1, OPENVEX, &document));
    assert_eq!(rule.outcome, Outcome::Unknown);
    // Also where only the Signer of the VEX could have attached it there.
    let bundles_only = keyless_with(
        "ci",
        &workflow("acme/app", "main"),
        "{repository: acme/app}",
        "  formats: [bundle]\n",
    );
    let all = [bundles_only, signers().remove(1)];
    let clean = scanned()
        .attested(&security(), 1, OPENVEX, &document)
        .gap(GapClass::Unavailable, Some(FoundBy::AttestationTag));
    let with = |vex: &str| {
        let rule = format!("vulnerabilities: {{from: ci, denyFrom: {vex}}}");
        let used = if vex.contains("vex") { 2 } else { 1 };
        clean.rule(&set(&all[..used], &rule)).outcome
    };
    assert_eq!(with("high, vex: {from: security}"), Outcome::Unknown);
    assert_eq!(with("critical"), Outcome::Pass);
    // What was found stays found, whatever VEX may be hidden.
    assert_eq!(hidden(scanned()).outcome, Outcome::Fail);
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
