//! Steps 0 and 4: bounded decoding of base64 from untrusted documents.

use crate::refusal::Refusal;
use crate::{ReasonCode, base64};

/// Decodes canonical base64 of at most `most` bytes; `malformed` is the code of what is not canonical.
pub(super) fn decode(
    text: &str,
    most: usize,
    what: &str,
    malformed: ReasonCode,
) -> Result<Vec<u8>, Refusal> {
    // Before decoding: four characters are at most three bytes.
    if text.len() / 4 * 3 > most.saturating_add(2) {
        return Err(over_limit(format!(
            "{what} has about {} bytes, more than {most}",
            text.len() / 4 * 3
        )));
    }
    base64::decode(text)
        .ok_or_else(|| Refusal::new(malformed, format!("{what} is not canonical base64")))
}

/// A text of at most `most` bytes, as its own.
pub(super) fn short(text: &str, most: usize, what: &str) -> Result<String, Refusal> {
    if text.len() > most {
        return Err(over_limit(format!(
            "{what} has {} bytes, more than {most}",
            text.len()
        )));
    }
    Ok(text.to_owned())
}

pub(super) fn over_limit(what: impl Into<String>) -> Refusal {
    Refusal::new(ReasonCode::OverLimit, what)
}

/// A number without sign, white space or leading zero.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}
