//! YAML and JSON into trees with places, for manifests.
//!
//! Built on the event parser inside `serde-saphyr`, as the reader of policies is. The walk keeps its own stack, so depth costs no machine stack,
//! and what aliases bring is counted before it is copied (alias bombs).

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_saphyr::granit_parser::{
    self, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag,
};

use super::node::{Located, LocatedKey, LocatedValue, Spot, Style};
use crate::text::safe;

/// Bytes of one input. The output of `kustomize build` for a whole cluster is a tenth of it.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Values of one input, those that aliases bring included: 2,000 Deployments have about 300,000.
const MAX_NODES: usize = 4_000_000;
/// Values that the aliases of one document may bring.
const MAX_ALIASED: usize = 100_000;
/// Nesting of one document. The deepest published CustomResourceDefinitions nest to about 60.
const MAX_DEPTH: usize = 128;

/// Why a document cannot be read. The message is one sentence without the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct DocumentError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what to do about it.
    pub message: String,
}

/// The documents of a text, one after the other. Empty documents, as generators leave them, are passed over.
///
/// After an error the next document follows, unless a limit was exceeded: nothing comes after that.
pub struct Documents<'a> {
    parser: Parser<'a, StrInput<'a>>,
    text: &'a str,
    nodes: usize,
    done: bool,
}

impl std::fmt::Debug for Documents<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents")
            .field("nodes", &self.nodes)
            .finish_non_exhaustive()
    }
}

impl<'a> Documents<'a> {
    /// Those of this text: YAML 1.2, of which JSON is a part.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let options = granit_parser::options! {
            emit_comments: false,
            emit_unresolved_aliases: true,
            strict_indentation: false,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        Self {
            parser: Parser::new_from_str_with_options(text, options),
            text,
            nodes: 0,
            done: false,
        }
    }

    fn document(&mut self) -> Result<Option<Located>, DocumentError> {
        if self.text.len() > MAX_BYTES {
            self.done = true;
            return Err(DocumentError {
                line: 1,
                column: 1,
                message: format!("the input has more than {MAX_BYTES} bytes; give it in parts"),
            });
        }
        let mut reader = Reader::default();
        while let Some(event) = self.parser.next_event() {
            let (event, span) = event.map_err(|error| syntax(&error))?;
            if matches!(event, Event::DocumentEnd) {
                if let Some(root) = reader.root.take() {
                    return Ok(Some(root));
                }
                continue;
            }
            let at = self.spot(&span);
            self.nodes += 1;
            if self.nodes + reader.aliased > MAX_NODES {
                self.done = true;
                let message =
                    format!("the input has more than {MAX_NODES} values; give it in parts");
                return Err(wrong(&at, message));
            }
            reader.event(event, at)?;
        }
        self.done = true;
        Ok(None)
    }

    fn spot(&self, span: &Span) -> Spot {
        let bytes = span.byte_range().unwrap_or(0..0);
        let end = bytes.end.min(self.text.len());
        Spot {
            line: span.start.line(),
            column: span.start.col() + 1,
            bytes: bytes.start.min(end)..end,
        }
    }
}

