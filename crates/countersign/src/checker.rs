//! From an image to a decision: the library's front door.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::{
    Decision, Evidence, Gap, GapClass, Limits, Needs, PinnedImage, PolicySet, ProofCache,
    ProofStats, Request, Resolution, UnixTime, Verdict, decide, examine_cached,
};

use crate::image::Place;
use crate::{
    Budget, HttpRegistry, Image, LayoutRef, OciLayout, Reference, Registry, Repository,
    collect_bundles, collect_legacy, resolve,
};

/// Checks images against one policy set.
///
/// A check resolves the reference once, collects what the policies need, verifies it and decides. An image that no policy
/// names, or whose reference already fails a `digest` rule, is decided without any request. A check never fails: what
/// could not be fetched is part of its decision. What was verified is remembered, and judged anew each time.
#[derive(Debug)]
pub struct Checker {
    policies: PolicySet,
    registry: Arc<HttpRegistry>,
    proofs: Arc<ProofCache>,
    limits: Limits,
    timeout: Duration,
}

impl Checker {
    /// A checker that asks registries over HTTPS without credentials, with the default limits and
    /// [`Budget::DEFAULT_TIME`] for each image.
    #[must_use]
    pub fn new(policies: PolicySet) -> Self {
        Self {
            policies,
            registry: Arc::new(HttpRegistry::new()),
            proofs: Arc::default(),
            limits: Limits::default(),
            timeout: Budget::DEFAULT_TIME,
        }
    }

    /// With another registry client: credentials, certificate authorities, plain HTTP.
    #[must_use]
    pub fn registry(mut self, registry: HttpRegistry) -> Self {
        self.registry = Arc::new(registry);
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

    /// A checker that differs in its policies only: for when they are loaded anew. It shares the registry client and every
    /// proof, so that nothing is verified again whose trust roots and keys are the same, and each new demand counts at once.
    #[must_use]
    pub fn with_policies(&self, policies: PolicySet) -> Self {
        Self {
            policies,
            registry: Arc::clone(&self.registry),
            proofs: Arc::clone(&self.proofs),
            limits: self.limits.clone(),
            timeout: self.timeout,
        }
    }

    /// What the cache of proofs did so far, for metrics.
    #[must_use]
    pub fn proof_stats(&self) -> ProofStats {
        self.proofs.stats()
    }

    /// Judges an image, as of `now`.
    pub async fn check(&self, image: &Image, now: UnixTime) -> Decision {
        let question = Question::new(self, image.request(), now);
        match &image.place {
            Place::Registry(name) => {
                let reference = Reference::of(name);
                question
                    .ask(&*self.registry, &Repository::of(name), &reference)
                    .await
            }
            Place::Layout(layout) => question.ask_layout(layout).await,
        }
    }

    /// Judges what `reference` means in a repository of any [`Registry`], as of `now`.
    pub async fn check_in<R: Registry>(
        &self,
        registry: &R,
        repository: &Repository,
        reference: &Reference,
        request: &Request,
        now: UnixTime,
    ) -> Decision {
        Question::new(self, request, now)
            .ask(registry, repository, reference)
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

/// One check of one image.
struct Question<'a> {
    checker: &'a Checker,
    request: &'a Request,
    needs: Needs,
    budget: Budget,
    now: UnixTime,
}

impl<'a> Question<'a> {
    fn new(checker: &'a Checker, request: &'a Request, now: UnixTime) -> Self {
        Self {
            checker,
            request,
            needs: checker.policies.needs(request),
            budget: Budget::new(&checker.limits, checker.timeout),
            now,
        }
    }

    async fn ask_layout(&self, layout: &LayoutRef) -> Decision {
        let opened = OciLayout::open(layout, &self.checker.limits)
            .and_then(|opened| opened.find(layout).map(|reference| (opened, reference)));
        let repository = Repository::layout(layout.path());
        match opened {
            Ok((opened, reference)) => self.ask(&opened, &repository, &reference).await,
            Err(_) if self.needs.is_empty() => self.decided(Resolution::NotAsked),
            // A folder does not come back by itself like a registry: no `onUnknown: allow` may excuse it.
            Err(error) => self.decided(Resolution::Unresolved(&Gap {
                class: GapClass::Hostile,
                ..error.into_gap(layout.to_string())
            })),
        }
    }

    /// Resolves once and collects in two stages: Cosign's legacy tags are asked only if what came before does not suffice.
    async fn ask<R: Registry>(
        &self,
        registry: &R,
        repository: &Repository,
        reference: &Reference,
    ) -> Decision {
        if self.needs.is_empty() {
            return self.decided(Resolution::NotAsked);
        }
        let image = match resolve(registry, repository, reference, &self.budget).await {
            Ok(image) => image,
            Err(gap) => return self.decided(Resolution::Unresolved(&gap)),
        };
        let mut evidence = Evidence::default();
        if self.needs.referrers {
            evidence = collect_bundles(registry, repository, image.digest(), &self.budget).await;
        }
        let legacy = Needs {
            referrers: false,
            ..self.needs
        };
        if legacy.is_empty() {
            return self.judged(&image, &evidence);
        }
        if !self.needs.exhaustive && !evidence.items.is_empty() {
            let decision = self.judged(&image, &evidence);
            if decision.judged() == Verdict::Allow && decision.effect() == Verdict::Allow {
                return decision;
            }
        }
        let more = collect_legacy(registry, repository, image.digest(), legacy, &self.budget).await;
        evidence.items.extend(more.items);
        evidence.gaps.extend(more.gaps);
        self.judged(&image, &evidence)
    }

    /// Verifies what was collected, and decides.
    fn judged(&self, image: &PinnedImage, evidence: &Evidence) -> Decision {
        let (policies, limits) = (&self.checker.policies, &self.checker.limits);
        let proofs = &self.checker.proofs;
        let findings = examine_cached(image, evidence, policies.trust(), limits, proofs);
        self.decided(Resolution::Examined {
            image,
            findings: &findings,
        })
    }

    fn decided(&self, resolution: Resolution<'_>) -> Decision {
        decide(&self.checker.policies, self.request, resolution, self.now)
    }
}
