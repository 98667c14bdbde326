//! A registry with a cache before it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::{Digest, Limits};
use tokio::time::Instant;

use super::Cache;
use super::flight::{FlightKey, Flights, Landed};
use super::memory::{Known, Listed, Manifest, Read, Scope, What};
use super::record::{SeenListing, SeenManifest};
use crate::registry::{check_digest, check_size};
use crate::{
    Access, Budget, CacheAnswer, CacheKind, Fetched, Listing, Reference, Registry, RegistryError,
    Repository,
};

/// A registry that remembers what it was told in a [`Cache`].
///
/// - Bytes are shared by all, and given to whoever was shown them within the last minute under the same [`Access`]: a manifest
///   that was read there, a blob that was read or that such a manifest names as its config or a layer. So whoever may no
///   longer read a repository is refused within a minute, by the registry itself.
/// - Tags and complete lists are believed for seconds, and so is "not there"; errors and incomplete lists are never kept.
/// - Equal asks at the same time are one request, which ends by its own deadline, or when nobody waits for it any more. Each
///   check still ends by its own deadline, and pays for all bytes that it is given.
pub struct Cached<R> {
    inner: Arc<R>,
    cache: Arc<Cache>,
    /// Under which access repositories are read, where that was asked once and holds on: for one check.
    scopes: Option<Scopes>,
}

/// What was asked of repositories in one check; it reads one or two.
type Scopes = Arc<Mutex<Vec<(Repository, Scope)>>>;

/// One ask, made so that it can outlive whoever asks first.
struct Trip<R> {
    inner: Arc<R>,
    cache: Arc<Cache>,
    repository: Repository,
    scope: Scope,
    limits: Limits,
}

impl<R: Registry + 'static> Cached<R> {
    /// `inner`, with `cache` before it.
    #[must_use]
    pub const fn new(inner: Arc<R>, cache: Arc<Cache>) -> Self {
        Self {
            inner,
            cache,
            scopes: None,
        }
    }

    /// The same for one check, which reads each repository as whoever it was when it began: credentials are looked for once, not at each of a dozen reads.
    pub(crate) fn for_one_check(inner: Arc<R>, cache: Arc<Cache>) -> Self {
        Self {
            scopes: Some(Arc::default()),
            ..Self::new(inner, cache)
        }
    }

    async fn scope(
        &self,
        repository: &Repository,
        budget: &Budget,
    ) -> Result<Scope, RegistryError> {
        let known = |scopes: &Scopes| {
            let scopes = scopes.lock().unwrap_or_else(PoisonError::into_inner);
            let mut scopes = scopes.iter().filter(|(own, _)| own == repository);
            scopes.next().map(|(_, scope)| *scope)
        };
        if let Some(scope) = self.scopes.as_ref().and_then(known) {
            return Ok(scope);
        }
        let access = self.inner.access(repository, budget).await?;
        let scope = Scope::new(repository, &access);
        if let Some(scopes) = &self.scopes {
            let mut scopes = scopes.lock().unwrap_or_else(PoisonError::into_inner);
            scopes.push((repository.clone(), scope));
        }
        Ok(scope)
    }

    fn trip(&self, repository: &Repository, scope: Scope, budget: &Budget) -> Trip<R> {
        Trip {
            inner: Arc::clone(&self.inner),
            cache: Arc::clone(&self.cache),
            repository: repository.clone(),
            scope,
            limits: budget.limits().clone(),
        }
    }
}

