//! The objects of a document, and where their images are written.

use std::collections::BTreeMap;

use serde_json::Value;

use super::node::{Located, LocatedValue, Spot};
use super::yaml::DocumentError;
use crate::text::safe;
use crate::{GroupKind, ImageField, ImageFields, ObjectError};

/// Groups whose kinds are known to the last: none but those that [`ImageFields`] knows runs images. Every group below `k8s.io` is one too.
const KNOWN_GROUPS: [&str; 6] = ["", "apps", "batch", "autoscaling", "policy", "extensions"];

/// One Kubernetes object of a manifest.
#[derive(Debug, Clone)]
pub struct ManifestObject<'a> {
    /// Group and kind.
    pub kind: GroupKind,
    /// `metadata.namespace`, if it is written and not empty.
    pub namespace: Option<String>,
    /// `metadata.name`, or the beginning of one that is made up (`metadata.generateName`).
    pub name: Option<String>,
    /// Where it begins.
    pub at: Spot,
    value: Value,
    node: &'a Located,
}

/// An image of an object, with its place in the text.
#[derive(Debug, Clone)]
pub struct PlacedImage {
    /// The field of the object.
    pub field: ImageField,
    /// Where the image is written; for what an alias or a merge key brings, where that is written.
    pub at: Spot,
    /// What is written there, with how it is written.
    pub written: Located,
}

impl<'a> ManifestObject<'a> {
    /// Every object of a document; of a `List` and of lists of one kind (`DeploymentList`) each item, as kubectl takes them apart.
    ///
    /// # Errors
    /// [`DocumentError`] where something is no object with an `apiVersion` and a `kind`.
    pub fn all(document: &'a Located) -> Result<Vec<Self>, DocumentError> {
        let mut all = Vec::new();
        Self::add(document, None, &mut all)?;
        Ok(all)
    }

    fn add(
        node: &'a Located,
        item_of: Option<(&str, &str)>,
        all: &mut Vec<Self>,
    ) -> Result<(), DocumentError> {
        let mut value = node.to_json();
        // Items of a list of one kind need not say again what they are.
        if let (Value::Object(fields), Some((version, kind))) = (&mut value, item_of)
            && !fields.contains_key("kind")
            && !fields.contains_key("apiVersion")
        {
            fields.insert("apiVersion".to_owned(), version.into());
            fields.insert("kind".to_owned(), kind.into());
        }
        let kind = GroupKind::of(&value).map_err(|error| no_object(node, &error))?;
        let is_list = kind.group.is_empty() && kind.kind == "List";
        let item = kind.kind.strip_suffix("List").unwrap_or_default();
        let items = match node.get("items").map(|items| &items.value) {
            Some(LocatedValue::List(items)) if is_list || !item.is_empty() => items.as_slice(),
            _ if is_list && node.get("items").is_some_and(|it| !it.is_null()) => {
                return Err(at(node, "the `items` of a List are no list"));
            }
            _ => &[],
        };
        let version = value.get("apiVersion").and_then(Value::as_str);
        for inner in items {
            let item_of = version.filter(|_| !is_list).map(|version| (version, item));
            Self::add(inner, item_of, all)?;
        }
        if !is_list {
            let metadata = |name: &str| {
                let text = value.pointer(&format!("/metadata/{name}"));
                text.and_then(Value::as_str)
                    .filter(|text| !text.is_empty())
                    .map(str::to_owned)
            };
            let namespace = namespace(node, &value)?;
            all.push(Self {
                kind,
                namespace,
                name: metadata("name").or_else(|| metadata("generateName")),
                at: node.at.clone(),
                node,
                value,
            });
        }
        Ok(())
    }

    /// The object as JSON, every field of it.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// Every image that the object would run, in the order of its fields.
    ///
    /// # Errors
    /// [`DocumentError`], at the nearest place that there is.
    pub fn images(&self, fields: &ImageFields) -> Result<Vec<PlacedImage>, DocumentError> {
        let found = fields.of(&self.value).map_err(|error| {
            let node = error
                .path()
                .map_or(self.node, |path| self.nearest(path.to_owned()));
            at(node, &error.to_string())
        })?;
        found
            .into_iter()
            .map(|field| match self.node.find(&field.path) {
                Some(written) => Ok(PlacedImage {
                    at: written.at.clone(),
                    written: written.clone(),
                    field,
                }),
                None => Err(at(
                    self.node,
                    &format!("`{}` cannot be found in the text", safe(&field.path)),
                )),
            })
            .collect()
    }

    /// The labels of a `Namespace` as the API server keeps them, the one that it sets itself among them; none for another kind.
    ///
    /// # Errors
    /// [`DocumentError`] where the labels are no mapping of texts.
    pub fn namespace_labels(&self) -> Result<Option<BTreeMap<String, String>>, DocumentError> {
        let (true, "Namespace", Some(name)) = (
            self.kind.group.is_empty(),
            self.kind.kind.as_str(),
            &self.name,
        ) else {
            return Ok(None);
        };
        let mut labels = BTreeMap::new();
        match self.value.pointer("/metadata/labels") {
            None | Some(Value::Null) => {}
            Some(Value::Object(written)) => {
                for (key, value) in written {
                    let Value::String(value) = value else {
                        let key = safe(key);
                        return Err(at(self.node, &format!("the label `{key}` is no text")));
                    };
                    labels.insert(key.clone(), value.clone());
                }
            }
            Some(_) => return Err(at(self.node, "`metadata.labels` is no mapping")),
        }
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.clone());
        Ok(Some(labels))
    }

    /// Where an object of a kind that nobody told us of has a field `image` with a text in it: it may be one that runs.
    #[must_use]
    pub fn suspects(&self, fields: &ImageFields) -> Vec<Spot> {
        let group = self.kind.group.as_str();
        let is_known = KNOWN_GROUPS.contains(&group) || group.ends_with(".k8s.io");
        let mut found = Vec::new();
        if !is_known && !fields.knows(&self.kind) {
            suspects(self.node, &mut found);
        }
        found
    }

    /// What stands at a path, or at the nearest place on the way there.
    fn nearest(&self, mut path: String) -> &'a Located {
        while !path.is_empty() {
            if let Some(node) = self.node.find(&path) {
                return node;
            }
            let end = path.rfind(['.', '[']).unwrap_or_default();
            path.truncate(end);
        }
        self.node
    }
}

fn suspects(node: &Located, found: &mut Vec<Spot>) {
    match &node.value {
        LocatedValue::Scalar { .. } => {}
        LocatedValue::List(items) => items.iter().for_each(|item| suspects(item, found)),
        LocatedValue::Map(entries) => {
            for (key, value) in entries {
                if key.text == "image" && value.text().is_some_and(|text| !text.is_empty()) {
                    found.push(value.at.clone());
                }
                suspects(value, found);
            }
        }
    }
}

/// A namespace that is no text would be judged as none.
fn namespace(node: &Located, value: &Value) -> Result<Option<String>, DocumentError> {
    match value.pointer("/metadata/namespace") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => {
            let written = node.find("metadata.namespace").unwrap_or(node);
            Err(at(written, "`metadata.namespace` is no text"))
        }
    }
}

fn no_object(node: &Located, error: &ObjectError) -> DocumentError {
    at(node, &format!("no Kubernetes object: {error}"))
}

fn at(node: &Located, message: &str) -> DocumentError {
    DocumentError {
        line: node.at.line,
        column: node.at.column,
        message: message.to_owned(),
    }
}
