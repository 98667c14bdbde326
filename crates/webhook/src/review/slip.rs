//! What has to be known of a question before there is the time to read it.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{BadReview, MOST_UID, Review};

/// Whose turn a question is, and to whom it could be said that there is no room.
///
/// It is read only as far as to know this, which is before the objects in what the API server sends: under overload most questions are answered by
/// nothing else, and each of them takes time from those that are judged. Nothing is judged by it: a question that is let in is read whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Slip {
    pub(crate) uid: String,
    pub(crate) namespace: Option<String>,
}

impl Slip {
    /// Of a question that was read.
    pub(crate) fn of(review: &Review) -> Self {
        Self {
            uid: review.uid.clone(),
            namespace: review.namespace.clone(),
        }
    }

    /// Of a body, of which nothing is looked at that comes after both fields.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, BadReview> {
        let mut found = Found::default();
        let mut reader = serde_json::Deserializer::from_slice(body);
        let read = Outer(&mut found).deserialize(&mut reader);
        // Whoever stops in the middle of an object has an error from the reader, which says nothing then.
        let read = match found.is_complete() {
            true => Ok(()),
            false => read.and_then(|()| reader.end()),
        };
        read.map_err(|error| BadReview::Json(countersign_core::printable(&error.to_string())))?;
        if !found.request {
            return Err(BadReview::NoRequest);
        }
        let uid = found.uid.unwrap_or_default();
        if uid.is_empty() || uid.chars().count() > MOST_UID {
            return Err(BadReview::NoUid);
        }
        Ok(Self {
            uid,
            namespace: found.namespace.flatten(),
        })
    }
}

#[derive(Default)]
struct Found {
    request: bool,
    uid: Option<String>,
    namespace: Option<Option<String>>,
}

impl Found {
    const fn is_complete(&self) -> bool {
        self.uid.is_some() && self.namespace.is_some()
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    Request,
    Uid,
    Namespace,
    #[serde(other)]
    Other,
}

/// The AdmissionReview.
struct Outer<'a>(&'a mut Found);

/// Its `request`.
struct Request<'a>(&'a mut Found);

impl<'de> DeserializeSeed<'de> for Outer<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Outer<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AdmissionReview")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key()? {
            match field {
                Field::Request => map.next_value_seed(Request(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Request<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Request<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.request = true;
        while !self.0.is_complete() {
            match map.next_key()? {
                Some(Field::Uid) => self.0.uid = Some(map.next_value()?),
                Some(Field::Namespace) => self.0.namespace = Some(map.next_value()?),
                Some(_) => drop(map.next_value::<IgnoredAny>()?),
                None => break,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use countersign_core::Outline;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_read_as_far_as_it_needs_and_wherever_it_stands() {
        for (body, wanted) in [
            // As the API server writes it: nothing after the namespace matters.
            (
                r#"{"kind":"AdmissionReview","request":{"uid":"u","name":"x","namespace":"shop","object":{"#,
                Some(Some("shop")),
            ),
            (
                r#"{"request":{"namespace":"shop","object":{"uid":"no","namespace":"no"},"uid":"u"#,
                None,
            ),
            (
                r#"{"request":{"object":{"uid":"no","namespace":"no"},"namespace":"shop","uid":"u"},"kind":1}"#,
                Some(Some("shop")),
            ),
            // Objects of the whole cluster have none.
            (
                r#"{"request":{"uid":"u","object":{"namespace":"no"}}}"#,
                Some(None),
            ),
            (
                r#"{"request":{"uid":"u","namespace":null,"object":{"#,
                Some(None),
            ),
        ] {
            let read = Slip::from_json(body.as_bytes());
            let Some(namespace) = wanted else {
                assert!(matches!(read, Err(BadReview::Json(_))), "{body}");
                continue;
            };
            let wanted = Slip {
                uid: "u".to_owned(),
                namespace: namespace.map(str::to_owned),
            };
            assert_eq!(read.unwrap(), wanted, "{body}");
        }
    }

    #[test]
    fn what_has_no_uid_is_told_so() {
        let long = format!(
            r#"{{"request":{{"uid":"{}","namespace":"a"}}}}"#,
            "x".repeat(129)
        );
        for (body, wanted) in [
            ("{}", BadReview::NoRequest),
            (r#"{"request":null}"#, BadReview::NoRequest),
            (r#"{"request":{}}"#, BadReview::NoUid),
            (
                r#"{"request":{"uid":"","namespace":"a"}}"#,
                BadReview::NoUid,
            ),
            (long.as_str(), BadReview::NoUid),
        ] {
            assert_eq!(Slip::from_json(body.as_bytes()), Err(wanted), "{body}");
        }
        for body in [
            "",
            "[]",
            "null",
            "{",
            r#"{"request":1}"#,
            r#"{"request":{"uid":1,"namespace":"a"}}"#,
            r#"{"request":{"uid":"u"}} {}"#,
        ] {
            let read = Slip::from_json(body.as_bytes());
            assert!(matches!(read, Err(BadReview::Json(_))), "{body}: {read:?}");
        }
    }

    proptest! {
        /// Whatever can be read whole has the same slip.
        #[test]
        fn it_says_what_the_whole_question_says(
            order in Just(vec!["uid", "kind", "operation", "namespace", "object"]).prop_shuffle(),
            namespace in prop::option::of("[a-z]{0,8}"),
        ) {
            let fields: Vec<String> = order
                .iter()
                .map(|field| match *field {
                    "uid" => r#""uid":"u-1""#.to_owned(),
                    "kind" => r#""kind":{"group":"","kind":"Pod"}"#.to_owned(),
                    "operation" => r#""operation":"CREATE""#.to_owned(),
                    "namespace" => format!(r#""namespace":{}"#, serde_json::json!(namespace)),
                    _ => r#""object":{"uid":"no","namespace":"no"}"#.to_owned(),
                })
                .collect();
            let body = format!(
                r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{{}}}}}"#,
                fields.join(",")
            );
            let whole = Review::from_json(body.as_bytes(), &Outline::whole()).unwrap();
            let slip = Slip::from_json(body.as_bytes()).unwrap();
            prop_assert_eq!(&slip.uid, &whole.uid);
            prop_assert_eq!(slip.namespace.filter(|it| !it.is_empty()), whole.namespace);
        }
    }
}
