//! Follows everything that leads from one manifest to another.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_core::{Digest, Gap, PinnedImage};
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::Semaphore;

use super::node::{Node, Way};
use super::read::{Listed, Read};
use crate::registry::check_size;
use crate::wire::{DOCKER_LIST, OCI_INDEX};
use crate::{Budget, Fetched, Reference, Registry, RegistryError, Repository};

/// How many requests of one walk run at once, as of one check.
const AT_ONCE: usize = 8;
/// Indexes within indexes, and referrers of referrers, are followed so far: twice as far as any tool makes them.
const MAX_DEPTH: usize = 4;
const COMPANIONS: [Way; 3] = [Way::SignatureTag, Way::AttestationTag, Way::SbomTag];

/// What all requests of one walk have in common.
pub(super) struct Walker<'a, R> {
    registry: &'a R,
    repository: &'a Repository,
    /// Where to look for what is attached.
    beside: &'a Repository,
    budget: &'a Budget,
    gate: Semaphore,
    /// Manifests that may still be opened.
    left: AtomicUsize,
}

/// The way from the image to a manifest.
#[derive(Clone, Default)]
struct Trail {
    above: Vec<Digest>,
    indexes: usize,
    referrers: usize,
    /// Whether it can be run, or is an index of such: then tools keep things at tags that are named for it.
    runs: bool,
}

impl<'a, R: Registry> Walker<'a, R> {
    pub(super) fn new(
        registry: &'a R,
        repository: &'a Repository,
        evidence: Option<&'a Repository>,
        budget: &'a Budget,
    ) -> Self {
        Self {
            registry,
            repository,
            beside: evidence.unwrap_or(repository),
            budget,
            gate: Semaphore::new(AT_ONCE),
            left: AtomicUsize::new(budget.limits().attachments),
        }
    }

    /// The image and all that hangs on it.
    pub(super) async fn whole(
        &self,
        image: PinnedImage,
        reference: &Reference,
    ) -> Result<Node, Gap> {
        let fetched = Fetched {
            bytes: image.bytes().to_vec(),
            content_type: Some(image.media_type().to_owned().into()),
            from: None,
            doubt: None,
        };
        let mut read = Read::new(fetched, Way::Asked, self.repository, None)
            .and_then(|read| read.into_image(self.budget.limits()))
            .map_err(|cause| {
                protocol(self.repository, cause)
                    .into_gap(format!("manifest {reference} in {}", self.repository))
            })?;
        if let Reference::Tag(tag) = reference {
            read.node.tag = Some(tag.clone());
        }
        let trail = Trail {
            runs: true,
            ..Trail::default()
        };
        Ok(self.complete(read, trail).await)
    }

