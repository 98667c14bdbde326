//! Which changes there are: every field of every document, beside the JSON Schema of its kind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::other::{Others, RULES, is_for_people, is_out_of_reach};
use super::{Edit, Mutation};
use crate::policy::PolicySet;
use crate::policy::notes::{At, Notes};
use crate::policy::tree::{Node, Value};
use crate::text::safe;

/// Values longer than this are cut in messages.
const MAX_SHOWN: usize = 60;

/// One walk over all documents.
pub(super) struct Walk<'a> {
    notes: &'a Notes,
    /// The names of each kind, and those of rules.
    names: BTreeMap<String, Vec<String>>,
    document: String,
    mutations: Vec<Mutation>,
}

/// Where the walk is.
struct Spot<'s> {
    steps: Vec<usize>,
    /// The field as people write it, and the last name in it.
    field: String,
    key: String,
    /// What the schema says may stand here; several where it is one of several.
    schemas: Vec<&'s Json>,
}

impl<'a> Walk<'a> {
    /// Every change, in the order of the files.
    pub(super) fn over(documents: &[Node], notes: &'a Notes) -> Vec<Mutation> {
        let schema = PolicySet::schema();
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (kind, name) in documents.iter().filter_map(head) {
            names
                .entry(kind.to_owned())
                .or_default()
                .push(name.to_owned());
        }
        let rules: BTreeSet<&str> = documents.iter().flat_map(rule_names).collect();
        let rules = rules.into_iter().map(str::to_owned);
        names.insert(RULES.to_owned(), rules.collect());
        let mut walk = Self {
            notes,
            names,
            document: String::new(),
            mutations: Vec::new(),
        };
        for (index, document) in documents.iter().enumerate() {
            walk.document(index, document, &schema);
        }
        walk.mutations
    }

    fn document(&mut self, index: usize, node: &Node, schema: &Json) {
        let (Some((kind, name)), Value::Map(entries)) = (head(node), &node.value) else {
            return;
        };
        self.document = format!("{}/{}", cut(kind), cut(name));
        let whole = Spot {
            steps: vec![index],
            field: String::new(),
            key: String::new(),
            schemas: Vec::new(),
        };
        self.add(node.at, &whole, "removed".to_owned(), Edit::Remove);
        let spec = schema["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|of| of["properties"]["kind"]["const"] == kind)
            .map(|of| &of["properties"]["spec"]);
        for (step, (key, node)) in entries.iter().enumerate() {
            if key.text == "spec" {
                let spot = Spot {
                    steps: vec![index, step],
                    field: "spec".to_owned(),
                    key: "spec".to_owned(),
                    schemas: spec.into_iter().collect(),
                };
                self.inside(node, &spot);
            }
        }
    }

    /// The changes inside a node.
    fn inside(&mut self, node: &Node, spot: &Spot<'_>) {
        match &node.value {
            Value::Map(entries) => {
                for (step, (key, value)) in entries.iter().enumerate() {
                    let schemas = fields(&spot.schemas, &key.text);
                    let field = format!("{}.{}", spot.field, cut(&key.text));
                    let inner = spot.to(step, field, &key.text, schemas);
                    if inner.schemas.is_empty()
                        || is_for_people(&inner.field)
                        || is_out_of_reach(&self.document, &inner.field)
                    {
                        continue;
                    }
                    self.add(key.at, &inner, "removed".to_owned(), Edit::Remove);
                    self.inside(value, &inner);
                }
            }
            Value::List(items) => {
                for (step, item) in items.iter().enumerate() {
                    let field = format!("{}[{step}]", spot.field);
                    let inner = spot.to(step, field, &spot.key, items_of(&spot.schemas));
                    // A list of one is removed as a whole.
                    if items.len() > 1 {
                        let gone = shown(item)
                            .map_or_else(|| "removed".to_owned(), |text| format!("{text} removed"));
                        self.add(item.at, &inner, gone, Edit::Remove);
                    }
                    self.inside(item, &inner);
                }
            }
            Value::Text { text, plain } => {
                let others = Others {
                    key: &spot.key,
                    schemas: &spot.schemas,
                    names: &self.names,
                };
                for (text, plain) in others.of(text, *plain) {
                    let change = format!("`{}`", cut(&text));
                    self.add(node.at, spot, change, Edit::Write { text, plain });
                }
            }
            Value::Bad => {}
        }
    }

    fn add(&mut self, at: At, spot: &Spot<'_>, change: String, edit: Edit) {
        self.mutations.push(Mutation {
            place: self.notes.place(at),
            document: self.document.clone(),
            field: spot.field.clone(),
            change,
            steps: spot.steps.clone(),
            edit,
        });
    }
}

impl Spot<'_> {
    fn to<'s>(&self, step: usize, field: String, key: &str, schemas: Vec<&'s Json>) -> Spot<'s> {
        let mut steps = self.steps.clone();
        steps.push(step);
        Spot {
            steps,
            field,
            key: key.to_owned(),
            schemas,
        }
    }
}

/// What a message shows of a text.
pub(super) fn cut(text: &str) -> String {
    let safe = safe(text);
    match safe.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", safe.get(..end).unwrap_or_default()),
        None => safe,
    }
}

/// Kind and name of a document.
fn head(node: &Node) -> Option<(&str, &str)> {
    let kind = field(node, "kind").and_then(text_of)?;
    let name = field(node, "metadata")
        .and_then(|metadata| field(metadata, "name"))
        .and_then(text_of)?;
    Some((kind, name))
}

/// The names of the rules of a policy; of anything else, nothing.
fn rule_names(node: &Node) -> Vec<&str> {
    let rules = field(node, "spec").and_then(|spec| field(spec, "rules"));
    match rules.map(|rules| &rules.value) {
        Some(Value::List(rules)) => rules
            .iter()
            .filter_map(|rule| text_of(field(rule, "name")?))
            .collect(),
        _ => Vec::new(),
    }
}

fn field<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(entries) => entries
            .iter()
            .find(|(key, _)| key.text == name)
            .map(|(_, value)| value),
        _ => None,
    }
}

fn text_of(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text { text, .. } => Some(text),
        _ => None,
    }
}

/// A text as a message shows it.
fn shown(node: &Node) -> Option<String> {
    text_of(node).map(|text| format!("`{}`", cut(text)))
}

/// Every alternative that the schemas leave.
pub(super) fn alternatives<'s>(schemas: &[&'s Json]) -> Vec<&'s Json> {
    let mut all = Vec::new();
    let mut open: Vec<&Json> = schemas.iter().rev().copied().collect();
    while let Some(schema) = open.pop() {
        match schema["oneOf"].as_array() {
            Some(one_of) => open.extend(one_of.iter().rev()),
            None => all.push(schema),
        }
    }
    all
}

/// What the schemas say of a field.
fn fields<'s>(schemas: &[&'s Json], name: &str) -> Vec<&'s Json> {
    let of = |schema: &'s Json| match schema["properties"].get(name) {
        Some(field) => Some(field),
        None => Some(&schema["additionalProperties"]).filter(|any| any.is_object()),
    };
    alternatives(schemas).into_iter().filter_map(of).collect()
}

/// What the schemas say of the items of a list.
fn items_of<'s>(schemas: &[&'s Json]) -> Vec<&'s Json> {
    let of = |schema: &'s Json| schema.get("items");
    alternatives(schemas).into_iter().filter_map(of).collect()
}
