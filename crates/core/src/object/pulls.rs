//! What the images of a PodSpec are pulled with (Kubernetes API reference, `PodSpec` v1 core: `imagePullSecrets`, `serviceAccountName`).

use serde_json::{Map, Value};

use super::outline::Node;
use super::{ObjectError, indexed};

/// The service account, and the name that the field had before Kubernetes 1.0, which means the same.
const ACCOUNTS: [&str; 2] = ["serviceAccountName", "serviceAccount"];

/// Keeps what is looked at.
pub(super) fn draw(spec: &mut Node) {
    spec.named("imagePullSecrets").items().named("name").keep();
    for name in ACCOUNTS {
        spec.named(name).keep();
    }
}

/// What one PodSpec of an object names for the pulling of its images.
///
/// The names are what somebody wrote: nothing is known of them, not even that they are names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPulls {
    /// What paths of its image fields begin with: `spec.template.spec.`.
    within: String,
    /// The names in `imagePullSecrets`, in their order.
    pub secrets: Vec<String>,
    /// The service account as which it would run, if it names one.
    pub service_account: Option<String>,
}

impl PodPulls {
    /// Those of the PodSpec at this place.
    pub(super) fn of(place: &str, spec: &Value) -> Result<Self, ObjectError> {
        let Value::Object(spec) = spec else {
            return Err(ObjectError::shape(place, "an object", spec));
        };
        let list = format!("{place}.imagePullSecrets");
        let secrets = match spec.get("imagePullSecrets") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => {
                let names = items
                    .iter()
                    .enumerate()
                    .map(|(number, item)| named(&indexed(&list, number), item));
                // The kubelet passes over an entry without a name as well.
                names
                    .filter_map(Result::transpose)
                    .collect::<Result<_, _>>()?
            }
            Some(other) => return Err(ObjectError::shape(&list, "a list", other)),
        };
        let mut accounts = ACCOUNTS.iter().map(|name| text(place, spec, name));
        Ok(Self {
            within: format!("{place}."),
            secrets,
            service_account: accounts.find_map(Result::transpose).transpose()?,
        })
    }

    /// Whether the image that this path leads to stands in the PodSpec.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        path.starts_with(&self.within)
    }
}

/// The name of an entry of `imagePullSecrets`; none where it is empty.
fn named(place: &str, item: &Value) -> Result<Option<String>, ObjectError> {
    match item {
        Value::Object(fields) => text(place, fields, "name"),
        other => Err(ObjectError::shape(place, "an object", other)),
    }
}

/// A text that may be missing; an empty one is.
fn text(place: &str, of: &Map<String, Value>, name: &str) -> Result<Option<String>, ObjectError> {
    match of.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(other) => Err(ObjectError::shape(
            &format!("{place}.{name}"),
            "a string",
            other,
        )),
    }
}