impl Iterator for Documents<'_> {
    type Item = Result<Located, DocumentError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.document() {
                Ok(Some(root)) if root.is_null() => {}
                Ok(document) => return document.map(Ok),
                Err(error) => {
                    let more =
                        !self.done && matches!(self.parser.proceed_next_document(), Ok(true));
                    self.done = !more;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// One document while it is being read.
#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    root: Option<Located>,
    anchors: BTreeMap<usize, Anchored>,
    /// How many values aliases have brought.
    aliased: usize,
}

/// A collection that has begun and not ended.
struct Open {
    at: Spot,
    anchor: usize,
    /// Values in it so far, and how deep they nest.
    size: usize,
    depth: usize,
    content: Content,
}

enum Content {
    List(Vec<Located>),
    Map {
        entries: Vec<(LocatedKey, Located)>,
        /// The line of each key: a mapping may have many, so twins are not looked for one by one.
        lines: HashMap<String, usize>,
        key: Option<LocatedKey>,
        merge: Option<Merge>,
    },
}

/// A merge key: how many keys stood before it, and what it brings.
struct Merge {
    before: usize,
    at: Spot,
    sources: Vec<Vec<(LocatedKey, Located)>>,
}

struct Anchored {
    node: Located,
    size: usize,
    depth: usize,
}

/// A finished value with what it weighs.
struct Finished {
    node: Located,
    size: usize,
    depth: usize,
    is_merge_key: bool,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, at: Spot) -> Result<(), DocumentError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = scalar_style(style, tag.as_deref(), &at)?;
                let node = Located {
                    at,
                    value: LocatedValue::Scalar {
                        text: text.into_owned(),
                        style,
                    },
                };
                let is_merge_key = is_merge_key(&node);
                self.finish(anchor, node, 1, 0, is_merge_key)
            }
            Event::Alias(anchor) => self.alias(anchor, &at),
            Event::UnresolvedAlias(name) => Err(wrong(
                &at,
                format!("the alias `*{}` has no anchor before it", safe(&name)),
            )),
            Event::SequenceStart(_, anchor, tag) => {
                collection_tag(tag.as_deref(), "seq", &at)?;
                self.begin(at, anchor, Content::List(Vec::new()));
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                collection_tag(tag.as_deref(), "map", &at)?;
                let content = Content::Map {
                    entries: Vec::new(),
                    lines: HashMap::new(),
                    key: None,
                    merge: None,
                };
                self.begin(at, anchor, content);
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, at: Spot, anchor: usize, content: Content) {
        self.open.push(Open {
            at,
            anchor,
            size: 1,
            depth: 0,
            content,
        });
    }

    fn close(&mut self) -> Result<(), DocumentError> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.content {
            Content::List(items) => LocatedValue::List(items),
            Content::Map {
                entries,
                merge: None,
                ..
            } => LocatedValue::Map(entries),
            Content::Map {
                entries,
                merge: Some(merge),
                ..
            } => LocatedValue::Map(merged(entries, merge)?),
        };
        let node = Located { at: open.at, value };
        self.finish(open.anchor, node, open.size, open.depth + 1, false)
    }

    fn alias(&mut self, anchor: usize, at: &Spot) -> Result<(), DocumentError> {
        let Some(target) = self.anchors.get(&anchor) else {
            return Err(wrong(at, "the alias stands within what it means"));
        };
        self.aliased += target.size;
        if self.aliased > MAX_ALIASED {
            return Err(wrong(
                at,
                format!("the aliases of this document bring more than {MAX_ALIASED} values"),
            ));
        }
        if self.open.len() + target.depth > MAX_DEPTH {
            return Err(wrong(
                at,
                format!("with its aliases the document nests deeper than {MAX_DEPTH}"),
            ));
        }
        let node = target.node.clone();
        let (size, depth) = (target.size, target.depth);
        self.put(Finished {
            node,
            size,
            depth,
            is_merge_key: false,
        })
    }

    fn finish(
        &mut self,
        anchor: usize,
        node: Located,
        size: usize,
        depth: usize,
        is_merge_key: bool,
    ) -> Result<(), DocumentError> {
        if anchor != 0 {
            let node = node.clone();
            self.anchors.insert(anchor, Anchored { node, size, depth });
        }
        self.put(Finished {
            node,
            size,
            depth,
            is_merge_key,
        })
    }

    /// Puts a finished value where it belongs: the document, a list item, a key or a field's value.
    fn put(&mut self, finished: Finished) -> Result<(), DocumentError> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(finished.node);
            return Ok(());
        };
        open.size += finished.size;
        open.depth = open.depth.max(finished.depth);
        match &mut open.content {
            Content::List(items) => items.push(finished.node),
            Content::Map {
                entries,
                lines,
                key,
                merge,
            } => match key.take() {
                None => *key = Some(next_key(finished, entries.len(), lines, merge)?),
                Some(name) => match merge {
                    Some(merge) if merge.at == name.at => {
                        merge.sources = merge_sources(finished.node)?;
                    }
                    _ => entries.push((name, finished.node)),
                },
            },
        }
        Ok(())
    }
}

