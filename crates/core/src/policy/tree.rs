//! A YAML document as a tree with places.

use super::notes::At;

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: At,
    pub(crate) value: Value,
}

/// What a node is. Which type a plain scalar has is decided by what reads it.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
    /// Something that was already reported.
    Bad,
}

/// A field's name with its place.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) at: At,
    pub(crate) text: String,
}

/// How a plain scalar reads by the core schema (YAML 1.2.2, 10.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    Null,
    Bool(bool),
    Number,
    Text,
}

impl Node {
    /// What it is, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Bad => "something unreadable",
            Value::Text { plain: false, .. } => "text",
            Value::Text { text, .. } => match plain(text) {
                Plain::Null => "nothing",
                Plain::Bool(_) => "a boolean",
                Plain::Number => "a number",
                Plain::Text => "text",
            },
        }
    }
}

/// How an unquoted scalar is understood.
pub(crate) fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
        "true" | "True" | "TRUE" => Plain::Bool(true),
        "false" | "False" | "FALSE" => Plain::Bool(false),
        _ => {
            let digits = text.trim_start_matches(['+', '-']);
            let number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && (text.parse::<f64>().is_ok()
                    || matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
                    || digits
                        .strip_prefix("0x")
                        .is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
                    || digits
                        .strip_prefix("0o")
                        .is_some_and(|oct| oct.bytes().all(|b| b.is_ascii_digit())));
            if number { Plain::Number } else { Plain::Text }
        }
    }
}

/// A plain scalar as JSON: a number that JSON does not have stays text.
pub(crate) fn plain_scalar(text: &str) -> serde_json::Value {
    match plain(text) {
        Plain::Null => serde_json::Value::Null,
        Plain::Bool(value) => value.into(),
        Plain::Number => serde_json::from_str::<serde_json::Number>(text)
            .map_or_else(|_| text.into(), serde_json::Value::Number),
        Plain::Text => text.into(),
    }
}
