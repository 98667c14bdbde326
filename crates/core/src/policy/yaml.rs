//! YAML into trees with places, as strictly as a reviewed file deserves.
//!
//! It is built on the event parser inside `serde-saphyr` rather than on its serde layer, which stops at the first error:
//! here every document is read, duplicate keys are noted and passed over, and a broken document does not hide the next.
//! Anchors, aliases, merge keys, tags and directives are refused: a reviewer shall see what counts, and there is nothing
//! to expand (alias bombs). The walk keeps its own stack, so depth costs no machine stack.

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError};

use super::notes::{At, Notes};
use super::tree::{Key, Node, Value};
use crate::ReasonCode;

/// Nodes of one file. The largest policy sets that we know have some hundreds.
const MAX_NODES: usize = 20_000;
/// Nesting of one document. Policies nest to 8, an inline trust root to 14.
const MAX_DEPTH: usize = 32;
/// Bytes of one file.
const MAX_BYTES: usize = 1024 * 1024;

/// Reads every document of a file. The second value is `false` if a document was lost to a syntax error or a limit.
pub(crate) fn read(file: usize, text: &str, notes: &mut Notes) -> (Vec<Node>, bool) {
    let start = At {
        file,
        line: 1,
        column: 1,
        start: 0,
        end: 0,
    };
    if text.len() > MAX_BYTES {
        notes.error(
            ReasonCode::PolicyTooLarge,
            start,
            format!("the file has more than {MAX_BYTES} bytes"),
        );
        return (Vec::new(), false);
    }
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        disallow_directives: true,
        strict_indentation: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader {
        file,
        text,
        notes,
        open: Vec::new(),
        documents: Vec::new(),
        nodes: 0,
    };
    let mut whole = true;
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => {
                let at = reader.place(&span);
                if !reader.event(event, at) {
                    return (reader.documents, false);
                }
            }
            Err(error) => {
                whole = false;
                reader.syntax(&error);
                reader.open.clear();
                match parser.proceed_next_document() {
                    Ok(true) => {}
                    Ok(false) | Err(_) => break,
                }
            }
        }
    }
    (reader.documents, whole)
}

struct Reader<'a> {
    file: usize,
    text: &'a str,
    notes: &'a mut Notes,
    open: Vec<Open>,
    documents: Vec<Node>,
    nodes: usize,
}

/// A collection that has begun and not ended.
struct Open {
    at: At,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<(Key, Node)>,
        key: Option<PendingKey>,
    },
}

/// A key whose value has not come yet.
enum PendingKey {
    Good(Key),
    /// Already reported; its value is passed over.
    Bad,
}

impl Reader<'_> {
    /// Takes one event; `false` means that a limit was reached.
    fn event(&mut self, event: Event<'_>, at: At) -> bool {
        let node = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_features(anchor, tag.is_some(), at);
                let plain = style == ScalarStyle::Plain;
                Some(Node {
                    at,
                    value: Value::Text {
                        text: text.into_owned(),
                        plain,
                    },
                })
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.notes.error(
                    ReasonCode::YamlFeature,
                    at,
                    "an alias is not read in policy files",
                );
                Some(Node {
                    at,
                    value: Value::Bad,
                })
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_features(anchor, tag.is_some(), at);
                self.open.push(Open {
                    at,
                    content: Content::List(Vec::new()),
                });
                None
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_features(anchor, tag.is_some(), at);
                self.open.push(Open {
                    at,
                    content: Content::Map {
                        entries: Vec::new(),
                        key: None,
                    },
                });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            _ => return true,
        };
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.notes.error(
                ReasonCode::PolicyTooLarge,
                at,
                format!("the file has more than {MAX_NODES} values"),
            );
            return false;
        }
        if let Some(node) = node {
            self.put(node);
        }
        true
    }

    fn refuse_features(&mut self, anchor: usize, tag: bool, at: At) {
        if anchor != 0 {
            self.notes.error(
                ReasonCode::YamlFeature,
                at,
                "an anchor is not read in policy files",
            );
        }
        if tag {
            self.notes.error(
                ReasonCode::YamlFeature,
                at,
                "a tag is not read in policy files",
            );
        }
    }

    fn close(&mut self, end: At) -> Option<Node> {
        let open = self.open.pop()?;
        let mut at = open.at;
        let value = match open.content {
            Content::List(items) => Value::List(items),
            Content::Map { entries, .. } => {
                if let Some((key, _)) = entries.first()
                    && at.start == at.end
                {
                    at = key.at;
                }
                Value::Map(entries)
            }
        };
        if self
            .text
            .get(at.start..at.start + 1)
            .is_some_and(|c| c == "[" || c == "{")
            && end.line == at.line
        {
            at.end = end.end.max(at.end);
        }
        Some(Node { at, value })
    }

    /// Puts a finished value where it belongs: a document, a list item, a key or a field's value.
    fn put(&mut self, node: Node) {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.documents.push(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, key }) => match key.take() {
                Some(PendingKey::Good(name)) => entries.push((name, node)),
                Some(PendingKey::Bad) => {}
                None => *key = Some(pending(node, entries, self.notes)),
            },
        }
    }

    fn syntax(&mut self, error: &ScanError) {
        let mark = error.marker();
        let start = mark
            .byte_offset()
            .unwrap_or(self.text.len())
            .min(self.text.len());
        let at = At {
            file: self.file,
            line: mark.line(),
            column: mark.col() + 1,
            start,
            end: start,
        };
        let info = error.info();
        let code = match error.kind() {
            granit_parser::ErrorKind::RecursionLimitExceeded => ReasonCode::PolicyTooLarge,
            granit_parser::ErrorKind::DirectiveDisallowed => ReasonCode::YamlFeature,
            _ => ReasonCode::YamlSyntax,
        };
        self.notes
            .error(code, at, format!("not readable as YAML: {info}"));
    }

    fn place(&self, span: &granit_parser::Span) -> At {
        let range = span.byte_range().unwrap_or(0..0);
        let mut end = range.end.min(self.text.len());
        // A block scalar's span reaches over its lines; one line is enough to point at.
        let text = self.text.get(range.start..end).unwrap_or_default();
        if let Some(line) = text.find('\n') {
            end = range.start + line;
        }
        At {
            file: self.file,
            line: span.start.line(),
            column: span.start.col() + 1,
            start: range.start,
            end,
        }
    }
}

/// What a key is worth: text, not yet there, and not YAML's merge key.
fn pending(node: Node, entries: &[(Key, Node)], notes: &mut Notes) -> PendingKey {
    let Value::Text { text, plain } = node.value else {
        if !matches!(node.value, Value::Bad) {
            notes.error(
                ReasonCode::WrongType,
                node.at,
                "a field's name must be text",
            );
        }
        return PendingKey::Bad;
    };
    if plain && text == "<<" {
        notes.error(
            ReasonCode::YamlFeature,
            node.at,
            "a merge key is not read in policy files",
        );
        return PendingKey::Bad;
    }
    if let Some((twin, _)) = entries.iter().find(|(key, _)| key.text == text) {
        let line = twin.at.line;
        notes.error(
            ReasonCode::DuplicateKey,
            node.at,
            format!("`{text}` stands here a second time; the first is in line {line}"),
        );
        return PendingKey::Bad;
    }
    PendingKey::Good(Key { at: node.at, text })
}
