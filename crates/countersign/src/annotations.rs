//! The annotations of a manifest or descriptor.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::error::clip;

/// Texts by their names (OCI image specification, "Annotations"): sorted, each name once. They prove nothing.
///
/// Lists of referrers are kept for as many images as a cluster runs, so this takes no more memory than the texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations(Box<[(Box<str>, Box<str>)]>);

impl Annotations {
    /// The text of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(own, _)| (**own).cmp(name)).ok()?;
        self.0.get(at).map(|(_, text)| &**text)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and texts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (&**name, &**text))
    }
}

/// Of several texts of one name the last.
impl<N: Into<Box<str>>, T: Into<Box<str>>> FromIterator<(N, T)> for Annotations {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(texts: I) -> Self {
        let texts = texts.into_iter();
        let map: BTreeMap<Box<str>, Box<str>> = texts
            .map(|(name, text)| (name.into(), text.into()))
            .collect();
        Self(map.into_iter().collect())
    }
}

impl From<Annotations> for BTreeMap<String, String> {
    fn from(annotations: Annotations) -> Self {
        let texts = annotations.0.into_iter();
        texts
            .map(|(name, text)| (name.into(), text.into()))
            .collect()
    }
}

impl Serialize for Annotations {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

/// A map of strings without twins; `null` is an empty one, as Go's encoder writes it.
impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Unique;

        impl<'de> Visitor<'de> for Unique {
            type Value = Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }

            fn visit_unit<E>(self) -> Result<Annotations, E> {
                Ok(Annotations::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Annotations, A::Error> {
                let mut map = BTreeMap::new();
                while let Some((name, text)) = entries.next_entry::<Box<str>, Box<str>>()? {
                    if map.contains_key(&name) {
                        return Err(de::Error::custom(format_args!(
                            "duplicate annotation `{}`",
                            clip(&name)
                        )));
                    }
                    map.insert(name, text);
                }
                Ok(Annotations(map.into_iter().collect()))
            }
        }

        reader.deserialize_any(Unique)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn texts_are_found_by_name_and_written_as_they_were_read() {
        let read: Annotations = serde_json::from_str(r#"{"b":"2","a":"1","c":""}"#).unwrap();
        assert_eq!(
            ["a", "b", "c", "d"].map(|name| read.get(name)),
            [Some("1"), Some("2"), Some(""), None]
        );
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            r#"{"a":"1","b":"2","c":""}"#
        );
        let map = BTreeMap::from(read.clone());
        assert_eq!(map.into_iter().collect::<Annotations>(), read);
    }

    #[test]
    fn null_is_no_annotations_and_twins_are_refused() {
        let none: Annotations = serde_json::from_str("null").unwrap();
        assert_eq!(none, Annotations::default());
        for wrong in [r#"{"a":"1","a":"1"}"#, r#"{"a":1}"#, "[]", r#""a""#] {
            assert!(
                serde_json::from_str::<Annotations>(wrong).is_err(),
                "{wrong}"
            );
        }
    }
}
