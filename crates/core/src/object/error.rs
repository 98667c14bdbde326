//! Why an object cannot be read.

use serde_json::Value;

use crate::text::safe;

/// Why it cannot be told which images an object would run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// It is no JSON, or such as two readers could read differently.
    #[error("{0}")]
    Json(String),
    /// A field that every such object has.
    #[error("the object has no `{0}`, so that it cannot be told which images it would run")]
    Missing(String),
    /// Something of another type.
    #[error("`{path}` has to be {expected}, and is {found}")]
    Shape {
        /// Where.
        path: String,
        /// What belongs there.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A container or an image volume without an image.
    #[error("`{0}` names no image")]
    NoImage(String),
    /// Two containers or volumes of one list with one name: which of them a change is about could not be told.
    #[error("`{path}` has two entries named `{name}`")]
    Twins {
        /// The list.
        path: String,
        /// The name.
        name: String,
    },
    /// A field that was configured leads nowhere, so that images could be overlooked.
    #[error(
        "nothing stands at `{path}` of this {kind}, where the configuration says that its images are; correct the path, or say \
         `optional: true` if such an object may have none"
    )]
    NothingThere {
        /// The kind of the object.
        kind: String,
        /// The configured path.
        path: String,
    },
    /// More images than any object has.
    #[error("the object has more than {0} images")]
    TooMany(usize),
}

impl ObjectError {
    /// Where in the object, if it is about one place.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Missing(path)
            | Self::NoImage(path)
            | Self::Shape { path, .. }
            | Self::Twins { path, .. } => Some(path),
            Self::Json(_) | Self::NothingThere { .. } | Self::TooMany(_) => None,
        }
    }

    /// `expected` belongs at `path`, and `found` stands there. An empty path is the object itself.
    pub(super) fn shape(path: &str, expected: &'static str, found: &Value) -> Self {
        Self::Shape {
            path: match path {
                "" => "the object".to_owned(),
                path => safe(path),
            },
            expected,
            found: match found {
                Value::Null => "null",
                Value::Bool(_) => "true or false",
                Value::Number(_) => "a number",
                Value::String(_) => "a string",
                Value::Array(_) => "a list",
                Value::Object(_) => "an object",
            },
        }
    }
}
