//! Where something stands in an object: `spec.steps[*].image`.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::ObjectError;
use super::outline::Node;

/// Characters of a path, and steps that it takes: more than any real resource needs.
const MOST_CHARS: usize = 512;
const MOST_STEPS: usize = 32;

/// A path through an object: names divided by points, `[*]` for every item of a list, `*` for every value of an object, and `["a.b"]` for a
/// name that holds a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Items,
    Values,
}

/// Why a text is no [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no path of a field: {why}; write one such as `spec.steps[*].image`")]
pub struct FieldPathError {
    text: String,
    why: &'static str,
}

impl FieldPath {
    /// Everything that stands at the path, with its place. What is missing or null on the way is not there; what is of another type than the path
    /// says is an error, for an image might be in it.
    pub(super) fn all<'a>(
        &self,
        object: &'a Value,
    ) -> Result<Vec<(String, &'a Value)>, ObjectError> {
        let mut there = vec![(String::new(), object)];
        for step in &self.steps {
            let mut next = Vec::new();
            for (place, value) in there {
                step.take(&place, value, &mut next)?;
            }
            there = next;
        }
        Ok(there)
    }

    /// The place in outlines at which the path ends; none where everything is kept on the way, which a path through all values of an object needs.
    pub(super) fn draw<'a>(&self, root: &'a mut Node) -> Option<&'a mut Node> {
        let mut node = root;
        for step in &self.steps {
            node = match step {
                Step::Name(name) => node.named(name),
                Step::Items => node.items(),
                Step::Values => {
                    node.keep();
                    return None;
                }
            };
        }
        Some(node)
    }
}

/// The place of a field of what stands at `place`.
pub(crate) fn dotted(place: &str, name: &str) -> String {
    match (place, name.contains(['.', '[', '"'])) {
        (_, true) => format!("{place}[{name:?}]"),
        ("", false) => name.to_owned(),
        (_, false) => format!("{place}.{name}"),
    }
}

/// The place of an item of the list at `place`.
pub(crate) fn indexed(place: &str, number: usize) -> String {
    format!("{place}[{number}]")
}

impl Step {
    fn take<'a>(
        &self,
        place: &str,
        value: &'a Value,
        next: &mut Vec<(String, &'a Value)>,
    ) -> Result<(), ObjectError> {
        let dotted = |name: &str| dotted(place, name);
        match (self, value) {
            (Self::Name(name), Value::Object(fields)) => {
                let field = fields.get(name).filter(|field| !field.is_null());
                next.extend(field.map(|field| (dotted(name), field)));
            }
            (Self::Values, Value::Object(fields)) => {
                let filled = fields.iter().filter(|(_, field)| !field.is_null());
                next.extend(filled.map(|(name, field)| (dotted(name), field)));
            }
            (Self::Items, Value::Array(items)) => {
                let filled = items.iter().enumerate().filter(|(_, item)| !item.is_null());
                next.extend(filled.map(|(number, item)| (indexed(place, number), item)));
            }
            (Self::Name(_) | Self::Values, other) => {
                return Err(ObjectError::shape(place, "an object", other));
            }
            (Self::Items, other) => return Err(ObjectError::shape(place, "a list", other)),
        }
        Ok(())
    }
}

impl FromStr for FieldPath {
    type Err = FieldPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why| FieldPathError {
            text: crate::digest::clip(text),
            why,
        };
        if text.chars().count() > MOST_CHARS {
            return Err(wrong("it is longer than 512 characters"));
        }
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let is_first = steps.is_empty();
            let step;
            (step, rest) = Step::split(rest, is_first).map_err(wrong)?;
            steps.push(step);
        }
        match steps.len() {
            0 => Err(wrong("it is empty")),
            1..=MOST_STEPS => Ok(Self { steps }),
            _ => Err(wrong("it has more than 32 steps")),
        }
    }
}

impl Step {
    /// The first step of a text, and what comes after it.
    fn split(text: &str, is_first: bool) -> Result<(Self, &str), &'static str> {
        if let Some(rest) = text.strip_prefix("[*]") {
            return Ok((Self::Items, rest));
        }
        if let Some(rest) = text.strip_prefix("[\"") {
            let (name, rest) = rest.split_once("\"]").ok_or("a `[\"` is not closed")?;
            return match name {
                "" => Err("a name is empty"),
                name => Ok((Self::Name(name.to_owned()), rest)),
            };
        }
        let text = match (text.strip_prefix('.'), is_first) {
            (Some(rest), false) => rest,
            (None, true) => text,
            _ => return Err("names are divided by one point each"),
        };
        let end = text.find(['.', '[']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        match name {
            "" => Err("a name is empty"),
            "*" => Ok((Self::Values, rest)),
            name if name.contains(['*', ']', '"', ' ']) => {
                Err("`*`, brackets and quotes stand alone, as `[*]`, `.*` or `[\"name\"]`")
            }
            name => Ok((Self::Name(name.to_owned()), rest)),
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            let point = if number == 0 { "" } else { "." };
            match step {
                Step::Name(name) if name.contains(['.', '[', ']', '"', '*', ' ']) => {
                    write!(f, "[\"{name}\"]")?;
                }
                Step::Name(name) => write!(f, "{point}{name}")?,
                Step::Values => write!(f, "{point}*")?,
                Step::Items => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}
