//! From an image to the evidence attached to it.
//!
//! Everything that could not be fetched, or must not be believed, becomes a [`Gap`]: never "not there".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_core::{
    Content, Digest, Evidence, FoundBy, Gap, GapClass, Item, Locator, ManifestError, Needs,
    PinnedImage, ReasonCode,
};
use futures_util::stream::{self, StreamExt};

use crate::registry::check_size;
use crate::wire::{self, DOCKER_LIST, Descriptor, Manifest, OCI_INDEX};
use crate::{Budget, Reference, Referrer, Registry, RegistryError, Repository};

/// How many requests of one check run at once: enough to hide latency, too few to look like an attack.
const AT_ONCE: usize = 8;
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
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
            ManifestError::Malformed(_) | ManifestError::MediaType(_) => {
                ReasonCode::RegistryProtocol
            }
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
    let what = format!("referrers of {image} in {repository}");
    let listing = match registry.referrers(repository, image, budget).await {
        Ok(listing) => listing,
        Err(error) => return gap_only(error.into_gap(what).hiding(FoundBy::Referrers)),
    };
    let mut seen = BTreeSet::new();
    let opened = listing
        .items
        .iter()
        // An index has no layers; the list's word is enough here, for it could as well have left the entry out.
        .filter(|referrer| referrer.media_type != OCI_INDEX && referrer.media_type != DOCKER_LIST)
        .filter(|referrer| seen.insert(referrer.digest))
        .map(|referrer| collector.open_referrer(referrer))
        .collect();
    let mut evidence = collector.fetch_layers(concurrently(opened).await).await;
    if let Some(error) = listing.incomplete {
        evidence.gaps.insert(0, error.into_gap(what));
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

/// Says of every gap which kind of evidence it may hide.
fn hiding(mut evidence: Evidence, kind: FoundBy) -> Evidence {
    for gap in &mut evidence.gaps {
        gap.hides = Some(kind);
    }
    evidence
}

struct Collector<'a, R> {
    registry: &'a R,
    repository: &'a Repository,
    image: &'a Digest,
    budget: &'a Budget,
    /// Layers that may still be looked at, of all manifests together.
    layers_left: AtomicUsize,
}

/// A layer that holds evidence, not yet fetched.
struct Layer {
    found_by: FoundBy,
    manifest: Digest,
    blob: Digest,
    size: usize,
    annotations: BTreeMap<String, String>,
}

impl<'a, R: Registry> Collector<'a, R> {
    fn new(
        registry: &'a R,
        repository: &'a Repository,
        image: &'a Digest,
        budget: &'a Budget,
    ) -> Self {
        Self {
            registry,
            repository,
            image,
            budget,
            layers_left: AtomicUsize::new(budget.limits().attachments),
        }
    }

    /// Opens one listed manifest. A list can name anything, so the manifest itself must say that it is about the image.
    async fn open_referrer(&self, referrer: &Referrer) -> Opened {
        let what = format!("referrer {} in {}", referrer.digest, self.repository);
        let limit = self.budget.limits().manifest_bytes;
        let size = match usize::try_from(referrer.size) {
            Ok(size) if size <= limit => size,
            _ => return Opened::gap(self.too_large("a referrer's manifest", limit), what),
        };
        let reference = Reference::Digest(referrer.digest);
        let fetched = self
            .registry
            .manifest(self.repository, &reference, size, self.budget)
            .await;
        let fetched = match fetched {
            Ok(Some(fetched)) => fetched,
            Ok(None) => return Opened::gap(self.protocol("it is listed but not there"), what),
            Err(error) => return Opened::gap(error, what),
        };
        if let Err(error) = check_size(
            &self.host(),
            &referrer.digest,
            referrer.size,
            fetched.bytes.len(),
        ) {
            return Opened::gap(error, what);
        }
        let manifest: Manifest = match wire::read(&fetched.bytes) {
            Ok(manifest) => manifest,
            Err(error) => return Opened::gap(self.protocol(error), what),
        };
        match manifest.subject.as_ref().map(Descriptor::digest) {
            Some(Ok(subject)) if subject == *self.image => {}
            _ => return Opened::gap(self.protocol("its subject is not the image"), what),
        }
        self.select(
            manifest,
            referrer.digest,
            referrer.found_by,
            |media_type| media_type.starts_with(BUNDLE),
            what,
        )
    }

    /// Opens the manifest at a tag of cosign's, if there is one.
    async fn open_tag(&self, found_by: FoundBy, suffix: &str, media_type: &str) -> Opened {
        let reference = Reference::companion(self.image, suffix);
        let what = format!("{reference} in {}", self.repository);
        let limit = self.budget.limits().manifest_bytes;
        let fetched = match self
            .registry
            .manifest(self.repository, &reference, limit, self.budget)
            .await
        {
            Ok(Some(fetched)) => fetched,
            Ok(None) => return Opened::default(),
            Err(error) => return Opened::gap(error, what),
        };
        let manifest: Manifest = match wire::read(&fetched.bytes) {
            Ok(manifest) => manifest,
            Err(error) => return Opened::gap(self.protocol(error), what),
        };
        let digest = Digest::of(&fetched.bytes);
        self.select(manifest, digest, found_by, |own| own == media_type, what)
    }

