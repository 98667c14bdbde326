//! Typed reading of trees. One declaration gives the struct, its reader and its JSON Schema, so they cannot differ.
//!
//! A reader never stops at the first error: each field that cannot be read is noted and becomes `None`.

use serde_json::{Value as Json, json};

use super::notes::{At, Notes, Spanned, did_you_mean};
use super::tree::{Key, Node, Plain, Value, plain};
use crate::ReasonCode;

/// Something that can be read from a tree and described by a JSON Schema.
pub(crate) trait Shape: Sized {
    /// Reads a node; what is wrong is noted and gives `None`.
    fn read(node: &Node, notes: &mut Notes) -> Option<Self>;

    /// The JSON Schema (draft 2020-12) of what [`read`](Self::read) takes.
    fn schema() -> Json;
}

/// Whether a field must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Optional,
    Required,
}

/// The fields of one mapping while they are being read.
pub(crate) struct Fields<'a> {
    at: At,
    entries: &'a [(Key, Node)],
}

impl<'a> Fields<'a> {
    pub(crate) fn of(node: &'a Node, notes: &mut Notes) -> Option<Self> {
        match &node.value {
            Value::Map(entries) => Some(Self {
                at: node.at,
                entries,
            }),
            _ => wrong_type(node, "a mapping", notes),
        }
    }

    /// The value of a field, if it is there.
    pub(crate) fn node(&self, name: &str) -> Option<&'a Node> {
        self.entries
            .iter()
            .find(|(key, _)| key.text == name)
            .map(|(_, node)| node)
    }

    pub(crate) fn take<T: Shape>(&self, name: &str, need: Need, notes: &mut Notes) -> Option<T> {
        match self.node(name) {
            Some(node) => T::read(node, notes),
            None => {
                if need == Need::Required {
                    notes.error(
                        ReasonCode::MissingField,
                        self.at,
                        format!("the field `{name}` is missing"),
                    );
                }
                None
            }
        }
    }

    /// Which of these fields stand in the mapping, readable or not.
    pub(crate) fn present(&self, names: &[&'static str]) -> Vec<&'static str> {
        names
            .iter()
            .copied()
            .filter(|name| self.node(name).is_some())
            .collect()
    }

    /// Notes every field that is not in `known`; those in `later` are known but not supported yet.
    pub(crate) fn finish(&self, known: &[&str], later: &[&str], notes: &mut Notes) {
        for (key, _) in self.entries {
            let name = key.text.as_str();
            if known.contains(&name) {
                continue;
            }
            if later.contains(&name) {
                notes.error(
                    ReasonCode::NotSupported,
                    key.at,
                    format!("`{name}` is not supported by this version of countersign"),
                );
                continue;
            }
            let guess = did_you_mean(name, known.iter().copied());
            let hint = format!("The fields here are {}.", listed(known));
            notes.error_with(
                ReasonCode::UnknownField,
                key.at,
                format!("there is no field `{name}` here{guess}"),
                hint,
            );
        }
    }
}

/// Declares a mapping: `field "key" Need: Type` lines with their documentation, and the keys that come with later versions.
macro_rules! mapping {
    ($(#[doc = $doc:literal])* struct $name:ident later [$($later:literal),*] {
        $($(#[doc = $field_doc:literal])* $field:ident $key:literal $need:ident: $type:ty,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone)]
        pub(crate) struct $name {
            #[allow(dead_code, reason = "not every mapping is pointed at as a whole")]
            pub(crate) at: $crate::policy::notes::At,
            present: Vec<&'static str>,
            $($(#[doc = $field_doc])* pub(crate) $field: Option<$type>,)*
        }

        #[allow(dead_code, reason = "not every mapping is asked")]
        impl $name {
            /// Whether no field of it was written.
            pub(crate) fn is_empty(&self) -> bool {
                self.present.is_empty()
            }

            /// Whether the field was written, even if it could not be read.
            pub(crate) fn has(&self, key: &str) -> bool {
                self.present.contains(&key)
            }
        }

        impl $crate::policy::shape::Shape for $name {
            fn read(node: &$crate::policy::tree::Node, notes: &mut $crate::policy::notes::Notes) -> Option<Self> {
                use $crate::policy::shape::{Fields, Need};
                let fields = Fields::of(node, notes)?;
                let this = Self {
                    at: node.at,
                    present: fields.present(&[$($key,)* $($later),*]),
                    $($field: fields.take($key, Need::$need, notes),)*
                };
                fields.finish(&[$($key),*], &[$($later),*], notes);
                Some(this)
            }

            fn schema() -> serde_json::Value {
                use $crate::policy::shape::{Need, Shape, object_schema};
                object_schema(concat!($($doc),*), vec![
                    $(($key, concat!($($field_doc),*), Need::$need, <$type as Shape>::schema()),)*
                ])
            }
        }
    };
}
pub(crate) use mapping;

/// Declares an enumeration by its words.
macro_rules! choice {
    ($(#[doc = $doc:literal])* enum $name:ident { $($(#[doc = $item_doc:literal])* $variant:ident $word:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[doc = $item_doc])* $variant,)* }

        impl $crate::policy::shape::Words for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),*];
        }
    };
}
pub(crate) use choice;

/// The words of an enumeration.
pub(crate) trait Words: Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];
}

impl<T: Words> Shape for Spanned<T> {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        let hint = format!("Write one of {}.", listed(&words));
        let text = text_of(node, "a word", Some(&hint), notes)?;
        match T::WORDS.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Some(Self {
                at: node.at,
                value: *value,
            }),
            None => {
                let guess = did_you_mean(text, words.iter().copied());
                notes.error_with(
                    ReasonCode::WrongValue,
                    node.at,
                    format!("`{text}` is not a value of this field{guess}"),
                    hint,
                );
                None
            }
        }
    }

    fn schema() -> Json {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        json!({"type": "string", "enum": words})
    }
}

