//! JSON without twins: two readers must not see two documents under one signature.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::clip;

/// Levels of nesting. TUF metadata has 6.
const MAX_DEPTH: usize = 24;

/// Walks a document once: no key twice in one object, no deep nesting, nothing behind it.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Level(MAX_DEPTH)
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| clip(&error.to_string()))
}

/// So many levels may follow.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn below<E: de::Error>(self) -> Result<Self, E> {
        let below = self.0.checked_sub(1).map(Self);
        below.ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
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
        let below = self.below()?;
        while items.next_element_seed(below)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let below = self.below()?;
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if seen.contains(&key) {
                let key = clip(&key);
                return Err(de::Error::custom(format_args!("duplicate key `{key}`")));
            }
            seen.insert(key);
            entries.next_value_seed(below)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn twins_depth_and_what_follows_are_refused() {
        assert!(check(br#"{"a": [1, -1, 1.5, "x", null, true], "b": {"a": 1}}"#).is_ok());
        for bad in [
            &br#"{"a": 1, "\u0061": 2}"#[..],
            br#"{"x": [{"a": 1, "a": 1}]}"#,
            b"{} {}",
            b"{",
            b"",
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(check(nested(24).as_bytes()).is_ok());
        assert!(check(nested(25).as_bytes()).is_err());
    }
}
