//! Which images a Kubernetes object would run: every field that bears one, of Pods and of everything that makes Pods.
//!
//! The object is a JSON value, as the API server sends it or as YAML reads; nothing of it goes through types that would drop a field they do
//! not know. A kind that is known and cannot be read is an error, never "no images".

mod error;
mod outline;
mod path;
mod pod;
mod pulls;

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::DeserializeSeed;
use serde_json::Value;

use crate::Limits;
pub use error::ObjectError;
pub use outline::Outline;
pub use path::{FieldPath, FieldPathError};
pub(crate) use path::{dotted, indexed};
use pod::PodFields;
pub use pulls::PodPulls;

/// Where PodSpecs stand ([`pod_specs`]).
const POD: &[&str] = &["spec"];
const WORKLOAD: &[&str] = &["spec", "template", "spec"];
const TEMPLATE: &[&str] = &["template", "spec"];
const CRON_JOB: &[&str] = &["spec", "jobTemplate", "spec", "template", "spec"];

/// Containers and volumes of one object: Kubernetes itself takes objects of at most 1.5 MiB, in which there are fewer.
const MOST_IMAGES: usize = 10_000;

/// One field of an object that names an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageField {
    /// Where it stands: `spec.template.spec.containers[0].image`.
    pub path: String,
    /// The list that it stands in, with its place in the object, and no number: `spec.template.spec.containers`.
    list: String,
    /// The container's or the volume's name; none for a configured field.
    pub name: Option<String>,
    /// What the image is for.
    pub role: ImageRole,
    /// What is written there, unchanged.
    pub image: String,
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ImageRole {
    /// One of `containers`.
    Container,
    /// One of `initContainers`, sidecars among them.
    InitContainer,
    /// One of `ephemeralContainers`, which `kubectl debug` adds to what runs.
    EphemeralContainer,
    /// A volume whose content is an image (`volumes[].image`, KEP 4639).
    Volume,
    /// A field of a custom resource that was configured.
    Configured,
}

impl ImageRole {
    /// How it is written in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::InitContainer => "init-container",
            Self::EphemeralContainer => "ephemeral-container",
            Self::Volume => "volume",
            Self::Configured => "configured",
        }
    }
}

impl fmt::Display for ImageRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Group and kind of objects, whatever the version: `apps` and `Deployment`; the core group is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKind {
    /// The API group, `""` for Pods.
    pub group: String,
    /// The kind.
    pub kind: String,
}

/// An object from JSON, or what stands around objects, strictly: without twin keys, of bounded depth and number of keys. What `T` passes over is checked as well.
///
/// # Errors
/// [`ObjectError::Json`].
pub fn parse_object<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<T, ObjectError> {
    parse_object_with(bytes, limits, PhantomData::<T>)
}

/// As [`parse_object`], by a seed that knows what is wanted, such as an [`Outline`].
///
/// # Errors
/// [`ObjectError::Json`].
pub fn parse_object_with<'a, S: DeserializeSeed<'a>>(
    bytes: &'a [u8],
    limits: &Limits,
    seed: S,
) -> Result<S::Value, ObjectError> {
    crate::json::parse_with(bytes, limits, seed)
        .map_err(|error| ObjectError::Json(error.to_string()))
}

impl GroupKind {
    /// Group and kind of an object, from its `apiVersion` and `kind`.
    ///
    /// # Errors
    /// [`ObjectError`] where one of the two is missing or no string.
    pub fn of(object: &Value) -> Result<Self, ObjectError> {
        let Value::Object(fields) = object else {
            return Err(ObjectError::shape("", "an object", object));
        };
        let text = |name: &'static str| match fields.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text.as_str()),
            Some(Value::String(_)) | None => Err(ObjectError::Missing(name.to_owned())),
            Some(other) => Err(ObjectError::shape(name, "a string", other)),
        };
        let (version, kind) = (text("apiVersion")?, text("kind")?);
        Ok(Self {
            group: version
                .split_once('/')
                .map_or_else(String::new, |(group, _)| group.to_owned()),
            kind: kind.to_owned(),
        })
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group.as_str() {
            "" => f.write_str(&self.kind),
            group => write!(f, "{}.{group}", self.kind),
        }
    }
}

/// Where objects of a kind that Kubernetes does not have bear images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    /// Which objects.
    pub of: GroupKind,
    /// Where.
    pub at: FieldPath,
    /// What stands there.
    pub holds: FieldContent,
    /// Whether an object may lack it. Of a field that is not optional, an object without it is an error.
    pub optional: bool,
}

/// What a [`CustomField`] leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldContent {
    /// One image, a string.
    Image,
    /// A PodSpec, of which every image is looked at.
    PodSpec,
}

/// The kinds that Kubernetes has, and those that were configured.
#[derive(Debug, Clone, Default)]
pub struct ImageFields {
    custom: Vec<CustomField>,
}

impl ImageFields {
    /// The kinds that Kubernetes has, and these fields besides. A field of a kind that Kubernetes has is looked at beside the known ones.
    #[must_use]
    pub const fn new(custom: Vec<CustomField>) -> Self {
        Self { custom }
    }

    /// Whether objects of this kind are known to bear images.
    #[must_use]
    pub fn knows(&self, kind: &GroupKind) -> bool {
        pod_specs(kind).is_some() || self.custom.iter().any(|field| field.of == *kind)
    }

