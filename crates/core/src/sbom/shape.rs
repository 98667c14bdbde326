//! How objects and lists of an SBOM are read: member by member and item by item, into what is there already.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::TEXT_BYTES;
use crate::json::{TOO_MANY, Text};

/// What an object is read into.
pub(super) trait Object<'a> {
    /// Its known members, and one for all others.
    type Key: Deserialize<'a>;
    /// What is expected, for errors.
    const WHAT: &'static str;

    /// Reads the value of a member; exactly one value is taken from `map`.
    fn member<A: MapAccess<'a>>(&mut self, key: Self::Key, map: &mut A) -> Result<(), A::Error>;

    /// Takes a string that stands in the object's place; false if none may.
    fn text(&mut self, _text: Cow<'a, str>) -> bool {
        false
    }
}

/// What a list is read into.
pub(super) trait List<'a> {
    /// What is expected, for errors.
    const WHAT: &'static str;

    /// Reads one item; `None` at the end.
    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error>;
}

/// One object; `null` is none.
pub(super) struct One<'s, T>(pub(super) &'s mut T);

impl<'a, T: Object<'a>> DeserializeSeed<'a> for One<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'a, T: Object<'a>> Visitor<'a> for One<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key()? {
            self.0.member(key, &mut map)?;
        }
        Ok(())
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'a str) -> Result<(), E> {
        if self.0.text(Cow::Borrowed(text)) {
            return Ok(());
        }
        Err(E::custom(format_args!(
            "expected {}, found a string",
            T::WHAT
        )))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if self.0.text(Cow::Owned(text.to_owned())) {
            return Ok(());
        }
        Err(E::custom(format_args!(
            "expected {}, found a string",
            T::WHAT
        )))
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The items of a list; `null` is none.
pub(super) struct Each<'s, T>(pub(super) &'s mut T);

impl<'a, T: List<'a>> DeserializeSeed<'a> for Each<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'a, T: List<'a>> Visitor<'a> for Each<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        while self.0.item(&mut list)?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A list of strings.
pub(super) struct Texts<'a>(pub(super) Vec<Cow<'a, str>>);

impl<'a> List<'a> for Texts<'a> {
    const WHAT: &'static str = "a list of strings";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        let Some(text) = list.next_element::<Text<'a>>()? else {
            return Ok(None);
        };
        let text = bounded::<A::Error>(text.into())?;
        push(&mut self.0, text, super::ENTRIES)?;
        Ok(Some(()))
    }
}

/// A list of which only the number of items matters.
#[derive(Default)]
pub(super) struct Count(pub(super) usize);

impl<'a> List<'a> for Count {
    const WHAT: &'static str = "a list";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        let item = list.next_element::<IgnoredAny>()?;
        self.0 += usize::from(item.is_some());
        Ok(item.map(drop))
    }
}

/// The string of a member; `null` is none.
pub(super) fn text<'a, A: MapAccess<'a>>(map: &mut A) -> Result<Option<Cow<'a, str>>, A::Error> {
    let text = map.next_value::<Option<Text<'a>>>()?;
    text.map(|text| bounded(text.into())).transpose()
}

/// As [`text`], where an empty string says nothing.
pub(super) fn said<'a, A: MapAccess<'a>>(map: &mut A) -> Result<Option<Cow<'a, str>>, A::Error> {
    Ok(text(map)?.filter(|text| !text.chars().all(char::is_whitespace)))
}

/// Passes over the value of a member.
pub(super) fn skip<'a, A: MapAccess<'a>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

pub(super) fn bounded<E: serde::de::Error>(text: Cow<'_, str>) -> Result<Cow<'_, str>, E> {
    if text.len() > TEXT_BYTES {
        return Err(E::custom(format_args!(
            "{TOO_MANY}: more than {TEXT_BYTES} bytes in one text"
        )));
    }
    Ok(text)
}

/// Grows by a quarter: half of a doubled list of components would be megabytes of nothing.
pub(super) fn push<T, E: serde::de::Error>(
    list: &mut Vec<T>,
    item: T,
    most: usize,
) -> Result<(), E> {
    if list.len() == most {
        return Err(E::custom(format_args!("{TOO_MANY}: more than {most}")));
    }
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 4 + 8);
    }
    list.push(item);
    Ok(())
}

/// An object of which one member matters: its name.
#[derive(Default)]
pub(super) struct Named<'a>(pub(super) Option<Cow<'a, str>>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
pub(super) enum NamedKey {
    Name,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for Named<'a> {
    type Key = NamedKey;
    const WHAT: &'static str = "an object with a name";

    fn member<A: MapAccess<'a>>(&mut self, key: NamedKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            NamedKey::Name => self.0 = said(map)?,
            NamedKey::Other => skip(map)?,
        }
        Ok(())
    }
}

/// The name of an object that is the value of a member.
pub(super) fn named<'a, A: MapAccess<'a>>(map: &mut A) -> Result<Option<Cow<'a, str>>, A::Error> {
    let mut named = Named::default();
    map.next_value_seed(One(&mut named))?;
    Ok(named.0)
}

/// The index of what is pushed next.
pub(super) fn index<T, E: serde::de::Error>(list: &[T]) -> Result<u32, E> {
    u32::try_from(list.len()).map_err(|_| E::custom(TOO_MANY))
}
