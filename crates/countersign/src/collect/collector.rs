//! Opens the manifests that carry evidence, and fetches their layers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_core::{Content, Digest, Evidence, FoundBy, Gap, Item, Locator};
use futures_util::stream::{self, StreamExt};

use crate::registry::check_size;
use crate::wire::{self, Descriptor, Manifest};
use crate::{Annotations, Budget, Reference, Referrer, Registry, RegistryError, Repository};

/// How many requests of one check run at once: enough to hide latency, too few to look like an attack.
const AT_ONCE: usize = 8;
pub(super) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";

/// What all requests of one collection have in common.
pub(super) struct Collector<'a, R> {
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
    annotations: Annotations,
    place: Option<String>,
}

/// A manifest that may carry evidence, and how it was found.
struct Carrier {
    digest: Digest,
    found_by: FoundBy,
    /// Who served it, if it was not the registry that was asked.
    place: Option<String>,
}

impl<'a, R: Registry> Collector<'a, R> {
    pub(super) fn new(
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

    /// Opens one manifest of a list, which `from` served. A list can name anything, so the manifest itself must say that it is
    /// about the image.
    pub(super) async fn open_referrer(&self, referrer: &Referrer, from: Option<&str>) -> Opened {
        let selected = self.referrer(referrer, from).await;
        Opened::of(selected, || {
            format!("referrer {} in {}", referrer.digest, self.repository)
        })
    }

    async fn referrer(
        &self,
        referrer: &Referrer,
        from: Option<&str>,
    ) -> Result<Selected, RegistryError> {
        let limit = self.budget.limits().manifest_bytes;
        let size = match usize::try_from(referrer.size) {
            Ok(size) if size <= limit => size,
            _ => return Err(self.too_large("a referrer's manifest", limit)),
        };
        let reference = Reference::Digest(referrer.digest);
        let fetched = self
            .registry
            .manifest(self.repository, &reference, size, self.budget)
            .await?
            .ok_or_else(|| self.protocol("it is listed but not there"))?;
        check_size(
            self.repository.registry(),
            &referrer.digest,
            referrer.size,
            fetched.bytes.len(),
        )?;
        let manifest: Manifest =
            wire::read(&fetched.bytes).map_err(|error| self.protocol(error))?;
        match manifest.subject.as_ref().map(Descriptor::digest) {
            Some(Ok(subject)) if subject == *self.image => {}
            _ => return Err(self.protocol("its subject is not the image")),
        }
        let carrier = Carrier {
            digest: referrer.digest,
            found_by: referrer.found_by,
            place: fetched.from.or_else(|| from.map(str::to_owned)),
        };
        self.select(manifest, carrier, |own| own.starts_with(BUNDLE))
    }

    /// Opens the manifest at a tag of cosign's, if there is one.
    pub(super) async fn open_tag(
        &self,
        found_by: FoundBy,
        suffix: &str,
        media_type: &str,
    ) -> Opened {
        let reference = Reference::companion(self.image, suffix);
        let selected = self.tag(&reference, found_by, media_type).await;
        Opened::of(selected, || format!("{reference} in {}", self.repository))
    }

    async fn tag(
        &self,
        reference: &Reference,
        found_by: FoundBy,
        media_type: &str,
    ) -> Result<Selected, RegistryError> {
        let limit = self.budget.limits().manifest_bytes;
        let fetched = self
            .registry
            .manifest(self.repository, reference, limit, self.budget)
            .await?;
        let Some(fetched) = fetched else {
            return Ok(Selected::default());
        };
        let manifest: Manifest =
            wire::read(&fetched.bytes).map_err(|error| self.protocol(error))?;
        let carrier = Carrier {
            digest: Digest::of(&fetched.bytes),
            found_by,
            place: fetched.from,
        };
        let selected = self.select(manifest, carrier, |own| own == media_type);
        let mut selected = selected.unwrap_or_else(Selected::from);
        // Newer layers than a mirror has may be at the registry.
        selected.errors.extend(fetched.doubt);
        Ok(selected)
    }

    /// Takes a manifest that was opened before.
    pub(super) fn read(
        &self,
        bytes: &[u8],
        digest: Digest,
        found_by: FoundBy,
        wanted: impl Fn(&str) -> bool,
    ) -> Opened {
        let carrier = Carrier {
            digest,
            found_by,
            place: None,
        };
        let selected = wire::read(bytes)
            .map_err(|error| self.protocol(error))
            .and_then(|manifest| self.select(manifest, carrier, wanted));
        Opened::of(selected, || {
            format!("manifest {digest} in {}", self.repository)
        })
    }

    /// Picks the layers of the wanted media type. Over a limit, the whole manifest is refused, never truncated.
    fn select(
        &self,
        manifest: Manifest,
        carrier: Carrier,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Selected, RegistryError> {
        let limits = self.budget.limits();
        let layers = manifest.layers.unwrap_or_default();
        let taken = self
            .layers_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(layers.len())
            });
        if taken.is_err() {
            return Err(self.too_large("the layers of all evidence", limits.attachments));
        }
        let mut selected = Selected::default();
        for layer in layers.into_iter().filter(|layer| wanted(&layer.media_type)) {
            let size = usize::try_from(layer.size).unwrap_or(usize::MAX);
            let error = match layer.digest() {
                Ok(blob) if size <= limits.bundle_bytes => {
                    selected.layers.push(Layer {
                        found_by: carrier.found_by,
                        manifest: carrier.digest,
                        blob,
                        size,
                        annotations: layer.annotations,
                        place: carrier.place.clone(),
                    });
                    continue;
                }
                Ok(_) => self.too_large("a layer with evidence", limits.bundle_bytes),
                Err(error) => self.protocol(error),
            };
            selected.errors.push(error);
        }
        Ok(selected)
    }

