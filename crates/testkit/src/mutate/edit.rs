//! What can be done to one field of a JSON document.

use super::json::{Json, Path, Step};

/// A change of one value in a document.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Remove,
    Replace(Json),
    /// The member gets another name.
    Rename(String),
    /// A member of the same name stands before it.
    Twin(Json),
}

impl Edit {
    /// Does it to the value at `path`.
    pub(crate) fn apply(&self, document: &mut Json, path: &Path) {
        const THERE: &str = "the path was taken from this document";
        if let Self::Replace(value) = self {
            *document.at_mut(path).expect(THERE) = value.clone();
            return;
        }
        let (parent, last) = path.split().expect(THERE);
        match (document.at_mut(&parent).expect(THERE), last) {
            (Json::List(items), Step::Index(index)) => drop(items.remove(*index)),
            (Json::Object(members), Step::Member(name)) => {
                let at = members.iter().position(|(key, _)| key == name);
                let at = at.expect(THERE);
                match self {
                    Self::Rename(other) => members[at].0.clone_from(other),
                    Self::Twin(value) => members.insert(at, (name.clone(), value.clone())),
                    Self::Remove | Self::Replace(_) => drop(members.remove(at)),
                }
            }
            _ => unreachable!("{THERE}"),
        }
    }
}

/// Everything that is done to the value at `path`, by name.
pub(crate) fn edits(path: &Path, value: &Json) -> Vec<(&'static str, Edit)> {
    let mut edits = vec![("removed", Edit::Remove)];
    if let Some((_, Step::Member(name))) = path.split() {
        edits.push(("twice", Edit::Twin(value.clone())));
        edits.push(("twice-with-another-first", Edit::Twin(other_than(value))));
        let mut letters = name.chars();
        let first = letters.next().unwrap_or_default();
        let other: String = if first.is_uppercase() {
            first.to_lowercase().chain(letters).collect()
        } else {
            first.to_uppercase().chain(letters).collect()
        };
        edits.push(("name-in-other-case", Edit::Rename(other)));
        let snake = snake_case(name);
        if snake != *name {
            edits.push(("name-in-snake-case", Edit::Rename(snake)));
        }
    }
    let replacements = replacements(value).into_iter();
    edits.extend(
        replacements
            .filter(|(_, other)| other != value)
            .map(|(name, other)| (name, Edit::Replace(other))),
    );
    edits
}

fn replacements(value: &Json) -> Vec<(&'static str, Json)> {
    let mut all = match value {
        Json::Text(text) if value.as_integer().is_some() => integers(text),
        Json::Text(text) => vec![
            ("empty", Json::text("")),
            ("a-space-behind", Json::text(format!("{text} "))),
            ("a-line-break-behind", Json::text(format!("{text}\n"))),
            ("a-nul-behind", Json::text(format!("{text}\0"))),
            ("in-capitals", Json::text(text.to_uppercase())),
            ("another-text", Json::text("another")),
            ("a-number", Json::Number("7".into())),
        ],
        Json::Number(digits) => integers(digits),
        Json::List(items) => vec![
            ("empty", Json::List(Vec::new())),
            ("doubled", Json::List([items.as_slice(), items].concat())),
            (
                "reversed",
                Json::List(items.iter().rev().cloned().collect()),
            ),
            (
                "null-behind",
                Json::List([items.as_slice(), &[Json::Null]].concat()),
            ),
            ("an-object", Json::Object(Vec::new())),
        ],
        Json::Object(members) => {
            let unknown = ("unknown".to_owned(), Json::Number("7".into()));
            let values = members.iter().map(|(_, value)| value.clone());
            vec![
                ("empty", Json::Object(Vec::new())),
                (
                    "with-an-unknown-member",
                    Json::Object([members.as_slice(), &[unknown]].concat()),
                ),
                ("in-a-list", Json::List(vec![value.clone()])),
                ("its-values-in-a-list", Json::List(values.collect())),
            ]
        }
        Json::Null | Json::Bool(_) => Vec::new(),
    };
    all.push(("null", Json::Null));
    all.push(("a-bool", Json::Bool(true)));
    if !matches!(value, Json::List(_)) {
        all.push(("a-list", Json::List(vec![Json::text("x")])));
    }
    if !matches!(value, Json::Object(_)) {
        let member = ("x".to_owned(), value.clone());
        all.push(("in-an-object", Json::Object(vec![member])));
    }
    all
}

/// A 64-bit number, quoted or not, at its edges and in other spellings.
fn integers(digits: &str) -> Vec<(&'static str, Json)> {
    let next = digits.parse::<i128>().unwrap_or_default() + 1;
    vec![
        ("as-text", Json::text(digits)),
        ("as-number", Json::Number(digits.into())),
        ("next", Json::text(next.to_string())),
        ("next-as-number", Json::Number(next.to_string())),
        ("zero", Json::text("0")),
        ("zero-as-number", Json::Number("0".into())),
        ("minus-one", Json::text("-1")),
        ("minus-one-as-number", Json::Number("-1".into())),
        ("2-to-53", Json::text("9007199254740992")),
        ("2-to-63", Json::text("9223372036854775808")),
        (
            "2-to-63-as-number",
            Json::Number("9223372036854775808".into()),
        ),
        (
            "2-to-64-and-this",
            Json::text((next + u64_range() - 1).to_string()),
        ),
        ("with-plus", Json::text(format!("+{digits}"))),
        ("with-zero-before", Json::text(format!("0{digits}"))),
        ("with-fraction", Json::text(format!("{digits}.0"))),
        (
            "with-fraction-as-number",
            Json::Number(format!("{digits}.0")),
        ),
        ("with-exponent", Json::Number(format!("{digits}e0"))),
        ("with-space", Json::text(format!(" {digits}"))),
        ("empty", Json::text("")),
    ]
}

/// 2^64: a number that overflows into the true one.
fn u64_range() -> i128 {
    i128::from(u64::MAX) + 1
}

fn other_than(value: &Json) -> Json {
    match value {
        Json::Text(_) => Json::text("AAAA"),
        Json::Number(_) => Json::Number("7".into()),
        Json::List(_) => Json::List(Vec::new()),
        Json::Object(_) => Json::Object(Vec::new()),
        Json::Null | Json::Bool(_) => Json::Null,
    }
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}
