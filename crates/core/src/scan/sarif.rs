//! The SARIF logs (version 2.1.0) that Trivy and Grype write. SARIF has no place for a vulnerability, so that each writer has its own way.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::wire::{MOST_FINDINGS, collected};
use super::{Finding, Fix, ScanError, Severity};
use crate::json::{Few, null_is_default};

/// Runs of one log: one for each kind of scan.
const MOST_RUNS: usize = 1_000;
/// Tags of one rule.
const MOST_TAGS: usize = 100;

#[derive(Deserialize)]
pub(super) struct Log {
    version: Option<String>,
    runs: Option<Few<Run, MOST_RUNS>>,
}

#[derive(Deserialize)]
struct Run {
    tool: Tool,
    results: Option<Few<SarifResult, MOST_FINDINGS>>,
    #[serde(default, deserialize_with = "null_is_default")]
    invocations: Few<Invocation, MOST_RUNS>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
}

#[derive(Deserialize)]
struct Tool {
    driver: Driver,
}

#[derive(Deserialize)]
struct Driver {
    name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    rules: Few<Rule, MOST_FINDINGS>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    short_description: Option<Message>,
    #[serde(default, deserialize_with = "null_is_default")]
    properties: Properties,
}

#[derive(Deserialize, Default)]
struct Properties {
    #[serde(rename = "security-severity")]
    severity: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    tags: Few<String, MOST_TAGS>,
}

#[derive(Deserialize, Default)]
struct Message {
    #[serde(default, deserialize_with = "null_is_default")]
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: String,
    level: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    message: Message,
}

/// Whose log it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    Trivy,
    Grype,
}

impl Log {
    pub(super) fn findings(self) -> Result<Vec<Finding>, ScanError> {
        match self.version.as_deref() {
            Some("2.1.0") => {}
            Some(other) => {
                let what = format!("a SARIF log of version {}", crate::digest::clip(other));
                return Err(ScanError::Unsupported(what));
            }
            None => {
                return Err(ScanError::Unsupported(
                    "a SARIF log without `version`".to_owned(),
                ));
            }
        }
        let runs = self.runs.unwrap_or_default().0;
        if runs.is_empty() {
            return Err(ScanError::Empty("a SARIF log without runs".to_owned()));
        }
        let mut findings = Vec::new();
        for run in runs {
            findings.extend(run.findings()?);
        }
        collected(findings.into_iter())
    }
}

impl Run {
    fn findings(self) -> Result<Vec<Finding>, ScanError> {
        let driver = self.tool.driver;
        let writer = match driver.name.as_str() {
            "Trivy" => Writer::Trivy,
            "grype" => Writer::Grype,
            other => {
                let what = format!("a SARIF log of {}", crate::digest::clip(other));
                return Err(ScanError::Unsupported(what));
            }
        };
        // Section 3.14.23: a run that never got to look has no list of results; one that found nothing has an empty list.
        let Some(results) = self.results else {
            return Err(ScanError::Empty("a SARIF run without `results`".to_owned()));
        };
        if self.invocations.0.iter().any(|it| !it.execution_successful) {
            return Err(ScanError::Empty("a SARIF run that failed".to_owned()));
        }
        let mut rules: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
        for rule in &driver.rules.0 {
            rules.entry(&rule.id).or_default().push(rule);
        }
        let mut findings = Vec::new();
        for result in &results.0 {
            let rules = rules
                .get(result.rule_id.as_str())
                .map_or(&[][..], Vec::as_slice);
            if !rules.is_empty() && rules.iter().all(|it| it.is_about_something_else()) {
                continue;
            }
            findings.push(result.finding(writer, rules)?);
        }
        Ok(findings)
    }
}

impl Rule {
    /// Trivy writes what else it looks for into the same log.
    fn is_about_something_else(&self) -> bool {
        const OTHERS: [&str; 3] = ["misconfiguration", "secret", "license"];
        self.properties
            .tags
            .0
            .iter()
            .any(|it| OTHERS.contains(&it.as_str()))
    }

    /// The score, or the word among the tags. Both scanners write `0.0` where nobody rated the vulnerability.
    fn severity(&self) -> Option<Severity> {
        let score = self
            .properties
            .severity
            .as_deref()
            .and_then(|it| it.parse().ok());
        let words = self
            .properties
            .tags
            .0
            .iter()
            .filter_map(|it| Severity::parse(it));
        score
            .and_then(Severity::of_told)
            .into_iter()
            .chain(words)
            .max()
    }
}

impl SarifResult {
    /// The highest of all that the log says: a rule is written once, by one of the findings that it stands for, and the scores of CVSS
    /// may be lower than the scanner's word. The fix stands in texts alone, and a rule's package URL is of one of its packages.
    fn finding(&self, writer: Writer, rules: &[&Rule]) -> Result<Finding, ScanError> {
        let (id, package, word) = match writer {
            Writer::Trivy => (self.rule_id.as_str(), "", None),
            Writer::Grype => {
                let (id, package) = named(&self.rule_id, rules);
                (id, package, self.word()?)
            }
        };
        let level = match self.level.as_deref() {
            Some("error") => Some(Severity::High),
            Some("warning") => Some(Severity::Medium),
            _ => None,
        };
        let ruled = rules.iter().filter_map(|it| it.severity());
        Ok(Finding {
            id: id.to_owned(),
            alias: None,
            package: package.to_owned(),
            version: None,
            purl: None,
            severity: ruled.chain(word).chain(level).max(),
            fix: Fix::Untold,
            published: None,
        })
    }

    /// The severity in Grype's message: its score is of CVSS where there is one, whatever the distribution says. `low` stands for what
    /// nobody rated too.
    fn word(&self) -> Result<Option<Severity>, ScanError> {
        let text = &self.message.text;
        let word = text
            .strip_prefix("A ")
            .and_then(|it| it.split_once(" vulnerability in "));
        let severity = word.and_then(|(word, _)| Severity::parse(word));
        match severity {
            Some(severity) => Ok(Some(severity).filter(|it| *it > Severity::Low)),
            None => Err(ScanError::Malformed(format!(
                "the message of {} does not begin with a severity as Grype's do",
                crate::digest::clip(&self.rule_id)
            ))),
        }
    }
}

/// Grype's rules are named `ID-PACKAGE`, and `ID … vulnerability for PACKAGE package` in their description.
fn named<'a>(rule: &'a str, rules: &[&Rule]) -> (&'a str, &'a str) {
    let parts = rules.iter().find_map(|it| {
        let described = &it.short_description.as_ref()?.text;
        let (id, _) = described.split_once(' ')?;
        let package = rule.strip_prefix(id)?.strip_prefix('-')?;
        let ending = format!(" vulnerability for {package} package");
        described
            .ends_with(&ending)
            .then(|| (rule.get(..id.len()), package))
    });
    match parts {
        Some((Some(id), package)) => (id, package),
        _ => (rule, ""),
    }
}