impl<R: Registry + 'static> Registry for Cached<R> {
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
        let scope = self.scope(repository, budget).await?;
        let kind = match reference {
            Reference::Tag(_) => CacheKind::Tag,
            Reference::Digest(_) => CacheKind::Manifest,
        };
        let (answer, found) = match self.cache.memory.manifest(scope, reference) {
            Known::Here(found) => (CacheAnswer::Memory, Some(found)),
            Known::Absent => (CacheAnswer::Absent, None),
            Known::Unknown => {
                let key = FlightKey::new(scope, reference.into(), bounds(max, budget));
                let reference = reference.clone();
                let trip = self.trip(repository, scope, budget);
                let work = || trip.manifest(reference, max);
                self.fly(&self.cache.manifests, key, repository, budget, work)
                    .await?
            }
        };
        self.cache.asked(kind, answer);
        let Some(found) = found else {
            return Ok(None);
        };
        let host = repository.registry();
        if found.bytes.len() > max {
            return Err(RegistryError::too_large(host, "a manifest", max));
        }
        budget.spend(host, found.bytes.len())?;
        Ok(Some(found.fetched()))
    }

    async fn referrers(
        &self,
        repository: &Repository,
        image: &Digest,
        budget: &Budget,
    ) -> Result<Listing, RegistryError> {
        let scope = self.scope(repository, budget).await?;
        let (answer, listed) = match self.cache.memory.listing(scope, image) {
            Some(listed) => (CacheAnswer::Memory, listed),
            None => {
                let (what, max) = (What::Referrers(*image), budget.limits().manifest_bytes);
                let key = FlightKey::new(scope, what, bounds(max, budget));
                let image = *image;
                let trip = self.trip(repository, scope, budget);
                let work = || trip.listing(image);
                self.fly(&self.cache.listings, key, repository, budget, work)
                    .await?
            }
        };
        self.cache.asked(CacheKind::Referrers, answer);
        listed.given(repository, budget)
    }

    async fn blob(
        &self,
        repository: &Repository,
        blob: &Digest,
        size: usize,
        budget: &Budget,
    ) -> Result<Option<Arc<[u8]>>, RegistryError> {
        let scope = self.scope(repository, budget).await?;
        let (answer, found) = match self.cache.memory.blob(scope, blob) {
            Known::Here(bytes) => (CacheAnswer::Memory, Some(bytes)),
            Known::Absent => (CacheAnswer::Absent, None),
            Known::Unknown => {
                let key = FlightKey::new(scope, What::Blob(*blob), bounds(size, budget));
                let blob = *blob;
                let trip = self.trip(repository, scope, budget);
                let work = || trip.blob(blob, size);
                self.fly(&self.cache.blobs, key, repository, budget, work)
                    .await?
            }
        };
        self.cache.asked(CacheKind::Blob, answer);
        let Some(bytes) = found else {
            return Ok(None);
        };
        let host = repository.registry();
        check_size(host, blob, as_u64(size), bytes.len())?;
        budget.spend(host, bytes.len())?;
        Ok(Some(bytes))
    }
}

impl<R: Registry + 'static> Cached<R> {
    /// Waits for the one request that is on its way for `key`, or begins it; not beyond the own deadline.
    async fn fly<T, W>(
        &self,
        flights: &Arc<Flights<T>>,
        key: FlightKey,
        repository: &Repository,
        budget: &Budget,
        work: impl FnOnce() -> W,
    ) -> Landed<T>
    where
        T: Clone + Send + Sync + 'static,
        W: Future<Output = Landed<T>> + Send + 'static,
    {
        let (flight, joined) = flights.join(key, repository.registry(), work);
        let (answer, found) = budget.in_time_of(repository.registry(), flight).await??;
        Ok((if joined { CacheAnswer::Joined } else { answer }, found))
    }
}

impl<R: Registry> Trip<R> {
    async fn manifest(self, reference: Reference, max: usize) -> Landed<Option<Manifest>> {
        let memory = &self.cache.memory;
        // Another flight may have landed since the caller looked.
        match memory.manifest(self.scope, &reference) {
            Known::Here(found) => return Ok((CacheAnswer::Memory, Some(found))),
            Known::Absent => return Ok((CacheAnswer::Absent, None)),
            Known::Unknown => {}
        }
        if let Reference::Digest(digest) = reference
            && let Some(read) = memory.granted_read(self.scope, &digest)
            && let Some(bytes) = self.cache.disk_blob(digest, max).await
        {
            let bytes = bytes.into();
            memory.keep_bytes(digest, &bytes);
            let found = Manifest {
                read,
                bytes,
                doubt: None,
            };
            return Ok((CacheAnswer::Disk, Some(found)));
        }
        let budget = self.budget();
        let asked = self
            .inner
            .manifest(&self.repository, &reference, max, &budget);
        let Some(fetched) = budget
            .in_time_of(self.repository.registry(), asked)
            .await??
        else {
            memory.keep_absence(self.scope, (&reference).into());
            return Ok((CacheAnswer::Miss, None));
        };
        let digest = Digest::of(&fetched.bytes);
        if let Reference::Digest(expected) = &reference {
            check_digest(self.repository.registry(), expected, &fetched.bytes)?;
        }
        let found = Manifest {
            bytes: fetched.bytes.into(),
            read: Arc::new(Read {
                content_type: fetched.content_type,
                from: fetched.from,
                since: Instant::now(),
                at: self.cache.now(),
            }),
            doubt: fetched.doubt,
        };
        if found.doubt.is_some() {
            return Ok((CacheAnswer::Miss, Some(found)));
        }
        // Disk first: what a later check finds in memory is on disk too, even if this one is cancelled here.
        self.cache.keep_blob(digest, &found.bytes).await;
        let record = SeenManifest::of(&found.read);
        self.cache.keep_record(self.scope, digest, record).await;
        memory.keep_manifest(self.scope, &reference, digest, &found);
        Ok((CacheAnswer::Miss, Some(found)))
    }

