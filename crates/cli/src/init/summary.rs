//! What a verification summary states, as far as a rule `summary` asks for it.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::Statement;
use serde_json::Value;

/// One summary. Whether it is good is left to the rule that is made of it, which is tried.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stated {
    /// As rules `summary` name it.
    pub(super) format: &'static str,
    pub(super) question: Question,
    pub(super) levels: BTreeSet<String>,
}

/// What a rule names to tell the summaries that concern it: each needs a rule of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    pub(super) verifier: String,
    /// A simple verification result has none.
    pub(super) resource: Option<String>,
    pub(super) policy: Option<String>,
}

impl Stated {
    /// Nothing of a statement that is no summary, or one of which no rule could be made.
    pub(super) fn of(statement: &Statement) -> Option<Self> {
        let format = format(&statement.predicate_type)?;
        let predicate: Value = statement.predicate().ok()?;
        let (policy, levels) = match format {
            "vsa" => (predicate.pointer("/policy/uri"), "verifiedLevels"),
            _ => (predicate.pointer("/verifier/policies/0/uri"), "properties"),
        };
        let resource = match format {
            "vsa" => Some(exact(&predicate["resourceUri"]).filter(|it| !it.contains(['{', '}']))?),
            _ => None,
        };
        let levels: Option<Vec<String>> = predicate[levels].as_array()?.iter().map(exact).collect();
        let levels = highest(&levels?);
        (!levels.is_empty()).then_some(Self {
            format,
            question: Question {
                verifier: exact(predicate.pointer("/verifier/id")?)?,
                resource,
                policy: policy.and_then(exact),
            },
            levels,
        })
    }

    /// What all of them state; none if there is nothing.
    pub(super) fn common<'a>(all: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let both = |one: Self, other: Self| Self {
            levels: one.levels.intersection(&other.levels).cloned().collect(),
            ..one
        };
        let common = all.into_iter().cloned().reduce(both)?;
        (!common.levels.is_empty()).then_some(common)
    }
}

/// What rules `summary` call a predicate type; none if they read no such.
pub(super) fn format(predicate_type: &str) -> Option<&'static str> {
    match predicate_type {
        "https://slsa.dev/verification_summary/v1" => Some("vsa"),
        "https://in-toto.io/attestation/svr/v0.2" => Some("svr"),
        _ => None,
    }
}

/// A text that a policy can compare exactly.
fn exact(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let is_odd = |it: char| it.is_whitespace() || it.is_control() || it == '*';
    (!text.is_empty() && !text.contains(is_odd)).then(|| text.to_owned())
}

/// Of each track of SLSA the highest level, which implies the others; of other levels all. What no rule can demand is left out.
fn highest(levels: &[String]) -> BTreeSet<String> {
    let mut tracks: BTreeMap<&str, &str> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for level in levels {
        match level.strip_prefix("SLSA_") {
            None if level == "FAILED" => {}
            None => drop(all.insert(level.clone())),
            Some(rest) => {
                if let Some((track, number)) = rest.rsplit_once("_LEVEL_")
                    && let [b'0'..=b'9'] = number.as_bytes()
                {
                    let highest = tracks.entry(track).or_insert(number);
                    *highest = number.max(highest);
                }
            }
        }
    }
    let tracks = tracks.into_iter();
    all.extend(tracks.map(|(track, number)| format!("SLSA_{track}_LEVEL_{number}")));
    all
}

#[cfg(test)]
mod tests {
    use super::highest;

    #[test]
    fn of_each_track_the_highest_level_is_asked() {
        let levels = [
            "ACME_STAGING",
            "SLSA_BUILD_LEVEL_1",
            "SLSA_BUILD_LEVEL_3",
            "SLSA_BUILD_LEVEL_2",
            "SLSA_SOURCE_LEVEL_1",
            "SLSA_ODD",
            "SLSA_BUILD_LEVEL_10",
            "FAILED",
        ];
        let asked: Vec<String> = highest(&levels.map(str::to_owned)).into_iter().collect();
        assert_eq!(
            asked,
            ["ACME_STAGING", "SLSA_BUILD_LEVEL_3", "SLSA_SOURCE_LEVEL_1"]
        );
    }
}
