//! One policy resource, as the API server has it and as policy files would.

use countersign_core::Source;
use serde_json::{Map, Value, json};

use crate::crd::{GROUP, Kind, VERSION};
use crate::yaml::Written;

/// One policy resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Tells it from one of the same name before or after it.
    pub(crate) uid: String,
    /// Changes with whatever is written to it, its status too.
    pub(crate) resource_version: String,
    /// Changes with its spec.
    pub(crate) generation: i64,
    /// What was written to `status`; null if nothing was.
    pub(crate) status: Value,
    /// What a policy file would say: kind, name and spec alone, and nothing of who wrote it and when.
    pub(crate) written: Written,
}

/// By what the API server knows an object, beside kind and content.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    pub(crate) generation: i64,
}

impl Object {
    /// An object of a kind, with every field behind `metadata`.
    pub(crate) fn new(kind: Kind, known: Known, mut fields: Map<String, Value>) -> Self {
        let status = fields.remove("status").unwrap_or_default();
        // What is not known there stays, so that it is complained of.
        fields.insert("apiVersion".to_owned(), format!("{GROUP}/{VERSION}").into());
        fields.insert("kind".to_owned(), kind.name.into());
        fields.insert("metadata".to_owned(), json!({"name": known.name}));
        Self {
            kind,
            name: known.name,
            uid: known.uid,
            resource_version: known.resource_version,
            generation: known.generation,
            status,
            written: Written::of(&fields.into()),
        }
    }

    /// What stands in messages where a file's path would: `Policy/production`.
    pub(crate) fn source_name(&self) -> String {
        format!("{}/{}", self.kind.name, self.name)
    }

    /// The document that it is.
    pub(crate) fn source(&self) -> Source {
        Source {
            name: self.source_name(),
            text: self.written.text.clone(),
        }
    }
}
