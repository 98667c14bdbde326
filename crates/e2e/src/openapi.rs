//! Every field of Kubernetes that may bear an image, from the API server's own OpenAPI v3 documents, held against what
//! [`ImageFields`] finds.
//!
//! Kinds are those that something can be written as: bodies of POST and PUT. Of each, all schemas are walked, and an
//! object is made in which every field that may bear an image has a value of its own; what [`ImageFields`] does not
//! give back of these is missed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use countersign_core::{GroupKind, ImageFields};
use serde_json::{Map, Value, json};

/// Fields that look as if they bore an image of a container and do not.
#[derive(Debug, Clone, Copy)]
pub struct Exception {
    /// `Schema.property`: `io.k8s.api.core.v1.ContainerStatus.image`.
    pub fields: &'static [&'static str],
    /// Why nothing runs by it.
    pub because: &'static str,
}

/// What was found in documents.
#[derive(Debug, Default)]
pub struct Walk {
    /// How many kinds can be written.
    pub kinds: usize,
    /// `Pod spec.containers[].image`: what [`ImageFields`] gives back.
    pub seen: BTreeSet<String>,
    /// The same of what it does not, with the schema's field.
    pub missed: BTreeSet<String>,
    /// The fields of exceptions that were needed.
    pub excepted: BTreeSet<&'static str>,
}

/// A step from an object to what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Property(String),
    /// Any item of a list.
    Item,
    /// Any value of a map.
    Entry,
}

/// A field that may bear an image.
struct Field {
    path: Vec<Step>,
    /// `Schema.property`.
    name: String,
}

impl Walk {
    /// Adds what is in one document, of one group and version.
    ///
    /// # Errors
    /// If it is not built as OpenAPI v3 of Kubernetes is.
    pub fn document(
        &mut self,
        document: &Value,
        known: &ImageFields,
        exceptions: &[Exception],
    ) -> Result<()> {
        for (kind, schema) in writable(document)? {
            self.kinds += 1;
            let mut fields = Vec::new();
            Walker {
                document,
                within: Vec::new(),
                path: Vec::new(),
                fields: &mut fields,
            }
            .reference(&schema)?;
            self.kind(&kind, fields, known, exceptions)?;
        }
        Ok(())
    }

    fn kind(
        &mut self,
        (version, of): &(String, GroupKind),
        mut fields: Vec<Field>,
        known: &ImageFields,
        exceptions: &[Exception],
    ) -> Result<()> {
        fields.retain(|field| {
            let mut excepted = exceptions.iter().flat_map(|it| it.fields);
            let excepted = excepted.find(|excepted| **excepted == field.name);
            self.excepted.extend(excepted);
            excepted.is_none()
        });
        let api_version = match of.group.as_str() {
            "" => version.clone(),
            group => format!("{group}/{version}"),
        };
        let mut object = json!({"apiVersion": api_version, "kind": of.kind});
        for (number, field) in fields.iter().enumerate() {
            put(&mut object, &field.path, json!(probe(number)))?;
        }
        let found: BTreeSet<String> = known
            .of(&object)
            .with_context(|| format!("{of} of {api_version}, made by its schema: {object}"))?
            .into_iter()
            .map(|field| field.image)
            .collect();
        for (number, field) in fields.iter().enumerate() {
            let place = format!("{of} {}", text(&field.path));
            match found.contains(&probe(number)) {
                true => self.seen.insert(place),
                false => self.missed.insert(format!("{place} ({})", field.name)),
            };
        }
        Ok(())
    }
}

/// The kinds of which something can be written, with their schemas.
fn writable(document: &Value) -> Result<BTreeMap<(String, GroupKind), String>> {
    let mut kinds = BTreeMap::new();
    let paths = document["paths"].as_object().context("no `paths`")?;
    for (path, methods) in paths {
        for method in ["post", "put"] {
            let content = &methods[method]["requestBody"]["content"];
            let Some(media) = content.as_object().and_then(|kinds| kinds.values().next()) else {
                continue;
            };
            let schema = referred(&media["schema"]).with_context(|| format!("{method} {path}"))?;
            let of = &methods[method]["x-kubernetes-group-version-kind"];
            let text = |name: &str| of[name].as_str().map(str::to_owned);
            let (Some(group), Some(version), Some(kind)) =
                (text("group"), text("version"), text("kind"))
            else {
                bail!("{method} {path} says nothing about the kind");
            };
            kinds.insert((version, GroupKind { group, kind }), schema.to_owned());
        }
        // A patch makes an object of the kind that a PUT takes; without one it would not be seen here.
        if !methods["patch"].is_null() && methods["put"].is_null() {
            bail!("{path} takes a PATCH and no PUT");
        }
    }
    Ok(kinds)
}