/// A value that stands where a key belongs. A merge key is noted as such.
fn next_key(
    finished: Finished,
    before: usize,
    lines: &mut HashMap<String, usize>,
    merge: &mut Option<Merge>,
) -> Result<LocatedKey, DocumentError> {
    let LocatedValue::Scalar { text, .. } = finished.node.value else {
        return Err(wrong(&finished.node.at, "a field's name has to be text"));
    };
    let at = finished.node.at;
    if finished.is_merge_key {
        if let Some(first) = merge {
            let line = first.at.line;
            return Err(wrong(
                &at,
                format!("a second `<<`; the first is in line {line}"),
            ));
        }
        *merge = Some(Merge {
            before,
            at: at.clone(),
            sources: Vec::new(),
        });
    } else if let Some(line) = lines.insert(text.clone(), at.line) {
        return Err(wrong(
            &at,
            format!(
                "`{}` stands here a second time, and the first is in line {line}: readers differ in which one counts; remove one",
                safe(&text)
            ),
        ));
    }
    Ok(LocatedKey { at, text })
}

/// What `<<` brings: a mapping, or a list of mappings of which earlier ones go first (<https://yaml.org/type/merge.html>).
fn merge_sources(node: Located) -> Result<Vec<Vec<(LocatedKey, Located)>>, DocumentError> {
    const WRONG: &str = "`<<` takes a mapping or a list of mappings";
    match node.value {
        LocatedValue::Map(entries) => Ok(vec![entries]),
        LocatedValue::List(items) => items
            .into_iter()
            .map(|item| match item.value {
                LocatedValue::Map(entries) => Ok(entries),
                _ => Err(wrong(&item.at, WRONG)),
            })
            .collect(),
        LocatedValue::Scalar { .. } => Err(wrong(&node.at, WRONG)),
    }
}

/// Own keys go before merged ones. Kubernetes' reader lets a merge key override what stands before it, newer readers do not: where that makes a
/// difference nobody can tell what is meant.
fn merged(
    mut entries: Vec<(LocatedKey, Located)>,
    merge: Merge,
) -> Result<Vec<(LocatedKey, Located)>, DocumentError> {
    let mut places: HashMap<String, usize> = entries
        .iter()
        .enumerate()
        .map(|(place, (key, _))| (key.text.clone(), place))
        .collect();
    let mut brought = HashSet::new();
    for (key, value) in merge.sources.into_iter().flatten() {
        if !brought.insert(key.text.clone()) {
            continue;
        }
        match places.get(&key.text).copied() {
            None => {
                places.insert(key.text.clone(), entries.len());
                entries.push((key, value));
            }
            Some(place) if place < merge.before => {
                let same = entries
                    .get(place)
                    .is_some_and(|(_, it)| it.to_json() == value.to_json());
                if !same {
                    return Err(wrong(
                        &merge.at,
                        format!(
                            "`<<` brings another `{}` than the one that stands before it: readers differ in which one counts; put `<<` first",
                            safe(&key.text)
                        ),
                    ));
                }
            }
            Some(_) => {}
        }
    }
    Ok(entries)
}

fn is_merge_key(node: &Located) -> bool {
    matches!(&node.value, LocatedValue::Scalar { text, style: Style::Plain } if text == "<<")
}

/// How a scalar is written. Of tags only those that say what YAML would understand anyhow are read, and `!!str`.
fn scalar_style(style: ScalarStyle, tag: Option<&Tag>, at: &Spot) -> Result<Style, DocumentError> {
    let written = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        _ => Style::Block,
    };
    let Some(tag) = tag else {
        return Ok(written);
    };
    if tag.is_yaml_core_schema_tag("str") {
        return Ok(Style::Block);
    }
    let known = ["int", "float", "bool", "null"];
    if written == Style::Plain && known.iter().any(|it| tag.is_yaml_core_schema_tag(it)) {
        return Ok(Style::Plain);
    }
    Err(unknown_tag(tag, at))
}

fn collection_tag(tag: Option<&Tag>, own: &str, at: &Spot) -> Result<(), DocumentError> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema_tag(own) => Err(unknown_tag(tag, at)),
        _ => Ok(()),
    }
}

fn unknown_tag(tag: &Tag, at: &Spot) -> DocumentError {
    wrong(
        at,
        format!(
            "the tag `{}{}` is not read in manifests",
            safe(tag.handle()),
            safe(tag.suffix())
        ),
    )
}

fn syntax(error: &ScanError) -> DocumentError {
    let mark = error.marker();
    DocumentError {
        line: mark.line(),
        column: mark.col() + 1,
        message: format!("not readable as YAML: {}", safe(&error.info().to_string())),
    }
}

fn wrong(at: &Spot, message: impl Into<String>) -> DocumentError {
    DocumentError {
        line: at.line,
        column: at.column,
        message: message.into(),
    }
}
