//! From the texts of manifests to the images in them, each with its place.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use countersign::ManifestText;
use countersign_core::{DocumentError, ImageFields, ImageRef, Located, ManifestObject, Namespace};

use super::judge::Key;
use crate::args::Labels;
use crate::escape::escaped;

/// Where an image is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// The file as it was typed or found; `-` for standard input.
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// `Deployment.apps shop/web`.
    pub(crate) object: String,
    /// `spec.template.spec.containers[0].image`.
    pub(crate) field: String,
    /// `container`, `init-container`, …
    pub(crate) role: &'static str,
}

/// One image of a manifest.
#[derive(Debug, Clone)]
pub(crate) struct FoundImage {
    pub(crate) written: Written,
    pub(crate) image: ImageRef,
    /// The namespace of its object, if one is written or typed.
    pub(crate) namespace: Option<String>,
    /// Which input, and the value in it: for changing it.
    pub(crate) input: usize,
    pub(crate) node: Located,
}

/// Everything that was found in the inputs.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) images: Vec<FoundImage>,
    /// How many objects there were, with images or without.
    pub(crate) objects: usize,
    /// What cannot be read, one line each with file, line and column: nothing may be judged then.
    pub(crate) wrong: Vec<String>,
    /// What was read and may have been meant otherwise, one line each.
    pub(crate) doubts: Vec<String>,
    labels: BTreeMap<String, (BTreeMap<String, String>, String)>,
}

/// What is typed about namespaces: the one of objects that name none, with its labels.
#[derive(Debug, Clone, Default)]
pub(crate) struct TypedNamespace {
    pub(crate) name: Option<String>,
    pub(crate) labels: Option<BTreeMap<String, String>>,
}

impl TypedNamespace {
    pub(crate) fn new(name: Option<String>, labels: Option<Labels>) -> Self {
        Self {
            name,
            labels: labels.map(|it| it.0),
        }
    }
}

impl FoundImage {
    /// What makes two images the same question.
    pub(crate) fn key(&self) -> Key {
        (self.image.written().to_owned(), self.namespace.clone())
    }
}

impl Found {
    /// Reads one document.
    pub(crate) fn document(
        &mut self,
        number: usize,
        input: &ManifestText,
        document: &Located,
        fields: &ImageFields,
        typed: &TypedNamespace,
    ) -> Result<(), DocumentError> {
        for object in ManifestObject::all(document)? {
            self.objects += 1;
            if let Some(labels) = object.namespace_labels()? {
                let name = object.name.clone().unwrap_or_default();
                self.label(input, &object, name, labels)?;
            }
            let suspects = object.suspects(fields);
            if let Some(first) = suspects.first() {
                let kind = escaped(&object.kind.to_string(), 200);
                let what = format!(
                    "nothing is known about images in objects of the kind {kind}, so that {} fields `image` are not judged, the first here; \
                     say where its images are by --image-field or --pod-spec-field",
                    suspects.len()
                );
                self.doubt(input, (first.line, first.column), &what);
            }
            for placed in object.images(fields)? {
                let (line, column) = (placed.at.line, placed.at.column);
                let image = ImageRef::parse(&placed.field.image).map_err(|error| {
                    let image = escaped(&placed.field.image, 200);
                    DocumentError {
                        line,
                        column,
                        message: format!("`{image}` in {} is no image: {error}", placed.field.path),
                    }
                });
                let image = match image {
                    Ok(image) => image,
                    Err(error) => {
                        self.wrong(input, &error);
                        continue;
                    }
                };
                self.images.push(FoundImage {
                    written: Written {
                        file: input.name.clone(),
                        line,
                        column,
                        object: label(&object),
                        field: placed.field.path,
                        role: placed.field.role.as_str(),
                    },
                    image,
                    namespace: object.namespace.clone().or_else(|| typed.name.clone()),
                    input: number,
                    node: placed.written,
                });
            }
        }
        Ok(())
    }

    /// The namespace of a found image with the labels that are known.
    pub(crate) fn namespace(&self, name: &str, typed: &TypedNamespace) -> Namespace {
        let namespace = Namespace::new(name);
        let typed = typed
            .labels
            .as_ref()
            .filter(|_| typed.name.as_deref() == Some(name));
        match typed.or_else(|| self.labels.get(name).map(|(labels, _)| labels)) {
            Some(labels) => namespace.labelled(labels.clone()),
            None => namespace,
        }
    }

    /// A Namespace of the input; two that differ leave nobody to know which counts.
    fn label(
        &mut self,
        input: &ManifestText,
        object: &ManifestObject<'_>,
        name: String,
        labels: BTreeMap<String, String>,
    ) -> Result<(), DocumentError> {
        let (line, column) = (object.at.line, object.at.column);
        let here = format!("{}:{line}", input.name);
        match self.labels.entry(name) {
            Entry::Vacant(free) => {
                free.insert((labels, here));
            }
            Entry::Occupied(taken) if taken.get().0 == labels => {}
            Entry::Occupied(taken) => {
                let message = format!(
                    "the Namespace {} has other labels than the one in {}",
                    escaped(taken.key(), 200),
                    escaped(&taken.get().1, 300)
                );
                return Err(DocumentError {
                    line,
                    column,
                    message,
                });
            }
        }
        Ok(())
    }

    pub(crate) fn wrong(&mut self, input: &ManifestText, error: &DocumentError) {
        let place = (error.line, error.column);
        self.wrong.push(told(input, place, &error.message));
    }

    pub(crate) fn doubt(&mut self, input: &ManifestText, place: (usize, usize), what: &str) {
        self.doubts.push(told(input, place, what));
    }
}

fn told(input: &ManifestText, (line, column): (usize, usize), what: &str) -> String {
    let name = escaped(&input.name, 300);
    format!("{name}:{line}:{column}: {}", escaped(what, 800))
}

/// `Deployment.apps shop/web`.
fn label(object: &ManifestObject<'_>) -> String {
    let name = object.name.as_deref().unwrap_or("(no name)");
    match &object.namespace {
        Some(namespace) => format!("{} {namespace}/{name}", object.kind),
        None => format!("{} {name}", object.kind),
    }
}
