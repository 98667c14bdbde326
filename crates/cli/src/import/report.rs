//! What became of each field of each document.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::node::Node;
use crate::escape::escaped;

/// What became of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// It means the same in what was written.
    Carried,
    /// What was written asks for more, or of more images.
    Stricter,
    /// It has no effect on decisions here.
    Dropped,
    /// It could not be carried over, and what was written denies in its place or asks for more; a person has to decide.
    NotSupported,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Carried => "carried",
            Self::Stricter => "stricter",
            Self::Dropped => "dropped",
            Self::NotSupported => "not supported",
        }
    }
}

/// One field, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    pub(super) line: usize,
    /// Such as `spec.images[0].glob`.
    pub(super) field: String,
    pub(super) outcome: Outcome,
    pub(super) message: String,
    /// What is to be done by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
    /// Whether it is about all that stands under the field.
    #[serde(skip)]
    covers: bool,
}

/// One document, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Document {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) result: DocumentResult,
    pub(super) entries: Vec<Entry>,
}

/// What became of a document as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DocumentResult {
    /// All of it.
    Carried,
    /// What could not be carried over has made it stricter.
    Partly,
    /// It denies what it names, or can be used by nobody.
    Denies,
    /// It is none of this command's affair.
    PassedOver,
}

impl DocumentResult {
    const fn words(self) -> &'static str {
        match self {
            Self::Carried => "carried over",
            Self::Partly => "carried over in part, as something stricter",
            Self::Denies => "not carried over: what was written in its place denies",
            Self::PassedOver => "passed over",
        }
    }
}

/// All documents, and what concerns the whole set.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    api_version: &'static str,
    /// About the set as a whole.
    pub(super) general: Vec<String>,
    pub(super) documents: Vec<Document>,
}

impl Report {
    pub(super) fn new() -> Self {
        Self {
            api_version: "countersign.dev/import/v1alpha1",
            ..Self::default()
        }
    }

    /// A document of which a Policy denies for what the linter says of it, and not for any one of its fields.
    pub(super) fn closed(&mut self, document: usize, why: &str) {
        if let Some(document) = self.documents.get_mut(document) {
            document.result = DocumentResult::Denies;
            document.entries.push(Entry {
                line: document.line,
                field: "spec".to_owned(),
                outcome: Outcome::NotSupported,
                message: format!(
                    "a Policy denies in its place, for this cannot be said here: {why}"
                ),
                hint: Some("write the rule that is meant".to_owned()),
                covers: false,
            });
        }
    }

    /// Whether a person has to look after something.
    pub(super) fn is_open(&self) -> bool {
        let entries = self.documents.iter().flat_map(|it| &it.entries);
        entries
            .into_iter()
            .any(|it| it.outcome == Outcome::NotSupported)
    }

    /// The report for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let shown = |text: &str| escaped(text, 600);
        for document in &self.documents {
            let (file, kind) = (shown(&document.file), shown(&document.kind));
            let (line, name) = (document.line, shown(&document.name));
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{file}:{line}: {kind} {name}: {}",
                document.result.words()
            );
            for entry in &document.entries {
                let _ = writeln!(
                    text,
                    "  {file}:{}: {}: {}: {}",
                    entry.line,
                    shown(&entry.field),
                    entry.outcome.word(),
                    shown(&entry.message)
                );
                if let Some(hint) = &entry.hint {
                    let _ = writeln!(text, "    to do: {}", shown(hint));
                }
            }
        }
        for line in &self.general {
            let _ = writeln!(text, "{}", shown(line));
        }
        let count = |result| {
            self.documents
                .iter()
                .filter(|it| it.result == result)
                .count()
        };
        let _ = writeln!(
            text,
            "{} carried over, {} in part, {} not, {} passed over",
            count(DocumentResult::Carried),
            count(DocumentResult::Partly),
            count(DocumentResult::Denies),
            count(DocumentResult::PassedOver)
        );
        text
    }
}

/// The entries of one document while it is read.
#[derive(Debug)]
pub(super) struct Log<'a> {
    entries: &'a mut Vec<Entry>,
}

impl<'a> Log<'a> {
    pub(super) const fn new(entries: &'a mut Vec<Entry>) -> Self {
        Self { entries }
    }

    pub(super) fn carried(&mut self, node: &Node<'_>, message: impl Into<String>) {
        self.push(node, Outcome::Carried, message.into(), None);
    }

    pub(super) fn stricter(&mut self, node: &Node<'_>, message: impl Into<String>) {
        self.push(node, Outcome::Stricter, message.into(), None);
    }

    pub(super) fn dropped(&mut self, node: &Node<'_>, message: impl Into<String>) {
        self.push(node, Outcome::Dropped, message.into(), None);
    }

    /// What could not be carried over, and what to do about it.
    pub(super) fn refused(&mut self, node: &Node<'_>, message: &str, hint: &str) {
        self.push(
            node,
            Outcome::NotSupported,
            message.to_owned(),
            Some(hint.to_owned()),
        );
    }

    /// What follows from something that is not written under a field; what is written there is told by itself.
    pub(super) fn implied(&mut self, node: &Node<'_>, outcome: Outcome, message: &str) {
        self.push(node, outcome, message.to_owned(), None);
        if let Some(entry) = self.entries.last_mut() {
            entry.covers = false;
        }
    }

    fn push(&mut self, node: &Node<'_>, outcome: Outcome, message: String, hint: Option<String>) {
        self.entries.push(Entry {
            covers: true,
            line: node.line(),
            field: node.path.clone(),
            outcome,
            message,
            hint,
        });
    }

    /// Refuses every value that nothing was said about, so that a report is whole; whether there was one.
    pub(super) fn complete(&mut self, document: &Node<'_>) -> bool {
        let said = self.entries.iter().filter(|it| it.covers);
        let said: BTreeSet<String> = said.map(|it| it.field.clone()).collect();
        let mut leaves = Vec::new();
        document.leaves(&mut leaves);
        let mut any = false;
        for leaf in leaves {
            let covers = |field: &String| {
                leaf.path
                    .strip_prefix(field.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            let is_type = leaf.path == "apiVersion" || leaf.path == "kind";
            if !is_type && !said.iter().any(covers) {
                any = true;
                self.refused(
                    &leaf,
                    &format!("{} was not understood here", leaf.shown()),
                    "correct it, or say by hand what it stands for, and import again",
                );
            }
        }
        self.entries.sort_by_key(|it| it.line);
        any
    }
}
