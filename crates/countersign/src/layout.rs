//! An OCI image layout (image specification, "Image Layout") as a registry of one repository.

mod download;
mod files;
mod list;
mod reference;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_core::{Digest, Limits};

use self::files::Files;
pub use self::reference::LayoutRef;
pub use self::write::{BlobFile, LayoutWriter};
use crate::registry::{check_digest, check_size};
use crate::wire::{
    self, DOCKER_LIST, DOCKER_MANIFEST, Descriptor, Index, Manifest, OCI_INDEX, OCI_MANIFEST,
};
use crate::{Access, Budget, Fetched, Listing, Reference, Registry, RegistryError, Repository};

const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation by which `cosign save` says what an entry is.
const KIND: &str = "kind";
const KIND_IMAGE: &str = "dev.cosignproject.cosign/image";
const KIND_INDEX: &str = "dev.cosignproject.cosign/imageIndex";
const KIND_SIGNATURES: &str = "dev.cosignproject.cosign/sigs";
const KIND_ATTESTATIONS: &str = "dev.cosignproject.cosign/atts";

/// A directory with `oci-layout`, `index.json` and `blobs/sha256/`.
///
/// What belongs to an image is found by `subject`, by the names that the tags of a registry would have, and by the
/// annotations of `cosign save`. Annotations never say which policy applies.
#[derive(Debug)]
pub struct OciLayout {
    files: Files,
    entries: Vec<Descriptor>,
    limits: Limits,
}

impl OciLayout {
    /// Reads `oci-layout` and `index.json`.
    ///
    /// # Errors
    /// [`RegistryError::Layout`] if this is no layout of version 1.0.0, [`RegistryError::TooLarge`] if its index is larger
    /// than [`Limits::manifest_bytes`].
    pub fn open(layout: &LayoutRef, limits: &Limits) -> Result<Self, RegistryError> {
        let files = Files::new(layout.path());
        let marker = files
            .read(&["oci-layout"], limits.manifest_bytes)?
            .ok_or_else(|| files.error("oci-layout", "not there, so this is no OCI layout"))?;
        let version = wire::read::<wire::LayoutMarker>(&marker)
            .map_err(|cause| files.error("oci-layout", cause))?
            .image_layout_version;
        if version != "1.0.0" {
            return Err(files.error("oci-layout", "its version is not 1.0.0"));
        }
        let index = files
            .read(&["index.json"], limits.manifest_bytes)?
            .ok_or_else(|| files.error("index.json", "not there"))?;
        let index: Index = wire::read(&index).map_err(|cause| files.error("index.json", cause))?;
        Ok(Self {
            files,
            entries: index.manifests,
            limits: limits.clone(),
        })
    }

    /// Which image is meant: the one of that digest or tag, or the only one there is.
    ///
    /// # Errors
    /// [`RegistryError::Candidates`] if none or several could be meant.
    pub fn find(&self, layout: &LayoutRef) -> Result<Reference, RegistryError> {
        if let (Some(digest), None) = (layout.digest(), layout.tag()) {
            return Ok(Reference::Digest(*digest));
        }
        let mut names: Vec<(Digest, Option<&str>)> = Vec::new();
        for entry in &self.entries {
            let is_meant = layout
                .tag()
                .is_none_or(|tag| entry.ref_name().is_some_and(|name| is_tag_of(name, tag)));
            if is_meant && self.is_image(entry)? {
                let digest = self.entry_digest(entry)?;
                if names.iter().all(|(known, _)| *known != digest) {
                    names.push((digest, entry.ref_name()));
                }
            }
        }
        match names.as_slice() {
            [(digest, _)] if layout.digest().is_none_or(|pinned| pinned == digest) => {
                Ok(Reference::Digest(*digest))
            }
            several => Err(RegistryError::Candidates {
                path: layout.path().display().to_string(),
                candidates: several
                    .iter()
                    .map(|(digest, name)| match name {
                        Some(name) => format!("{digest} ({name})"),
                        None => digest.to_string(),
                    })
                    .collect(),
            }),
        }
    }