    /// Picks the layers of the wanted media type. Over a limit, the whole manifest is refused, never truncated.
    fn select(
        &self,
        manifest: Manifest,
        digest: Digest,
        found_by: FoundBy,
        wanted: impl Fn(&str) -> bool,
        what: String,
    ) -> Opened {
        let limits = self.budget.limits();
        let layers = manifest.layers.unwrap_or_default();
        let taken = self
            .layers_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(layers.len())
            });
        if taken.is_err() {
            let error = self.too_large("the layers of all evidence", limits.attachments);
            return Opened::gap(error, what);
        }
        let mut opened = Opened::default();
        for layer in layers.into_iter().filter(|layer| wanted(&layer.media_type)) {
            let size = usize::try_from(layer.size).unwrap_or(usize::MAX);
            let error = match layer.digest() {
                Ok(blob) if size <= limits.bundle_bytes => {
                    opened.layers.push(Layer {
                        found_by,
                        manifest: digest,
                        blob,
                        size,
                        annotations: layer.annotations.0,
                    });
                    continue;
                }
                Ok(_) => self.too_large("a layer with evidence", limits.bundle_bytes),
                Err(error) => self.protocol(error),
            };
            opened.gaps.push(error.into_gap(what.as_str()));
        }
        opened
    }

    /// Fetches the layers of all opened manifests, each blob once: all `.sig` layers of an image may share a payload.
    async fn fetch_layers(&self, opened: Vec<Opened>) -> Evidence {
        let mut evidence = Evidence::default();
        let mut layers = Vec::new();
        for manifest in opened {
            evidence.gaps.extend(manifest.gaps);
            layers.extend(manifest.layers);
        }
        let wanted: BTreeSet<(Digest, usize)> = layers
            .iter()
            .map(|layer| (layer.blob, layer.size))
            .collect();
        let mut last_use: BTreeMap<(Digest, usize), usize> = BTreeMap::new();
        for (position, layer) in layers.iter().enumerate() {
            last_use.insert((layer.blob, layer.size), position);
        }
        let fetches = wanted
            .iter()
            .map(|&(blob, size)| self.fetch_blob(blob, size))
            .collect();
        let mut blobs: BTreeMap<(Digest, usize), Result<Vec<u8>, Gap>> = wanted
            .iter()
            .copied()
            .zip(concurrently(fetches).await)
            .collect();
        for (position, layer) in layers.into_iter().enumerate() {
            let key = (layer.blob, layer.size);
            let is_last = last_use.get(&key) == Some(&position);
            let bytes = if is_last {
                blobs.remove(&key)
            } else {
                blobs.get(&key).cloned()
            };
            match bytes {
                Some(Ok(bytes)) => evidence.items.push(layer.into_item(bytes)),
                // One gap for one blob, however many layers name it.
                Some(Err(gap)) if is_last => evidence.gaps.push(gap),
                _ => {}
            }
        }
        evidence
    }

    async fn fetch_blob(&self, blob: Digest, size: usize) -> Result<Vec<u8>, Gap> {
        let what = || format!("blob {blob} in {}", self.repository);
        match self
            .registry
            .blob(self.repository, &blob, size, self.budget)
            .await
        {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(self
                .protocol("a manifest names it but it is not there")
                .into_gap(what())),
            Err(error) => Err(error.into_gap(what())),
        }
    }

    fn host(&self) -> String {
        self.repository.registry().to_owned()
    }

    fn protocol(&self, what: impl Into<String>) -> RegistryError {
        RegistryError::protocol(self.repository.registry(), what)
    }

    fn too_large(&self, what: &str, limit: usize) -> RegistryError {
        RegistryError::TooLarge {
            host: self.host(),
            what: what.to_owned(),
            limit,
        }
    }
}

/// What one manifest gave: layers to fetch, and what is wrong with it.
#[derive(Default)]
struct Opened {
    layers: Vec<Layer>,
    gaps: Vec<Gap>,
}

impl Opened {
    fn gap(error: RegistryError, what: String) -> Self {
        Self {
            layers: Vec::new(),
            gaps: vec![error.into_gap(what)],
        }
    }
}

impl Layer {
    fn into_item(self, bytes: Vec<u8>) -> Item {
        let content = match self.found_by {
            FoundBy::SignatureTag => Content::SimpleSigning {
                payload: bytes,
                annotations: self.annotations,
            },
            FoundBy::AttestationTag => Content::Attestation {
                envelope: bytes,
                annotations: self.annotations,
            },
            _ => Content::Bundle(bytes),
        };
        Item {
            locator: Locator {
                found_by: self.found_by,
                manifest: self.manifest,
                blob: self.blob,
            },
            content,
        }
    }
}

fn gap_only(gap: Gap) -> Evidence {
    Evidence {
        items: Vec::new(),
        gaps: vec![gap],
    }
}

/// Runs all, a few at once, and keeps their order.
async fn concurrently<F: Future>(work: Vec<F>) -> Vec<F::Output> {
    stream::iter(work).buffered(AT_ONCE).collect().await
}

#[cfg(test)]
mod tests;
