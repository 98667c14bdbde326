//! Typed reading by the scanner itself: serde's data model, taken from a document in the one pass that also checks it (step 4).
//!
//! What is skipped is checked as well: whoever asks for nothing but a name has still read a document without twins. An object is read
//! only where an object is written: serde's derived structs also take a list of their values in order, so that `"logId": ["…"]` would
//! be read as `"logId": {"keyId": "…"}`. No other reader of these formats does, and two readers must not see two documents under one
//! signature.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::scan::{Fault, Keys, Scanner, scan};
use super::{Bounds, Error};

/// Reads a whole document by `seed`, and checks all of it. A document that breaks the rules of all documents is refused by that, wherever it
/// does: also behind a value of the wrong type.
pub(super) fn read<'a, S: DeserializeSeed<'a>>(
    bytes: &'a [u8],
    bounds: Bounds,
    seed: S,
) -> Result<S::Value, Error> {
    let mut scanner = Scanner::new(bytes, bounds)?;
    scanner.blanks();
    let value = seed.deserialize(&mut scanner);
    let value = value.and_then(|value| scanner.end().map(|()| value));
    value.map_err(|fault| match scan(bytes, bounds) {
        Err(breach) => breach,
        Ok(_) => fault.placed_at(scanner.at),
    })
}

impl std::error::Error for Error {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Box::new(Error::typed(&why.to_string()))
    }
}

impl<'a> Scanner<'a> {
    /// The string that stands here, as `visitor` wants it.
    #[inline]
    fn text<V: Visitor<'a>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        self.string()?;
        match self.decoded(self.last)? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    /// A number's value is serde_json's affair.
    fn numeric<V: Visitor<'a>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        let start = self.at;
        self.number()?;
        let mut reader = serde_json::Deserializer::from_slice(self.since(start));
        Ok(reader.deserialize_any(visitor).map_err(Error::from)?)
    }

    fn list<V: Visitor<'a>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        self.enter()?;
        let mut items = Items {
            scanner: self,
            begun: false,
            ended: false,
        };
        let value = visitor.visit_seq(&mut items)?;
        if !items.ended && items.next()? {
            return Err(de::Error::custom("more items than are expected"));
        }
        self.leave();
        Ok(value)
    }

    fn object_for<V: Visitor<'a>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        self.enter()?;
        let keys = self.keys();
        let mut members = Members {
            scanner: self,
            keys,
            ended: false,
        };
        let value = visitor.visit_map(&mut members)?;
        if !members.ended && members.next()? {
            return Err(de::Error::custom("more members than are expected"));
        }
        self.leave();
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for &mut Scanner<'de> {
    type Error = Fault;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.peek() {
            Some(b'"') => self.text(visitor),
            Some(b'{') => self.object_for(visitor),
            Some(b'[') => self.list(visitor),
            Some(b'-' | b'0'..=b'9') => self.numeric(visitor),
            Some(b't') => self.word(b"true").and_then(|()| visitor.visit_bool(true)),
            Some(b'f') => self.word(b"false").and_then(|()| visitor.visit_bool(false)),
            Some(b'n') => self.word(b"null").and_then(|()| visitor.visit_unit()),
            _ => Err(self.unexpected("a value")),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.peek() == Some(b'n') {
            self.word(b"null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    /// A list is no struct, and is refused by what was expected in its place.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if self.peek() == Some(b'[') {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &visitor));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    /// Only the names of variants without content are read.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a string"));
        }
        self.string()?;
        let name = self.decoded(self.last)?;
        visitor.visit_enum(name.into_deserializer())
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.value()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier
    }
}

/// The items of an array that is open.
struct Items<'s, 'a> {
    scanner: &'s mut Scanner<'a>,
    begun: bool,
    ended: bool,
}

impl Items<'_, '_> {
    /// Whether another item stands here.
    #[inline]
    fn next(&mut self) -> Result<bool, Fault> {
        if self.ended {
            return Ok(false);
        }
        self.ended = !self.scanner.next_item(self.begun)?;
        self.begun = true;
        Ok(!self.ended)
    }
}

impl<'a> SeqAccess<'a> for &mut Items<'_, 'a> {
    type Error = Fault;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        if !self.next()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.scanner).map(Some)
    }
}

/// The members of an object that is open.
struct Members<'s, 'a> {
    scanner: &'s mut Scanner<'a>,
    keys: Keys<'a>,
    ended: bool,
}

impl Members<'_, '_> {
    /// Whether another member stands here: its key is the scanner's last string then.
    #[inline]
    fn next(&mut self) -> Result<bool, Fault> {
        if self.ended {
            return Ok(false);
        }
        self.ended = !self.scanner.next_key(&mut self.keys)?;
        Ok(!self.ended)
    }
}

impl<'a> MapAccess<'a> for &mut Members<'_, 'a> {
    type Error = Fault;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        if !self.next()? {
            return Ok(None);
        }
        let key = match self.scanner.decoded(self.scanner.last)? {
            Cow::Borrowed(key) => seed.deserialize(BorrowedStrDeserializer::new(key)),
            Cow::Owned(key) => seed.deserialize(key.into_deserializer()),
        };
        key.map(Some)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(&mut *self.scanner)
    }
}

#[cfg(test)]
mod tests;
