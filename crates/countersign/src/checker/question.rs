//! One check of one image: resolved once, collected in stages, verified and judged.
//!
//! | stage | asked | when |
//! |---|---|---|
//! | 1 | the manifest; bundles of the image, beside it where the reference names the digest; bundles of an index's platforms | what the policies need; platforms for `subject: platform` |
//! | 2 | Cosign's legacy tags of the same digests | a Signer permits them, and stage 1 did not suffice or nothing may be left out |
//! | 3, 4 | the same two, of an index's platforms | for `subject: either`, if the index's own evidence did not suffice |

use std::time::Duration;

use countersign_core::{
    Artifact, Child, Decision, Digest, Evidence, Findings, Gap, GapClass, Needs, PinnedImage,
    PlatformNeed, ReasonCode, Request, Resolution, Stale, UnixTime, Verdict, decide,
    decide_briefly, examine_cached,
};

use super::Checker;
use crate::collect::concurrently;
use crate::{
    Budget, LayoutRef, OciLayout, Reference, Registry, Repository, collect_bundles, collect_legacy,
    resolve,
};

/// One check of one image.
pub(super) struct Question<'a> {
    pub(super) checker: &'a Checker,
    pub(super) request: &'a Request,
    pub(super) needs: Needs,
    pub(super) budget: Budget,
    pub(super) now: UnixTime,
}

/// Where one check looks.
pub(super) struct Places<'a, R> {
    pub(super) registry: &'a R,
    pub(super) image: &'a Repository,
    /// Where evidence is kept: the same, unless it is configured otherwise.
    pub(super) evidence: &'a Repository,
    pub(super) last: Option<LastWords<'a>>,
}

/// What goes with evidence that was known last.
#[derive(Clone, Copy)]
pub(super) struct LastWords<'a> {
    /// The last known lists that were used for a digest.
    pub(super) used: &'a (dyn Fn(&Digest) -> Vec<Stale> + Sync),
    /// Why the registry could not be asked: about the image itself, or about a child.
    pub(super) gaps: &'a (dyn Fn(Option<&Digest>) -> Vec<Gap> + Sync),
}

