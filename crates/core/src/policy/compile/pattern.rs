//! Regular expressions over identities: anchored at both ends, bounded, and refused where they would accept strangers.

use regex::{Regex, RegexBuilder};

use super::breadth;
use crate::ReasonCode;

/// Characters of a regular expression; identities are shorter.
const MAX_REGEX: usize = 1000;
const HINT: &str = "Correct it: it is anchored at both ends, and has the syntax of RE2, without look-around and back-references.";
/// Bytes of a compiled regular expression.
const MAX_COMPILED: usize = 1 << 20;

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadPattern {
    pub(crate) code: ReasonCode,
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

/// Compiles a pattern that must match a whole identity. It is parsed by itself first, so that it cannot leave the group
/// that anchors it.
pub(crate) fn identity_pattern(text: &str) -> Result<Regex, BadPattern> {
    if text.len() > MAX_REGEX {
        return Err(bad(format!("the pattern has more than {MAX_REGEX} bytes")));
    }
    let parsed = regex_syntax::parse(text).map_err(|error| {
        let cause = error.to_string();
        let cause = cause
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        bad(format!("the regular expression is wrong: {cause}"))
    })?;
    let regex = RegexBuilder::new(&format!(r"\A(?:{text})\z"))
        .size_limit(MAX_COMPILED)
        .build()
        .map_err(|_| {
            bad("the regular expression cannot be anchored, or is too large when compiled")
        })?;
    if regex.is_match("") {
        return Err(bad("the regular expression matches the empty text"));
    }
    if let Some((left, right)) = breadth::strangers(&regex, &parsed) {
        return Err(BadPattern {
            code: ReasonCode::BroadPattern,
            message: format!("the pattern matches both `{left}` and `{right}`"),
            hint: ReasonCode::BroadPattern.hint(),
        });
    }
    Ok(regex)
}

fn bad(message: impl Into<String>) -> BadPattern {
    BadPattern {
        code: ReasonCode::BadPattern,
        message: message.into(),
        hint: HINT,
    }
}
