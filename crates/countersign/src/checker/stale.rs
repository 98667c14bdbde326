//! What was known last, for when a registry cannot be asked (`stale: {maxAge}` in Settings).

use std::time::Duration;

use countersign_core::{Decision, Evidence, FoundBy, Gap, GapClass, PinnedImage, Verdict};

use super::question::Question;
use crate::{Budget, LastKnown, Reference, Registry, Repository, collect_bundles, resolve};

/// What it may take beyond the check's deadline, which may be over. Nothing is asked over a network.
const TIME: Duration = Duration::from_secs(1);

impl Question<'_> {
    /// The decision with the last known evidence, if that supports an allow; else the one that there is.
    ///
    /// A record is a hint: it proves no absence and excuses nothing, so all gaps stay, and it never makes a verdict worse. It
    /// stands in only for what could not be asked: where the registry has answered, its answer counts, and where it has lied
    /// nothing does.
    pub(super) async fn reconsidered<R: Registry>(
        &self,
        decision: Decision,
        last: &LastKnown<R>,
        repository: &Repository,
        reference: &Reference,
    ) -> Decision {
        if decision.judged() != Verdict::Unknown || !may_stand_in(decision.gaps()) {
            return decision;
        }
        // A tag that could not be resolved may have moved since.
        let digest = match (decision.digest(), reference) {
            (Some(digest), _) | (None, Reference::Digest(digest)) => Reference::Digest(*digest),
            (None, Reference::Tag(_)) => return decision,
        };
        let gaps = decision.gaps().to_vec();
        let budget = Budget::new(&self.checker.limits, TIME);
        let recollected = recollected(last, repository, &digest, gaps, &budget);
        let Some(Some((image, evidence))) = budget.in_time(recollected).await else {
            return decision;
        };
        let again = self.judged(&image, &evidence);
        if again.judged() == Verdict::Allow {
            again
        } else {
            decision
        }
    }
}

/// Whether nothing but unavailability is in the way, and the list of referrers, or what it leads to, is among what is missing.
fn may_stand_in(gaps: &[Gap]) -> bool {
    let is_for_referrers = |gap: &Gap| matches!(gap.hides, None | Some(FoundBy::Referrers));
    gaps.iter().all(|gap| gap.class == GapClass::Unavailable) && gaps.iter().any(is_for_referrers)
}

/// The image and its evidence as they were known last, with the `gaps` of the first try; none if that gives nothing new, or
/// anything that must not be believed.
async fn recollected<R: Registry>(
    last: &LastKnown<R>,
    repository: &Repository,
    reference: &Reference,
    gaps: Vec<Gap>,
    budget: &Budget,
) -> Option<(PinnedImage, Evidence)> {
    let image = resolve(last, repository, reference, budget).await.ok()?;
    let found = collect_bundles(last, repository, image.digest(), budget).await;
    let is_believed = found
        .gaps
        .iter()
        .all(|gap| gap.class == GapClass::Unavailable);
    if !is_believed || found.items.is_empty() {
        return None;
    }
    let evidence = Evidence {
        items: found.items,
        gaps,
        stale: last.used(),
    };
    Some((image, evidence))
}

#[cfg(test)]
mod tests;
