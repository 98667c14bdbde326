//! From an image to a decision: the library's front door.

mod question;
mod replay;
mod stale;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::{
    Decision, Digest, Gap, Limits, PolicySet, ProofCache, ProofStats, Request, UnixTime,
};

use self::question::{Places, Question};
pub use self::replay::{ReplayError, ReplayStore};
use crate::image::Place;
use crate::{
    Access, Budget, Cache, Cached, HttpRegistry, Image, Keyring, LastKnown, Reference, Registry,
    Repository, resolve,
};

/// Checks images against one policy set.
///
/// A check resolves the reference once, collects what the policies need, verifies it and decides. An image that no policy
/// names, or whose reference already fails a `digest` rule, is decided without any request. A check never fails: what
/// could not be fetched is part of its decision. What was fetched and verified is remembered, and judged anew each time.
#[derive(Debug)]
pub struct Checker {
    policies: Arc<PolicySet>,
    registry: Arc<HttpRegistry>,
    cache: Arc<Cache>,
    proofs: Arc<ProofCache>,
    limits: Limits,
    timeout: Duration,
    explains: bool,
}

impl Checker {
    /// A checker that asks registries over HTTPS without credentials, with the default limits and
    /// [`Budget::DEFAULT_TIME`] for each image.
    #[must_use]
    pub fn new(policies: PolicySet) -> Self {
        Self {
            policies: Arc::new(policies),
            registry: Arc::new(HttpRegistry::new()),
            cache: Arc::default(),
            proofs: Arc::default(),
            limits: Limits::default(),
            timeout: Budget::DEFAULT_TIME,
            explains: true,
        }
    }

    /// With another registry client: credentials, certificate authorities, plain HTTP.
    #[must_use]
    pub fn registry(mut self, registry: HttpRegistry) -> Self {
        self.registry = Arc::new(registry);
        self
    }

    /// With another cache than [`Cache::default`]; several checkers may share one.
    #[must_use]
    pub fn cache(mut self, cache: impl Into<Arc<Cache>>) -> Self {
        self.cache = cache.into();
        self
    }

    /// With a cache of proofs of another size than [`ProofCache::default`].
    #[must_use]
    pub fn proof_cache(mut self, proofs: ProofCache) -> Self {
        self.proofs = Arc::new(proofs);
        self
    }

    /// With other bounds on what is read.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With another deadline for one whole check of one image.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Without explanations: decisions are the same, and their rules have no candidates
    /// ([`decide_briefly`](countersign_core::decide_briefly)). For doors that judge the same images again and again.
    #[must_use]
    pub const fn without_explanations(mut self) -> Self {
        self.explains = false;
        self
    }

    /// A checker that differs in its policies only: for when they are loaded anew. It shares the registry client, the cache and
    /// every proof, so that nothing is verified again whose trust roots and keys are the same, and each new demand counts at
    /// once.
    #[must_use]
    pub fn with_policies(&self, policies: PolicySet) -> Self {
        Self {
            policies: Arc::new(policies),
            ..self.copy()
        }
    }

    /// A checker that differs in the credentials of its registry client only: for when they are read anew.
    #[must_use]
    pub fn with_credentials(&self, credentials: impl Into<Keyring>) -> Self {
        Self {
            registry: Arc::new(self.registry.with_credentials(credentials)),
            ..self.copy()
        }
    }

    fn copy(&self) -> Self {
        Self {
            policies: Arc::clone(&self.policies),
            registry: Arc::clone(&self.registry),
            cache: Arc::clone(&self.cache),
            proofs: Arc::clone(&self.proofs),
            limits: self.limits.clone(),
            timeout: self.timeout,
            explains: self.explains,
        }
    }

    /// The policies by which it judges.
    #[must_use]
    pub fn policies(&self) -> &PolicySet {
        &self.policies
    }

    /// What the cache of proofs did so far, for metrics.
    #[must_use]
    pub fn proof_stats(&self) -> ProofStats {
        self.proofs.stats()
    }

    /// Judges an image, as of `now`.
    pub async fn check(&self, image: &Image, now: UnixTime) -> Decision {
        self.check_within(image, now, self.timeout).await
    }

    /// [`check`](Self::check) with a deadline of its own: for whoever is waited for. What is known last may take a second more.
    pub async fn check_within(&self, image: &Image, now: UnixTime, time: Duration) -> Decision {
        let question = Question::new(self, image.request(), now).within(time);
        match &image.place {
            Place::Registry(name) => {
                let (repository, reference) = (Repository::of(name), Reference::of(name));
                let registry = self.registry_of(image);
                self.ask_cached(question, &registry, &repository, &reference)
                    .await
            }
            Place::Layout(layout) => question.ask_layout(layout).await,
        }
    }

