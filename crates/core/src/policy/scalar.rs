//! Scalars with a meaning: names, times, durations.

use serde_json::{Value as Json, json};

use super::notes::{Notes, Spanned};
use super::shape::{Shape, text_of};
use super::tree::Node;
use crate::{Platform, ReasonCode, UnixTime};

/// The name of a document, a rule or a key: it is cited in messages and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

const MAX_NAME: usize = 63;

impl Shape for Spanned<Name> {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        let text = text_of(node, "a name", None, notes)?;
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        let good = text.len() <= MAX_NAME
            && edge(bytes.first())
            && edge(bytes.last())
            && bytes.iter().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
            });
        if !good {
            notes.error_with(
                ReasonCode::WrongValue,
                node.at,
                format!("`{text}` is not a name"),
                "Use at most 63 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends.",
            );
            return None;
        }
        Some(Self {
            at: node.at,
            value: Name(text.to_owned()),
        })
    }

    fn schema() -> Json {
        json!({"title": "name", "type": "string", "maxLength": MAX_NAME, "pattern": "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"})
    }
}

/// The value of a label, which may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelValue(pub(crate) String);

impl Shape for LabelValue {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        Some(Self(text_of(node, "text", None, notes)?.to_owned()))
    }

    fn schema() -> Json {
        json!({"type": "string"})
    }
}

/// A part of a hundred, written `90%`; never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Percent(pub(crate) u8);

impl Shape for Spanned<Percent> {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        const HINT: &str = "Write a whole number from 1 to 100 and a percent sign: `90%`.";
        let text = text_of(node, "a percentage", Some(HINT), notes)?;
        let number = text
            .strip_suffix('%')
            .and_then(|digits| digits.parse().ok());
        match number.filter(|number| (1..=100).contains(number)) {
            Some(number) => Some(Self {
                at: node.at,
                value: Percent(number),
            }),
            None => {
                let message = format!("`{text}` is not a percentage");
                notes.error_with(ReasonCode::WrongValue, node.at, message, HINT);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": "^([1-9][0-9]?|100)%$"})
    }
}

/// A span of time in seconds, written as a number and a unit: `90s`, `30m`, `12h`, `7d`, `4w`. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Duration(pub(crate) i64);

impl Duration {
    /// The same span as the standard library knows it.
    pub(crate) fn span(self) -> std::time::Duration {
        // What is read is never negative.
        std::time::Duration::from_secs(self.0.unsigned_abs())
    }
}

impl Shape for Spanned<Duration> {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        const HINT: &str = "Write a number and one unit: `90s`, `30m`, `12h`, `7d` or `4w`.";
        let text = text_of(node, "a duration", Some(HINT), notes)?;
        let Some(seconds) = seconds(text) else {
            notes.error_with(
                ReasonCode::WrongValue,
                node.at,
                format!("`{text}` is not a duration"),
                HINT,
            );
            return None;
        };
        if seconds == 0 {
            notes.error(
                ReasonCode::ZeroThreshold,
                node.at,
                "a duration of zero can never be met",
            );
            return None;
        }
        Some(Self {
            at: node.at,
            value: Duration(seconds),
        })
    }

    fn schema() -> Json {
        json!({"title": "duration", "type": "string", "pattern": "^[0-9]{1,9}[smhdw]$"})
    }
}

/// A platform: `linux/amd64`, `linux/arm/v7`.
impl Shape for Spanned<Platform> {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        const HINT: &str = "Write `os/architecture` or `os/architecture/variant` in lower case, such as `linux/amd64`.";
        let text = text_of(node, "a platform", Some(HINT), notes)?;
        let Some(value) = platform(text) else {
            notes.error_with(
                ReasonCode::WrongValue,
                node.at,
                format!("`{text}` is not a platform"),
                HINT,
            );
            return None;
        };
        Some(Self { at: node.at, value })
    }

    fn schema() -> Json {
        json!({"title": "platform", "type": "string", "pattern": "^[a-z0-9._-]+/[a-z0-9._-]+(/[a-z0-9._-]+)?$"})
    }
}

fn platform(text: &str) -> Option<Platform> {
    let is_word = |word: &str| {
        let fits =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        !word.is_empty() && word.bytes().all(fits)
    };
    let mut words = text.split('/');
    let (os, architecture, variant) = (words.next()?, words.next()?, words.next());
    let all = [os, architecture].into_iter().chain(variant);
    (words.next().is_none() && all.into_iter().all(is_word)).then(|| Platform {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        variant: variant.map(str::to_owned),
    })
}

fn seconds(text: &str) -> Option<i64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<i64>().ok()?.checked_mul(unit)
}

/// The beginning of something: RFC 3339, or a date, which begins at 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begin(pub(crate) UnixTime);

/// The end of something: RFC 3339, or a date, which ends at 24:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End(pub(crate) UnixTime);

impl Shape for Spanned<Begin> {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        let (time, _) = time(node, notes)?;
        Some(Self {
            at: node.at,
            value: Begin(time),
        })
    }

    fn schema() -> Json {
        time_schema()
    }
}

impl Shape for Spanned<End> {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        let (time, is_date) = time(node, notes)?;
        let time = if is_date { time.plus(86_400) } else { time };
        Some(Self {
            at: node.at,
            value: End(time),
        })
    }

    fn schema() -> Json {
        time_schema()
    }
}

/// The time, and whether it was written as a date without a time.
fn time(node: &Node, notes: &mut Notes) -> Option<(UnixTime, bool)> {
    const HINT: &str = "Write RFC 3339 with an offset, such as 2026-01-31T12:00:00Z, or a date, such as 2026-01-31.";
    let text = text_of(node, "a time", Some(HINT), notes)?;
    let is_date = text.len() == 10 && text.bytes().filter(|byte| *byte == b'-').count() == 2;
    let parsed = if is_date {
        UnixTime::parse(&format!("{text}T00:00:00Z"))
    } else {
        UnixTime::parse(text)
    };
    match parsed {
        Ok(time) => Some((time, is_date)),
        Err(_) => {
            notes.error_with(
                ReasonCode::WrongValue,
                node.at,
                format!("`{text}` is not a time"),
                HINT,
            );
            None
        }
    }
}

fn time_schema() -> Json {
    json!({
        "title": "time",
        "type": "string",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:[0-9]{2}))?$",
    })
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_have_one_number_and_one_unit() {
        for (text, expected) in [
            ("90s", Some(90)),
            ("30m", Some(1800)),
            ("12h", Some(43_200)),
            ("7d", Some(604_800)),
            ("4w", Some(2_419_200)),
            ("0d", Some(0)),
            ("", None),
            ("d", None),
            ("12", None),
            ("-1d", None),
            ("1.5d", None),
            ("1d12h", None),
            ("9999999999d", None),
            ("1y", None),
            ("1ä", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
