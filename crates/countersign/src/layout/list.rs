//! What refers to an image, in a layout.

use std::collections::BTreeSet;

use countersign_core::{Digest, FoundBy};

use super::{KIND, KIND_IMAGE, KIND_INDEX, OciLayout, is_tag_of};
use crate::wire::{self, Descriptor, Index, Manifest, OCI_INDEX, OCI_MANIFEST};
use crate::{Annotations, Budget, Listing, Reference, Referrer, RegistryError};

/// How many blobs a layout that `cosign save` wrote may have: the image's, and a few for each of many signatures.
const MAX_BLOBS: usize = 10_000;
/// A manifest that carries one bundle has about a kilobyte.
const MAX_UNLISTED_BYTES: u64 = 64 * 1024;

impl OciLayout {
    /// The children of the indexes that `index.json` lists, each with the way by which it is found.
    fn nested(&self, image: &Digest) -> Result<Vec<(FoundBy, Descriptor)>, RegistryError> {
        let fallback = Reference::companion(image, "").to_string();
        let mut nested = Vec::new();
        for entry in self
            .entries
            .iter()
            .filter(|entry| entry.media_type == OCI_INDEX)
        {
            let found_by = match entry.ref_name() {
                Some(name) if is_tag_of(name, &fallback) => FoundBy::FallbackTag,
                _ => FoundBy::Referrers,
            };
            let digest = self.entry_digest(entry)?;
            let Some(bytes) = self.verified(&digest, self.limits.manifest_bytes)? else {
                continue;
            };
            let index: Index = wire::read(&bytes)
                .map_err(|cause| RegistryError::protocol(&self.files.name(), cause))?;
            nested.extend(
                index
                    .manifests
                    .into_iter()
                    .map(|descriptor| (found_by, descriptor)),
            );
        }
        Ok(nested)
    }

    /// What `cosign save` of cosign 3 leaves behind: it writes bundles and their manifests as blobs, and lists none of them
    /// in `index.json`. So where it saved the image, small blobs are looked at; whether one refers to the image, its `subject`
    /// says.
    fn unlisted(&self) -> Result<Vec<(FoundBy, Descriptor)>, RegistryError> {
        let saved = |entry: &Descriptor| {
            matches!(entry.annotations.get(KIND), Some(KIND_IMAGE | KIND_INDEX))
        };
        if !self.entries.iter().any(saved) {
            return Ok(Vec::new());
        }
        let blobs = self.files.blobs(MAX_BLOBS, MAX_UNLISTED_BYTES)?;
        let mut unlisted = Vec::new();
        for (digest, size) in blobs {
            let Some(bytes) = self.verified(&digest, self.limits.manifest_bytes)? else {
                continue;
            };
            // Most blobs are no manifests, and are passed over.
            if wire::read::<Manifest>(&bytes).is_ok_and(|manifest| manifest.subject.is_some()) {
                let descriptor = Descriptor {
                    media_type: OCI_MANIFEST.to_owned(),
                    digest: digest.to_string(),
                    size,
                    artifact_type: None,
                    annotations: Annotations::default(),
                };
                unlisted.push((FoundBy::Referrers, descriptor));
            }
        }
        Ok(unlisted)
    }

    pub(super) fn list(&self, image: &Digest, budget: &Budget) -> Result<Listing, RegistryError> {
        let (mut items, mut incomplete) = (Vec::new(), None);
        let mut seen = BTreeSet::new();
        let listed = self
            .entries
            .iter()
            .map(|entry| (FoundBy::Referrers, entry.clone()))
            .chain(self.nested(image)?)
            .chain(self.unlisted()?);
        for (found_by, entry) in listed.filter(|(_, entry)| entry.media_type == OCI_MANIFEST) {
            let Ok(digest) = entry.digest() else {
                incomplete = Some(self.files.error("index.json", "an unknown digest"));
                continue;
            };
            if digest == *image || !seen.insert(digest) {
                continue;
            }
            budget.spend(
                &self.files.name(),
                usize::try_from(entry.size).unwrap_or(usize::MAX),
            )?;
            let refers = match self.manifest_of(&digest) {
                Ok(Some(manifest)) => manifest
                    .subject
                    .is_some_and(|subject| subject.digest().is_ok_and(|subject| subject == *image)),
                // A platform that was not saved is no loss; what stands at the fallback tag should be there.
                Ok(None) => found_by == FoundBy::FallbackTag,
                Err(error) => {
                    incomplete = Some(error);
                    continue;
                }
            };
            if !refers {
                continue;
            }
            if items.len() == self.limits.attachments {
                return Err(RegistryError::too_large(
                    &self.files.name(),
                    "the list of referrers",
                    self.limits.attachments,
                ));
            }
            items.push(Referrer {
                digest,
                size: entry.size,
                media_type: wire::media_type(entry.media_type),
                artifact_type: entry.artifact_type.map(wire::media_type),
                annotations: entry.annotations,
                found_by,
            });
        }
        Ok(Listing {
            items: items.into(),
            incomplete,
            from: None,
        })
    }
}
