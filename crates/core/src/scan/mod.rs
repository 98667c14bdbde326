//! Vulnerability scans: what a scanner found in an image, whatever its format (policy.md, "SBOM and VEX").
//!
//! The predicate is cosign's `vuln` v1 or in-toto's `vulns`; inside it stands a report of Trivy or Grype, the SARIF log of either, or
//! in-toto's own list. Other reports are never guessed at.

mod grype;
mod judge;
mod list;
mod sarif;
mod severity;
mod trivy;
mod wire;

pub(crate) use judge::{Beside, Leeway, ScannerDemand, VexDemand, VulnerabilityDemand};
pub(crate) use severity::Severity;

use crate::UnixTime;

/// The predicate types that are scans.
pub(crate) const PREDICATE_TYPES: [&str; 3] = [
    "https://cosign.sigstore.dev/attestation/vuln/v1",
    "https://in-toto.io/attestation/vulns/v0.1",
    "https://in-toto.io/attestation/vulns/v0.2",
];

/// One scan, as its predicate tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scan {
    /// `scanner.uri`.
    pub(crate) scanner: Option<String>,
    /// `scanner.db.lastUpdate`: how fresh the scanner's knowledge was.
    pub(crate) database: Option<UnixTime>,
    pub(crate) findings: Vec<Finding>,
}

/// One vulnerability in one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) id: String,
    /// The other name of the same vulnerability, where the scanner knows exactly one.
    pub(crate) alias: Option<String>,
    /// What it is in, as people call it; empty where the format does not say.
    pub(crate) package: String,
    pub(crate) version: Option<String>,
    pub(crate) purl: Option<String>,
    /// None: nobody rated it.
    pub(crate) severity: Option<Severity>,
    pub(crate) fix: Fix,
    /// When the vulnerability was first published.
    pub(crate) published: Option<UnixTime>,
}

impl Finding {
    /// Every name under which somebody may speak of it.
    fn names(&self) -> Vec<&str> {
        let alias = self.alias.as_deref();
        alias.into_iter().chain([self.id.as_str()]).collect()
    }
}

/// Whether there is a version without the vulnerability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fix {
    In(String),
    /// The scanner says that there is none.
    None,
    /// The format does not say. That is not the same as none.
    Untold,
}

/// Why a scan says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScanError {
    /// Not of its predicate type's shape.
    Malformed(String),
    /// No result in it, as opposed to a result without findings; or a time of the year 1, which is how Go writes that there is none.
    Empty(String),
    /// A result that no reader here knows.
    Unsupported(String),
}

/// For the fuzz target: how many findings a predicate has.
#[cfg(fuzzing)]
pub(crate) fn count(predicate: &[u8]) -> Result<usize, String> {
    Scan::read(predicate)
        .map(|scan| scan.findings.len())
        .map_err(|error| format!("{error:?}"))
}

#[cfg(test)]
mod tests;
