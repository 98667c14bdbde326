//! Everything that hangs on an image: its platforms, its referrers, what tools keep at tags beside it.
//!
//! What a check collects is the part that it can use ([`collect`](crate::collect)); this is the whole, for showing, saving and copying it. A manifest that
//! could not be read, or must not be believed, is a [`Gap`] beside the one that led to it: never silently missing.

mod evidence;
mod node;
mod read;
mod walker;

use countersign_core::Gap;

pub use self::node::{Attached, BlobRole, NamedBlob, Node, Way};
use self::walker::Walker;
use crate::{Budget, Reference, Registry, Repository, resolve};

/// How far [`walk`] goes.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Walk {
    evidence: Option<Repository>,
}

impl Walk {
    /// Everything in the image's own repository.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks in this repository for what is attached, in place of the image's own, as cosign with `COSIGN_REPOSITORY` writes it and
    /// a check reads it.
    pub fn evidence_repository(mut self, evidence: Option<Repository>) -> Self {
        self.evidence = evidence;
        self
    }
}

/// Reads the manifests of all that hangs on an image, of no blob more than its descriptor.
///
/// The image's index or manifest, and the children of an index, each with its referrers (by the API with all its pages, and by
/// the index at the fallback tag `sha256-<hex>`, whichever lists them; distribution specification 1.1) and theirs, and with
/// what stands at the tags `.sig`, `.att` and `.sbom`. Indexes and referrers are followed four deep; at most
/// [`Limits::attachments`](countersign_core::Limits::attachments) manifests are opened. Each manifest has the digest and size that it is listed with, and each
/// referrer names as its `subject` what it is listed for.
///
/// # Errors
/// The [`Gap`] that is left when the image itself could not be read; all others are in the nodes.
pub async fn walk<R: Registry>(
    registry: &R,
    repository: &Repository,
    reference: &Reference,
    walk: &Walk,
    budget: &Budget,
) -> Result<Attached, Gap> {
    let image = resolve(registry, repository, reference, budget).await?;
    let walker = Walker::new(registry, repository, walk.evidence.as_ref(), budget);
    let image = walker.whole(image, reference).await?;
    Ok(Attached { image })
}

#[cfg(test)]
mod tests;