    async fn listing(self, image: Digest) -> Landed<Arc<Listed>> {
        let memory = &self.cache.memory;
        if let Some(listed) = memory.listing(self.scope, &image) {
            return Ok((CacheAnswer::Memory, listed));
        }
        let budget = self.budget();
        let asked = self.inner.referrers(&self.repository, &image, &budget);
        let listing = budget
            .in_time_of(self.repository.registry(), asked)
            .await??;
        let listed = Arc::new(Listed {
            items: listing.items,
            from: listing.from,
            incomplete: listing.incomplete.map(Box::new),
            cost: self
                .limits
                .fetched_bytes
                .saturating_sub(budget.bytes_left()),
            since: Instant::now(),
            at: self.cache.now(),
        });
        if listed.incomplete.is_none() {
            let record = SeenListing::of(&listed);
            self.cache.keep_record(self.scope, image, record).await;
            memory.keep_listing(self.scope, image, &listed);
        }
        Ok((CacheAnswer::Miss, listed))
    }

    async fn blob(self, blob: Digest, size: usize) -> Landed<Option<Arc<[u8]>>> {
        let memory = &self.cache.memory;
        match memory.blob(self.scope, &blob) {
            Known::Here(bytes) => return Ok((CacheAnswer::Memory, Some(bytes))),
            Known::Absent => return Ok((CacheAnswer::Absent, None)),
            Known::Unknown => {}
        }
        if memory.is_granted(self.scope, &blob)
            && let Some(bytes) = self.cache.disk_blob(blob, size).await
        {
            let bytes = bytes.into();
            memory.keep_bytes(blob, &bytes);
            return Ok((CacheAnswer::Disk, Some(bytes)));
        }
        let budget = self.budget();
        let asked = self.inner.blob(&self.repository, &blob, size, &budget);
        let Some(bytes) = budget
            .in_time_of(self.repository.registry(), asked)
            .await??
        else {
            memory.keep_absence(self.scope, What::Blob(blob));
            return Ok((CacheAnswer::Miss, None));
        };
        let host = self.repository.registry();
        check_size(host, &blob, as_u64(size), bytes.len())?;
        check_digest(host, &blob, &bytes)?;
        let since = Instant::now();
        self.cache.keep_blob(blob, &bytes).await;
        memory.keep_blob(self.scope, blob, &bytes, since);
        Ok((CacheAnswer::Miss, Some(bytes)))
    }

    /// The flight's own time and bytes: it does not end with the check that happened to ask first.
    fn budget(&self) -> Budget {
        Budget::new(&self.limits, self.cache.flight_time)
    }
}

impl Manifest {
    pub(super) fn fetched(&self) -> Fetched {
        Fetched {
            bytes: self.bytes.to_vec(),
            content_type: self.read.content_type.clone(),
            from: self.read.from.clone(),
            doubt: self.doubt.clone(),
        }
    }
}

impl Listed {
    /// The list for a check, which has its own bounds and pays for it like whoever read it.
    pub(super) fn given(
        &self,
        repository: &Repository,
        budget: &Budget,
    ) -> Result<Listing, RegistryError> {
        let (host, limit) = (repository.registry(), budget.limits().attachments);
        if self.items.len() > limit {
            return Err(RegistryError::too_large(
                host,
                "the list of referrers",
                limit,
            ));
        }
        budget.spend(host, self.cost)?;
        Ok(Listing {
            items: Arc::clone(&self.items),
            incomplete: self.incomplete.as_deref().cloned(),
            from: self.from.clone(),
        })
    }
}

/// Whatever bounds a request, and may refuse one that another check would have allowed.
fn bounds(max: usize, budget: &Budget) -> [usize; 4] {
    let limits = budget.limits();
    [max, limits.attachments, limits.pages, limits.fetched_bytes]
}

pub(super) fn as_u64(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

impl<R> Clone for Cached<R> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            cache: Arc::clone(&self.cache),
            scopes: self.scopes.clone(),
        }
    }
}

impl<R> fmt::Debug for Cached<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
