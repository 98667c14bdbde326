//! Package URLs against purl-spec's own parse tests, over the public corpus.
//!
//! `packages/listed.txt` holds where `packageurl` differs, each with its reason; an entry that no longer applies fails.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
// core's clippy.toml is about what core ships; this test reads files.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::Purl;
use serde::Deserialize;

const LISTED: &str = include_str!("packages/listed.txt");

#[derive(Deserialize)]
struct Suite {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    test_type: String,
    #[serde(default)]
    input: serde_json::Value,
    #[serde(default)]
    expected_output: serde_json::Value,
    #[serde(default)]
    expected_failure: bool,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Parts {
    r#type: String,
    namespace: Option<String>,
    name: String,
    version: Option<String>,
    qualifiers: Option<BTreeMap<String, String>>,
    subpath: Option<String>,
}

#[test]
fn the_parse_tests_of_purl_spec_pass() {
    let Some(corpus) = countersign_testkit::gate::corpus() else {
        return;
    };
    let mut run = 0;
    let mut differ = BTreeSet::new();
    for folder in ["spec", "types"] {
        for entry in std::fs::read_dir(corpus.join("purl-spec").join(folder)).unwrap() {
            let suite: Suite =
                serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
            for case in suite.tests.iter().filter(|case| case.test_type == "parse") {
                run += 1;
                if let Some(difference) = difference(case) {
                    differ.insert(difference);
                }
            }
        }
    }
    let listed: BTreeSet<&str> = LISTED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap().0)
        .collect();
    let inputs: BTreeSet<&str> = differ
        .iter()
        .map(|line| line.split_once(' ').unwrap().0)
        .collect();
    let unlisted: Vec<&String> = differ
        .iter()
        .filter(|line| !listed.contains(line.split_once(' ').unwrap().0))
        .collect();
    let stale: Vec<&&str> = listed.difference(&inputs).collect();
    assert!(
        unlisted.is_empty() && stale.is_empty(),
        "not listed:\n{unlisted:#?}\nlisted, but as the specification says:\n{stale:#?}"
    );
    assert!(run > 200, "{run} tests");
}

/// The input, and what was read in place of what.
fn difference(case: &Case) -> Option<String> {
    let input = case.input.as_str().unwrap();
    let wanted: Option<Parts> = match case.expected_failure {
        true => None,
        false => Some(serde_json::from_value(case.expected_output.clone()).unwrap()),
    };
    let found = Purl::parse(input).ok().map(|purl| Parts {
        r#type: purl.kind().to_owned(),
        namespace: purl.namespace().map(str::to_owned),
        name: purl.name().to_owned(),
        version: purl.stated_version().map(str::to_owned),
        qualifiers: Some(
            purl.qualifiers()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
        .filter(|qualifiers: &BTreeMap<String, String>| !qualifiers.is_empty()),
        subpath: purl.subpath().map(str::to_owned),
    });
    (found != wanted).then(|| format!("{input} found {found:?}, wanted {wanted:?}"))
}
