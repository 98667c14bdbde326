//! `kind: TrustRoot`, as it is written.

use serde_json::{Value as Json, json};

use crate::policy::notes::{At, Notes, Spanned};
use crate::policy::shape::{Shape, Text, choice, mapping, text_of};
use crate::policy::tree::{Node, Plain, Value, plain};

mapping! {
    /// One Sigstore instance's trust material.
    struct TrustRootSpec later [] {
        /// A `trusted_root.json`, relative to the policy file and inside its folder.
        file "file" Optional: Text,
        /// The same, inline: as a mapping, or as text that holds the JSON.
        trusted_root "trustedRoot" Optional: Inline,
        /// The TUF repository that gives it: `countersign trust update` fetches it into a cache, and nothing else does.
        tuf "tuf" Optional: TufSpec,
        /// Whether certificates need a proof of certificate transparency. `none` only where the root lists no CT log. Default: required.
        sct "sct" Optional: Spanned<SctWord>,
    }
}

mapping! {
    /// A TUF repository, and the root of its metadata from which trust begins.
    struct TufSpec later [] {
        /// Where its metadata is: https, or http on this machine.
        url "url" Required: Text,
        /// A TUF `root.json`, relative to the policy file and inside its folder. Newer ones are followed from there.
        root "root" Required: Text,
    }
}

choice! {
    /// `sct`.
    enum SctWord { Required "required", None "none", }
}

/// An inline `trustedRoot`: the JSON that it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Inline {
    pub(crate) at: At,
    pub(crate) json: Vec<u8>,
}

impl Shape for Inline {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        let json = match &node.value {
            Value::Map(_) => to_json(node)?.to_string().into_bytes(),
            _ => text_of(node, "a mapping, or text with JSON", None, notes)?
                .as_bytes()
                .to_vec(),
        };
        Some(Self { at: node.at, json })
    }

    fn schema() -> Json {
        json!({"type": ["object", "string"]})
    }
}

/// A tree as JSON; `None` if part of it was already reported. The depth is bounded by the YAML reader's.
fn to_json(node: &Node) -> Option<Json> {
    Some(match &node.value {
        Value::Bad => return None,
        Value::List(items) => Json::Array(items.iter().map(to_json).collect::<Option<_>>()?),
        Value::Map(entries) => Json::Object(
            entries
                .iter()
                .map(|(key, value)| Some((key.text.clone(), to_json(value)?)))
                .collect::<Option<_>>()?,
        ),
        Value::Text { text, plain: false } => Json::String(text.clone()),
        Value::Text { text, plain: true } => match plain(text) {
            Plain::Null => Json::Null,
            Plain::Bool(value) => Json::Bool(value),
            Plain::Number => {
                serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone()))
            }
            Plain::Text => Json::String(text.clone()),
        },
    })
}
