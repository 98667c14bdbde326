//! `from`, as it is written.

use serde_json::{Value as Json, json};

use crate::ReasonCode;
use crate::policy::notes::{At, Notes, Spanned};
use crate::policy::scalar::Name;
use crate::policy::shape::{Items, Number, Shape, mapping, wrong_type};
use crate::policy::tree::{Node, Value};

/// `from`: one name, or a word with a list.
#[derive(Debug, Clone)]
pub(crate) struct FromSpec {
    pub(crate) at: At,
    pub(crate) names: Vec<Spanned<Name>>,
    pub(crate) word: FromWord,
}

/// How many of the names.
#[derive(Debug, Clone)]
pub(crate) enum FromWord {
    Any,
    All,
    AtLeast(Number),
}

mapping! {
    /// `any`, `all`, or `atLeast` with `of`.
    struct FromMap later [] {
        /// One of them.
        any "any" Optional: Items<Spanned<Name>>,
        /// Each of them.
        all "all" Optional: Items<Spanned<Name>>,
        /// So many of them.
        at_least "atLeast" Optional: Number,
        /// The names that `atLeast` counts.
        of "of" Optional: Items<Spanned<Name>>,
    }
}

impl Shape for FromSpec {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        match &node.value {
            Value::Text { .. } => {
                let name = Spanned::<Name>::read(node, notes)?;
                Some(Self {
                    at: node.at,
                    names: vec![name],
                    word: FromWord::All,
                })
            }
            Value::List(_) => {
                notes.error_with(
                    ReasonCode::WrongType,
                    node.at,
                    "a list of Signers needs a word that says how many of them",
                    "Write `{all: […]}`, `{any: […]}` or `{atLeast: 2, of: […]}`.",
                );
                None
            }
            Value::Map(entries) => {
                let had = |name: &str| entries.iter().any(|(key, _)| key.text == name);
                let words = [had("any"), had("all"), had("atLeast") || had("of")];
                let map = FromMap::read(node, notes)?;
                if words.iter().filter(|had| **had).count() != 1 {
                    notes.error_with(
                        ReasonCode::WrongValue,
                        node.at,
                        "`from` takes exactly one of `any`, `all`, and `atLeast` with `of`",
                        "Write a name, `{all: […]}`, `{any: […]}` or `{atLeast: 2, of: […]}`.",
                    );
                    return None;
                }
                if had("atLeast") != had("of") {
                    let missing = if had("of") { "atLeast" } else { "of" };
                    notes.error(
                        ReasonCode::MissingField,
                        node.at,
                        format!("the field `{missing}` is missing"),
                    );
                }
                let (names, word) = match map {
                    FromMap {
                        any: Some(names), ..
                    } => (names, FromWord::Any),
                    FromMap {
                        all: Some(names), ..
                    } => (names, FromWord::All),
                    FromMap {
                        at_least: Some(count),
                        of: Some(names),
                        ..
                    } => (names, FromWord::AtLeast(count)),
                    _ => return None,
                };
                Some(Self {
                    at: node.at,
                    names: names.value,
                    word,
                })
            }
            Value::Bad => wrong_type(node, "a name or a mapping", notes),
        }
    }

    fn schema() -> Json {
        let names = Items::<Spanned<Name>>::schema();
        json!({"oneOf": [
            Spanned::<Name>::schema(),
            {"type": "object", "additionalProperties": false, "required": ["any"], "properties": {"any": names}},
            {"type": "object", "additionalProperties": false, "required": ["all"], "properties": {"all": names}},
            {"type": "object", "additionalProperties": false, "required": ["atLeast", "of"],
             "properties": {"atLeast": {"type": "integer", "minimum": 1}, "of": names}},
        ]})
    }
}