struct Walker<'a> {
    document: &'a Value,
    /// The schemas that are being walked: one that holds itself is walked once.
    within: Vec<String>,
    path: Vec<Step>,
    fields: &'a mut Vec<Field>,
}

impl Walker<'_> {
    fn reference(&mut self, name: &str) -> Result<()> {
        if self.within.iter().any(|outer| outer == name) {
            return Ok(());
        }
        let schemas = &self.document["components"]["schemas"];
        let schema = schemas
            .get(name)
            .with_context(|| format!("no schema {name}"))?;
        self.within.push(name.to_owned());
        for (property, inner) in schema["properties"].as_object().into_iter().flatten() {
            self.path.push(Step::Property(property.clone()));
            self.value(inner, property)?;
            self.path.pop();
        }
        self.within.pop();
        Ok(())
    }

    /// What stands in `property` of the innermost schema.
    fn value(&mut self, schema: &Value, property: &str) -> Result<()> {
        if let Some(name) = referred(schema) {
            let target = &self.document["components"]["schemas"][name];
            // Text, numbers and times have schemas of their own as well.
            return match target["properties"].is_object() {
                true => self.reference(name),
                false => self.value(target, property),
            };
        }
        for (name, step) in [("items", Step::Item), ("additionalProperties", Step::Entry)] {
            if schema[name].is_object() {
                self.path.push(step);
                self.value(&schema[name], property)?;
                self.path.pop();
                return Ok(());
            }
        }
        if self.may_bear_an_image(schema) {
            let owner = self.within.last().map_or("", String::as_str);
            self.fields.push(Field {
                path: self.path.clone(),
                name: format!("{owner}.{property}"),
            });
        }
        Ok(())
    }

    /// A text that is called an image or stands in something that is; one of which the description speaks of images; and
    /// what nothing is said about, for anything might be in it.
    fn may_bear_an_image(&self, schema: &Value) -> bool {
        // Quantities, and ports with a name or a number, are one of several scalars.
        let is_scalar = schema["oneOf"].is_array();
        match schema["type"].as_str() {
            Some("object") => true,
            None if !is_scalar => true,
            Some("string") | None => {
                self.path.iter().any(is_called_image)
                    || schema["description"].as_str().is_some_and(speaks_of_images)
            }
            _ => false,
        }
    }
}

fn is_called_image(step: &Step) -> bool {
    matches!(step, Step::Property(name) if name.to_ascii_lowercase().contains("image"))
}

fn speaks_of_images(description: &str) -> bool {
    let words = description.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.into_iter().any(|word| {
        let word = word.to_ascii_lowercase();
        word == "image" || word == "images"
    })
}

