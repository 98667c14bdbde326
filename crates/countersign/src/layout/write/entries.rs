//! `index.json`, as something to add to.

use countersign_core::Digest;
use serde_json::{Map, Value, json};

use crate::layout::{REF_NAME, is_companion};
use crate::wire::OCI_INDEX;

/// The index with everything that others wrote into it.
#[derive(Debug)]
pub(super) struct Entries {
    document: Map<String, Value>,
    manifests: Vec<Value>,
    changed: bool,
}

/// One entry to add.
pub(super) struct Entry<'a> {
    pub(super) digest: Digest,
    pub(super) size: usize,
    pub(super) media_type: &'a str,
    pub(super) artifact_type: Option<&'a str>,
    /// Its `org.opencontainers.image.ref.name`.
    pub(super) name: Option<&'a str>,
}

impl Entries {
    pub(super) fn empty() -> Self {
        let mut document = Map::new();
        document.insert("schemaVersion".to_owned(), json!(2));
        document.insert("mediaType".to_owned(), json!(OCI_INDEX));
        Self {
            document,
            manifests: Vec::new(),
            changed: false,
        }
    }

    /// Reads what the layout's reader has found sound.
    pub(super) fn read(json: &[u8]) -> Result<Self, String> {
        let mut document: Map<String, Value> =
            serde_json::from_slice(json).map_err(|error| error.to_string())?;
        match document.remove("manifests") {
            Some(Value::Array(manifests)) => Ok(Self {
                document,
                manifests,
                changed: false,
            }),
            _ => Err("it has no `manifests`".to_owned()),
        }
    }

    pub(super) const fn changed(&self) -> bool {
        self.changed
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut document = self.document.clone();
        document.insert("manifests".to_owned(), json!(self.manifests));
        let mut json = serde_json::to_vec_pretty(&document)
            .expect("a tree of strings, numbers and lists always serializes");
        json.push(b'\n');
        json
    }

    /// Adds an entry that is not there. A name belongs to one entry: it moves to the new one.
    pub(super) fn put(&mut self, entry: Entry<'_>) {
        let digest = json!(entry.digest.to_string());
        if let Some(name) = entry.name {
            self.take_name(name, &digest);
        }
        let is_there = self.manifests.iter().any(|other| {
            other["digest"] == digest && entry.name.is_none_or(|name| name_of(other) == Some(name))
        });
        if is_there {
            return;
        }
        let mut added =
            json!({"mediaType": entry.media_type, "digest": digest, "size": entry.size});
        if let Some(artifact_type) = entry.artifact_type {
            added["artifactType"] = json!(artifact_type);
        }
        if let Some(name) = entry.name {
            added["annotations"] = json!({REF_NAME: name});
        }
        self.manifests.push(added);
        self.changed = true;
    }

    /// What belongs to an image by its name alone is nothing without it, or would look like an image; an image stays.
    fn take_name(&mut self, name: &str, digest: &Value) {
        let is_former = |entry: &Value| name_of(entry) == Some(name) && entry["digest"] != *digest;
        if !self.manifests.iter().any(is_former) {
            return;
        }
        self.changed = true;
        if is_companion(name) {
            self.manifests.retain(|entry| !is_former(entry));
            return;
        }
        for entry in self.manifests.iter_mut().filter(|entry| is_former(entry)) {
            if let Some(annotations) = entry["annotations"].as_object_mut() {
                annotations.remove(REF_NAME);
            }
        }
    }
}

fn name_of(entry: &Value) -> Option<&str> {
    entry["annotations"][REF_NAME].as_str()
}