/// A digest that evidence may be about.
#[derive(Clone, Copy)]
enum Target<'a> {
    Image(&'a PinnedImage),
    Child(&'a Child),
}

/// What was proven so far: about the image, and about children of it.
struct Known {
    own: Findings,
    children: Vec<Findings>,
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

    /// The same with another deadline.
    pub(super) fn within(mut self, time: Duration) -> Self {
        self.budget = Budget::new(&self.checker.limits, time);
        self
    }

    pub(super) async fn ask_layout(&self, layout: &LayoutRef) -> Decision {
        let opened = OciLayout::open(layout, &self.checker.limits)
            .and_then(|opened| opened.find(layout).map(|reference| (opened, reference)));
        let repository = Repository::layout(layout.path());
        match opened {
            Ok((opened, reference)) => {
                let places = Places::of(&opened, &repository, &repository);
                self.ask(&places, &reference).await
            }
            Err(_) if self.needs.is_empty() => self.decided(Resolution::NotAsked),
            // A folder does not come back by itself like a registry: no `onUnknown: allow` may excuse it.
            Err(error) => self.decided(Resolution::Unresolved(&Gap {
                class: GapClass::Hostile,
                ..error.into_gap(layout.to_string())
            })),
        }
    }

    /// Judges what `reference` means at these places.
    pub(super) async fn ask<R: Registry>(
        &self,
        places: &Places<'_, R>,
        reference: &Reference,
    ) -> Decision {
        if self.needs.is_empty() {
            return self.decided(Resolution::NotAsked);
        }
        let (image, mut known) = match self.begin(places, reference).await {
            Ok(begun) => begun,
            Err(gap) => return self.decided(Resolution::Unresolved(&gap)),
        };
        let own = (self.needs.index || image.children().is_none()).then_some(Target::Image(&image));
        let platforms = self.platforms(&image);
        let (first, later) = match self.needs.platforms {
            PlatformNeed::Instead => (Vec::new(), platforms),
            PlatformNeed::No | PlatformNeed::Always => (platforms, Vec::new()),
        };
        let first: Vec<Target<'_>> = own.into_iter().chain(first).collect();
        let decision = self.settle(places, &image, &mut known, &first).await;
        if later.is_empty() || is_allow(&decision) {
            return decision;
        }
        known.add(self.bundles(places, &later).await);
        self.settle(places, &image, &mut known, &later).await
    }

    /// Resolves the image and collects the bundles that are wanted in any case, all that is independent at once. A digest is
    /// enough to ask for bundles, so they are asked beside the manifest; without the manifest they count for nothing.
    async fn begin<R: Registry>(
        &self,
        places: &Places<'_, R>,
        reference: &Reference,
    ) -> Result<(PinnedImage, Known), Gap> {
        let early = async {
            match reference {
                Reference::Digest(digest) if self.needs.referrers => {
                    Some(self.bundles_of(places, digest).await)
                }
                Reference::Digest(_) | Reference::Tag(_) => None,
            }
        };
        let rest = async {
            let image = resolve(places.registry, places.image, reference, &self.budget).await?;
            let mut targets = Vec::new();
            if matches!(reference, Reference::Tag(_))
                && (self.needs.index || image.children().is_none())
            {
                targets.push(Target::Image(&image));
            }
            if self.needs.platforms == PlatformNeed::Always {
                targets.extend(self.platforms(&image));
            }
            let found = self.bundles(places, &targets).await;
            Ok::<_, Gap>((image, found))
        };
        // Neither ends the other: of a registry that is left alone one request finds out whether it is back, and whoever dropped that because the other
        // was refused meanwhile would have it left alone for ever.
        let (early, rest) = tokio::join!(early, rest);
        let (image, found) = rest?;
        let mut early = early.unwrap_or_default();
        early.gaps.extend(places.gaps(None));
        let own = self.examined(&image, &early);
        let mut known = Known {
            own,
            children: Vec::new(),
        };
        known.add(found);
        known.add(self.too_many(places.image, &image));
        known.add(self.lacking(places, &image));
        Ok((image, known))
    }

    /// The platforms of an index that are asked about, if any can matter.
    fn platforms<'i>(&self, image: &'i PinnedImage) -> Vec<Target<'i>> {
        let platforms = self.matter(image);
        if platforms.len() > self.checker.limits.platforms {
            return Vec::new();
        }
        platforms.into_iter().map(Target::Child).collect()
    }

    fn matter<'i>(&self, image: &'i PinnedImage) -> Vec<&'i Child> {
        match self.needs.platforms {
            PlatformNeed::No => Vec::new(),
            PlatformNeed::Instead | PlatformNeed::Always => {
                self.checker.policies.platforms_of(image)
            }
        }
    }

    /// What is known to be lacking of the platforms of an index.
    fn lacking<R>(&self, places: &Places<'_, R>, image: &PinnedImage) -> Vec<Findings> {
        let children = image.children().unwrap_or_default().iter();
        let lacking = children.filter_map(|child| {
            let gaps = places.gaps(Some(&child.digest));
            let evidence = Evidence {
                gaps,
                ..Evidence::default()
            };
            (!evidence.gaps.is_empty()).then(|| self.examined(child, &evidence))
        });
        lacking.collect()
    }

    /// What is known of an index that lists more platforms than anybody builds: a gap, which speaks for all of them.
    fn too_many(&self, repository: &Repository, image: &PinnedImage) -> Option<Findings> {
        let (platforms, limit) = (self.matter(image), self.checker.limits.platforms);
        let first = platforms.first().filter(|_| platforms.len() > limit)?;
        let gap = Gap {
            class: GapClass::Hostile,
            code: ReasonCode::RegistryHostile,
            what: format!(
                "evidence on the platforms of {} in {repository}",
                image.digest()
            ),
            cause: format!("it lists {}, more than {limit}", platforms.len()),
            hides: None,
        };
        let evidence = Evidence {
            gaps: vec![gap],
            ..Evidence::default()
        };
        Some(self.examined(*first, &evidence))
    }

    /// The second stage for these digests, and the decision: Cosign's legacy tags are asked only if what came before does not
    /// suffice.
    async fn settle<R: Registry>(
        &self,
        places: &Places<'_, R>,
        image: &PinnedImage,
        known: &mut Known,
        targets: &[Target<'_>],
    ) -> Decision {
        let legacy = Needs {
            referrers: false,
            ..self.needs
        };
        if legacy.is_empty() || targets.is_empty() {
            return self.weighed(image, known);
        }
        if !self.needs.exhaustive && known.is_something() {
            let decision = self.weighed(image, known);
            if is_allow(&decision) {
                return decision;
            }
        }
        let work = targets.iter().map(async |target| {
            let (repository, digest) = (places.evidence, target.digest());
            let evidence =
                collect_legacy(places.registry, repository, digest, legacy, &self.budget).await;
            self.examined(*target, &places.placed(evidence))
        });
        known.add(concurrently(work.collect()).await);
        self.weighed(image, known)
    }

    /// The bundles of these digests, if any can matter.
    async fn bundles<R: Registry>(
        &self,
        places: &Places<'_, R>,
        targets: &[Target<'_>],
    ) -> Vec<Findings> {
        if !self.needs.referrers {
            return Vec::new();
        }
        let work = targets.iter().map(async |target| {
            let evidence = self.bundles_of(places, target.digest()).await;
            self.examined(*target, &evidence)
        });
        concurrently(work.collect()).await
    }

    async fn bundles_of<R: Registry>(&self, places: &Places<'_, R>, digest: &Digest) -> Evidence {
        let mut evidence =
            collect_bundles(places.registry, places.evidence, digest, &self.budget).await;
        evidence.stale = places
            .last
            .map_or_else(Vec::new, |last| (last.used)(digest));
        places.placed(evidence)
    }

    /// Verifies what was collected; each piece once in a check.
    fn examined<'i>(&self, target: impl Into<Artifact<'i>>, evidence: &Evidence) -> Findings {
        let (policies, limits) = (&self.checker.policies, &self.checker.limits);
        examine_cached(
            target,
            evidence,
            policies.trust(),
            limits,
            &self.checker.proofs,
        )
    }

    fn weighed(&self, image: &PinnedImage, known: &Known) -> Decision {
        self.decided(Resolution::Examined {
            image,
            findings: &known.own,
            children: &known.children,
        })
    }

    fn decided(&self, resolution: Resolution<'_>) -> Decision {
        let decide = match self.checker.explains {
            true => decide,
            false => decide_briefly,
        };
        decide(&self.checker.policies, self.request, resolution, self.now)
    }
}