    /// Fetches the layers of all opened manifests, each blob once: all `.sig` layers of an image may share a payload.
    pub(super) async fn fetch_layers(&self, opened: Vec<Opened>) -> Evidence {
        let mut evidence = Evidence::default();
        let mut layers = Vec::new();
        // Which layers want a blob, by their position.
        let mut wanted: BTreeMap<(Digest, usize), Vec<usize>> = BTreeMap::new();
        for manifest in opened {
            evidence.gaps.extend(manifest.gaps);
            for layer in manifest.layers {
                wanted
                    .entry((layer.blob, layer.size))
                    .or_default()
                    .push(layers.len());
                layers.push(layer);
            }
        }
        let fetches = wanted
            .keys()
            .map(|&(blob, size)| self.fetch_blob(blob, size))
            .collect();
        let mut blobs: Vec<Option<Arc<[u8]>>> = vec![None; layers.len()];
        for (positions, blob) in wanted.into_values().zip(concurrently(fetches).await) {
            // One gap for one blob, however many layers name it.
            match blob.and_then(|bytes| self.pay(&bytes, positions.len()).map(|()| bytes)) {
                Ok(bytes) => {
                    for position in positions {
                        blobs[position] = Some(Arc::clone(&bytes));
                    }
                }
                Err(gap) => evidence.gaps.push(gap),
            }
        }
        evidence.items = layers
            .into_iter()
            .zip(blobs)
            .filter_map(|(layer, bytes)| Some(layer.into_item(bytes?)))
            .collect();
        evidence
    }

    /// Pays for the bytes once more for each further layer that names them: each is examined by itself, and a thousand that name one large blob must not
    /// cost what is fetched for one.
    fn pay(&self, bytes: &[u8], layers: usize) -> Result<(), Gap> {
        let extra = bytes.len().saturating_mul(layers.saturating_sub(1));
        self.budget
            .spend(self.repository.registry(), extra)
            .map_err(|error| {
                error.into_gap(format!(
                    "{layers} layers with one blob in {}",
                    self.repository
                ))
            })
    }

    async fn fetch_blob(&self, blob: Digest, size: usize) -> Result<Arc<[u8]>, Gap> {
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

    fn protocol(&self, what: impl Into<String>) -> RegistryError {
        RegistryError::protocol(self.repository.registry(), what)
    }

    fn too_large(&self, what: &str, limit: usize) -> RegistryError {
        RegistryError::too_large(self.repository.registry(), what, limit)
    }
}

/// What one manifest gave: layers to fetch, and what is wrong with it.
#[derive(Default)]
pub(super) struct Opened {
    layers: Vec<Layer>,
    gaps: Vec<Gap>,
}

/// The same, before it is said of what.
#[derive(Default)]
struct Selected {
    layers: Vec<Layer>,
    errors: Vec<RegistryError>,
}

impl From<RegistryError> for Selected {
    fn from(error: RegistryError) -> Self {
        Self {
            layers: Vec::new(),
            errors: vec![error],
        }
    }
}

impl Opened {
    fn of(selected: Result<Selected, RegistryError>, what: impl Fn() -> String) -> Self {
        let Selected { layers, errors } = selected.unwrap_or_else(Selected::from);
        Self {
            layers,
            gaps: errors
                .into_iter()
                .map(|error| error.into_gap(what()))
                .collect(),
        }
    }
}

impl Layer {
    fn into_item(self, bytes: Arc<[u8]>) -> Item {
        let content = match self.found_by {
            FoundBy::SignatureTag => Content::SimpleSigning {
                payload: bytes,
                annotations: self.annotations.into(),
            },
            FoundBy::AttestationTag => Content::Attestation {
                envelope: bytes,
                annotations: self.annotations.into(),
            },
            _ => Content::Bundle(bytes),
        };
        Item {
            locator: Locator {
                found_by: self.found_by,
                manifest: self.manifest,
                blob: self.blob,
                place: self.place,
            },
            content,
        }
    }
}

/// Runs all, a few at once, and keeps their order.
pub(crate) async fn concurrently<F: Future>(work: Vec<F>) -> Vec<F::Output> {
    stream::iter(work).buffered(AT_ONCE).collect().await
}
