//! What was known last, for when a registry cannot be asked (`stale: {maxAge}` in Settings).

use std::time::Duration;

use countersign_core::{Decision, FoundBy, Gap, GapClass, Needs, Verdict};

use super::question::{LastWords, Places, Question};
use crate::{Budget, LastKnown, Reference, Registry};

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
        mut places: Places<'_, LastKnown<R>>,
        reference: &Reference,
    ) -> Decision {
        if !is_open(&decision) || !may_stand_in(decision.gaps()) {
            return decision;
        }
        // A tag that could not be resolved may have moved since.
        let digest = match (decision.digest(), reference) {
            (Some(digest), _) | (None, Reference::Digest(digest)) => Reference::Digest(*digest),
            (None, Reference::Tag(_)) => return decision,
        };
        let last = places.registry;
        let used = |digest: &_| last.used_for(digest);
        // All of the first decision, whatever they are about: none is forgotten.
        let gaps = |child: Option<&_>| match child {
            None => decision.gaps().to_vec(),
            Some(_) => Vec::new(),
        };
        places.last = Some(LastWords {
            used: &used,
            gaps: &gaps,
        });
        let budget = Budget::new(&self.checker.limits, TIME);
        let again = Question {
            checker: self.checker,
            request: self.request,
            // Cosign's tags are never resolved from what is known.
            needs: Needs {
                signature_tag: false,
                attestation_tag: false,
                ..self.needs
            },
            budget: budget.clone(),
            now: self.now,
        };
        match budget.in_time(again.ask(&places, &digest)).await {
            Some(again) if is_better(&again, &decision) => again,
            _ => decision,
        }
    }
}

/// Whether it could not be told: break-glass is for when nothing else lets the image run. What policies judge that only warn or audit makes no difference to those that enforce.
fn is_open(decision: &Decision) -> bool {
    match decision.enforced() {
        Verdict::Unknown => true,
        // By `onUnknown`, or before a policy that warns.
        Verdict::Allow => decision.judged() == Verdict::Unknown,
        _ => false,
    }
}

fn is_better(again: &Decision, decision: &Decision) -> bool {
    again.enforced() == Verdict::Allow
        && (decision.enforced() != Verdict::Allow || again.judged() == Verdict::Allow)
}

/// Whether nothing but unavailability is in the way, and the list of referrers, or what it leads to, is among what is missing.
fn may_stand_in(gaps: &[Gap]) -> bool {
    let is_for_referrers = |gap: &Gap| matches!(gap.hides, None | Some(FoundBy::Referrers));
    gaps.iter().all(|gap| gap.class == GapClass::Unavailable) && gaps.iter().any(is_for_referrers)
}

#[cfg(test)]
mod tests;
