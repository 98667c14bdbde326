//! What of the inputs names images: fields of manifests, `images` of a kustomization, mappings in values of Helm.

use countersign::ManifestText;
use countersign_core::{DocumentError, Documents, ImageRef, Located, LocatedValue};

use super::found::{Found, FoundImage, Written};
use super::inputs::{Inputs, Purpose};
use crate::args::values::ValuesPath;
use crate::escape::escaped;
use crate::pin::edit::Slot;

/// One image as it is written in one place.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) found: FoundImage,
    /// Where its digest belongs; none where it has one, or where it cannot be put.
    pub(crate) slot: Option<Slot>,
    pub(crate) is_pinned: bool,
}

/// Reads inputs for what names images.
pub(crate) struct Reader<'a> {
    inputs: &'a Inputs,
    purpose: Purpose,
    /// Which of the paths of values were found in some file.
    used: Vec<bool>,
    /// Doubts, errors and namespaces of manifests.
    pub(crate) found: Found,
    pub(crate) targets: Vec<Target>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(inputs: &'a Inputs, purpose: Purpose) -> Self {
        Self {
            inputs,
            purpose,
            used: vec![false; inputs.values.len()],
            found: Found::default(),
            targets: Vec::new(),
        }
    }

    /// Reads one input; a document that cannot be read hides no other.
    pub(crate) fn read(&mut self, number: usize, input: &ManifestText) {
        for document in Documents::new(&input.text) {
            let read = document.and_then(|document| {
                if is_kustomization(&input.name, &document) {
                    self.kustomization(number, input, &document)
                } else if !self.inputs.values.is_empty() && document.get("apiVersion").is_none() {
                    self.helm_values(number, input, &document)
                } else {
                    self.manifest(number, input, &document)
                }
            });
            if let Err(error) = read {
                self.found.wrong(input, &error);
            }
        }
    }

    /// Notes what can only be said when all inputs are read.
    pub(crate) fn end(&mut self) {
        for (path, _) in self
            .inputs
            .values
            .iter()
            .zip(&self.used)
            .filter(|(_, used)| !**used)
        {
            let path = path.mapping.join(".");
            let why = format!("--values-path: no file has an image at `{path}`");
            self.found.wrong.push(why);
        }
    }

    /// The images, without the places of their digests.
    pub(crate) fn images(self) -> Found {
        let mut found = self.found;
        found.images = self.targets.into_iter().map(|it| it.found).collect();
        found
    }

    fn manifest(
        &mut self,
        number: usize,
        input: &ManifestText,
        document: &Located,
    ) -> Result<(), DocumentError> {
        let read = self.found.document(
            number,
            input,
            document,
            &self.inputs.fields,
            &self.inputs.namespace,
        );
        for found in std::mem::take(&mut self.found.images) {
            let is_pinned = found.image.digest().is_some();
            self.targets.push(Target {
                slot: Slot::behind(&input.text, &found.node).filter(|_| !is_pinned),
                is_pinned,
                found,
            });
        }
        read
    }

    /// `images: [{name, newName, newTag, digest}]`, as kustomize reads them.
    fn kustomization(
        &mut self,
        number: usize,
        input: &ManifestText,
        document: &Located,
    ) -> Result<(), DocumentError> {
        self.found.objects += 1;
        if self.purpose == Purpose::Judge {
            self.found.doubt(
                input,
                (document.at.line, document.at.column),
                "kustomize builds manifests from this file, which may name other images than those that are judged here; give its output: \
                 kustomize build DIR | countersign verify -f -",
            );
        }
        let namespace = optional_text(document, "namespace")?.map(str::to_owned);
        let items = match document.get("images") {
            None => return Ok(()),
            Some(images) if images.is_null() => return Ok(()),
            Some(images) => match &images.value {
                LocatedValue::List(items) => items,
                _ => return Err(at(images, "`images` is no list")),
            },
        };
        for (place, item) in items.iter().enumerate() {
            let name = match optional_text(item, "newName")? {
                Some(name) => name,
                None => optional_text(item, "name")?
                    .ok_or_else(|| at(item, "an entry of `images` has no `name`"))?,
            };
            let object = "Kustomization";
            let keys = Keys {
                name: name.to_owned(),
                tag: "newTag",
                digest: "digest",
                field: format!("images[{place}]"),
            };
            if let Some(mut target) = self.keyed(number, input, item, keys, object)? {
                if namespace.is_some() {
                    target.found.namespace.clone_from(&namespace);
                }
                self.targets.push(target);
            }
        }
        Ok(())
    }

    fn helm_values(
        &mut self,
        number: usize,
        input: &ManifestText,
        document: &Located,
    ) -> Result<(), DocumentError> {
        self.found.objects += 1;
        let inputs = self.inputs;
        let before = self.targets.len();
        for (place, path) in inputs.values.iter().enumerate() {
            let mut steps = path.mapping.iter();
            let mapping = steps.try_fold(document, |node, step| node.get(step));
            let Some(mapping) = mapping else { continue };
            let Some(repository) = optional_text(mapping, &path.repository)? else {
                alone(mapping, path)?;
                continue;
            };
            if let Some(used) = self.used.get_mut(place) {
                *used = true;
            }
            let registry = match &path.registry {
                Some(key) => optional_text(mapping, key)?,
                None => None,
            };
            let name = match registry {
                Some(registry) => format!("{registry}/{repository}"),
                None => repository.to_owned(),
            };
            let keys = Keys {
                name,
                tag: &path.tag,
                digest: &path.digest,
                field: path.mapping.join("."),
            };
            let target = self.keyed(number, input, mapping, keys, "values")?;
            let Some(target) = target else {
                let why = format!(
                    "`{}` has no `{}`, so that the chart chooses it; write the tag here",
                    path.mapping.join("."),
                    path.tag
                );
                return Err(at(mapping, &why));
            };
            self.targets.push(target);
        }
        if self.targets.len() == before {
            let what = "no --values-path leads to an image here, so that nothing of this document is looked at";
            self.found
                .doubt(input, (document.at.line, document.at.column), what);
        }
        Ok(())
    }

    /// An image of which name, tag and digest stand in keys of their own; none without tag and digest.
    fn keyed(
        &self,
        number: usize,
        input: &ManifestText,
        mapping: &Located,
        keys: Keys<'_>,
        object: &str,
    ) -> Result<Option<Target>, DocumentError> {
        let digest = optional_text(mapping, keys.digest)?;
        let tag = optional_text(mapping, keys.tag)?;
        let written = match (tag, digest) {
            (_, Some(digest)) => format!("{}@{digest}", keys.name),
            (Some(tag), None) => format!("{}:{tag}", keys.name),
            (None, None) => return Ok(None),
        };
        let used = if digest.is_some() {
            keys.digest
        } else {
            keys.tag
        };
        let Some((key, node)) = mapping.entry(used) else {
            return Ok(None);
        };
        let image = ImageRef::parse(&written).map_err(|error| {
            let written = escaped(&written, 200);
            at(node, &format!("`{written}` is no image: {error}"))
        })?;
        let text = &input.text;
        let slot = match mapping.entry(keys.digest) {
            _ if digest.is_some() => None,
            Some((key, node)) => Slot::instead(text, key, node),
            None => Slot::beside(text, mapping, key, node, keys.digest),
        };
        Ok(Some(Target {
            found: FoundImage {
                written: Written {
                    file: input.name.clone(),
                    line: node.at.line,
                    column: node.at.column,
                    object: object.to_owned(),
                    field: format!("{}.{used}", keys.field),
                    role: "configured",
                },
                image,
                namespace: self.inputs.namespace.name.clone(),
                input: number,
                node: node.clone(),
            },
            slot,
            is_pinned: digest.is_some(),
        }))
    }
}