    /// Adds to a manifest what it lists and what is attached to it.
    fn complete(&self, read: Read, mut trail: Trail) -> BoxFuture<'_, Node> {
        Box::pin(async move {
            let Read {
                mut node, lists, ..
            } = read;
            if trail.above.contains(&node.digest) {
                // A tag leads back to where the walk came from, and all that would follow is known.
                return node;
            }
            trail.above.push(node.digest);
            let children = self.children(&node, lists, &trail);
            let attached = self.attached(&node, &trail);
            let (children, attached) = tokio::join!(children, attached);
            node.children = node.gaps_and(children);
            node.attached = node.gaps_and(attached);
            node
        })
    }

    async fn children(&self, index: &Node, lists: Vec<Listed>, trail: &Trail) -> Found {
        let what = |digest: &Digest| format!("{digest}, listed by {}", index.digest);
        if lists.is_empty() {
            return Found::default();
        }
        let trail = Trail {
            indexes: trail.indexes + 1,
            ..trail.clone()
        };
        if trail.indexes > MAX_DEPTH {
            let error = self.too_large("indexes within indexes", MAX_DEPTH);
            return Found::gap(error.into_gap(what(&index.digest)));
        }
        let open = |listed: Listed| {
            let what = format!("{} in {}", what(&listed.digest), index.repository);
            self.open(&index.repository, listed, Way::Child, None, what, &trail)
        };
        self.all(lists, open, &what(&index.digest)).await
    }

    /// What refers to the manifest, and what stands at the tags that are named for it.
    async fn attached(&self, node: &Node, trail: &Trail) -> Found {
        let tags = COMPANIONS.into_iter().filter(|_| trail.runs);
        let tags = join_all(tags.map(|way| self.tagged(&node.digest, way, trail)));
        let (mut found, tags) = tokio::join!(self.referrers(node, trail), tags);
        tags.into_iter().for_each(|tag| found.add(tag));
        found
    }

    /// The referrers, by both of their lists.
    async fn referrers(&self, node: &Node, trail: &Trail) -> Found {
        let (beside, subject) = (self.beside, &node.digest);
        let what = format!("referrers of {subject} in {beside}");
        let trail = Trail {
            referrers: trail.referrers + 1,
            runs: false,
            ..trail.clone()
        };
        let (mut lists, mut found) = self.lists_of(subject, &what).await;
        let mut seen = BTreeSet::new();
        lists.retain(|(_, listed)| seen.insert(listed.digest));
        if trail.referrers > MAX_DEPTH && !lists.is_empty() {
            let error = self.too_large("referrers of referrers", MAX_DEPTH);
            found.gaps.push(error.into_gap(what));
            return found;
        }
        let open = |(way, listed): (Way, Listed)| {
            let what = format!("referrer {} in {beside}", listed.digest);
            self.open(beside, listed, way, Some(subject), what, &trail)
        };
        found.add(self.all(lists, open, &what).await);
        found
    }

    /// What the registry lists and then what the index at the fallback tag does, which is found itself.
    async fn lists_of(&self, subject: &Digest, what: &str) -> (Vec<(Way, Listed)>, Found) {
        let listing = self.registry.referrers(self.beside, subject, self.budget);
        let fallback = self.fetch_tag(subject, Way::FallbackTag);
        let (listing, fallback) = tokio::join!(self.asked(listing), fallback);
        let (mut lists, mut found) = (Vec::new(), Found::default());
        match listing {
            Ok(listing) => {
                let incomplete = listing.incomplete.map(|error| error.into_gap(what));
                found.gaps.extend(incomplete);
                lists.extend(listing.items.iter().cloned().map(Listed::referrer));
            }
            Err(error) => found.gaps.push(error.into_gap(what)),
        }
        match fallback {
            Ok(Some((mut read, doubt))) => {
                found.gaps.extend(doubt);
                let more = std::mem::take(&mut read.lists);
                lists.extend(more.into_iter().map(|it| (Way::FallbackReferrer, it)));
                found.nodes.push(read.node);
            }
            Ok(None) => {}
            Err(gap) => found.gaps.push(gap),
        }
        (lists, found)
    }

    /// Opens everything of a list, in its order, as far as manifests may be opened.
    async fn all<T, F: Future<Output = Found>>(
        &self,
        lists: Vec<T>,
        open: impl Fn(T) -> F,
        what: &str,
    ) -> Found {
        let (mut opened, mut too_many) = (Vec::new(), None);
        for listed in lists {
            if let Err(error) = self.claim() {
                too_many = Some(error.into_gap(what));
                break;
            }
            opened.push(open(listed));
        }
        let mut found = Found::default();
        for one in join_all(opened).await {
            found.add(one);
        }
        found.gaps.extend(too_many);
        found
    }

    /// Opens one listed manifest, and all that hangs on it.
    async fn open(
        &self,
        repository: &Repository,
        listed: Listed,
        way: Way,
        subject: Option<&Digest>,
        what: String,
        trail: &Trail,
    ) -> Found {
        let read = self.fetch(repository, listed, way, trail.runs).await;
        let read = read.and_then(|read| {
            if subject.is_some() && read.subject.as_ref() != subject {
                let cause = "its subject is not what it is listed for";
                return Err(protocol(repository, cause));
            }
            Ok(read)
        });
        match read {
            Ok(read) => Found::node(self.complete(read, trail.clone()).await),
            Err(error) => Found::gap(error.into_gap(what)),
        }
    }

    async fn fetch(
        &self,
        repository: &Repository,
        listed: Listed,
        way: Way,
        runs: bool,
    ) -> Result<Read, RegistryError> {
        let limits = self.budget.limits();
        let (digest, listed_size) = (listed.digest, listed.size);
        let size = usize::try_from(listed_size)
            .ok()
            .filter(|size| *size <= limits.manifest_bytes)
            .ok_or_else(|| self.too_large("a manifest", limits.manifest_bytes))?;
        let reference = Reference::Digest(digest);
        let fetched = self
            .asked(
                self.registry
                    .manifest(repository, &reference, size, self.budget),
            )
            .await?
            .ok_or_else(|| protocol(repository, "it is listed but not there"))?;
        check_size(
            repository.registry(),
            &digest,
            listed_size,
            fetched.bytes.len(),
        )?;
        let read = Read::new(fetched, way, repository, Some(listed));
        if runs {
            read.and_then(|read| read.into_image(limits))
        } else {
            read
        }
        .map_err(|cause| protocol(repository, cause))
    }

    /// What stands at a tag that is named for a manifest, with all that hangs on it.
    async fn tagged(&self, image: &Digest, way: Way, trail: &Trail) -> Found {
        match self.fetch_tag(image, way).await {
            Ok(Some((read, doubt))) => {
                let trail = Trail {
                    runs: false,
                    ..trail.clone()
                };
                let mut found = Found::node(self.complete(read, trail).await);
                found.gaps.extend(doubt);
                found
            }
            Ok(None) => Found::default(),
            Err(gap) => Found::gap(gap),
        }
    }

    /// What stands at the tag, and the gap that is left if that may be out of date.
    async fn fetch_tag(
        &self,
        image: &Digest,
        way: Way,
    ) -> Result<Option<(Read, Option<Gap>)>, Gap> {
        let beside = self.beside;
        let reference = Reference::companion(image, way.suffix().unwrap_or_default());
        let what = || format!("{reference} in {beside}");
        let max = self.budget.limits().manifest_bytes;
        let fetched = self
            .asked(self.registry.manifest(beside, &reference, max, self.budget))
            .await
            .map_err(|error| error.into_gap(what()))?;
        let Some(mut fetched) = fetched else {
            return Ok(None);
        };
        self.claim().map_err(|error| error.into_gap(what()))?;
        let doubt = fetched.doubt.take().map(|error| error.into_gap(what()));
        let mut read = Read::new(fetched, way, beside, None)
            .map_err(|cause| protocol(beside, cause).into_gap(what()))?;
        let is_index = [OCI_INDEX, DOCKER_LIST].contains(&read.node.media_type.as_str());
        if way == Way::FallbackTag && !is_index {
            return Err(protocol(beside, "it is not an index").into_gap(what()));
        }
        read.node.tag = Some(reference.to_string());
        Ok(Some((read, doubt)))
    }

    /// Asks the registry, a few things at once.
    async fn asked<T>(&self, ask: impl Future<Output = T>) -> T {
        // The gate is never closed; if it were, asking at once would still be right.
        let _permit = self.gate.acquire().await.ok();
        ask.await
    }

    fn claim(&self) -> Result<(), RegistryError> {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .map(drop)
            .map_err(|_| self.too_large("all manifests together", self.budget.limits().attachments))
    }

    fn too_large(&self, what: &str, limit: usize) -> RegistryError {
        RegistryError::too_large(self.repository.registry(), what, limit)
    }
}

fn protocol(repository: &Repository, cause: impl Into<String>) -> RegistryError {
    RegistryError::protocol(repository.registry(), cause)
}

/// Manifests that were opened, and what could not be.
#[derive(Default)]
struct Found {
    nodes: Vec<Node>,
    gaps: Vec<Gap>,
}

impl Found {
    fn node(node: Node) -> Self {
        Self {
            nodes: vec![node],
            gaps: Vec::new(),
        }
    }

    fn gap(gap: Gap) -> Self {
        Self {
            nodes: Vec::new(),
            gaps: vec![gap],
        }
    }

    fn add(&mut self, more: Self) {
        self.nodes.extend(more.nodes);
        self.gaps.extend(more.gaps);
    }
}

impl Node {
    /// Keeps the gaps; hands back the nodes.
    fn gaps_and(&mut self, found: Found) -> Vec<Self> {
        self.gaps.extend(found.gaps);
        found.nodes
    }
}
