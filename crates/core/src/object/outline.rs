//! What of an object is kept when it is read: the fields that somebody looks at. Most of what the API server sends is looked at by nobody, and to build it
//! takes more time than to check it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

/// The parts of objects that are built when they are read ([`parse_object_with`](super::parse_object_with)). All else is checked like them, and passed over.
///
/// What is looked for at a place is there or is not, and is of the same type, as in the whole object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline(Node);

/// A place in objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// Everything that stands there is kept.
    is_whole: bool,
    /// Fields of an object that stands there.
    names: BTreeMap<String, Node>,
    /// The items of a list that stands there.
    items: Option<Box<Node>>,
}

impl Node {
    /// A field of the object that stands here.
    pub(super) fn named(&mut self, name: &str) -> &mut Self {
        self.names.entry(name.to_owned()).or_default()
    }

    /// Each item of the list that stands here.
    pub(super) fn items(&mut self) -> &mut Self {
        self.items.get_or_insert_default()
    }

    pub(super) const fn keep(&mut self) {
        self.is_whole = true;
    }
}

impl Outline {
    /// All of any object.
    #[must_use]
    pub fn whole() -> Self {
        Self(Node {
            is_whole: true,
            ..Node::default()
        })
    }

    /// What `draw` keeps.
    pub(super) fn new(draw: impl FnOnce(&mut Node)) -> Self {
        let mut root = Node::default();
        draw(&mut root);
        Self(root)
    }

    /// With all that stands in the field that these names lead to, one in the other.
    #[must_use]
    pub fn with(mut self, names: &[&str]) -> Self {
        let mut node = &mut self.0;
        for name in names {
            node = node.named(name);
        }
        node.keep();
        self
    }
}

impl<'de> DeserializeSeed<'de> for &Outline {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        Part(&self.0).deserialize(reader)
    }
}

/// Reads what stands at a place.
struct Part<'a>(&'a Node);

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        match self.0.is_whole {
            true => Value::deserialize(reader),
            false => reader.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(member) = members.next_key_seed(Member(&self.0.names))? {
            match member {
                Some((name, inner)) => {
                    let value = members.next_value_seed(Part(inner))?;
                    kept.insert(name.clone(), value);
                }
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Value::Object(kept))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        match &self.0.items {
            Some(inner) => {
                while let Some(item) = items.next_element_seed(Part(inner))? {
                    kept.push(item);
                }
            }
            None => while items.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(Value::Array(kept))
    }

    // What is neither is of the wrong type to whoever looks there, and is named by it.

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(Value::Bool(it))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

/// Which field a name is of; none if it is not kept.
struct Member<'a>(&'a BTreeMap<String, Node>);

impl<'de, 'a> DeserializeSeed<'de> for Member<'a> {
    type Value = Option<(&'a String, &'a Node)>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_identifier(self)
    }
}

impl<'a> Visitor<'_> for Member<'a> {
    type Value = Option<(&'a String, &'a Node)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    #[inline]
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.get_key_value(name))
    }
}
