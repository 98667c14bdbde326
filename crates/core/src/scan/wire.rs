//! The shapes of scan predicates (cosign's `COSIGN_VULN_ATTESTATION_SPEC`, in-toto's `spec/predicates/vuln`), and of the reports inside.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Finding, Fix, Scan, ScanError, Severity};
use crate::UnixTime;
use crate::json::{Few, null_is_default};

/// Findings of one scan: the largest reports of real images have some 10,000.
const MOST_FINDINGS: usize = 100_000;
/// Results of one Trivy report: one for each kind of package and file.
const MOST_RESULTS: usize = 100_000;
/// Scores of one finding: one for each source.
const MOST_SCORES: usize = 64;

#[derive(Deserialize)]
struct Predicate {
    scanner: Scanner,
    #[serde(default, deserialize_with = "null_is_default")]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Scanner {
    uri: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    db: Database,
    #[serde(default, deserialize_with = "null_is_default")]
    result: Contents,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Database {
    last_update: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    scan_started_on: Option<String>,
    scan_finished_on: Option<String>,
}

/// `scanner.result`, told by its own look: the predicate does not say of what format it is.
#[derive(Default)]
enum Contents {
    #[default]
    Missing,
    Trivy(Trivy),
    List(Vec<Listed>),
    /// What stands in it instead, for the explanation.
    Other(String),
}

/// Trivy's JSON report, schema version 2.
#[derive(Default)]
struct Trivy {
    schema: Option<u64>,
    results: Option<Vec<TrivyResult>>,
    is_empty: bool,
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

/// One item of in-toto's list. The specification's table nests it under `vulnerability`, its example does not.
#[derive(Deserialize)]
struct Listed {
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

impl Scan {
    /// Reads the predicate of a scan statement.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(json: &[u8]) -> Result<Self, ScanError> {
        let predicate: Predicate =
            crate::json::typed(json).map_err(|error| ScanError::Malformed(String::from(error)))?;
        let Metadata {
            scan_started_on,
            scan_finished_on,
        } = predicate.metadata;
        told_time("metadata.scanStartedOn", scan_started_on.as_deref())?;
        told_time("metadata.scanFinishedOn", scan_finished_on.as_deref())?;
        let last_update = predicate.scanner.db.last_update;
        let database = match last_update.as_deref() {
            None | Some("") => None,
            Some(text) => Some(told_time("scanner.db.lastUpdate", Some(text))?),
        };
        Ok(Self {
            scanner: predicate.scanner.uri,
            database,
            findings: predicate.scanner.result.findings()?,
        })
    }
}

/// A time that is really told.
fn told_time(what: &str, text: Option<&str>) -> Result<UnixTime, ScanError> {
    /// The first second of 1970: no scanner and no database is older.
    const FIRST: UnixTime = UnixTime::from_seconds(0);
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Err(ScanError::Empty(format!("`{what}` is missing")));
    };
    match UnixTime::parse(text) {
        Ok(time) if time > FIRST => Ok(time),
        Ok(_) => Err(ScanError::Empty(format!("`{what}` is {text}"))),
        Err(error) => Err(ScanError::Malformed(format!("`{what}`: {error}"))),
    }
}

impl Contents {
    fn findings(self) -> Result<Vec<Finding>, ScanError> {
        match self {
            Self::Missing => Err(ScanError::Empty("no `scanner.result`".to_owned())),
            Self::Other(what) => Err(ScanError::Unsupported(what)),
            Self::List(list) => list.into_iter().map(Listed::finding).collect(),
            Self::Trivy(report) => report.findings(),
        }
    }
}

impl Trivy {
    fn findings(self) -> Result<Vec<Finding>, ScanError> {
        /// The classes of results that are about packages; the others are about secrets, licences and configuration.
        const SCANNED: [&str; 2] = ["os-pkgs", "lang-pkgs"];
        if self.is_empty {
            return Err(ScanError::Empty("`scanner.result` is empty".to_owned()));
        }
        match self.schema {
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
        let results = self.results.unwrap_or_default();
        let scanned = |one: &&TrivyResult| {
            SCANNED.contains(&one.class.as_str()) || !one.vulnerabilities.0.is_empty()
        };
        if results.iter().find(scanned).is_none() {
            return Err(ScanError::Empty("no packages were scanned".to_owned()));
        }
        let findings = results.into_iter().flat_map(|one| one.vulnerabilities.0);
        let findings: Vec<Finding> = findings
            .take(MOST_FINDINGS + 1)
            .map(TrivyFinding::finding)
            .collect();
        if findings.len() > MOST_FINDINGS {
            return Err(ScanError::Malformed(format!(
                "more than {MOST_FINDINGS} findings"
            )));
        }
        Ok(findings)
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
        let scored = || scores.flatten().filter_map(Severity::of_score).max();
        let published = self.published_date.as_deref();
        Finding {
            id: self.id,
            package: self.pkg_name,
            version: self.installed_version.filter(|it| !it.is_empty()),
            purl: self.pkg_identifier.purl,
            severity: word.or_else(scored),
            fix,
            published: published.and_then(|it| told_time("PublishedDate", Some(it)).ok()),
        }
    }
}

impl Listed {
    fn finding(self) -> Result<Finding, ScanError> {
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

impl<'de> Deserialize<'de> for Contents {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reading;

        impl<'de> Visitor<'de> for Reading {
            type Value = Contents;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a report, or a list of vulnerabilities")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Contents, A::Error> {
                let reader = de::value::SeqAccessDeserializer::new(list);
                let list = Few::<Listed, MOST_FINDINGS>::deserialize(reader)?;
                Ok(Contents::List(list.0))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Contents, A::Error> {
                report(map)
            }

            fn visit_str<E>(self, _: &str) -> Result<Contents, E> {
                Ok(Contents::Other("a text".to_owned()))
            }
        }

        reader.deserialize_any(Reading)
    }
}

/// A report by the keys that it has: Trivy's is read, others are named.
fn report<'de, A: MapAccess<'de>>(mut map: A) -> Result<Contents, A::Error> {
    let mut report = Trivy {
        is_empty: true,
        ..Trivy::default()
    };
    let mut other = None;
    while let Some(key) = map.next_key::<String>()? {
        report.is_empty = false;
        match key.as_str() {
            "SchemaVersion" => report.schema = map.next_value()?,
            "Results" => {
                let results = map.next_value::<Option<Few<TrivyResult, MOST_RESULTS>>>()?;
                report.results = results.map(|it| it.0);
            }
            "matches" => other = other.or(Some("a report of Grype")),
            "runs" => other = other.or(Some("a SARIF log")),
            _ => {}
        }
        if !matches!(key.as_str(), "SchemaVersion" | "Results") {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(match other {
        Some(what) if report.schema.is_none() => Contents::Other(what.to_owned()),
        _ => Contents::Trivy(report),
    })
}
