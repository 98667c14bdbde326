//! Exceptions: rules that did not pass and deny nothing all the same.
//!
//! Each Exception is held against policy, rule, image, namespace and time by itself: what two of them say is never put
//! together. None goes before a Revocation or excuses a registry that lies.

use super::Resolution;
use super::condition::relevant;
use super::excusable;
use super::scene::Scene;
use crate::policy::{Condition, EvidenceDemand, Exception, Policy, Rule, SubjectDemand};
use crate::{
    ExceptionStatus, Findings, Gap, GapClass, NamespaceFit, Outcome, ReasonCode, RuleException,
    RuleOutcome,
};

impl Scene<'_> {
    /// The Exceptions that name a rule and the image: those that waive it, or else each one with why it does not.
    pub(super) fn exceptions(
        &self,
        policy: &Policy,
        rule: &Rule,
        outcome: &RuleOutcome,
    ) -> Vec<RuleException> {
        if outcome.outcome == Outcome::Pass {
            return Vec::new();
        }
        let digest = self.request.digest().copied().or_else(|| self.digest());
        let mut all: Vec<RuleException> = self
            .policies
            .exceptions
            .of(&policy.name, &rule.name)
            .filter(|exception| exception.is_about(self.request, digest.as_ref()))
            .filter_map(|exception| {
                Some(RuleException {
                    name: exception.name.clone(),
                    place: exception.place.clone(),
                    reason: exception.reason.clone(),
                    ticket: exception.ticket.clone(),
                    expires: exception.expires,
                    status: self.status(exception, rule, outcome)?,
                })
            })
            .collect();
        let waives = |one: &RuleException| one.status == ExceptionStatus::Waives;
        if all.iter().any(waives) {
            all.retain(waives);
        }
        all
    }

    /// What comes of one Exception that is about the image; none if it is for other namespaces.
    fn status(
        &self,
        exception: &Exception,
        rule: &Rule,
        outcome: &RuleOutcome,
    ) -> Option<ExceptionStatus> {
        let is_known = match exception.fit(self.request) {
            NamespaceFit::No => return None,
            NamespaceFit::Yes => true,
            NamespaceFit::NotGiven | NamespaceFit::Unknown => false,
        };
        Some(if exception.expires <= self.now {
            ExceptionStatus::Expired
        } else if !is_known {
            ExceptionStatus::NamespaceUnknown
        } else {
            self.bars(rule, outcome).unwrap_or(ExceptionStatus::Waives)
        })
    }

    /// What no Exception may waive.
    fn bars(&self, rule: &Rule, outcome: &RuleOutcome) -> Option<ExceptionStatus> {
        if !self.revoked().is_empty() {
            return Some(ExceptionStatus::Revoked);
        }
        // Where a gap or another candidate speaks for the rule, revoked evidence may still be among what was seen.
        let seen = outcome.candidates.iter().map(|one| one.code);
        let mut codes = seen.chain([outcome.code]).flatten();
        if codes.any(|code| {
            matches!(
                code,
                ReasonCode::EvidenceRevoked | ReasonCode::SignerRevoked
            )
        }) {
            return Some(ExceptionStatus::Revoked);
        }
        if self.is_another_image() {
            return Some(ExceptionStatus::Hostile);
        }
        let Condition::Evidence(demand) = &rule.condition else {
            return None; // It is about the reference as it is written, and nothing that is fetched.
        };
        if outcome.code == Some(ReasonCode::NotExamined) {
            return Some(ExceptionStatus::Unexamined);
        }
        let gaps = self.gaps_of(demand);
        if gaps.iter().any(|gap| gap.class == GapClass::Hostile) {
            return Some(ExceptionStatus::Hostile);
        }
        (!excusable(gaps)).then_some(ExceptionStatus::Unexamined)
    }

    /// The gaps behind which there may be anything that the rule looks at. What only other rules ask for makes no difference.
    fn gaps_of(&self, demand: &EvidenceDemand) -> Vec<&Gap> {
        let scope: Vec<&Findings> = match self.resolution {
            Resolution::NotAsked => Vec::new(),
            Resolution::Unresolved(gap) => return vec![gap],
            Resolution::Blob(findings) => vec![findings],
            Resolution::Examined {
                image,
                findings,
                children,
            } => {
                let is_index = image.children().is_some();
                let own = !is_index || demand.subject != SubjectDemand::Platform;
                let others = is_index && demand.subject != SubjectDemand::Index;
                let children = if others { children } else { &[] };
                own.then_some(findings)
                    .into_iter()
                    .chain(children)
                    .collect()
            }
        };
        let gaps = scope.into_iter();
        gaps.flat_map(|findings| relevant(findings, demand))
            .collect()
    }
}
