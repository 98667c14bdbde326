//! From an image to the evidence attached to it.
//!
//! Step 2: everything that could not be fetched, or must not be believed, becomes a [`Gap`]: never "not there".

mod collector;

use std::collections::BTreeSet;

use countersign_core::{
    Digest, Evidence, FoundBy, Gap, GapClass, ManifestError, Needs, PinnedImage, ReasonCode,
};

pub(crate) use self::collector::concurrently;
use self::collector::{BUNDLE, Collector};
use crate::wire::{DOCKER_LIST, OCI_INDEX};
use crate::{Budget, Reference, Registry, Repository};

const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const DSSE_ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

/// Finds out which image a reference means: its manifest is fetched once and hashed here.
///
/// # Errors
/// The [`Gap`] that is left when the image could not be read. One that the registry does not have is `image-not-found`
/// and of class *hostile*: it may come into being between the check and the pull, so no policy may excuse it.
pub async fn resolve<R: Registry>(
    registry: &R,
    repository: &Repository,
    reference: &Reference,
    budget: &Budget,
) -> Result<PinnedImage, Gap> {
    let what = || format!("manifest {reference} in {repository}");
    let limits = budget.limits();
    let fetched = registry
        .manifest(repository, reference, limits.manifest_bytes, budget)
        .await
        .map_err(|error| error.into_gap(what()))?
        .ok_or_else(|| Gap {
            class: GapClass::Hostile,
            code: ReasonCode::ImageNotFound,
            what: what(),
            cause: format!("{} says that it is not there", repository.registry()),
            hides: None,
        })?;
    let expected = match reference {
        Reference::Digest(digest) => Some(digest),
        Reference::Tag(_) => None,
    };
    PinnedImage::from_bytes(
        fetched.bytes,
        fetched.content_type.as_deref(),
        expected,
        limits,
    )
    .map_err(|error| Gap {
        class: GapClass::Hostile,
        code: match error {
            ManifestError::Malformed(_)
            | ManifestError::MediaType(_)
            | ManifestError::SchemaOne => ReasonCode::RegistryProtocol,
            _ => ReasonCode::RegistryHostile,
        },
        what: what(),
        cause: error.to_string(),
        hides: None,
    })
}

/// Collects all that `needs` asks for at once: what [`collect_bundles`] and [`collect_legacy`] find, in this order.
pub async fn collect<R: Registry>(
    registry: &R,
    repository: &Repository,
    image: &Digest,
    needs: Needs,
    budget: &Budget,
) -> Evidence {
    let bundles = async {
        if needs.referrers {
            collect_bundles(registry, repository, image, budget).await
        } else {
            Evidence::default()
        }
    };
    let legacy = collect_legacy(registry, repository, image, needs, budget);
    let (mut evidence, legacy) = tokio::join!(bundles, legacy);
    evidence.items.extend(legacy.items);
    evidence.gaps.extend(legacy.gaps);
    evidence
}

/// Collects the Sigstore bundles among the image's referrers.
///
/// It needs the digest only, so it may run beside [`resolve`] where the reference names one.
pub async fn collect_bundles<R: Registry>(
    registry: &R,
    repository: &Repository,
    image: &Digest,
    budget: &Budget,
) -> Evidence {
    let collector = Collector::new(registry, repository, image, budget);
    let what = || format!("referrers of {image} in {repository}");
    let listing = match registry.referrers(repository, image, budget).await {
        Ok(listing) => listing,
        Err(error) => return gap_only(error.into_gap(what()).hiding(FoundBy::Referrers)),
    };
    let mut seen = BTreeSet::new();
    let opened = listing
        .items
        .iter()
        // An index has no layers; the list's word is enough here, for it could as well have left the entry out.
        .filter(|referrer| referrer.media_type != OCI_INDEX && referrer.media_type != DOCKER_LIST)
        .filter(|referrer| seen.insert(referrer.digest))
        .map(|referrer| collector.open_referrer(referrer, listing.from.as_deref()))
        .collect();
    let mut evidence = collector.fetch_layers(concurrently(opened).await).await;
    if let Some(error) = listing.incomplete {
        evidence.gaps.insert(0, error.into_gap(what()));
    }
    hiding(evidence, FoundBy::Referrers)
}

/// Collects what cosign 1 and 2 attach by tags: `.sig` and `.att`, as far as `needs` asks for them.
pub async fn collect_legacy<R: Registry>(
    registry: &R,
    repository: &Repository,
    image: &Digest,
    needs: Needs,
    budget: &Budget,
) -> Evidence {
    let collector = Collector::new(registry, repository, image, budget);
    let collect_tag = async |needed: bool, found_by: FoundBy, suffix: &str, media_type: &str| {
        if !needed {
            return Evidence::default();
        }
        let opened = collector.open_tag(found_by, suffix, media_type).await;
        hiding(collector.fetch_layers(vec![opened]).await, found_by)
    };
    let (mut evidence, attestations) = tokio::join!(
        collect_tag(
            needs.signature_tag,
            FoundBy::SignatureTag,
            ".sig",
            SIMPLE_SIGNING
        ),
        collect_tag(
            needs.attestation_tag,
            FoundBy::AttestationTag,
            ".att",
            DSSE_ENVELOPE
        ),
    );
    evidence.items.extend(attestations.items);
    evidence.gaps.extend(attestations.gaps);
    evidence
}

/// The evidence in manifests that were opened before, each with the way by which it was found.
pub(crate) async fn collect_opened<R: Registry>(
    registry: &R,
    repository: &Repository,
    image: &Digest,
    manifests: &[(FoundBy, Digest, &[u8])],
    budget: &Budget,
) -> Evidence {
    let collector = Collector::new(registry, repository, image, budget);
    let opened = manifests
        .iter()
        .map(|&(found_by, digest, bytes)| {
            let wanted = |own: &str| match found_by {
                FoundBy::SignatureTag => own == SIMPLE_SIGNING,
                FoundBy::AttestationTag => own == DSSE_ENVELOPE,
                _ => own.starts_with(BUNDLE),
            };
            collector.read(bytes, digest, found_by, wanted)
        })
        .collect();
    collector.fetch_layers(opened).await
}

/// Says of every gap which kind of evidence it may hide.
fn hiding(mut evidence: Evidence, kind: FoundBy) -> Evidence {
    for gap in &mut evidence.gaps {
        gap.hides = Some(kind);
    }
    evidence
}

fn gap_only(gap: Gap) -> Evidence {
    Evidence {
        items: Vec::new(),
        gaps: vec![gap],
        stale: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