impl<'a, R> Places<'a, R> {
    /// A registry that can be asked.
    pub(super) const fn of(
        registry: &'a R,
        image: &'a Repository,
        evidence: &'a Repository,
    ) -> Self {
        Self {
            registry,
            image,
            evidence,
            last: None,
        }
    }

    fn gaps(&self, child: Option<&Digest>) -> Vec<Gap> {
        self.last.map_or_else(Vec::new, |last| (last.gaps)(child))
    }

    /// Says of evidence from a repository of its own that it is there.
    fn placed(&self, mut evidence: Evidence) -> Evidence {
        if self.evidence != self.image {
            for item in &mut evidence.items {
                let place = &mut item.locator.place;
                *place = Some(match place {
                    Some(mirror) => format!("{} by {mirror}", self.evidence),
                    None => self.evidence.to_string(),
                });
            }
        }
        evidence
    }
}

impl Known {
    /// Adds findings to those about the same digest.
    fn add(&mut self, more: impl IntoIterator<Item = Findings>) {
        for findings in more {
            let mut known = std::iter::once(&mut self.own).chain(&mut self.children);
            let unknown = known.try_fold(findings, |more, known| known.join(more));
            self.children.extend(unknown);
        }
    }

    /// Whether there is anything that could satisfy a rule.
    fn is_something(&self) -> bool {
        let mut all = std::iter::once(&self.own).chain(&self.children);
        all.any(|findings| !findings.verified().is_empty())
    }
}

impl Target<'_> {
    const fn digest(&self) -> &Digest {
        match self {
            Self::Image(image) => image.digest(),
            Self::Child(child) => &child.digest,
        }
    }
}

impl<'a> From<Target<'a>> for Artifact<'a> {
    fn from(target: Target<'a>) -> Self {
        match target {
            Target::Image(image) => image.into(),
            Target::Child(child) => child.into(),
        }
    }
}

/// Whether nothing more can make the decision better.
fn is_allow(decision: &Decision) -> bool {
    decision.judged() == Verdict::Allow && decision.effect() == Verdict::Allow
}

#[cfg(test)]
mod tests;
