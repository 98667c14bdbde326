//! What an in-toto test result says (in-toto `test-result` v0.1, "Schema"), told to whoever asks why an expression is not true of it.
//!
//! It judges nothing: what a test result must say is the rule's expression alone. What cannot be read is not told.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::json::{Few, null_is_default, typed};

/// Its predicate type.
pub(crate) const PREDICATE_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// Names in one list: real suites have some thousand.
const MOST: usize = 10_000;
/// Names of one list that are told; whoever wants all of them reads the attestation.
const TOLD: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TestResult {
    result: String,
    #[serde(default, deserialize_with = "null_is_default")]
    failed_tests: Few<String, MOST>,
    #[serde(default, deserialize_with = "null_is_default")]
    warned_tests: Few<String, MOST>,
    #[serde(default, deserialize_with = "null_is_default")]
    passed_tests: Few<String, MOST>,
}

/// The result and the first names of each list that has some, the failed ones first: `FAILED; failed tests: a, b; passed tests: c`.
/// Nothing where the predicate cannot be read. Names are as they were signed: whoever shows them makes them safe.
pub(crate) fn told(predicate: &[u8]) -> Option<String> {
    let read: TestResult = typed(predicate).ok()?;
    let mut told = read.result;
    for (what, Few(names)) in [
        ("failed", read.failed_tests),
        ("warned", read.warned_tests),
        ("passed", read.passed_tests),
    ] {
        if names.is_empty() {
            continue;
        }
        let shown: Vec<&str> = names.iter().take(TOLD).map(String::as_str).collect();
        let _ = write!(told, "; {what} tests: {}", shown.join(", "));
        if names.len() > TOLD {
            let _ = write!(told, " and {} more", names.len() - TOLD);
        }
    }
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn what_failed_is_told_first_and_not_all_of_it() {
        for (predicate, expected) in [
            (
                r#"{"result": "FAILED", "configuration": [], "passedTests": ["c"], "failedTests": ["a", "b"]}"#,
                Some("FAILED; failed tests: a, b; passed tests: c"),
            ),
            (
                r#"{"result": "WARNED", "warnedTests": ["1", "2", "3", "4", "5", "6", "7"], "failedTests": []}"#,
                Some("WARNED; warned tests: 1, 2, 3, 4, 5 and 2 more"),
            ),
            (
                r#"{"result": "PASSED", "failedTests": null}"#,
                Some("PASSED"),
            ),
            (r#"{"failedTests": ["a"]}"#, None),
            (r#"{"result": "FAILED", "failedTests": [1]}"#, None),
            (r#"{"result": "FAILED", "failedTests": "a"}"#, None),
            (r#"["FAILED"]"#, None),
            ("", None),
        ] {
            assert_eq!(
                told(predicate.as_bytes()).as_deref(),
                expected,
                "{predicate}"
            );
        }
    }
}
