//! Where a copy comes from.

use countersign::{Attached, Budget, HttpRegistry, OciLayout, Reference, Repository, Walk, walk};
use countersign_core::{Gap, Limits};
use tokio::io::AsyncWrite;

use crate::held::{Held, MOST_IN_MEMORY};
use crate::place::Place;
use crate::plan::Blob;
use crate::{CopyError, Route};

/// An image somewhere.
pub(crate) struct Source<'a> {
    at: At<'a>,
    repository: Repository,
    reference: Reference,
}

enum At<'a> {
    Registry(&'a HttpRegistry),
    Layout(Box<OciLayout>),
}

impl<'a> Source<'a> {
    pub(crate) fn open(
        route: &Route,
        registry: &'a HttpRegistry,
        limits: &Limits,
    ) -> Result<Self, CopyError> {
        match &route.source {
            Place::Registry(image) => Ok(Self {
                at: At::Registry(registry),
                repository: Repository::of(image),
                reference: Reference::of(image),
            }),
            Place::Layout(layout) => {
                let failed = |error| CopyError::registry(layout.to_string())(error);
                let files = OciLayout::open(layout, limits).map_err(failed)?;
                let reference = files.find(layout).map_err(failed)?;
                Ok(Self {
                    at: At::Layout(Box::new(files)),
                    repository: Repository::layout(layout.path()),
                    reference,
                })
            }
        }
    }

    /// The repository, if it is one of a registry.
    pub(crate) fn repository(&self) -> Option<&Repository> {
        match self.at {
            At::Registry(_) => Some(&self.repository),
            At::Layout(_) => None,
        }
    }

    /// Reads everything but the blobs. What cannot be read whole is no source.
    pub(crate) async fn walk(&self, budget: &Budget) -> Result<Attached, CopyError> {
        let (repository, reference) = (&self.repository, &self.reference);
        let attached = match &self.at {
            At::Registry(registry) => {
                let beside = registry.evidence_repository(repository);
                let all = Walk::new().evidence_repository(beside);
                walk(*registry, repository, reference, &all, budget).await
            }
            At::Layout(layout) => {
                walk(&**layout, repository, reference, &Walk::new(), budget).await
            }
        };
        let attached = attached.map_err(|gap| CopyError::Source(vec![gap]))?;
        let gaps: Vec<Gap> = attached.gaps().cloned().collect();
        if gaps.is_empty() {
            Ok(attached)
        } else {
            Err(CopyError::Source(gaps))
        }
    }

    /// Fetches a blob whole.
    pub(crate) async fn hold(&self, blob: Blob<'_>, budget: &Budget) -> Result<Held, CopyError> {
        let size = blob.named.size;
        if size <= MOST_IN_MEMORY {
            let mut bytes = Vec::new();
            self.pour(blob, &mut bytes, budget).await?;
            return Ok(Held::Bytes(bytes));
        }
        let disk = |cause| CopyError::Disk {
            digest: blob.named.digest,
            cause,
        };
        let mut file = Held::file().map_err(disk)?;
        self.pour(blob, &mut file, budget).await?;
        Ok(Held::File(file, size))
    }

    /// Fetches a blob into `sink`. What is there after an error is worthless.
    pub(crate) async fn pour(
        &self,
        blob: Blob<'_>,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
        budget: &Budget,
    ) -> Result<(), CopyError> {
        let (digest, size) = (&blob.named.digest, blob.named.size);
        let fetched = match &self.at {
            At::Registry(registry) => {
                registry
                    .download(blob.repository, digest, size, sink, budget)
                    .await
            }
            At::Layout(layout) => layout.download(digest, size, sink, budget).await,
        };
        let what = || format!("blob {digest} in {}", blob.repository);
        match fetched.map_err(CopyError::registry(what()))? {
            Some(()) => Ok(()),
            None => Err(CopyError::Missing { what: what() }),
        }
    }
}
