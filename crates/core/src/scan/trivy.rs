//! Trivy's JSON report, schema version 2 (its `pkg/types/report.go`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::wire::{MOST_FINDINGS, collected, told_time};
use super::{Finding, Fix, ScanError, Severity};
use crate::json::{Few, null_is_default};

/// Results of one report: one for each kind of package and file.
const MOST_RESULTS: usize = 100_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Report {
    schema_version: Option<u64>,
    #[serde(default, deserialize_with = "null_is_default")]
    results: Few<TrivyResult, MOST_RESULTS>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyResult {
    #[serde(default, deserialize_with = "null_is_default")]
    class: String,
    #[serde(default, deserialize_with = "null_is_default")]
    vulnerabilities: Few<TrivyFinding, MOST_FINDINGS>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyFinding {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pkg_name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pkg_identifier: TrivyIdentifier,
    installed_version: Option<String>,
    fixed_version: Option<String>,
    status: Option<String>,
    severity: Option<String>,
    #[serde(rename = "CVSS", default, deserialize_with = "null_is_default")]
    cvss: BTreeMap<String, TrivyScores>,
    published_date: Option<String>,
}

#[derive(Deserialize, Default)]
struct TrivyIdentifier {
    #[serde(rename = "PURL")]
    purl: Option<String>,
}

#[derive(Deserialize, Default)]
struct TrivyScores {
    #[serde(rename = "V3Score")]
    v3: Option<f64>,
    #[serde(rename = "V40Score")]
    v4: Option<f64>,
}

impl Report {
    pub(super) fn findings(self) -> Result<Vec<Finding>, ScanError> {
        /// The classes of results that are about packages; the others are about secrets, licences and configuration.
        const SCANNED: [&str; 2] = ["os-pkgs", "lang-pkgs"];
        match self.schema_version {
            Some(2) => {}
            Some(other) => {
                return Err(ScanError::Unsupported(format!(
                    "a report with SchemaVersion {other}"
                )));
            }
            None => {
                return Err(ScanError::Unsupported(
                    "a report without SchemaVersion".to_owned(),
                ));
            }
        }
        let scanned = |one: &TrivyResult| {
            SCANNED.contains(&one.class.as_str()) || !one.vulnerabilities.0.is_empty()
        };
        let results = self.results.0;
        if !results.iter().any(scanned) {
            return Err(ScanError::Empty("no packages were scanned".to_owned()));
        }
        let findings = results.into_iter().flat_map(|one| one.vulnerabilities.0);
        collected(findings.map(TrivyFinding::finding))
    }
}

impl TrivyFinding {
    fn finding(self) -> Finding {
        let fixed = self.fixed_version.filter(|it| !it.is_empty());
        let fix = match (fixed, self.status.as_deref()) {
            (Some(version), _) => Fix::In(version),
            (None, Some("fixed")) => Fix::Untold,
            (None, _) => Fix::None,
        };
        let word = self.severity.as_deref().and_then(Severity::parse);
        let scores = self.cvss.values().flat_map(|it| [it.v3, it.v4]);
        let scored = || scores.flatten().filter_map(Severity::of_told).max();
        let published = self.published_date.as_deref();
        Finding {
            id: self.id,
            alias: None,
            package: self.pkg_name,
            version: self.installed_version.filter(|it| !it.is_empty()),
            purl: self.pkg_identifier.purl,
            severity: word.or_else(scored),
            fix,
            published: published.and_then(|it| told_time("PublishedDate", Some(it)).ok()),
        }
    }
}
