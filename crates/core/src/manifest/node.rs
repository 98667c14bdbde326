//! A YAML or JSON document as a tree with places.

use std::ops::Range;

use serde_json::Value;

use crate::object::{dotted, indexed};
use crate::policy::plain_scalar;

/// Where something stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The bytes of the text, quotes included.
    pub bytes: Range<usize>,
}

/// A value with its place. What an alias or a merge key brings has the place of what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Where it stands.
    pub at: Spot,
    /// What stands there.
    pub value: LocatedValue,
}

/// What stands at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocatedValue {
    /// Text, a number, a truth value or nothing, as it is written.
    Scalar {
        /// What it says, escapes resolved.
        text: String,
        /// How it is written, which decides whether `1` is a number.
        style: Style,
    },
    /// A list, in order.
    List(Vec<Located>),
    /// A mapping, in the order of the text, merged keys last; no key stands twice.
    Map(Vec<(LocatedKey, Located)>),
}

/// A key of a mapping with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedKey {
    /// Where it stands.
    pub at: Spot,
    /// What it says.
    pub text: String,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In `'` or `"`, in one line or several.
    Quoted,
    /// After `|` or `>`, or with a tag: there is no one place in which its text could be changed.
    Block,
}

impl Located {
    /// What a key of a mapping leads to; none for another key, and for what is no mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The same, with the key.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&(LocatedKey, Self)> {
        match &self.value {
            LocatedValue::Map(entries) => entries.iter().find(|(it, _)| it.text == key),
            _ => None,
        }
    }

    /// The text of a scalar that is text: no number, truth value or null.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            LocatedValue::Scalar { text, style } => match (style, plain_scalar(text)) {
                (Style::Plain, Value::String(_)) | (Style::Quoted | Style::Block, _) => Some(text),
                (Style::Plain, _) => None,
            },
            _ => None,
        }
    }

    /// Whether it is a plain `null`, `~` or nothing at all.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match &self.value {
            LocatedValue::Scalar { text, style } => {
                *style == Style::Plain && plain_scalar(text).is_null()
            }
            _ => false,
        }
    }

    /// The same without places. A number that JSON does not have is text.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.value {
            LocatedValue::Scalar {
                text,
                style: Style::Plain,
            } => plain_scalar(text),
            LocatedValue::Scalar { text, .. } => Value::String(text.clone()),
            LocatedValue::List(items) => items.iter().map(Self::to_json).collect(),
            LocatedValue::Map(entries) => {
                let entries = entries.iter();
                Value::Object(
                    entries
                        .map(|(key, value)| (key.text.clone(), value.to_json()))
                        .collect(),
                )
            }
        }
    }

    /// What stands at the place that an [`ImageField`](crate::ImageField) names: `spec.containers[0].image`.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Self> {
        self.find_from("", path)
    }

    /// The walk goes only where the path begins with the place that it has come to.
    fn find_from(&self, here: &str, path: &str) -> Option<&Self> {
        if here == path {
            return Some(self);
        }
        let leads = |place: &String| {
            path.strip_prefix(place.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        match &self.value {
            LocatedValue::Scalar { .. } => None,
            LocatedValue::List(items) => {
                let places = items.iter().enumerate();
                places
                    .map(|(number, item)| (indexed(here, number), item))
                    .filter(|(place, _)| leads(place))
                    .find_map(|(place, item)| item.find_from(&place, path))
            }
            LocatedValue::Map(entries) => entries
                .iter()
                .map(|(key, value)| (dotted(here, &key.text), value))
                .filter(|(place, _)| leads(place))
                .find_map(|(place, value)| value.find_from(&place, path)),
        }
    }
}
