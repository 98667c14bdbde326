//! What a registry lists as referrers: by itself, or by the index at the fallback tag, which its clients keep.

use std::collections::BTreeSet;

use countersign::{Reference, Registry as _};
use countersign_core::{Digest, Limits};

use crate::CopyError;
use crate::copied::Done;
use crate::fallback::{self, Entry, OCI_INDEX};
use crate::push::Pusher;

/// How often the index at a fallback tag is written before somebody else is told of.
const FALLBACK_TRIES: usize = 5;

/// The index at a fallback tag.
pub(crate) struct FallbackIndex {
    pub(crate) tag: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) done: Done,
}

impl Pusher<'_> {
    /// What the registry lists, by whichever way.
    pub(crate) async fn listed(&self, subject: &Digest) -> Result<BTreeSet<Digest>, CopyError> {
        let what = format!("referrers of {subject} in {}", self.repository);
        let failed = CopyError::registry(what.clone());
        let listing = self
            .registry
            .referrers(self.repository, subject, self.budget)
            .await
            .map_err(failed)?;
        if let Some(cause) = listing.incomplete {
            return Err(CopyError::Registry { what, cause });
        }
        Ok(listing.items.iter().map(|item| item.digest).collect())
    }

    /// Reads the index at the fallback tag, adds to it, writes it, and reads it again until it lists everything: another
    /// writer may have been between. Where none stands, `own` is begun with.
    pub(crate) async fn extend_fallback(
        &self,
        subject: &Digest,
        own: Option<&[u8]>,
        missing: &[Entry<'_>],
        limits: &Limits,
        dry_run: bool,
    ) -> Result<FallbackIndex, CopyError> {
        let tag = Reference::companion(subject, "").to_string();
        for tries in 0..=FALLBACK_TRIES {
            let standing = self.at_tag(&tag).await?;
            let conflict = |why| CopyError::Conflict {
                tag: tag.clone(),
                repository: self.repository.to_string(),
                why,
            };
            if let Some(standing) = &standing
                && standing.media_type != OCI_INDEX
            {
                return Err(conflict("something that is no index".to_owned()));
            }
            let existing = standing.as_ref().map(|standing| standing.bytes.as_slice());
            let next = fallback::extended(existing, own, missing, limits)
                .map_err(|why| conflict(format!("an index that cannot be extended ({why})")))?;
            let Some(next) = next else {
                let bytes = existing.unwrap_or_default().to_vec();
                let done = match tries {
                    0 => Done::Present,
                    _ => Done::Pushed,
                };
                return Ok(FallbackIndex { tag, bytes, done });
            };
            if dry_run {
                return Ok(FallbackIndex {
                    tag,
                    bytes: next,
                    done: Done::Planned,
                });
            }
            if tries < FALLBACK_TRIES {
                self.push_manifest(&tag, OCI_INDEX, &next, None).await?;
            }
        }
        Err(CopyError::Contended {
            tag,
            repository: self.repository.to_string(),
            tries: FALLBACK_TRIES,
        })
    }
}
