//! The images of a PodSpec (Kubernetes API reference, `PodSpec` v1 core).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::outline::Node;
use super::{ImageField, ImageRole, ObjectError, pulls};
use crate::text::safe;

/// The lists of containers, in the order in which they run.
const CONTAINERS: [(&str, ImageRole); 3] = [
    ("initContainers", ImageRole::InitContainer),
    ("containers", ImageRole::Container),
    ("ephemeralContainers", ImageRole::EphemeralContainer),
];

/// Keeps what is looked at in a PodSpec: here, and by [`PodPulls`](super::PodPulls).
pub(super) fn draw(spec: &mut Node) {
    for (list, _) in CONTAINERS {
        let container = spec.named(list).items();
        container.named("name").keep();
        container.named("image").keep();
    }
    let volume = spec.named("volumes").items();
    volume.named("name").keep();
    volume.named("image").named("reference").keep();
    pulls::draw(spec);
}

/// A PodSpec and its place in an object.
pub(super) struct PodFields<'a> {
    place: &'a str,
    spec: &'a Map<String, Value>,
}

impl<'a> PodFields<'a> {
    pub(super) fn new(place: &'a str, spec: &'a Value) -> Result<Self, ObjectError> {
        match spec {
            Value::Object(spec) => Ok(Self { place, spec }),
            other => Err(ObjectError::shape(place, "an object", other)),
        }
    }

    /// Every image of the spec. A spec without `containers` runs nothing and is none.
    pub(super) fn collect(&self, found: &mut Vec<ImageField>) -> Result<(), ObjectError> {
        for (name, role) in CONTAINERS {
            let list = self.list(name)?;
            if role == ImageRole::Container && list.is_empty() {
                return Err(ObjectError::Missing(self.within(name)));
            }
            let mut seen = BTreeSet::new();
            for (number, container) in list.iter().enumerate() {
                let place = format!("{}[{number}]", self.within(name));
                let container = object(&place, container)?;
                let field = ImageField {
                    path: format!("{place}.image"),
                    list: self.within(name),
                    name: own_name(&place, container)?,
                    role,
                    image: image(container, "image", &place)?,
                };
                if field
                    .name
                    .as_deref()
                    .is_some_and(|own| !seen.insert(own.to_owned()))
                {
                    return Err(self.twins(name, &field));
                }
                found.push(field);
            }
        }
        self.volumes(found)
    }

    fn volumes(&self, found: &mut Vec<ImageField>) -> Result<(), ObjectError> {
        let mut seen = BTreeSet::new();
        for (number, volume) in self.list("volumes")?.iter().enumerate() {
            let place = format!("{}[{number}]", self.within("volumes"));
            let volume = object(&place, volume)?;
            let source = match volume.get("image") {
                Some(Value::Null) | None => continue,
                Some(source) => source,
            };
            let inner = format!("{place}.image");
            let source = object(&inner, source)?;
            let field = ImageField {
                path: format!("{inner}.reference"),
                list: self.within("volumes"),
                name: own_name(&place, volume)?,
                role: ImageRole::Volume,
                image: image(source, "reference", &inner)?,
            };
            if field
                .name
                .as_deref()
                .is_some_and(|own| !seen.insert(own.to_owned()))
            {
                return Err(self.twins("volumes", &field));
            }
            found.push(field);
        }
        Ok(())
    }

    /// What `name` lists; nothing where it is missing or null, as Kubernetes reads it.
    fn list(&self, name: &str) -> Result<&'a [Value], ObjectError> {
        match self.spec.get(name) {
            Some(Value::Null) | None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(ObjectError::shape(&self.within(name), "a list", other)),
        }
    }

    fn within(&self, name: &str) -> String {
        format!("{}.{name}", self.place)
    }

    fn twins(&self, list: &str, field: &ImageField) -> ObjectError {
        ObjectError::Twins {
            path: self.within(list),
            name: safe(field.name.as_deref().unwrap_or_default()),
        }
    }
}

fn object<'a>(place: &str, value: &'a Value) -> Result<&'a Map<String, Value>, ObjectError> {
    match value {
        Value::Object(fields) => Ok(fields),
        other => Err(ObjectError::shape(place, "an object", other)),
    }
}

fn own_name(place: &str, of: &Map<String, Value>) -> Result<Option<String>, ObjectError> {
    match of.get("name") {
        Some(Value::Null) | None => Ok(None),
        Some(Value::String(name)) => Ok(Some(name.clone())),
        Some(other) => Err(ObjectError::shape(
            &format!("{place}.name"),
            "a string",
            other,
        )),
    }
}

fn image(of: &Map<String, Value>, field: &str, place: &str) -> Result<String, ObjectError> {
    let path = format!("{place}.{field}");
    match of.get(field) {
        Some(Value::String(image)) if !image.is_empty() => Ok(image.clone()),
        Some(Value::String(_) | Value::Null) | None => Err(ObjectError::NoImage(path)),
        Some(other) => Err(ObjectError::shape(&path, "a string", other)),
    }
}