/// Any text that is not empty.
pub(crate) type Text = Spanned<String>;

impl Shape for Text {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        let text = text_of(node, "text", None, notes)?;
        if text.is_empty() {
            notes.error(ReasonCode::WrongValue, node.at, "the text is empty");
            return None;
        }
        Some(Self {
            at: node.at,
            value: text.to_owned(),
        })
    }

    fn schema() -> Json {
        json!({"type": "string", "minLength": 1})
    }
}

/// A whole number.
pub(crate) type Number = Spanned<i64>;

impl Shape for Number {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        let number = match &node.value {
            Value::Text { text, plain: true } => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(value) => Some(Self { at: node.at, value }),
            None => wrong_type(node, "a whole number", notes),
        }
    }

    fn schema() -> Json {
        json!({"type": "integer"})
    }
}

/// `true` or `false`.
pub(crate) type Flag = Spanned<bool>;

impl Shape for Flag {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        let value = match &node.value {
            Value::Text { text, plain: true } => plain(text),
            _ => Plain::Text,
        };
        match value {
            Plain::Bool(value) => Some(Self { at: node.at, value }),
            _ => wrong_type(node, "`true` or `false`", notes),
        }
    }

    fn schema() -> Json {
        json!({"type": "boolean"})
    }
}

/// A mapping whose keys are free; an empty one is an error, because nothing passes by emptiness.
pub(crate) type Table<T> = Spanned<Vec<(Text, T)>>;

impl<T: Shape> Shape for Table<T> {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            return wrong_type(node, "a mapping", notes);
        };
        if entries.is_empty() {
            notes.error(ReasonCode::EmptyList, node.at, "the mapping is empty");
            return None;
        }
        let read = entries.iter().filter_map(|(key, value)| {
            let name = Text {
                at: key.at,
                value: key.text.clone(),
            };
            Some((name, T::read(value, notes)?))
        });
        let value = read.collect();
        Some(Self { at: node.at, value })
    }

    fn schema() -> Json {
        json!({"type": "object", "minProperties": 1, "additionalProperties": T::schema()})
    }
}

/// A list; an empty one is an error, because nothing passes by emptiness.
pub(crate) type Items<T> = Spanned<Vec<T>>;

impl<T: Shape> Shape for Items<T> {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        let Value::List(items) = &node.value else {
            return wrong_type(node, "a list", notes);
        };
        if items.is_empty() {
            notes.error(ReasonCode::EmptyList, node.at, "the list is empty");
            return None;
        }
        let value = items
            .iter()
            .filter_map(|item| T::read(item, notes))
            .collect();
        Some(Self { at: node.at, value })
    }

    fn schema() -> Json {
        json!({"type": "array", "minItems": 1, "items": T::schema()})
    }
}

/// One text, or a list of which any counts.
#[derive(Debug, Clone)]
pub(crate) struct OneOf(pub(crate) Items<Text>);

impl Shape for OneOf {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        let items = match &node.value {
            Value::List(_) => Items::<Text>::read(node, notes)?,
            _ => Items {
                at: node.at,
                value: vec![Text::read(node, notes)?],
            },
        };
        Some(Self(items))
    }

    fn schema() -> Json {
        json!({"oneOf": [Text::schema(), Items::<Text>::schema()]})
    }
}

/// Notes that a node has another type than is expected.
pub(crate) fn wrong_type<T>(node: &Node, expected: &str, notes: &mut Notes) -> Option<T> {
    if !matches!(node.value, Value::Bad) {
        notes.error(
            ReasonCode::WrongType,
            node.at,
            format!("expected {expected}, found {}", node.kind()),
        );
    }
    None
}

/// The text of a scalar; a number or boolean has to be quoted, because other YAML readers would not keep it as written.
/// `hint` is for fields for which quoting would not help.
pub(crate) fn text_of<'a>(
    node: &'a Node,
    expected: &str,
    hint: Option<&str>,
    notes: &mut Notes,
) -> Option<&'a str> {
    let Value::Text {
        text,
        plain: unquoted,
    } = &node.value
    else {
        return wrong_type(node, expected, notes);
    };
    if *unquoted {
        match plain(text) {
            Plain::Text => {}
            Plain::Null => return wrong_type(node, expected, notes),
            Plain::Bool(_) | Plain::Number => {
                notes.error_with(
                    ReasonCode::WrongType,
                    node.at,
                    format!("expected {expected}, found {}", node.kind()),
                    hint.map_or_else(|| format!("Put it in quotes: \"{text}\"."), str::to_owned),
                );
                return None;
            }
        }
    }
    Some(text)
}

/// `a`, `b` or `c`, each in backticks.
pub(crate) fn listed(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The JSON Schema of a mapping.
pub(crate) fn object_schema(doc: &str, fields: Vec<(&str, &str, Need, Json)>) -> Json {
    let mut properties = serde_json::Map::new();
    let mut required = Vec::new();
    for (name, doc, need, mut schema) in fields {
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".to_owned(), doc.trim().into());
        }
        if need == Need::Required {
            required.push(name.to_owned());
        }
        properties.insert(name.to_owned(), schema);
    }
    let mut schema =
        json!({"type": "object", "additionalProperties": false, "properties": properties});
    if let Some(object) = schema.as_object_mut() {
        if !required.is_empty() {
            object.insert("required".to_owned(), required.into());
        }
        object.insert("description".to_owned(), doc.trim().into());
    }
    schema
}
