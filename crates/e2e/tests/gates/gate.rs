//! The gates as data: who speaks for each, which rules ask for it, and what it says.

use countersign_e2e::{Identity, workspace};
use serde_json::{Value, json};
use std::fs;

use crate::page;

/// Who builds and signs.
pub(crate) const BUILD: &str = "acme/app:acme/app/.github/workflows/release.yml@refs/heads/main";
/// Who promotes.
pub(crate) const PROMOTER: &str =
    "acme/deploy:acme/deploy/.github/workflows/promote.yml@refs/heads/main";

/// One gate.
pub(crate) struct Gate {
    /// The file of its predicate on the page.
    pub(crate) file: &'static str,
    /// Who runs it, as [`Identity`] is written.
    pub(crate) by: &'static str,
    /// Another gate's identity: one whose own gate asks for another predicate type, so that it is no newer word on that.
    pub(crate) not_by: &'static str,
    /// The rule of `gates-promotion.yaml`, and its `maxAge` there.
    pub(crate) rule: &'static str,
    pub(crate) age: &'static str,
    /// The reason while nothing is attested but what stands before it in [`GATES`].
    pub(crate) missing: &'static str,
    /// The reason when it says no, and what the message then tells.
    pub(crate) failed: (&'static str, &'static str),
}

const TESTS: &str = "acme/app:acme/app/.github/workflows/tests.yml@refs/heads/main";
const SCAN: &str = "acme/app:acme/app/.github/workflows/scan.yml@refs/heads/main";
const SMOKE: &str = "acme/deploy:acme/deploy/.github/workflows/smoke.yml@refs/heads/main";
const CANARY: &str = "acme/deploy:acme/deploy/.github/workflows/canary.yml@refs/heads/main";
const SLO: &str = "acme/deploy:acme/deploy/.github/workflows/slo.yml@refs/heads/main";

/// In the order in which an image meets them.
pub(crate) const GATES: [Gate; 5] = [
    Gate {
        file: "tests.json",
        by: TESTS,
        not_by: SCAN,
        rule: "tested",
        age: "30d",
        missing: "no-statement",
        failed: (
            "expression-false",
            "the test result says FAILED; failed tests: unit; passed tests: integration",
        ),
    },
    Gate {
        file: "scan.json",
        by: SCAN,
        not_by: TESTS,
        rule: "scanned",
        age: "7d",
        missing: "no-scan",
        failed: ("vulnerability-found", "CVE-2025-22872"),
    },
    Gate {
        file: "smoke.json",
        by: SMOKE,
        not_by: SCAN,
        rule: "smoke-tested",
        age: "7d",
        missing: "subject-mismatch",
        failed: ("expression-false", "failed tests: login"),
    },
    Gate {
        file: "canary.json",
        by: CANARY,
        not_by: SCAN,
        rule: "canary-passed",
        age: "3d",
        missing: "subject-mismatch",
        failed: ("expression-false", "failed tests: error-rate"),
    },
    Gate {
        file: "slo.json",
        by: SLO,
        not_by: SCAN,
        rule: "slo-held",
        age: "1d",
        missing: "subject-mismatch",
        failed: ("expression-false", "failed tests: availability"),
    },
];

impl Gate {
    /// What it says of an image that passes.
    pub(crate) fn yes(&self) -> Value {
        match self.file {
            "scan.json" => scan(None),
            file => page::predicate(file),
        }
    }

    /// What it says of one that does not: of several tests the first has failed.
    pub(crate) fn no(&self) -> Value {
        if self.file == "scan.json" {
            return scan(Some("CRITICAL"));
        }
        let mut predicate = self.yes();
        let passed = predicate["passedTests"].as_array_mut().unwrap();
        let failed = passed.remove(0);
        predicate["failedTests"] = json!([failed]);
        predicate["result"] = json!("FAILED");
        predicate
    }
}

/// Whom a text names.
pub(crate) fn identity(text: &str) -> Identity {
    text.parse().unwrap()
}

/// A scan that found one vulnerability of this severity, or none.
fn scan(severity: Option<&str>) -> Value {
    let path = workspace().join("testdata/predicates/vuln.json");
    let mut predicate: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let result = &mut predicate["scanner"]["result"]["Results"][0];
    match severity {
        Some(severity) => result["Vulnerabilities"][0]["Severity"] = severity.into(),
        None => result["Vulnerabilities"] = json!([]),
    }
    predicate
}
