//! What refers to an image, in a layout.

use std::collections::BTreeSet;

use countersign_core::{Digest, FoundBy};

use super::{OciLayout, is_tag_of};
use crate::wire::{self, Descriptor, Index, OCI_INDEX, OCI_MANIFEST};
use crate::{Budget, Listing, Reference, Referrer, RegistryError};

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

    pub(super) fn list(&self, image: &Digest, budget: &Budget) -> Result<Listing, RegistryError> {
        let mut listing = Listing::default();
        let mut seen = BTreeSet::new();
        let listed = self
            .entries
            .iter()
            .map(|entry| (FoundBy::Referrers, entry.clone()))
            .chain(self.nested(image)?);
        for (found_by, entry) in listed.filter(|(_, entry)| entry.media_type == OCI_MANIFEST) {
            let Ok(digest) = entry.digest() else {
                listing.incomplete = Some(self.files.error("index.json", "an unknown digest"));
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
                    listing.incomplete = Some(error);
                    continue;
                }
            };
            if !refers {
                continue;
            }
            if listing.items.len() == self.limits.attachments {
                return Err(RegistryError::TooLarge {
                    host: self.files.name(),
                    what: "the list of referrers".to_owned(),
                    limit: self.limits.attachments,
                });
            }
            listing.items.push(Referrer {
                digest,
                size: entry.size,
                media_type: entry.media_type,
                artifact_type: entry.artifact_type,
                annotations: entry.annotations.0,
                found_by,
            });
        }
        Ok(listing)
    }
}
