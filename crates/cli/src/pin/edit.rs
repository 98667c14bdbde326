//! Changing a text in single places, so that every other byte stays as it is.

use std::collections::BTreeMap;
use std::ops::Range;

use countersign_core::{Digest, Documents, Located, LocatedKey, LocatedValue, Style};

/// A place at which a digest is put: what stands in `at` makes room for `before`, the digest and `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) at: Range<usize>,
    before: String,
    after: String,
    /// What the value is afterwards, without the digest: `nginx:1.27@`, or nothing.
    value: String,
}

/// Texts to be put into one input, by their places: two that differ at one place exclude each other.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    by_place: BTreeMap<(usize, usize), Edit>,
}

#[derive(Debug, PartialEq, Eq)]
struct Edit {
    text: String,
    /// The value that a reader finds afterwards.
    value: String,
}

impl Slot {
    /// Behind the text of a scalar; none where the text is not written as it reads (escapes, several lines, `|` and `>`).
    pub(crate) fn behind(text: &str, node: &Located) -> Option<Self> {
        let (inner, value) = inner(text, node)?;
        Some(Self {
            at: inner.end..inner.end,
            before: "@".to_owned(),
            after: String::new(),
            value: format!("{value}@"),
        })
    }

    /// In the value of a key that is there and empty.
    pub(crate) fn instead(text: &str, key: &LocatedKey, node: &Located) -> Option<Self> {
        let slot = |at, before: &str| Self {
            at,
            before: before.to_owned(),
            after: String::new(),
            value: String::new(),
        };
        if !node.is_null() {
            let (inner, _) = inner(text, node)?;
            return Some(slot(inner, ""));
        }
        let written = text.get(node.at.bytes.clone())?;
        if !written.is_empty() {
            return Some(slot(node.at.bytes.clone(), ""));
        }
        // Nothing at all stands behind the colon.
        let colon = key.at.bytes.end;
        let end = colon + 1;
        (text.get(colon..end)? == ":").then(|| slot(end..end, " "))
    }

    /// As a new key beside one that is there, in the same mapping and the same way of writing.
    pub(crate) fn beside(
        text: &str,
        mapping: &Located,
        key: &LocatedKey,
        node: &Located,
        name: &str,
    ) -> Option<Self> {
        let (inner, _) = inner(text, node)?;
        let quote = match text.get(key.at.bytes.start..)?.chars().next()? {
            '"' => "\"",
            _ => "",
        };
        let (at, before) = if text.get(mapping.at.bytes.start..)?.starts_with('{') {
            let end = node.at.bytes.end;
            (end, format!(", {quote}{name}{quote}: {quote}"))
        } else {
            let start = text.get(..key.at.bytes.start)?;
            let line = start.rfind('\n').map_or(0, |at| at + 1);
            // `- newTag: v1`: the key stands behind the dash.
            let indent = " ".repeat(start.get(line..)?.chars().count());
            let rest = text.get(inner.end..)?;
            let length = rest.find('\n').unwrap_or(rest.len());
            let is_crlf = rest.get(..length)?.ends_with('\r');
            let (length, line_break) = match is_crlf {
                true => (length - 1, "\r\n"),
                false => (length, "\n"),
            };
            let before = format!("{line_break}{indent}{quote}{name}{quote}: {quote}");
            (inner.end + length, before)
        };
        Some(Self {
            at: at..at,
            before,
            after: quote.to_owned(),
            value: String::new(),
        })
    }
}

/// The bytes of a scalar's text without its quotes, and the text; none where the two differ.
fn inner<'a>(text: &str, node: &'a Located) -> Option<(Range<usize>, &'a str)> {
    let LocatedValue::Scalar { text: value, style } = &node.value else {
        return None;
    };
    let bytes = &node.at.bytes;
    let inner = match style {
        Style::Plain => bytes.clone(),
        Style::Quoted => bytes.start.checked_add(1)?..bytes.end.checked_sub(1)?,
        Style::Block => return None,
    };
    (text.get(inner.clone())? == value).then_some((inner, value))
}