    /// Whether an entry is an image or index that somebody could run, and not something that belongs to one.
    fn is_image(&self, entry: &Descriptor) -> Result<bool, RegistryError> {
        match entry.annotations.get(KIND) {
            Some(KIND_IMAGE | KIND_INDEX) => return Ok(true),
            Some(KIND_SIGNATURES | KIND_ATTESTATIONS) => return Ok(false),
            _ => {}
        }
        let is_manifest = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST]
            .contains(&entry.media_type.as_str());
        if !is_manifest
            || entry.artifact_type.is_some()
            || entry.ref_name().is_some_and(is_companion)
        {
            return Ok(false);
        }
        let digest = self.entry_digest(entry)?;
        let manifest = self.manifest_of(&digest)?.ok_or_else(|| {
            self.files
                .error("index.json", format!("{digest} is listed but not there"))
        })?;
        Ok(manifest.subject.is_none() && manifest.artifact_type.is_none())
    }

    /// The entry that a tag names: by its reference name, or by the kind that `cosign save` wrote beside the image.
    fn entry_at_tag(&self, tag: &str) -> Result<Option<Digest>, RegistryError> {
        let mut found = BTreeSet::new();
        for entry in &self.entries {
            let is_evidence = matches!(
                entry.annotations.get(KIND),
                Some(KIND_SIGNATURES | KIND_ATTESTATIONS)
            );
            let is_named = entry.ref_name().is_some_and(|name| is_tag_of(name, tag));
            if (is_named && !is_evidence) || self.is_saved_companion(entry, tag) {
                found.insert(self.entry_digest(entry)?);
            }
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (digest, None) => Ok(digest),
            _ => Err(RegistryError::protocol(
                &self.files.name(),
                format!("several entries of index.json could be `{tag}`"),
            )),
        }
    }

    /// Whether `entry` is what `cosign save` wrote for the `tag` (`sha256-<hex>.sig` or `.att`): of the right kind, and with
    /// the same reference name as an image of that digest (old versions write no name at all).
    fn is_saved_companion(&self, entry: &Descriptor, tag: &str) -> bool {
        let (stem, kind) = match tag.rsplit_once('.') {
            Some((stem, "sig")) => (stem, KIND_SIGNATURES),
            Some((stem, "att")) => (stem, KIND_ATTESTATIONS),
            _ => return false,
        };
        let Some(image) = stem.strip_prefix("sha256-").and_then(Digest::from_hex) else {
            return false;
        };
        entry.annotations.get(KIND) == Some(kind)
            && self.entries.iter().any(|other| {
                matches!(other.annotations.get(KIND), Some(KIND_IMAGE | KIND_INDEX))
                    && other.digest().is_ok_and(|digest| digest == image)
                    && other.ref_name() == entry.ref_name()
            })
    }

    fn entry_digest(&self, entry: &Descriptor) -> Result<Digest, RegistryError> {
        entry
            .digest()
            .map_err(|cause| self.files.error("index.json", cause))
    }

    fn manifest_of(&self, digest: &Digest) -> Result<Option<Manifest>, RegistryError> {
        let Some(bytes) = self.verified(digest, self.limits.manifest_bytes)? else {
            return Ok(None);
        };
        wire::read(&bytes)
            .map(Some)
            .map_err(|cause| RegistryError::protocol(&self.files.name(), cause))
    }

    /// The bytes with that digest, hashed here, if they are there.
    pub(crate) fn verified(
        &self,
        digest: &Digest,
        max: usize,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let Some(bytes) = self.files.blob(digest, max)? else {
            return Ok(None);
        };
        check_digest(&self.files.name(), digest, &bytes)?;
        Ok(Some(bytes))
    }
}

/// Local files are read where they are asked for: they are small, and no other work waits in the one-shot tools that read
/// layouts.
impl Registry for OciLayout {
    async fn access(&self, _: &Repository, _: &Budget) -> Result<Access, RegistryError> {
        Ok(Access::anonymous())
    }

    async fn manifest(
        &self,
        _: &Repository,
        reference: &Reference,
        max: usize,
        budget: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        let digest = match reference {
            Reference::Digest(digest) => *digest,
            Reference::Tag(tag) => match self.entry_at_tag(tag)? {
                Some(digest) => digest,
                None => return Ok(None),
            },
        };
        let Some(bytes) = self.verified(&digest, max)? else {
            return Ok(None);
        };
        budget.spend(&self.files.name(), bytes.len())?;
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.digest().is_ok_and(|own| own == digest));
        if let Some(entry) = entry {
            check_size(&self.files.name(), &digest, entry.size, bytes.len())?;
        }
        Ok(Some(Fetched {
            bytes,
            content_type: entry.map(|entry| wire::media_type(entry.media_type.clone())),
            from: None,
            doubt: None,
        }))
    }

    async fn referrers(
        &self,
        _: &Repository,
        image: &Digest,
        budget: &Budget,
    ) -> Result<Listing, RegistryError> {
        self.list(image, budget)
    }

    async fn blob(
        &self,
        _: &Repository,
        blob: &Digest,
        size: usize,
        budget: &Budget,
    ) -> Result<Option<Arc<[u8]>>, RegistryError> {
        let Some(bytes) = self.verified(blob, size)? else {
            return Ok(None);
        };
        budget.spend(&self.files.name(), bytes.len())?;
        let expected = u64::try_from(size).unwrap_or(u64::MAX);
        check_size(&self.files.name(), blob, expected, bytes.len())?;
        Ok(Some(bytes.into()))
    }
}

impl Descriptor {
    fn ref_name(&self) -> Option<&str> {
        self.annotations.get(REF_NAME)
    }
}

/// Some tools write the tag into the name, others the whole reference.
fn is_tag_of(name: &str, tag: &str) -> bool {
    name == tag
        || name
            .rsplit_once(':')
            .is_some_and(|(repository, own)| own == tag && repository.contains('/'))
}

/// `sha256-<hex>`, perhaps with a suffix: what belongs to an image.
fn is_companion(name: &str) -> bool {
    let tag = name.rsplit_once(':').map_or(name, |(_, tag)| tag);
    tag.strip_prefix("sha256-")
        .and_then(|rest| rest.get(..64))
        .is_some_and(|hex| Digest::from_hex(hex).is_some())
}

#[cfg(test)]
mod tests;
