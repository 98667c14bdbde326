//! The gates of the examples: who runs each, what it says, and which rules ask for it.

use serde_json::{Value, json};

use crate::github::{MAIN, Run};

pub(crate) const APP: &str = "ghcr.io/acme/app";
pub(crate) const TEST: &str = "https://in-toto.io/attestation/test-result/v0.1";
const VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";

/// Whose word it is, and the rules of both examples that ask for it.
pub(crate) struct Gate {
    /// Also the file of its good evidence.
    pub(crate) name: &'static str,
    pub(crate) run: Run,
    pub(crate) kind: &'static str,
    pub(crate) predicate: fn() -> Value,
    /// Of gates.yaml: in staging and the canary, in production.
    pub(crate) early: Option<&'static str>,
    pub(crate) late: Option<&'static str>,
    /// Of gates-promotion.yaml, with an age that is too old for it.
    pub(crate) promotion: &'static str,
    pub(crate) stale: &'static str,
}

const fn run(repository: &'static str, workflow: &'static str, signer: &'static str) -> Run {
    Run {
        repository,
        workflow,
        signer,
        ..MAIN
    }
}

const TESTS: Gate = Gate {
    name: "tests",
    run: run(
        "acme/app",
        ".github/workflows/tests.yml",
        "acme/app/.github/workflows/tests.yml",
    ),
    kind: TEST,
    predicate: || result("tests", &["unit", "integration"]),
    early: Some("tested"),
    late: Some("tests-passed"),
    promotion: "tested",
    stale: "2026-12-02T00:00:00Z",
};
const SCAN: Gate = Gate {
    name: "scan",
    run: run(
        "acme/app",
        ".github/workflows/scan.yml",
        "acme/app/.github/workflows/scan.yml",
    ),
    kind: VULN,
    predicate: || scan("HIGH"),
    early: Some("scanned"),
    late: None,
    promotion: "scanned",
    stale: "2026-11-09T00:00:00Z",
};
const SMOKE: Gate = Gate {
    name: "smoke",
    run: run(
        "acme/deploy",
        ".github/workflows/smoke.yml",
        "acme/deploy/.github/workflows/smoke.yml",
    ),
    kind: TEST,
    predicate: || result("smoke", &["login", "checkout"]),
    early: Some("smoke-tested"),
    late: Some("smoke-test-passed"),
    promotion: "smoke-tested",
    stale: "2026-11-09T00:00:00Z",
};
const CANARY: Gate = Gate {
    name: "canary",
    run: run(
        "acme/deploy",
        ".github/workflows/canary.yml",
        "acme/deploy/.github/workflows/canary.yml",
    ),
    kind: TEST,
    predicate: || result("canary", &["error-rate", "latency-p99"]),
    early: None,
    late: Some("canary-passed"),
    promotion: "canary-passed",
    stale: "2026-11-05T00:00:00Z",
};
const SLO: Gate = Gate {
    name: "slo",
    run: run(
        "acme/deploy",
        ".github/workflows/slo.yml",
        "acme/deploy/.github/workflows/slo.yml",
    ),
    kind: TEST,
    predicate: || result("slo", &["availability", "latency"]),
    early: None,
    late: Some("slo-held"),
    promotion: "slo-held",
    stale: "2026-11-03T00:00:00Z",
};
/// Who promotes.
pub(crate) const PROMOTER: Run = run(
    "acme/deploy",
    ".github/workflows/promote.yml",
    "acme/deploy/.github/workflows/promote.yml",
);

/// In the order in which an image meets them.
pub(crate) const GATES: [Gate; 5] = [TESTS, SCAN, SMOKE, CANARY, SLO];

fn result(configuration: &str, passed: &[&str]) -> Value {
    json!({
        "result": "PASSED", "configuration": [{"name": configuration, "uri": format!("git+https://github.com/{}", MAIN.repository)}],
        "passedTests": passed, "failedTests": [],
    })
}

/// The same with one that failed.
pub(crate) fn failed(gate: &Gate) -> Value {
    let mut result = (gate.predicate)();
    result["result"] = json!("FAILED");
    result["failedTests"] = json!([result["passedTests"][0].take()]);
    result["passedTests"] = json!([result["passedTests"][1]]);
    result
}

/// One finding of this severity.
pub(crate) fn scan(severity: &str) -> Value {
    json!({
        "invocation": {"parameters": [], "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {
            "uri": "pkg:github/aquasecurity/trivy@v0.67.0", "version": "0.67.0", "db": {},
            "result": {
                "SchemaVersion": 2, "ArtifactName": APP, "ArtifactType": "container_image",
                "Results": [{"Target": "app", "Class": "lang-pkgs", "Type": "npm", "Vulnerabilities": [{
                    "VulnerabilityID": "CVE-2026-0001", "PkgName": "left", "InstalledVersion": "1.0.0", "Severity": severity,
                }]}],
            },
        },
        "metadata": {"scanStartedOn": "2026-11-01T11:00:00Z", "scanFinishedOn": "2026-11-01T11:01:00Z"},
    })
}
