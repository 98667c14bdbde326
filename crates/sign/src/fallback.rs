//! The referrers tag schema (distribution specification 1.1, "Referrers Tag Schema"): the index at the tag `sha256-<hex>`, for
//! registries that list no referrers themselves.

use std::collections::BTreeSet;

use countersign::{Annotations, Node};
use countersign_core::{Digest, Limits, PinnedImage};
use serde_json::{Value, json};

pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A referrer, as it is listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) digest: Digest,
    pub(crate) media_type: &'a str,
    pub(crate) size: usize,
    pub(crate) artifact_type: Option<&'a str>,
    pub(crate) annotations: &'a Annotations,
}

impl<'a> From<&'a Node> for Entry<'a> {
    fn from(node: &'a Node) -> Self {
        Self {
            digest: node.digest,
            media_type: &node.media_type,
            size: node.bytes().len(),
            artifact_type: node.artifact_type.as_deref(),
            annotations: &node.annotations,
        }
    }
}

/// The index that has to stand at the subject's fallback tag, or none if the one that stands there lists all that it should.
///
/// What stands there is extended, never replaced. Where nothing does, the source's own index (`own`) is taken as it is, if it
/// lists everything.
///
/// # Errors
/// Why what stands there is no index that could be extended.
pub(crate) fn extended(
    existing: Option<&[u8]>,
    own: Option<&[u8]>,
    missing: &[Entry<'_>],
    limits: &Limits,
) -> Result<Option<Vec<u8>>, String> {
    let base = existing.or(own);
    let listed = match base {
        Some(bytes) => digests(bytes, limits)?,
        None => BTreeSet::new(),
    };
    let new: Vec<Value> = missing
        .iter()
        .filter(|entry| !listed.contains(&entry.digest))
        .map(descriptor)
        .collect();
    let bytes = match (base, new.is_empty()) {
        (Some(_), true) if existing.is_some() => return Ok(None),
        (Some(bytes), true) => bytes.to_vec(),
        (Some(bytes), false) => with(bytes, new)?,
        (None, _) => json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": new})
            .to_string()
            .into_bytes(),
    };
    if bytes.len() > limits.manifest_bytes {
        return Err(format!(
            "with all its entries it would have more than {} bytes",
            limits.manifest_bytes
        ));
    }
    Ok(Some(bytes))
}

/// Whether an index lists nothing that another does not list.
pub(crate) fn is_within(some: &[u8], all: &[u8], limits: &Limits) -> bool {
    match (digests(some, limits), digests(all, limits)) {
        (Ok(some), Ok(all)) => some.is_subset(&all),
        _ => false,
    }
}

/// What an index lists; it has to be one without doubt.
fn digests(index: &[u8], limits: &Limits) -> Result<BTreeSet<Digest>, String> {
    let index = PinnedImage::from_bytes(index.to_vec(), Some(OCI_INDEX), None, limits)
        .map_err(|error| error.to_string())?;
    let children = index.children().unwrap_or_default();
    Ok(children.iter().map(|child| child.digest).collect())
}

/// The index with more entries; all else stays as it is.
fn with(index: &[u8], new: Vec<Value>) -> Result<Vec<u8>, String> {
    let mut index: Value = serde_json::from_slice(index).map_err(|error| error.to_string())?;
    index
        .get_mut("manifests")
        .and_then(Value::as_array_mut)
        .ok_or("it has no `manifests`")?
        .extend(new);
    Ok(index.to_string().into_bytes())
}

/// How a list of referrers describes a manifest (distribution specification 1.1, "Listing Referrers").
fn descriptor(entry: &Entry<'_>) -> Value {
    let mut descriptor = json!({
        "mediaType": entry.media_type, "digest": entry.digest.to_string(), "size": entry.size,
    });
    if let Some(kind) = entry.artifact_type {
        descriptor["artifactType"] = json!(kind);
    }
    if !entry.annotations.is_empty() {
        descriptor["annotations"] = json!(entry.annotations);
    }
    descriptor
}
