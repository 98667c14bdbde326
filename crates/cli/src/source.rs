//! Where an image is read from: a registry or a folder.

use std::sync::Arc;

use countersign::{
    Access, Budget, Fetched, HttpRegistry, ImageRef, LayoutRef, Limits, Listing, OciLayout,
    Reference, Registry, RegistryError, Repository, Walk,
};
use countersign_core::Digest;
use tokio::io::AsyncWrite;

use crate::escape::escaped;
use crate::failure::Failure;
use crate::registries::RegistryAccess;

/// An image, and how to get at it.
pub(crate) struct Source {
    place: Place,
    pub(crate) repository: Repository,
    pub(crate) reference: Reference,
    /// The tag under which it is known, if it has one.
    pub(crate) tag: Option<String>,
}

enum Place {
    Registry(Box<HttpRegistry>),
    Layout(Box<OciLayout>),
}

/// What an image's text means.
#[derive(Debug)]
pub(crate) enum Named {
    Registry(ImageRef),
    Layout(LayoutRef),
}

impl Named {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let named = if LayoutRef::is_one(text) {
            LayoutRef::parse(text).map(Self::Layout)
        } else {
            ImageRef::parse(text).map(Self::Registry)
        };
        named.map_err(|error| Failure::misused(&format!("{}: {error}", escaped(text, 100))))
    }
}

impl Source {
    /// Gets ready to read; a folder is opened at once.
    pub(crate) fn open(
        named: &Named,
        access: &RegistryAccess,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let failed = |error: RegistryError| Failure::unknown(escaped(&error.to_string(), 1000));
        match named {
            Named::Registry(image) => {
                let client = access.client([image.registry()])?.unwrap_or_default();
                Ok(Self {
                    place: Place::Registry(Box::new(client)),
                    repository: Repository::of(image),
                    reference: Reference::of(image),
                    tag: match (image.tag(), image.digest()) {
                        (None, None) => Some("latest".to_owned()),
                        (tag, _) => tag.map(str::to_owned),
                    },
                })
            }
            Named::Layout(image) => {
                access.client([])?;
                let layout = OciLayout::open(image, limits).map_err(failed)?;
                Ok(Self {
                    reference: layout.find(image).map_err(failed)?,
                    place: Place::Layout(Box::new(layout)),
                    repository: Repository::layout(image.path()),
                    tag: image.tag().map(str::to_owned),
                })
            }
        }
    }

    /// How to walk: evidence is where the configuration of registries says.
    pub(crate) fn way(&self) -> Walk {
        let evidence = match &self.place {
            Place::Registry(it) => it.evidence_repository(&self.repository),
            Place::Layout(_) => None,
        };
        Walk::new().evidence_repository(evidence)
    }

    /// Copies a blob of any size; hashed on the way.
    pub(crate) async fn download(
        &self,
        repository: &Repository,
        blob: &Digest,
        size: u64,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
        budget: &Budget,
    ) -> Result<Option<()>, RegistryError> {
        match &self.place {
            Place::Registry(it) => it.download(repository, blob, size, sink, budget).await,
            Place::Layout(it) => it.download(blob, size, sink, budget).await,
        }
    }
}

impl Registry for Source {
    async fn access(&self, of: &Repository, budget: &Budget) -> Result<Access, RegistryError> {
        match &self.place {
            Place::Registry(it) => it.access(of, budget).await,
            Place::Layout(it) => it.access(of, budget).await,
        }
    }

    async fn manifest(
        &self,
        of: &Repository,
        reference: &Reference,
        max: usize,
        budget: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        match &self.place {
            Place::Registry(it) => it.manifest(of, reference, max, budget).await,
            Place::Layout(it) => it.manifest(of, reference, max, budget).await,
        }
    }

    async fn referrers(
        &self,
        of: &Repository,
        image: &Digest,
        budget: &Budget,
    ) -> Result<Listing, RegistryError> {
        match &self.place {
            Place::Registry(it) => it.referrers(of, image, budget).await,
            Place::Layout(it) => it.referrers(of, image, budget).await,
        }
    }

    async fn blob(
        &self,
        of: &Repository,
        blob: &Digest,
        size: usize,
        budget: &Budget,
    ) -> Result<Option<Arc<[u8]>>, RegistryError> {
        match &self.place {
            Place::Registry(it) => it.blob(of, blob, size, budget).await,
            Place::Layout(it) => it.blob(of, blob, size, budget).await,
        }
    }
}
