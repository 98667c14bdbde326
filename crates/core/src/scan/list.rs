//! In-toto's own list of vulnerabilities (its `spec/predicates/vuln`), which has ids and severities and nothing else.

use serde::Deserialize;

use super::{Finding, Fix, ScanError, Severity};
use crate::json::{Few, null_is_default};

/// Scores of one finding: one for each source.
const MOST_SCORES: usize = 64;

/// One item of in-toto's list. The specification's table nests it under `vulnerability`, its example does not.
#[derive(Deserialize)]
pub(super) struct Listed {
    vulnerability: Option<ListedInside>,
    id: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    severity: Few<Score, MOST_SCORES>,
}

#[derive(Deserialize)]
struct ListedInside {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    severity: Few<Score, MOST_SCORES>,
}

#[derive(Deserialize)]
struct Score {
    #[serde(default, deserialize_with = "null_is_default")]
    method: String,
    score: String,
}

impl Listed {
    pub(super) fn finding(self) -> Result<Finding, ScanError> {
        let (id, scores) = match (self.vulnerability, self.id) {
            (Some(inside), None) => (inside.id, inside.severity.0),
            (None, Some(id)) => (id, self.severity.0),
            _ => {
                let why = "an item of `scanner.result` has no id, or two";
                return Err(ScanError::Malformed(why.to_owned()));
            }
        };
        Ok(Finding {
            id,
            alias: None,
            package: String::new(),
            version: None,
            purl: None,
            severity: scores.iter().filter_map(Score::severity).max(),
            fix: Fix::Untold,
            published: None,
        })
    }
}

impl Score {
    /// A word of any method, or a number of CVSS: other methods count on other scales (EPSS is a probability).
    fn severity(&self) -> Option<Severity> {
        let is_cvss = self.method.to_ascii_lowercase().contains("cvss");
        let number = || self.score.parse().ok().filter(|_| is_cvss);
        Severity::parse(&self.score).or_else(|| number().and_then(Severity::of_score))
    }
}
