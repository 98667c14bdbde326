//! An AdmissionReview as it is written: what is known of it, and of its objects what somebody looks at.

use std::fmt;

use countersign_core::Outline;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

#[derive(Default)]
pub(super) struct Wire {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) request: Option<WireRequest>,
}

pub(super) struct WireRequest {
    pub(super) uid: String,
    pub(super) kind: WireKind,
    pub(super) operation: String,
    pub(super) namespace: Option<String>,
    pub(super) object: Option<Value>,
    pub(super) old_object: Option<Value>,
    pub(super) dry_run: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct WireKind {
    #[serde(default)]
    pub(super) group: String,
    pub(super) kind: String,
}

/// Reads a [`Wire`], and of its objects what the outline keeps. Twins are refused by whoever reads the document.
pub(super) struct Reader<'a>(pub(super) &'a Outline);

/// Reads a [`WireRequest`].
struct RequestReader<'a>(&'a Outline);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    ApiVersion,
    Kind,
    Request,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum RequestField {
    Uid,
    Kind,
    Operation,
    Namespace,
    Object,
    OldObject,
    DryRun,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Wire;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Wire, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Wire;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AdmissionReview")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wire, A::Error> {
        let mut wire = Wire::default();
        while let Some(field) = map.next_key()? {
            match field {
                Field::ApiVersion => wire.api_version = map.next_value()?,
                Field::Kind => wire.kind = map.next_value()?,
                Field::Request => {
                    wire.request = map.next_value_seed(RequestReader(self.0))?;
                }
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(wire)
    }
}

impl<'de> DeserializeSeed<'de> for RequestReader<'_> {
    type Value = Option<WireRequest>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for RequestReader<'_> {
    type Value = Option<WireRequest>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut uid = String::new();
        let (mut kind, mut operation, mut namespace, mut dry_run) = (None, None, None, None);
        let (mut object, mut old_object) = (Value::Null, Value::Null);
        while let Some(field) = map.next_key()? {
            match field {
                RequestField::Uid => uid = map.next_value()?,
                RequestField::Kind => kind = Some(map.next_value()?),
                RequestField::Operation => operation = Some(map.next_value()?),
                RequestField::Namespace => namespace = map.next_value()?,
                RequestField::Object => object = map.next_value_seed(self.0)?,
                RequestField::OldObject => old_object = map.next_value_seed(self.0)?,
                RequestField::DryRun => dry_run = map.next_value()?,
                RequestField::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let there = |object: Value| Some(object).filter(|object| !object.is_null());
        Ok(Some(WireRequest {
            uid,
            kind: kind.ok_or_else(|| A::Error::missing_field("kind"))?,
            operation: operation.ok_or_else(|| A::Error::missing_field("operation"))?,
            namespace,
            object: there(object),
            old_object: there(old_object),
            dry_run,
        }))
    }
}
