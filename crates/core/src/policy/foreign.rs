//! A door to the reader of YAML with places, for documents that are not policies of ours but become such.

use super::notes::Notes;
use super::tree::{self, Node, Plain, plain};
use super::yaml;
use super::{Diagnostic, Source, identity_pattern};
use crate::ReasonCode;

/// A YAML document of whatever kind, with the line of each value.
///
/// It is read as strictly as policies are: no anchors, aliases, merge keys, tags or directives, no key twice, at most
/// 1 MiB and a bounded depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The line of the source's text, from 1.
    pub line: usize,
    /// What stands there.
    pub value: TreeValue,
}

/// What a YAML document holds at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeValue {
    /// `null`, `~`, or nothing at all.
    Null,
    /// `true` or `false`, unquoted.
    Bool(bool),
    /// Text, and numbers as they are written.
    Text(String),
    /// A list, in order.
    List(Vec<Tree>),
    /// A mapping, in the order of its keys in the text; no key stands twice.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Every document of a source.
    ///
    /// # Errors
    /// All that is wrong with the text. Nothing is handed out then: what was lost could have mattered.
    pub fn read(source: &Source) -> Result<Vec<Self>, Vec<Diagnostic>> {
        let mut notes = Notes::new(vec![source.name.clone()]);
        let (documents, whole) = yaml::read(0, &source.text, &mut notes);
        let trees: Option<Vec<Self>> = documents.into_iter().map(Self::of).collect();
        match trees {
            Some(trees) if whole && !notes.has_errors() => Ok(trees),
            _ => Err(notes.finish()),
        }
    }

    /// `None` where something was unreadable, which is noted already. The reader bounds the depth.
    fn of(node: Node) -> Option<Self> {
        let value = match node.value {
            tree::Value::Bad => return None,
            tree::Value::Text { text, plain: false } => TreeValue::Text(text),
            tree::Value::Text { text, plain: true } => match plain(&text) {
                Plain::Null => TreeValue::Null,
                Plain::Bool(value) => TreeValue::Bool(value),
                Plain::Number | Plain::Text => TreeValue::Text(text),
            },
            tree::Value::List(items) => {
                TreeValue::List(items.into_iter().map(Self::of).collect::<Option<_>>()?)
            }
            tree::Value::Map(entries) => {
                let entries = entries.into_iter();
                let entry = |(key, node): (tree::Key, Node)| Some((key.text, Self::of(node)?));
                TreeValue::Map(entries.map(entry).collect::<Option<_>>()?)
            }
        };
        Some(Self {
            line: node.at.line,
            value,
        })
    }
}

/// Why a Signer may not have this regular expression as its subject, which it would have to match from end to end.
///
/// # Errors
/// The reason's code, such as [`ReasonCode::BroadPattern`], and what is wrong in one sentence.
pub fn check_identity_pattern(pattern: &str) -> Result<(), (ReasonCode, String)> {
    identity_pattern(pattern)
        .map(drop)
        .map_err(|bad| (bad.code, bad.message))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<Vec<Tree>, Vec<Diagnostic>> {
        Tree::read(&Source {
            name: "x.yaml".to_owned(),
            text: text.to_owned(),
        })
    }

    #[test]
    fn values_keep_their_lines_and_types() {
        let trees = read("a: [1, 'true']\nb:\n  c: true\n  d:\n---\nx").unwrap();
        let text = |line, text: &str| Tree {
            line,
            value: TreeValue::Text(text.to_owned()),
        };
        let TreeValue::Map(entries) = &trees.first().unwrap().value else {
            panic!("{trees:?}");
        };
        assert_eq!(
            entries.first().unwrap().1.value,
            TreeValue::List(vec![text(1, "1"), text(1, "true")])
        );
        let TreeValue::Map(inner) = &entries.get(1).unwrap().1.value else {
            panic!("{trees:?}");
        };
        let inner: Vec<_> = inner
            .iter()
            .map(|(key, tree)| (key.as_str(), tree.line, &tree.value))
            .collect();
        assert_eq!(
            inner,
            [("c", 3, &TreeValue::Bool(true)), ("d", 4, &TreeValue::Null)]
        );
        assert_eq!(trees.get(1).unwrap(), &text(6, "x"));
    }

    #[test]
    fn what_was_lost_is_not_passed_over() {
        for text in [
            "a: &x 1\nb: *x",
            "a: 1\na: 2",
            "a: {b",
            "good: 1\n---\na: {b",
            "<<: {a: 1}",
            "a: !!binary x",
        ] {
            assert!(!read(text).unwrap_err().is_empty(), "{text}");
        }
    }

    #[test]
    fn patterns_are_judged_as_those_of_signers() {
        assert_eq!(
            check_identity_pattern(r"https://github\.com/acme/.*"),
            Ok(())
        );
        let code = |pattern| check_identity_pattern(pattern).unwrap_err().0;
        assert_eq!(code(".*"), ReasonCode::BadPattern);
        assert_eq!(code(".+"), ReasonCode::BroadPattern);
        assert_eq!(code("("), ReasonCode::BadPattern);
    }
}
