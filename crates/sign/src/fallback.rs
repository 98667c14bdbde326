//! The referrers tag schema (distribution specification 1.1, "Referrers Tag Schema"): the index at the tag `sha256-<hex>`, for
//! registries that list no referrers themselves.

use std::collections::BTreeSet;

use countersign::Node;
use countersign_core::{Digest, Limits, PinnedImage};
use serde_json::{Map, Value, json};

use crate::plan::Subject;

pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The index that has to stand at the subject's fallback tag, or none if the one that stands there lists all that it should.
///
/// What stands there is extended, never replaced. Where nothing does, the source's own index is taken as it is, if it lists
/// everything.
///
/// # Errors
/// Why what stands there is no index that could be extended.
pub(crate) fn extended(
    existing: Option<&[u8]>,
    subject: &Subject<'_>,
    missing: &[&Node],
    limits: &Limits,
) -> Result<Option<Vec<u8>>, String> {
    let base = existing.or_else(|| {
        let own = subject
            .index
            .filter(|index| index.media_type == OCI_INDEX)?;
        Some(own.bytes())
    });
    let listed = match base {
        Some(bytes) => digests(bytes, limits)?,
        None => BTreeSet::new(),
    };
    let new: Vec<Value> = missing
        .iter()
        .filter(|node| !listed.contains(&node.digest))
        .map(|node| descriptor(node))
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
fn descriptor(node: &Node) -> Value {
    let mut descriptor = json!({
        "mediaType": node.media_type, "digest": node.digest.to_string(), "size": node.bytes().len(),
    });
    if let Some(kind) = &node.artifact_type {
        descriptor["artifactType"] = json!(kind);
    }
    if !node.annotations.is_empty() {
        let annotations: Map<String, Value> = node
            .annotations
            .iter()
            .map(|(key, value)| (key.clone(), json!(value)))
            .collect();
        descriptor["annotations"] = Value::Object(annotations);
    }
    descriptor
}