/// Where an image is written in keys of their own.
struct Keys<'a> {
    name: String,
    tag: &'a str,
    digest: &'a str,
    field: String,
}

/// Values that set a tag or a digest for an image that other values name: which one it is, only helm knows.
fn alone(mapping: &Located, path: &ValuesPath) -> Result<(), DocumentError> {
    for key in [&path.tag, &path.digest] {
        if optional_text(mapping, key)?.is_some() {
            let place = path.mapping.join(".");
            let why = format!(
                "`{place}` has a `{key}` and no `{}`, so that another file says of which image; write the repository here",
                path.repository
            );
            return Err(at(mapping, &why));
        }
    }
    Ok(())
}

/// Whether kustomize takes a document for its own: by what it says of itself, and where it says nothing by the name of its file.
fn is_kustomization(name: &str, document: &Located) -> bool {
    if let Some(group) = document.get("apiVersion").and_then(Located::text) {
        return group.starts_with("kustomize.config.k8s.io/");
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    ["kustomization.yaml", "kustomization.yml", "Kustomization"].contains(&last)
}

/// The text of a key; none where it is missing, null or empty. A number is no text: `1.20` would become `1.2`.
fn optional_text<'a>(mapping: &'a Located, key: &str) -> Result<Option<&'a str>, DocumentError> {
    match mapping.get(key) {
        None => Ok(None),
        Some(node) if node.is_null() => Ok(None),
        Some(node) => match node.text() {
            Some("") => Ok(None),
            Some(text) => Ok(Some(text)),
            None => {
                let key = escaped(key, 100);
                Err(at(node, &format!("`{key}` is no text; put it in quotes")))
            }
        },
    }
}

fn at(node: &Located, message: &str) -> DocumentError {
    DocumentError {
        line: node.at.line,
        column: node.at.column,
        message: message.to_owned(),
    }
}
