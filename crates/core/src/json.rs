//! The strict JSON entry for everything signed or security-relevant (`verification.md`, step 4).
//!
//! Duplicate keys, too deep nesting and trailing data are refused before any typed reading: two readers that pick
//! different twins of a key would see two different documents under one signature.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::objects::Objects;

/// Reads `bytes` as `T` after checking the whole document strictly.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8], max_depth: usize) -> Result<T, String> {
    check(bytes, max_depth)?;
    typed(bytes)
}

/// Reads a document that was checked before.
pub(crate) fn typed<'de, T: serde::Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, String> {
    T::deserialize(Objects(&mut serde_json::Deserializer::from_slice(bytes)))
        .map_err(|error| crate::digest::clip(&error.to_string()))
}

/// protobuf's JSON form reads `null` as "not set" (ProtoJSON, "null"): for fields that may be missing.
pub(crate) fn null_is_default<'de, D, T>(reader: D) -> Result<T, D::Error>
where
    D: de::Deserializer<'de>,
    T: Default + serde::Deserialize<'de>,
{
    Option::<T>::deserialize(reader).map(Option::unwrap_or_default)
}

/// Walks the document once: no duplicate keys, at most `max_depth` levels, nothing behind it.
pub(crate) fn check(bytes: &[u8], max_depth: usize) -> Result<(), String> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Walk { depth: max_depth }
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| crate::digest::clip(&error.to_string()))
}

#[derive(Clone, Copy)]
struct Walk {
    depth: usize,
}

impl Walk {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth }),
            None => Err(E::custom("nested too deeply")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<std::borrow::Cow<'de, str>>()? {
            if let Some(twin) = seen.replace(key) {
                return Err(de::Error::custom(format_args!(
                    "duplicate key `{}`",
                    crate::digest::clip(&twin)
                )));
            }
            entries.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn refuses_twins_depth_and_trailing_data() {
        assert!(check(br#"{"a": 1, "b": [{"a": "x"}, null, 1.5, true]}"#, 8).is_ok());
        assert!(check(br#"{"a": 1, "\u0061": 2}"#, 8).is_err());
        assert!(check(br#"{"b": [{"a": 1, "a": 1}]}"#, 8).is_err());
        assert!(check(b"[[[[]]]]", 4).is_ok());
        assert!(check(b"[[[[]]]]", 3).is_err());
        assert!(check(b"{} {}", 8).is_err());
        assert!(check(b"", 8).is_err());
        assert!(check(b"{\"a\": NaN}", 8).is_err());
    }
}
