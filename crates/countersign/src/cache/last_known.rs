//! A registry that cannot be asked, as it was known last.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use countersign_core::{Digest, Stale};

use super::Cache;
use super::cached::as_u64;
use super::memory::{Listed, Manifest, Read, Scope, named_by};
use super::record::{SeenListing, SeenManifest};
use crate::locked::lock;
use crate::registry::check_size;
use crate::{
    Access, Budget, CacheAnswer, CacheKind, Fetched, Listing, Reference, Registry, RegistryError,
    Repository,
};

/// What a [`Cache`] knows of registries from before, for when they cannot be asked. It sends nothing.
///
/// A manifest is given if it was read under the same [`Access`] within `max_age`, a list of referrers if it was complete
/// then, and a blob if a manifest that was given names it. Tags are never resolved: they may have moved. What is not known is an
/// error of class *unavailable*, for records prove no absence.
pub struct LastKnown<R> {
    inner: Arc<R>,
    cache: Arc<Cache>,
    max_age: Duration,
    used: Mutex<Used>,
}

/// What was given so far.
#[derive(Default)]
struct Used {
    lists: Vec<(Digest, Stale)>,
    blobs: HashSet<(Scope, Digest)>,
}

impl<R: Registry> LastKnown<R> {
    /// What `cache` knows, as far as it is not older than `max_age`. `inner` is asked for [`Registry::access`] only.
    #[must_use]
    pub fn new(inner: Arc<R>, cache: Arc<Cache>, max_age: Duration) -> Self {
        Self {
            inner,
            cache,
            max_age,
            used: Mutex::default(),
        }
    }

    /// The lists of an image's referrers that were given so far, each with its age.
    #[must_use]
    pub fn used_for(&self, image: &Digest) -> Vec<Stale> {
        let used = self.lock();
        let own = used.lists.iter().filter(|(listed, _)| listed == image);
        own.map(|(_, stale)| stale.clone()).collect()
    }

    async fn scope(
        &self,
        repository: &Repository,
        budget: &Budget,
    ) -> Result<Scope, RegistryError> {
        let access = self.inner.access(repository, budget).await?;
        Ok(Scope::new(repository, &access))
    }

    /// The age, if it is not too old.
    fn age(&self, at: countersign_core::UnixTime) -> Option<Duration> {
        self.cache.age(at).filter(|age| *age <= self.max_age)
    }

    async fn last_manifest(&self, scope: Scope, digest: Digest, max: usize) -> Option<Manifest> {
        let read = match self.cache.memory.last_read(scope, &digest) {
            Some(read) if self.age(read.at).is_some() => read,
            _ => {
                let record: SeenManifest = self.cache.disk_record(scope, digest).await?;
                Arc::new(Read::from(record))
            }
        };
        self.age(read.at)?;
        let bytes = self.bytes(digest, max).await?;
        Some(Manifest {
            read,
            bytes,
            doubt: None,
        })
    }

    async fn last_listing(&self, scope: Scope, image: Digest) -> Option<(Arc<Listed>, Duration)> {
        let listed = match self.cache.memory.last_listing(scope, &image) {
            Some(listed) if self.age(listed.at).is_some() => listed,
            _ => {
                let record: SeenListing = self.cache.disk_record(scope, image).await?;
                Arc::new(record.listed()?)
            }
        };
        let age = self.age(listed.at)?;
        Some((listed, age))
    }

    async fn bytes(&self, digest: Digest, max: usize) -> Option<Arc<[u8]>> {
        match self.cache.memory.bytes(&digest) {
            Some(bytes) => Some(bytes),
            None => self.cache.disk_blob(digest, max).await.map(Arc::from),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        lock(&self.used)
    }
}

impl<R: Registry> Registry for LastKnown<R> {
    async fn access(
        &self,
        repository: &Repository,
        budget: &Budget,
    ) -> Result<Access, RegistryError> {
        self.inner.access(repository, budget).await
    }

    fn evidence_repository(&self, image: &Repository) -> Option<Repository> {
        self.inner.evidence_repository(image)
    }

    async fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
        max: usize,
        budget: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        let Reference::Digest(digest) = reference else {
            return Err(unknown(repository, "where a tag points to"));
        };
        let scope = self.scope(repository, budget).await?;
        let Some(found) = self.last_manifest(scope, *digest, max).await else {
            return Err(unknown(repository, "the manifest"));
        };
        let host = repository.registry();
        if found.bytes.len() > max {
            return Err(RegistryError::too_large(host, "a manifest", max));
        }
        budget.spend(host, found.bytes.len())?;
        let blobs = named_by(&found.bytes).into_iter();
        self.lock().blobs.extend(blobs.map(|blob| (scope, blob)));
        self.cache.asked(CacheKind::Manifest, CacheAnswer::Stale);
        Ok(Some(found.fetched()))
    }

    async fn referrers(
        &self,
        repository: &Repository,
        image: &Digest,
        budget: &Budget,
    ) -> Result<Listing, RegistryError> {
        let scope = self.scope(repository, budget).await?;
        let Some((listed, age)) = self.last_listing(scope, *image).await else {
            return Err(unknown(repository, "the list of referrers"));
        };
        let listing = listed.given(repository, budget)?;
        let stale = Stale {
            what: format!("referrers of {image} in {repository}"),
            age: age.as_secs(),
        };
        self.lock().lists.push((*image, stale));
        self.cache.asked(CacheKind::Referrers, CacheAnswer::Stale);
        Ok(listing)
    }

    async fn blob(
        &self,
        repository: &Repository,
        blob: &Digest,
        size: usize,
        budget: &Budget,
    ) -> Result<Option<Arc<[u8]>>, RegistryError> {
        let scope = self.scope(repository, budget).await?;
        let is_named = self.lock().blobs.contains(&(scope, *blob));
        let found = if is_named {
            self.bytes(*blob, size).await
        } else {
            None
        };
        let bytes = found.ok_or_else(|| unknown(repository, "the blob"))?;
        let host = repository.registry();
        check_size(host, blob, as_u64(size), bytes.len())?;
        budget.spend(host, bytes.len())?;
        self.cache.asked(CacheKind::Blob, CacheAnswer::Stale);
        Ok(Some(bytes))
    }
}

fn unknown(repository: &Repository, what: &str) -> RegistryError {
    RegistryError::Connection {
        host: repository.registry().to_owned(),
        cause: format!("it could not be asked, and {what} is not known from before"),
    }
}

impl<R> fmt::Debug for LastKnown<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastKnown")
            .field("cache", &self.cache)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}