    /// What [`of`](Self::of) and [`pulls`](Self::pulls) look at, of objects of all kinds that are known: of an object that is read by it they find what
    /// they find of the whole object, errors included.
    #[must_use]
    pub fn outline(&self) -> Outline {
        Outline::new(|root| {
            for name in ["apiVersion", "kind"] {
                root.named(name).keep();
            }
            for path in [POD, WORKLOAD, TEMPLATE, CRON_JOB] {
                let spec = path.iter().fold(&mut *root, |node, name| node.named(name));
                pod::draw(spec);
            }
            for field in &self.custom {
                let Some(end) = field.at.draw(root) else {
                    continue;
                };
                match field.holds {
                    FieldContent::PodSpec => pod::draw(end),
                    FieldContent::Image => end.keep(),
                }
            }
        })
    }

    /// Every image that the object would run, in the order of the fields; empty for a kind that bears none.
    ///
    /// An `ImageVolume` without a reference, a container without an image and a list that is none are errors: what cannot be read might run.
    ///
    /// # Errors
    /// [`ObjectError`], with the place in the object.
    pub fn of(&self, object: &Value) -> Result<Vec<ImageField>, ObjectError> {
        let kind = GroupKind::of(object)?;
        let mut found = Vec::new();
        if let Some(path) = pod_specs(&kind) {
            let (place, spec) = follow(object, path)?;
            PodFields::new(&place, spec)?.collect(&mut found)?;
        }
        for field in self.custom.iter().filter(|field| field.of == kind) {
            custom(object, field, &mut found)?;
        }
        if found.len() > MOST_IMAGES {
            return Err(ObjectError::TooMany(MOST_IMAGES));
        }
        Ok(found)
    }

    /// What each PodSpec of the object names for pulling its images, in the order in which [`of`](Self::of) looks at them. A configured field that holds one
    /// image belongs to none.
    ///
    /// # Errors
    /// As [`of`](Self::of), and where secrets or a service account cannot be read.
    pub fn pulls(&self, object: &Value) -> Result<Vec<PodPulls>, ObjectError> {
        let kind = GroupKind::of(object)?;
        let mut found = Vec::new();
        if let Some(path) = pod_specs(&kind) {
            let (place, spec) = follow(object, path)?;
            found.push(PodPulls::of(&place, spec)?);
        }
        let holds_specs =
            |field: &&CustomField| field.of == kind && field.holds == FieldContent::PodSpec;
        for field in self.custom.iter().filter(holds_specs) {
            for (place, spec) in field.at.all(object)? {
                found.push(PodPulls::of(&place, spec)?);
            }
        }
        Ok(found)
    }
}

/// Those of `new` that `old` does not have: in the same list, with the same container name, the byte-identical text.
///
/// A container without a name and a configured field are compared by their place.
#[must_use]
pub fn changed_images<'a>(new: &'a [ImageField], old: &[ImageField]) -> Vec<&'a ImageField> {
    let same = |left: &ImageField, right: &ImageField| {
        let placed = match (&left.name, &right.name) {
            (Some(left_name), Some(right_name)) => {
                left_name == right_name && left.list == right.list
            }
            (None, None) => left.path == right.path,
            _ => false,
        };
        placed && left.image == right.image
    };
    new.iter()
        .filter(|field| !old.iter().any(|before| same(field, before)))
        .collect()
}

/// Where objects of a kind that Kubernetes has hold their PodSpec; none for a kind that has none.
///
/// The groups are those that any version of Kubernetes served these kinds in.
fn pod_specs(kind: &GroupKind) -> Option<&'static [&'static str]> {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Pod") => Some(POD),
        ("", "PodTemplate") => Some(TEMPLATE),
        ("", "ReplicationController")
        | ("apps" | "extensions", "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet")
        | ("batch", "Job") => Some(WORKLOAD),
        ("batch", "CronJob") => Some(CRON_JOB),
        _ => None,
    }
}

/// What stands at the end of a path of objects, each of which has to be there.
fn follow<'a>(object: &'a Value, names: &[&str]) -> Result<(String, &'a Value), ObjectError> {
    let mut place = String::new();
    let mut at = object;
    for name in names {
        let Value::Object(fields) = at else {
            return Err(ObjectError::shape(&place, "an object", at));
        };
        if !place.is_empty() {
            place.push('.');
        }
        place.push_str(name);
        at = match fields.get(*name) {
            Some(Value::Null) | None => return Err(ObjectError::Missing(place)),
            Some(inner) => inner,
        };
    }
    Ok((place, at))
}

fn custom(
    object: &Value,
    field: &CustomField,
    found: &mut Vec<ImageField>,
) -> Result<(), ObjectError> {
    let there = field.at.all(object)?;
    if there.is_empty() && !field.optional {
        return Err(ObjectError::NothingThere {
            kind: field.of.to_string(),
            path: field.at.to_string(),
        });
    }
    for (place, value) in there {
        match field.holds {
            FieldContent::PodSpec => PodFields::new(&place, value)?.collect(found)?,
            FieldContent::Image => match value {
                Value::String(image) if image.is_empty() => {
                    return Err(ObjectError::NoImage(place));
                }
                Value::String(image) => found.push(ImageField {
                    list: place.clone(),
                    path: place,
                    name: None,
                    role: ImageRole::Configured,
                    image: image.clone(),
                }),
                other => return Err(ObjectError::shape(&place, "a string", other)),
            },
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