impl Edits {
    /// Notes a digest for a slot.
    ///
    /// # Errors
    /// Another digest belongs at the same place: an anchor, or a tag that several images share.
    pub(crate) fn add(&mut self, slot: &Slot, digest: &Digest) -> Result<(), ()> {
        let edit = Edit {
            text: format!("{}{digest}{}", slot.before, slot.after),
            value: format!("{}{digest}", slot.value),
        };
        let place = (slot.at.start, slot.at.end);
        match self.by_place.get(&place) {
            None => {
                self.by_place.insert(place, edit);
                Ok(())
            }
            Some(other) if *other == edit => Ok(()),
            Some(_) => Err(()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_place.is_empty()
    }

    /// The text with every edit in it, if a reader then finds exactly the values that are meant to be new.
    ///
    /// # Errors
    /// What a reader would find otherwise.
    pub(crate) fn applied(&self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for ((start, end), edit) in &self.by_place {
            let kept = text.get(from..*start).ok_or("two changes overlap")?;
            out.push_str(kept);
            out.push_str(&edit.text);
            from = *end;
        }
        out.push_str(text.get(from..).ok_or("a change is out of the text")?);
        self.compare(text, &out)?;
        Ok(out)
    }

    /// Reads both texts again: nothing but the meant values may differ. An edit that YAML understands in another way is found here.
    fn compare(&self, old: &str, new: &str) -> Result<(), String> {
        let read = |text: &str| Documents::new(text).collect::<Result<Vec<_>, _>>();
        let old = read(old).map_err(|error| error.to_string())?;
        let new = read(new).map_err(|error| format!("it could not be read: {error}"))?;
        if old.len() != new.len() {
            return Err("it would have another number of documents".to_owned());
        }
        let mut changed = 0;
        for (old, new) in old.iter().zip(&new) {
            self.compare_values(old, new, &mut changed)?;
        }
        // One edit of an anchor changes several values.
        if changed < self.by_place.len() {
            return Err("a change would have no effect".to_owned());
        }
        Ok(())
    }

    fn compare_values(
        &self,
        old: &Located,
        new: &Located,
        changed: &mut usize,
    ) -> Result<(), String> {
        let other = || {
            let line = new.at.line;
            Err(format!("another value would change, in line {line}"))
        };
        match (&old.value, &new.value) {
            (LocatedValue::List(old), LocatedValue::List(new)) if old.len() == new.len() => old
                .iter()
                .zip(new)
                .try_for_each(|(old, new)| self.compare_values(old, new, changed)),
            (LocatedValue::Map(old), LocatedValue::Map(new)) => {
                let mut old = old.iter().peekable();
                for (key, value) in new {
                    match old.peek() {
                        Some((old_key, old_value)) if old_key.text == key.text => {
                            self.compare_values(old_value, value, changed)?;
                            old.next();
                        }
                        _ if self.is_meant(value) => *changed += 1,
                        _ => return other(),
                    }
                }
                match old.next() {
                    None => Ok(()),
                    Some(_) => other(),
                }
            }
            _ if old.value == new.value => Ok(()),
            _ if self.is_meant(new) => {
                *changed += 1;
                Ok(())
            }
            _ => other(),
        }
    }

    fn is_meant(&self, node: &Located) -> bool {
        let mut all = self.by_place.values();
        node.text()
            .is_some_and(|text| all.any(|edit| edit.value == text))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn edits(at: usize, text: &str, value: &str) -> Edits {
        let edit = Edit {
            text: text.to_owned(),
            value: value.to_owned(),
        };
        Edits {
            by_place: [((at, at), edit)].into(),
        }
    }

    /// Whatever is put in, and wherever: what a reader would find otherwise stops it.
    #[test]
    fn an_edit_that_reads_as_something_else_is_refused() {
        let text = "a: x # c\nb: y\n";
        assert_eq!(
            edits(4, "@1", "x@1").applied(text).unwrap(),
            "a: x@1 # c\nb: y\n"
        );
        for (at, put, value, told) in [
            (7, "@1", "x@1", "no effect"),
            (4, "@1", "x@2", "another value would change"),
            (4, ": 1", "x@1", "could not be read"),
            (4, "@1\nc: z", "x@1", "another value would change"),
            (0, "c: z\n", "x@1", "another value would change"),
            (9, "---\n", "x@1", "another number of documents"),
            (4, "@1\nb: z", "x@1", "could not be read"),
            (99, "@1", "x@1", "overlap"),
        ] {
            let refused = edits(at, put, value).applied(text).unwrap_err();
            assert!(refused.contains(told), "{put:?}: {refused}");
        }
        let gone = Edits {
            by_place: [(
                (0, 9),
                Edit {
                    text: String::new(),
                    value: "y".to_owned(),
                },
            )]
            .into(),
        };
        assert!(gone.applied(text).is_err());
    }

    #[test]
    fn two_digests_at_one_place_exclude_each_other() {
        let node = Documents::new("nginx").next().unwrap().unwrap();
        let slot = Slot::behind("nginx", &node).unwrap();
        let mut edits = Edits::default();
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        assert_eq!(edits.add(&slot, &one), Ok(()));
        assert_eq!(edits.add(&slot, &one), Ok(()));
        assert_eq!(edits.add(&slot, &other), Err(()));
        assert_eq!(edits.applied("nginx").unwrap(), format!("nginx@{one}"));
    }
}
