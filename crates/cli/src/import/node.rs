//! A document of another project while it is read: values with their lines and paths.

use countersign_core::{Tree, TreeValue};

use super::report::Log;

/// A value of a document, and how one gets there.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    tree: &'a Tree,
    /// Such as `spec.images[0].glob`.
    pub(super) path: String,
}

impl<'a> Node<'a> {
    /// A whole document.
    pub(super) const fn root(tree: &'a Tree) -> Self {
        Self {
            tree,
            path: String::new(),
        }
    }

    pub(super) const fn line(&self) -> usize {
        self.tree.line
    }

    /// A field that has a value.
    pub(super) fn get(&self, field: &str) -> Option<Self> {
        self.fields()
            .into_iter()
            .find(|(name, _)| *name == field)
            .map(|(_, node)| node)
    }

    /// A field behind a field.
    pub(super) fn at(&self, fields: &[&str]) -> Option<Self> {
        let mut node = self.clone();
        for field in fields {
            node = node.get(field)?;
        }
        Some(node)
    }

    /// Every field that has a value.
    pub(super) fn fields(&self) -> Vec<(&'a str, Self)> {
        let TreeValue::Map(entries) = &self.tree.value else {
            return Vec::new();
        };
        let with_value = entries
            .iter()
            .filter(|(_, tree)| tree.value != TreeValue::Null);
        with_value
            .map(|(name, tree)| {
                let path = if self.path.is_empty() {
                    name.clone()
                } else {
                    format!("{}.{name}", self.path)
                };
                (name.as_str(), Self { tree, path })
            })
            .collect()
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> Vec<Self> {
        let TreeValue::List(items) = &self.tree.value else {
            return Vec::new();
        };
        let item = |(index, tree)| Self {
            tree,
            path: format!("{}[{index}]", self.path),
        };
        items.iter().enumerate().map(item).collect()
    }

    /// The items of a field's list.
    pub(super) fn list(&self, field: &str) -> Vec<Self> {
        self.get(field).map(|it| it.items()).unwrap_or_default()
    }

    /// Text or a number, as it is written.
    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.tree.value {
            TreeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A field's text, unless it is empty.
    pub(super) fn word(&self, field: &str) -> Option<&'a str> {
        self.get(field)?.text().filter(|text| !text.is_empty())
    }

    /// `true` or `false`.
    pub(super) const fn flag(&self) -> Option<bool> {
        match &self.tree.value {
            TreeValue::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A value for a message: text as it is, anything else by its kind.
    pub(super) fn shown(&self) -> String {
        match &self.tree.value {
            TreeValue::Text(text) => format!("`{}`", first_line(text)),
            TreeValue::Bool(value) => format!("`{value}`"),
            TreeValue::Null => "nothing".to_owned(),
            TreeValue::List(items) => format!("a list of {}", items.len()),
            TreeValue::Map(_) => "a mapping".to_owned(),
        }
    }

    /// Every value under this one that is neither list nor mapping. An empty one of these says as much as none.
    pub(super) fn leaves(&self, into: &mut Vec<Self>) {
        let children: Vec<Self> = match &self.tree.value {
            TreeValue::Map(_) => self.fields().into_iter().map(|(_, node)| node).collect(),
            TreeValue::List(_) => self.items(),
            _ => Vec::new(),
        };
        if !matches!(&self.tree.value, TreeValue::Map(_) | TreeValue::List(_)) {
            into.push(self.clone());
        }
        for child in children {
            child.leaves(into);
        }
    }

    /// Says of each field that is none of `known` that nobody here knows it; whether there was one.
    pub(super) fn others(&self, known: &[&str], log: &mut Log<'_>) -> bool {
        let mut any = false;
        for (name, field) in self.fields() {
            if !known.contains(&name) {
                any = true;
                log.refused(
                    &field,
                    &format!("no field `{name}` is known here"),
                    "say by hand what it stands for, or remove it, and import again",
                );
            }
        }
        any
    }
}

fn first_line(text: &str) -> String {
    match text.split_once('\n') {
        Some((line, rest)) if !rest.is_empty() => format!("{line} …"),
        Some((line, _)) => line.to_owned(),
        None => text.to_owned(),
    }
}
