//! VEX: what somebody says of a vulnerability in a product (OpenVEX, and `vulnerabilities[].analysis` of CycloneDX).
//!
//! Readers turn each document into [`Assertion`]s; [`Verdicts`] holds the verified ones against the findings of a scan.

mod cyclonedx;
mod openvex;
mod product;
mod verdicts;

pub(crate) use verdicts::{Document, Verdicts};

use crate::UnixTime;
use product::Product;

/// Assertions that one document may make, each product counted: the largest public feeds have some thousands for one image.
const MOST_ASSERTIONS: usize = 20_000;

/// Whether statements of this type hold VEX. Versions that are not known are VEX too: what they say must not be overlooked.
pub(crate) fn is_vex(predicate_type: &str) -> bool {
    const TYPES: [&str; 3] = [
        "https://openvex.dev/ns",
        "https://cyclonedx.org/bom",
        "https://cyclonedx.org/vex",
    ];
    TYPES.iter().any(|own| {
        predicate_type
            .strip_prefix(own)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// One status of one vulnerability in some products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assertion {
    /// The vulnerability's name and aliases.
    pub(crate) names: Vec<String>,
    pub(crate) about: About,
    pub(crate) status: Status,
    /// When the document says that it was so. It orders the assertions of one document, and nothing else.
    pub(crate) stated: Option<UnixTime>,
}

/// In which products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum About {
    /// Whatever the attestation is about.
    Subject,
    Products(Vec<Product>),
}

/// What is said of the vulnerability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    Fixed,
    /// With the justification, one of the format's own words.
    NotAffected(String),
    /// Anything by which the finding still counts, as it is written.
    Counts(String),
}

impl Status {
    const fn subtracts(&self) -> bool {
        matches!(self, Self::Fixed | Self::NotAffected(_))
    }

    /// `not_affected`, with a justification if it is one of those that the format defines. Whoever gives none, or a free text, has
    /// given no reason that can be held against anything.
    fn not_affected(justification: Option<String>, known: &[&str]) -> Self {
        match justification {
            Some(why) if known.contains(&why.as_str()) => Self::NotAffected(why),
            _ => Self::Counts("not_affected without a justification".to_owned()),
        }
    }
}

/// Reads the VEX of one statement.
///
/// # Errors
/// What is wrong with it.
fn read(predicate_type: &str, json: &[u8]) -> Result<Vec<Assertion>, String> {
    if predicate_type.starts_with("https://openvex.dev/") {
        openvex::read(json)
    } else {
        cyclonedx::read(json)
    }
}

/// For the fuzz target: how many assertions a document makes.
#[cfg(fuzzing)]
pub(crate) fn count(predicate_type: &str, json: &[u8]) -> Result<usize, String> {
    read(predicate_type, json).map(|assertions| assertions.len())
}

#[cfg(test)]
mod tests;
