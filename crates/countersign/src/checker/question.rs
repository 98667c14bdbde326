//! One check of one image: resolved once, collected in stages, verified and judged.

use countersign_core::{
    Decision, Evidence, Gap, GapClass, Needs, PinnedImage, Request, Resolution, UnixTime, Verdict,
    decide, examine_cached,
};

use super::Checker;
use crate::{
    Budget, LayoutRef, OciLayout, Reference, Registry, Repository, collect_bundles, collect_legacy,
    resolve,
};

/// One check of one image.
pub(super) struct Question<'a> {
    pub(super) checker: &'a Checker,
    request: &'a Request,
    needs: Needs,
    budget: Budget,
    now: UnixTime,
}

impl<'a> Question<'a> {
    pub(super) fn new(checker: &'a Checker, request: &'a Request, now: UnixTime) -> Self {
        Self {
            checker,
            request,
            needs: checker.policies.needs(request),
            budget: Budget::new(&checker.limits, checker.timeout),
            now,
        }
    }

    pub(super) async fn ask_layout(&self, layout: &LayoutRef) -> Decision {
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
    pub(super) async fn ask<R: Registry>(
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
    pub(super) fn judged(&self, image: &PinnedImage, evidence: &Evidence) -> Decision {
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