/// The schema that is meant, alone or as the one of an `allOf` (beside which Kubernetes writes description and default).
fn referred(schema: &Value) -> Option<&str> {
    let one = match schema["allOf"].as_array().map(Vec::as_slice) {
        Some([one]) => one,
        _ => schema,
    };
    one["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

/// Puts `value` at the path; lists have one item, maps one entry.
fn put(at: &mut Value, path: &[Step], value: Value) -> Result<()> {
    let Some((step, rest)) = path.split_first() else {
        *at = value;
        return Ok(());
    };
    if at.is_null() {
        *at = match step {
            Step::Item => json!([null]),
            Step::Property(_) | Step::Entry => Value::Object(Map::new()),
        };
    }
    let inner = match (step, &mut *at) {
        (Step::Item, Value::Array(items)) => items.first_mut().context("an empty list")?,
        (Step::Property(name), Value::Object(fields)) => {
            fields.entry(name.clone()).or_insert(Value::Null)
        }
        (Step::Entry, Value::Object(fields)) => {
            fields.entry("entry".to_owned()).or_insert(Value::Null)
        }
        (step, other) => bail!("{step:?} into {other}"),
    };
    put(inner, rest, value)
}

fn probe(number: usize) -> String {
    format!("probe.example/field-{number}")
}

fn text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Property(name) if text.is_empty() => text += name,
            Step::Property(name) => text += &format!(".{name}"),
            Step::Item => text += "[]",
            Step::Entry => text += "{}",
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Pods with one list of containers, and whatever else `spec` has; and a kind that has the same spec.
    fn document(spec: &Value) -> Value {
        let body = |kind: &str, group: &str| {
            let reference = json!({"$ref": format!("#/components/schemas/{kind}")});
            json!({"put": {
                "requestBody": {"content": {"*/*": {"schema": reference}}},
                "x-kubernetes-group-version-kind": {"group": group, "version": "v1", "kind": kind},
            }})
        };
        let of = |name: &str| json!({"allOf": [{"$ref": format!("#/components/schemas/{name}")}]});
        let mut document = json!({
            "paths": {"/pod": body("Pod", "")},
            "components": {"schemas": {
                "Pod": {"properties": {"spec": of("Spec")}},
                "Spec": {"properties": {"containers": {"type": "array", "items": of("Container")}}},
                "Container": {"properties": {"name": {"type": "string"}, "image": {"type": "string"}, "own": of("Container")}},
                "Strange": {"properties": {"spec": of("Spec")}},
            }},
        });
        for (name, schema) in spec.as_object().unwrap() {
            document["components"]["schemas"]["Spec"]["properties"][name] = schema.clone();
        }
        document["paths"]["/strange"] = body("Strange", "example.com");
        document
    }

    fn walk(spec: &Value, exceptions: &[Exception]) -> Walk {
        let mut walk = Walk::default();
        walk.document(&document(spec), &ImageFields::default(), exceptions)
            .unwrap();
        walk
    }

    #[test]
    fn what_is_looked_at_is_seen_and_what_is_not_is_missed() {
        let walk = walk(&json!({}), &[]);
        assert_eq!(walk.kinds, 2);
        assert!(walk.seen.iter().eq(["Pod spec.containers[].image"]));
        let missed = "Strange.example.com spec.containers[].image (Container.image)";
        assert!(walk.missed.iter().eq([missed]), "{:?}", walk.missed);
    }

    #[test]
    fn a_field_is_found_by_its_name_its_surroundings_its_description_and_its_silence() {
        let described = json!({"type": "string", "description": "The image, of course."});
        let spec = json!({
            "sandboxImages": {"type": "array", "items": {"type": "string"}},
            "byImage": {"type": "object", "additionalProperties": {"type": "string"}},
            "pause": described,
            "anything": {"type": "object"},
            "pictures": {"type": "string", "description": "Imagery."},
            "imageCount": {"type": "integer"},
        });
        let walk = walk(&spec, &[]);
        let of_pods = walk.missed.iter().filter(|place| place.starts_with("Pod "));
        let expected = [
            "Pod spec.anything (Spec.anything)",
            "Pod spec.byImage{} (Spec.byImage)",
            "Pod spec.pause (Spec.pause)",
            "Pod spec.sandboxImages[] (Spec.sandboxImages)",
        ];
        assert!(of_pods.eq(expected), "{:?}", walk.missed);
    }

    #[test]
    fn an_exception_is_needed_or_not() {
        let exceptions = [Exception {
            fields: &["Spec.pause", "Spec.gone"],
            because: "of the test",
        }];
        let described = json!({"pause": {"type": "string", "description": "image"}});
        let walk = walk(&described, &exceptions);
        assert_eq!(
            walk.excepted.into_iter().collect::<Vec<_>>(),
            ["Spec.pause"]
        );
        assert!(!walk.missed.iter().any(|place| place.contains("pause")));
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        let mut walk = Walk::default();
        let mut patched = document(&json!({}));
        patched["paths"]["/pod"]["patch"] = patched["paths"]["/pod"]["put"].take();
        for document in [json!({}), patched] {
            let known = ImageFields::default();
            assert!(walk.document(&document, &known, &[]).is_err());
        }
    }
}
