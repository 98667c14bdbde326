//! What else a field could say: values that mean something different, and that the reader would take.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::walk::alternatives;
use crate::UnixTime;
use crate::policy::tree::{Plain, plain};

/// A key of which everybody knows the private half: P-256's own generator. Nothing is signed with it.
const OTHER_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
";

/// Under what the names of rules stand beside those of each kind.
pub(super) const RULES: &str = "rules";

/// What is known about a scalar beside its text.
pub(super) struct Others<'a> {
    /// The name of the field, or of the list in which it stands.
    pub(super) key: &'a str,
    pub(super) schemas: &'a [&'a Json],
    /// The names of the documents of each kind, and those of rules.
    pub(super) names: &'a BTreeMap<String, Vec<String>>,
}

impl Others<'_> {
    /// Other texts, each with whether it stands without quotes. Each field is moved both ways where it has two: a duration to
    /// almost nothing and to more than anybody waits.
    pub(super) fn of(&self, text: &str, unquoted: bool) -> Vec<(String, bool)> {
        if unquoted && let Some(others) = typed(text) {
            return others.into_iter().map(|text| (text, true)).collect();
        }
        let others = self
            .words(text)
            .or_else(|| measure(text))
            .or_else(|| self.named(text))
            .unwrap_or_else(|| self.texts(text));
        others
            .into_iter()
            .filter(|other| other != text)
            .map(|text| (text, false))
            .collect()
    }

    /// The other words of an enumeration.
    fn words(&self, text: &str) -> Option<Vec<String>> {
        alternatives(self.schemas)
            .into_iter()
            .filter_map(|schema| schema["enum"].as_array())
            .map(|words| words.iter().filter_map(Json::as_str).map(str::to_owned))
            .map(Iterator::collect::<Vec<_>>)
            .find(|words| words.iter().any(|word| word == text))
    }

    /// The other names of the same kind, where a name stands.
    fn named(&self, text: &str) -> Option<Vec<String>> {
        let kinds = self.names.iter().filter(|(kind, _)| match self.key {
            "policy" => *kind == "Policy",
            key => (key == RULES) == (*kind == RULES),
        });
        kinds
            .map(|(_, names)| names)
            .find(|names| names.len() > 1 && names.iter().any(|name| name == text))
            .cloned()
    }

    fn texts(&self, text: &str) -> Vec<String> {
        if text.contains("BEGIN PUBLIC KEY") {
            return vec![OTHER_KEY.to_owned()];
        }
        if self.key == "where" {
            return vec!["true".to_owned(), "false".to_owned()];
        }
        if text.starts_with(['<', '>', '=', '^', '~']) {
            return vec!["<0".to_owned(), ">=0".to_owned()];
        }
        if let Some(hex) = hex_of(text) {
            let last = if hex.ends_with('0') { '1' } else { '0' };
            let kept = text.strip_suffix(|_: char| true).unwrap_or_default();
            let undigested = text.split_once("@sha256:").map(|(name, _)| name.to_owned());
            return [format!("{kept}{last}")]
                .into_iter()
                .chain(undigested)
                .collect();
        }
        let mut others = vec![format!("{text}-other")];
        if text.contains('*') {
            others.push("**".to_owned());
        }
        others
    }
}

/// Whether no case can tell what the field does: it is about a registry or a TUF repository that comes and goes, or decides
/// nothing about an image.
pub(super) fn is_out_of_reach(document: &str, field: &str) -> bool {
    match document.split('/').next() {
        Some("Settings") => matches!(field, "spec.stale" | "spec.trust"),
        Some("Policy") => field == "spec.emits",
        _ => false,
    }
}

/// Whether a field is for people only: nothing is decided by it.
pub(super) fn is_for_people(field: &str) -> bool {
    let ends = |end: &str| field.ends_with(end);
    let item_of = |list: &str, key: &str| {
        field
            .strip_suffix(key)
            .and_then(|rest| rest.strip_suffix(']'))
            .and_then(|rest| rest.rsplit_once('['))
            .is_some_and(|(rest, _)| rest.ends_with(list))
    };
    ends(".reason") || ends(".ticket") || item_of(".rules", ".name") || item_of(".keys", ".id")
}

/// Other values of an unquoted boolean or number.
fn typed(text: &str) -> Option<Vec<String>> {
    match plain(text) {
        Plain::Bool(value) => Some(vec![(!value).to_string()]),
        Plain::Number => {
            let number: i64 = text.parse().ok()?;
            let others = [number.checked_sub(1), number.checked_add(1)];
            Some(
                others
                    .into_iter()
                    .flatten()
                    .map(|it| it.to_string())
                    .collect(),
            )
        }
        Plain::Null | Plain::Text => None,
    }
}

/// Other durations, percentages and times: the least and the most.
fn measure(text: &str) -> Option<Vec<String>> {
    let least_and_most = |least: &str, most: &str| Some(vec![least.to_owned(), most.to_owned()]);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if text
        .strip_suffix(['s', 'm', 'h', 'd', 'w'])
        .is_some_and(is_number)
    {
        return least_and_most("1s", "5200w");
    }
    if text.strip_suffix('%').is_some_and(is_number) {
        return least_and_most("1%", "100%");
    }
    let is_date = UnixTime::parse(&format!("{text}T00:00:00Z")).is_ok();
    if is_date || UnixTime::parse(text).is_ok() {
        return least_and_most("1970-01-02T00:00:00Z", "9998-12-31T00:00:00Z");
    }
    None
}

/// The hexadecimal digits of a digest or commit.
fn hex_of(text: &str) -> Option<&str> {
    let hex = text.rsplit_once(':').map_or(text, |(_, hex)| hex);
    (hex.len() >= 40 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(hex)
}
