//! The predicates of scans (cosign's `COSIGN_VULN_ATTESTATION_SPEC`, in-toto's `spec/predicates/vuln`), and which report stands inside.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::list::Listed;
use super::{Finding, Scan, ScanError, grype, sarif, trivy};
use crate::UnixTime;
use crate::json::{Few, null_is_default};

/// Findings of one scan: the largest reports of real images have some 10,000.
pub(super) const MOST_FINDINGS: usize = 100_000;

/// With a result of one shape.
#[derive(Deserialize)]
struct Predicate<R> {
    scanner: Scanner<R>,
    #[serde(default, deserialize_with = "null_is_default")]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Scanner<R> {
    uri: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    db: Database,
    result: Option<R>,
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

/// What `scanner.result` is, told by its own look: the predicate does not say of what format it is.
enum Shape {
    List,
    Text,
    Report(Keys),
}

/// The keys by which reports are told apart.
#[derive(Default)]
struct Keys {
    any: bool,
    trivy: bool,
    grype: bool,
    sarif: bool,
}

impl Scan {
    /// Reads the predicate of a scan statement.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(json: &[u8]) -> Result<Self, ScanError> {
        let predicate: Predicate<Shape> = typed(json)?;
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
        let shape = predicate.scanner.result;
        let shape = shape.ok_or_else(|| ScanError::Empty("no `scanner.result`".to_owned()))?;
        let (findings, built) = contents(&shape, json)?;
        Ok(Self {
            scanner: predicate.scanner.uri,
            // Where both are told, the older.
            database: database.into_iter().chain(built).min(),
            findings,
        })
    }
}

/// A time that is really told.
pub(super) fn told_time(what: &str, text: Option<&str>) -> Result<UnixTime, ScanError> {
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

/// The findings of a predicate with a result of this shape, and when the report says that its database was built.
fn contents(shape: &Shape, json: &[u8]) -> Result<(Vec<Finding>, Option<UnixTime>), ScanError> {
    let unsupported = |what: &str| Err(ScanError::Unsupported(what.to_owned()));
    let keys = match shape {
        Shape::List => {
            let list: Few<Listed, MOST_FINDINGS> = result(json)?;
            let findings: Result<_, _> = list.0.into_iter().map(Listed::finding).collect();
            return Ok((findings?, None));
        }
        Shape::Text => return unsupported("a text"),
        Shape::Report(keys) => keys,
    };
    match (keys.trivy, keys.grype, keys.sarif) {
        (true, false, false) => Ok((result::<trivy::Report>(json)?.findings()?, None)),
        (false, true, false) => result::<grype::Report>(json)?.read(),
        (false, false, true) => Ok((result::<sarif::Log>(json)?.findings()?, None)),
        (false, false, false) if keys.any => unsupported("a report of none of the known formats"),
        (false, false, false) => Err(ScanError::Empty("`scanner.result` is empty".to_owned())),
        _ => Err(ScanError::Malformed(
            "`scanner.result` looks like a report of two formats at once".to_owned(),
        )),
    }
}

/// The result of a predicate that has one.
fn result<R: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<R, ScanError> {
    let predicate: Predicate<R> = typed(json)?;
    let missing = || ScanError::Empty("no `scanner.result`".to_owned());
    predicate.scanner.result.ok_or_else(missing)
}

fn typed<T: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<T, ScanError> {
    crate::json::typed(json).map_err(|error| ScanError::Malformed(String::from(error)))
}

/// All findings of a report, if they are not too many.
pub(super) fn collected(
    findings: impl Iterator<Item = Finding>,
) -> Result<Vec<Finding>, ScanError> {
    let findings: Vec<Finding> = findings.take(MOST_FINDINGS + 1).collect();
    if findings.len() > MOST_FINDINGS {
        let why = format!("more than {MOST_FINDINGS} findings");
        return Err(ScanError::Malformed(why));
    }
    Ok(findings)
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reading;

        impl<'de> Visitor<'de> for Reading {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a report, or a list of vulnerabilities")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Shape::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
                let mut keys = Keys::default();
                while let Some(key) = map.next_key::<String>()? {
                    keys.any = true;
                    match key.as_str() {
                        "SchemaVersion" | "Results" => keys.trivy = true,
                        "matches" => keys.grype = true,
                        "runs" => keys.sarif = true,
                        _ => {}
                    }
                    map.next_value::<IgnoredAny>()?;
                }
                Ok(Shape::Report(keys))
            }

            fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
                Ok(Shape::Text)
            }
        }

        reader.deserialize_any(Reading)
    }
}
