//! Grype's JSON report (its `grype/presenter/models`). It has no version of its own: what is read here is what Grype 0.121 writes.

use serde::Deserialize;

use super::wire::{MOST_FINDINGS, collected, told_time};
use super::{Finding, Fix, ScanError, Severity};
use crate::UnixTime;
use crate::json::{Few, null_is_default};

/// Scores, versions and other names of one finding.
const MOST_OF_ONE: usize = 1_000;

#[derive(Deserialize)]
pub(super) struct Report {
    matches: Option<Few<Match, MOST_FINDINGS>>,
    #[serde(default, deserialize_with = "null_is_default")]
    descriptor: Descriptor,
    source: Option<Source>,
}

#[derive(Deserialize, Default)]
struct Descriptor {
    #[serde(default, deserialize_with = "null_is_default")]
    name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    db: Database,
}

#[derive(Deserialize, Default)]
struct Database {
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    built: Option<String>,
    valid: bool,
    #[serde(default, deserialize_with = "null_is_default")]
    error: String,
}

/// What was looked at.
#[derive(Deserialize)]
struct Source {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    vulnerability: Vulnerability,
    #[serde(default, deserialize_with = "null_is_default")]
    related_vulnerabilities: Few<Related, MOST_OF_ONE>,
    artifact: Artifact,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: String,
    severity: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    cvss: Few<Cvss, MOST_OF_ONE>,
    #[serde(default, deserialize_with = "null_is_default")]
    fix: GrypeFix,
}

/// The same vulnerability in another database, which is NVD's.
#[derive(Deserialize)]
struct Related {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    cvss: Few<Cvss, MOST_OF_ONE>,
}

#[derive(Deserialize)]
struct Cvss {
    #[serde(default, deserialize_with = "null_is_default")]
    version: String,
    metrics: Option<Metrics>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    base_score: Option<f64>,
}

#[derive(Deserialize, Default)]
struct GrypeFix {
    #[serde(default, deserialize_with = "null_is_default")]
    versions: Few<String, MOST_OF_ONE>,
    #[serde(default, deserialize_with = "null_is_default")]
    state: String,
}

#[derive(Deserialize)]
struct Artifact {
    #[serde(default, deserialize_with = "null_is_default")]
    name: String,
    version: Option<String>,
    purl: Option<String>,
}

impl Report {
    /// The findings, and when the database was built.
    pub(super) fn read(self) -> Result<(Vec<Finding>, Option<UnixTime>), ScanError> {
        let empty = |why: &str| Err(ScanError::Empty(why.to_owned()));
        if self.descriptor.name != "grype" {
            let what = "a report with `matches` that does not say that it is Grype's";
            return Err(ScanError::Unsupported(what.to_owned()));
        }
        if self
            .source
            .is_none_or(|it| it.kind.is_empty() || it.kind == "unknown")
        {
            return empty("Grype does not say what it looked at (`source`)");
        }
        let Some(matches) = self.matches else {
            return empty("`matches` is null");
        };
        let Some(status) = self.descriptor.db.status else {
            let what = "a report of Grype without `descriptor.db.status`";
            return Err(ScanError::Unsupported(what.to_owned()));
        };
        if !status.valid || !status.error.is_empty() {
            return empty(&format!(
                "Grype's database was not valid: {}",
                crate::digest::clip(&status.error)
            ));
        }
        let built = told_time("descriptor.db.status.built", status.built.as_deref())?;
        let findings = collected(matches.0.into_iter().map(Match::finding))?;
        Ok((findings, Some(built)))
    }
}

impl Match {
    fn finding(self) -> Finding {
        let Self {
            vulnerability,
            related_vulnerabilities: related,
            artifact,
        } = self;
        let word = vulnerability.severity.as_deref().and_then(Severity::parse);
        let all = related.0.iter().flat_map(|it| &it.cvss.0);
        let scored = vulnerability.cvss.0.iter().chain(all);
        let alias = alias(&vulnerability.id, &related.0);
        Finding {
            severity: word.or_else(|| scored.filter_map(Cvss::severity).max()),
            id: vulnerability.id,
            alias,
            package: artifact.name,
            version: artifact.version.filter(|it| !it.is_empty()),
            purl: artifact.purl.filter(|it| !it.is_empty()),
            fix: vulnerability.fix.fix(),
            published: None,
        }
    }
}

/// An advisory that is about several vulnerabilities is none of them.
fn alias(id: &str, related: &[Related]) -> Option<String> {
    let mut others = related.iter().map(|it| &it.id).filter(|it| *it != id);
    let first = others.next()?;
    others.all(|it| it == first).then(|| first.clone())
}

impl Cvss {
    /// Versions 3 and 4 have one scale; that of version 2 has no `critical`.
    fn severity(&self) -> Option<Severity> {
        let score = self.metrics.as_ref()?.base_score?;
        let is_new = self.version.starts_with("3.") || self.version.starts_with("4.");
        Severity::of_told(score).filter(|_| is_new)
    }
}

impl GrypeFix {
    fn fix(self) -> Fix {
        match self.state.as_str() {
            "fixed" if !self.versions.0.is_empty() => Fix::In(self.versions.0.join(", ")),
            "not-fixed" | "wont-fix" => Fix::None,
            _ => Fix::Untold,
        }
    }
}