    /// Under which access an image and what is attached to it would be read, at all places where they are; none for a layout, and where its name makes no URL.
    /// Nobody is asked, and no program is run.
    #[must_use]
    pub fn access(&self, image: &Image) -> Option<Access> {
        let Place::Registry(name) = &image.place else {
            return None;
        };
        let (registry, repository) = (self.registry_of(image), Repository::of(name));
        let own = registry.access_of(&repository).ok()?;
        let Some(evidence) = registry.evidence_repository(&repository) else {
            return Some(own);
        };
        let evidence = registry.access_of(&evidence).ok()?;
        let both = [own, evidence];
        Some(Access::of(
            both.iter().map(|it| it.fingerprint().as_bytes().as_slice()),
        ))
    }

    /// The client that asks for an image: the checker's, with the image's own credentials before its own.
    fn registry_of(&self, image: &Image) -> Arc<HttpRegistry> {
        match &image.credentials {
            Some(credentials) => Arc::new(self.registry.with_credentials_first(credentials)),
            None => Arc::clone(&self.registry),
        }
    }

    /// What the reference of an image of a registry means now, whatever policies say of it. None where no policy names the image: then nobody is asked.
    ///
    /// # Errors
    /// The [`Gap`] that is left when the registry did not say.
    pub async fn digest_within(
        &self,
        image: &Image,
        time: Duration,
    ) -> Result<Option<Digest>, Gap> {
        let Place::Registry(name) = &image.place else {
            return Ok(None);
        };
        if let Some(digest) = name.digest() {
            return Ok(Some(*digest));
        }
        if !self.policies.names(image.request()) {
            return Ok(None);
        }
        let cached = Cached::new(self.registry_of(image), Arc::clone(&self.cache));
        let budget = Budget::new(&self.limits, time);
        let (repository, reference) = (Repository::of(name), Reference::of(name));
        let pinned = resolve(&cached, &repository, &reference, &budget).await?;
        Ok(Some(*pinned.digest()))
    }

    /// Judges what `reference` means in a repository of a [`Registry`] with the checker's [`Cache`] before it, as of `now`: for
    /// whoever reads with the credentials of many.
    ///
    /// Where the policy set allows it (`stale: {maxAge}` in Settings) and the registry cannot be asked, what is known last may
    /// support an allow.
    pub async fn check_cached<R: Registry + 'static>(
        &self,
        registry: &Arc<R>,
        repository: &Repository,
        reference: &Reference,
        request: &Request,
        now: UnixTime,
    ) -> Decision {
        let question = Question::new(self, request, now);
        self.ask_cached(question, registry, repository, reference)
            .await
    }

    async fn ask_cached<R: Registry + 'static>(
        &self,
        question: Question<'_>,
        registry: &Arc<R>,
        repository: &Repository,
        reference: &Reference,
    ) -> Decision {
        let apart = registry.evidence_repository(repository);
        let evidence = apart.as_ref().unwrap_or(repository);
        let cached = Cached::for_one_check(Arc::clone(registry), Arc::clone(&self.cache));
        let places = Places::of(&cached, repository, evidence);
        let decision = question.ask(&places, reference).await;
        let Some(max_age) = self.policies.stale_max_age() else {
            return decision;
        };
        let last = LastKnown::new(Arc::clone(registry), Arc::clone(&self.cache), max_age);
        let places = Places::of(&last, repository, evidence);
        question.reconsidered(decision, places, reference).await
    }

    /// Judges what `reference` means in a repository of any [`Registry`], as of `now`; without the cache.
    pub async fn check_in<R: Registry>(
        &self,
        registry: &R,
        repository: &Repository,
        reference: &Reference,
        request: &Request,
        now: UnixTime,
    ) -> Decision {
        let apart = registry.evidence_repository(repository);
        let evidence = apart.as_ref().unwrap_or(repository);
        let places = Places::of(registry, repository, evidence);
        Question::new(self, request, now)
            .ask(&places, reference)
            .await
    }

    /// [`check`](Self::check) for programs without an asynchronous runtime.
    ///
    /// # Errors
    /// The operating system has no resources for one.
    ///
    /// # Panics
    /// Within an asynchronous runtime, which it would block.
    pub fn check_blocking(&self, image: &Image, now: UnixTime) -> io::Result<Decision> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(runtime.block_on(self.check(image, now)))
    }
}
