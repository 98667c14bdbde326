//! JSON that keeps what a mutator needs: the order of members, and twins among them.

use std::fmt;

/// A JSON value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// In the digits that are written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// One step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Member(String),
    Index(usize),
}

/// Where a value stands in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Json {
    /// Reads one document and nothing behind it.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number that protobuf reads here: digits, quoted or not.
    pub(crate) fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Number(digits) | Self::Text(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The last member of that name, as most readers take it.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let mut members = self.members().iter().rev();
        members.find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The member of that name unless it is null, which protobuf takes for absent.
    pub(crate) fn present(&self, name: &str) -> Option<&Self> {
        self.get(name).filter(|value| **value != Self::Null)
    }

    pub(crate) fn at(&self, path: &Path) -> Option<&Self> {
        path.0.iter().try_fold(self, |value, step| match step {
            Step::Member(name) => value.get(name),
            Step::Index(index) => value.items().get(*index),
        })
    }

    pub(crate) fn at_mut(&mut self, path: &Path) -> Option<&mut Self> {
        path.0
            .iter()
            .try_fold(self, |value, step| match (step, value) {
                (Step::Member(name), Self::Object(members)) => members
                    .iter_mut()
                    .rev()
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value),
                (Step::Index(index), Self::List(items)) => items.get_mut(*index),
                _ => None,
            })
    }

    /// Whether some object has two members of one name.
    pub(crate) fn has_twins(&self) -> bool {
        let members = self.members();
        let twin = members
            .iter()
            .enumerate()
            .any(|(at, (name, _))| members[..at].iter().any(|(other, _)| other == name));
        twin || members.iter().any(|(_, value)| value.has_twins())
            || self.items().iter().any(Self::has_twins)
    }

    /// Every value inside, outermost first.
    pub(crate) fn paths(&self) -> Vec<Path> {
        let mut found = Vec::new();
        self.walk(&Path(Vec::new()), &mut found);
        found
    }

    fn walk(&self, at: &Path, found: &mut Vec<Path>) {
        let members = self
            .members()
            .iter()
            .map(|(name, value)| (Step::Member(name.clone()), value));
        let items = self
            .items()
            .iter()
            .enumerate()
            .map(|(index, value)| (Step::Index(index), value));
        for (step, value) in members.chain(items) {
            let path = at.then(step);
            found.push(path.clone());
            value.walk(&path, found);
        }
    }
}

impl Path {
    /// By member names with dots between them; `[0]` is an index.
    pub(crate) fn of(text: &str) -> Self {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let mut pieces = part.split('[');
            steps.extend(pieces.next().map(|name| Step::Member(name.to_owned())));
            for index in pieces {
                let index = index.trim_end_matches(']').parse();
                steps.push(Step::Index(index.expect("an index is a number")));
            }
        }
        Self(steps)
    }

    pub(crate) fn then(&self, step: Step) -> Self {
        Self([self.0.as_slice(), &[step]].concat())
    }

    /// Where the value's container stands, and the way from there.
    pub(crate) fn split(&self) -> Option<(Self, &Step)> {
        let (last, parent) = self.0.split_last()?;
        Some((Self(parent.to_vec()), last))
    }

    /// The name of the last member on the way.
    pub(crate) fn name(&self) -> &str {
        let mut steps = self.0.iter().rev();
        steps
            .find_map(|step| match step {
                Step::Member(name) => Some(name.as_str()),
                Step::Index(_) => None,
            })
            .unwrap_or_default()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Member(name) if at == 0 => formatter.write_str(name)?,
                Step::Member(name) => write!(formatter, ".{name}")?,
                Step::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Bool(value) => write!(formatter, "{value}"),
            Self::Number(digits) => formatter.write_str(digits),
            Self::Text(text) => quoted(text, formatter),
            Self::List(items) => {
                formatter.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(formatter, "{comma}{item}")?;
                }
                formatter.write_str("]")
            }
            Self::Object(members) => {
                formatter.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    formatter.write_str(if at == 0 { "" } else { "," })?;
                    quoted(name, formatter)?;
                    write!(formatter, ":{value}")?;
                }
                formatter.write_str("}")
            }
        }
    }
}

fn quoted(text: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let quoted = serde_json::to_string(text).map_err(|_| fmt::Error)?;
    formatter.write_str(&quoted)
}

impl<'de> serde::Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> serde::de::Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::text(text))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut object: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = object.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        let text = r#"{"b":[1,"x",null,{"a":true,"a":-2}],"a":"\"é\n"}"#;
        let json = Json::parse(text.as_bytes()).unwrap();
        assert_eq!(json.to_string(), text);
        assert!(json.has_twins());
        let paths: Vec<String> = json.paths().iter().map(Path::to_string).collect();
        assert_eq!(
            paths,
            ["b", "b[0]", "b[1]", "b[2]", "b[3]", "b[3].a", "b[3].a", "a"]
        );
        assert_eq!(
            json.at(&Path::of("b[3].a")),
            Some(&Json::Number("-2".into()))
        );
        assert!(Json::parse(b"{} {}").is_none());
    }
}
