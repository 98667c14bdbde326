//! Break-glass: what people approved lets an image run that policies deny, or of which nobody could tell.
//!
//! Each statement is held alone against each BreakGlass of the set. Its approvals go the way of all evidence: the same Signers, the
//! same Revocations, the same assignment of thresholds. Its span alone is judged by our own clock, for a log or a timestamp authority may be
//! what is down. None goes before a Revocation or overrides what a registry lies about, whichever policy noticed it.

mod held;

use std::cell::OnceCell;

use super::Resolution;
use super::assign::assign;
use super::cite;
use super::per_signer::PerSigner;
use super::scene::Scene;
use crate::compared::Compared;
use crate::policy::{BreakGlass, Condition};
use crate::text::safe;
use crate::vex;
use crate::{
    Approval, BreakGlassOutcome, BreakGlassScope, BreakGlassStatement, BreakGlassStatementOutcome,
    BreakGlassStatus, Cited, Claim, Digest, Findings, GapClass, NamespaceFit, Overridden,
    PolicyOutcome, PolicySet, ReasonCode, Refused, Rejected, Request, UnixTime, Unmatched, Verdict,
    Verified, Warning,
};

/// Why a statement lets nothing run, in a sentence.
type Refusal = (BreakGlassStatus, String);

/// Says of each break-glass statement of a request whether it would let the image run if it were denied, as far as that can be told
/// without the image: [`BreakGlassStatus::Holds`], or why not.
///
/// The request names the namespace and the image, by digest where the statement does. Nothing is fetched, so that whether
/// the image is revoked by a Revocation that names its platforms, or a registry lies, is not known.
#[must_use]
pub fn judge_break_glass(
    policies: &PolicySet,
    request: &Request,
    now: UnixTime,
) -> Option<BreakGlassOutcome> {
    let scene = Scene::new(policies, request, Resolution::NotAsked, now);
    let mut outcome = scene.statements(Verdict::Unknown)?;
    let is_revoked = !scene.revoked().is_empty();
    for one in outcome.statements.iter_mut().filter(|_| is_revoked) {
        if one.status == BreakGlassStatus::Holds {
            one.refuse((BreakGlassStatus::RevokedImage, revoked_message()));
        }
    }
    Some(outcome)
}

/// What people are told: loudly what was used, and what was handed over in vain.
pub(super) fn warnings(outcome: &BreakGlassOutcome) -> Vec<Warning> {
    let told = |code: ReasonCode, message: String| Warning {
        code,
        policy: None,
        rule: None,
        message,
    };
    let needed = outcome.enforced != Verdict::Allow && outcome.used().is_none();
    let refused = outcome.refused.iter().filter(|_| needed);
    let statements = outcome.statements.iter().filter_map(|one| {
        let code = one.status.code()?;
        let is_told = needed || one.status == BreakGlassStatus::Used;
        is_told.then(|| told(code, one.message.clone()))
    });
    statements
        .chain(refused.map(|one| {
            let (code, detail) = (one.code, &one.detail);
            told(code, format!("{} {detail}", code.message()))
        }))
        .collect()
}

impl Scene<'_> {
    /// What comes of the statements that were handed over, where `enforced` would follow without them.
    pub(super) fn break_glass(
        &self,
        enforced: Verdict,
        policies: &[PolicyOutcome],
        unmatched: Option<&Unmatched>,
    ) -> Option<BreakGlassOutcome> {
        let mut outcome = self.statements(enforced)?;
        let mut is_used = false;
        for one in &mut outcome.statements {
            if one.status != BreakGlassStatus::Holds {
                continue;
            }
            if let Some(refusal) = self.barred(&one.statement) {
                one.refuse(refusal);
            } else if enforced == Verdict::Allow {
                one.status = BreakGlassStatus::NotNeeded;
                "It holds, and the image is allowed without it.".clone_into(&mut one.message);
            } else if is_used {
                one.status = BreakGlassStatus::Spare;
                "It holds, and another one is used already.".clone_into(&mut one.message);
            } else {
                is_used = true;
                one.status = BreakGlassStatus::Used;
                one.message = used_message(one, enforced);
            }
        }
        if is_used {
            outcome.overridden = self.overridden(policies, unmatched);
        }
        Some(outcome)
    }

    /// Each statement, held against each BreakGlass; none if there is none.
    fn statements(&self, enforced: Verdict) -> Option<BreakGlassOutcome> {
        let approvals = self.request.break_glass()?;
        let mut outcome = BreakGlassOutcome {
            enforced,
            overridden: Vec::new(),
            statements: Vec::new(),
            refused: Vec::new(),
        };
        let mut seen: Vec<Digest> = Vec::new();
        // What another set's keys prove is nothing here.
        let is_foreign = approvals.trust() != self.policies.trust().fingerprint();
        for approval in approvals.iter() {
            let (Some(payload), Some(statement)) = (approval.payload(), approval.statement())
            else {
                outcome.refused.extend(approval.refused().map(refused));
                continue;
            };
            if seen.contains(payload) {
                continue;
            }
            seen.push(*payload);
            let same: Vec<&Approval> = approvals
                .iter()
                .filter(|one| one.payload() == Some(payload) && one.statement().is_some())
                .collect();
            outcome
                .statements
                .push(self.statement(*payload, statement, &same, is_foreign));
        }
        Some(outcome)
    }

    /// One statement with all its approvals.
    fn statement(
        &self,
        payload: Digest,
        statement: &BreakGlassStatement,
        approvals: &[&Approval],
        is_foreign: bool,
    ) -> BreakGlassStatementOutcome {
        let proven: Vec<&Verified<Claim>> = approvals
            .iter()
            .filter(|_| !is_foreign)
            .filter_map(|one| one.proof.as_ref().ok())
            .flatten()
            .filter(|one| is_over(one, &payload))
            .collect();
        let mut outcome = BreakGlassStatementOutcome {
            payload,
            statement: statement.clone(),
            by: None,
            status: BreakGlassStatus::NotAllowed,
            message: ReasonCode::BreakGlassNotAllowed.message().to_owned(),
            approvals: Vec::new(),
            refused: approvals
                .iter()
                .filter_map(|one| one.refused())
                .map(refused)
                .collect(),
        };
        for break_glass in &self.policies.break_glass {
            let (counting, open) = self.approved(break_glass, &payload, &proven);
            let held = self.held(statement, break_glass).and_then(|()| {
                let missing = counting.len() < break_glass.demand.from.threshold;
                if missing {
                    let why = too_few(break_glass, &counting, &open, &outcome.refused);
                    return Err((BreakGlassStatus::TooFewApprovals, why));
                }
                Ok(())
            });
            let status = held
                .as_ref()
                .err()
                .map_or(BreakGlassStatus::Holds, |it| it.0);
            if outcome.by.is_some() && status <= outcome.status {
                continue;
            }
            outcome.by = Some((break_glass.name.clone(), break_glass.place.clone()));
            outcome.approvals = self.cited(&proven, &counting);
            match held {
                Ok(()) => {
                    outcome.status = status;
                    outcome.message = format!("It holds until {}.", statement.not_after);
                    break;
                }
                Err(refusal) => outcome.refuse(refusal),
            }
        }
        outcome
    }

    /// The approvals that count, each with its Signer, no key or identity twice; and why the others do not.
    fn approved<'v>(
        &self,
        break_glass: &'v BreakGlass,
        payload: &Digest,
        proven: &[&'v Verified<Claim>],
    ) -> (Vec<(&'v str, &'v Verified<Claim>)>, Vec<String>) {
        let demand = &break_glass.demand;
        let candidates: Vec<&Verified<Claim>> = proven
            .iter()
            .copied()
            .filter(|one| demand.wanted.is(one.claim(), one.facts()))
            .collect();
        let nothing = Findings::new(*payload, Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let vex = OnceCell::new();
        let circumstances = self.circumstances(&nothing, &vex);
        let results: Vec<PerSigner<'_>> = demand
            .from
            .signers
            .iter()
            .map(|signer| PerSigner::judge(signer, demand, &candidates, false, &circumstances))
            .collect();
        let assigned = assign(&results, &demand.wanted);
        let is_assigned =
            |one: &Verified<Claim>| assigned.iter().flatten().any(|it| std::ptr::eq(*it, one));
        let mut open = Vec::new();
        for one in candidates.iter().filter(|one| !is_assigned(one)) {
            let who = cite::who(&cite::identity(
                one.facts().signer(),
                &self.policies.known_as,
            ));
            let of_it = results.iter().flat_map(PerSigner::bad);
            let nearest = of_it
                .filter(|(claim, _)| std::ptr::eq(*claim, *one))
                .max_by_key(|(_, mismatch)| mismatch.code.rank());
            // Without any, it satisfies a Signer for whom another one counts.
            let code = nearest.map_or("counts once", |(_, mismatch)| mismatch.code.as_str());
            open.push(format!("{who}: {code}"));
        }
        let counting = results
            .iter()
            .zip(&assigned)
            .filter_map(|(result, claim)| Some((result.signer.name.as_str(), (*claim)?)));
        (counting.collect(), open)
    }

    /// Each approval that verifies, once: those that count in the order of `from`, then the others as they were given. Under several trust
    /// roots the proof that counts is shown.
    fn cited(
        &self,
        proven: &[&Verified<Claim>],
        counting: &[(&str, &Verified<Claim>)],
    ) -> Vec<Cited> {
        let mut cited: Vec<Cited> = Vec::new();
        let counts = counting.iter().map(|(name, one)| (Some(*name), *one));
        let others = proven.iter().map(|one| (None, *one));
        for (signer, one) in counts.chain(others) {
            if cited.iter().all(|it| it.locator != *one.facts().locator()) {
                cited.push(cite::cite(one, signer, &self.policies.known_as));
            }
        }
        cited
    }

    /// What no break-glass overrides.
    fn barred(&self, statement: &BreakGlassStatement) -> Option<Refusal> {
        let told = |status: BreakGlassStatus| {
            let message = status.code().map(ReasonCode::message).unwrap_or_default();
            Some((status, message.to_owned()))
        };
        let (gaps, _) = self.gaps();
        if self.is_another_image() || gaps.iter().any(|gap| gap.class == GapClass::Hostile) {
            return told(BreakGlassStatus::Hostile);
        }
        if !self.revoked().is_empty() || self.sees_revoked_evidence() {
            return Some((BreakGlassStatus::RevokedImage, revoked_message()));
        }
        let named_by_people = matches!(statement.scope, BreakGlassScope::Images(_));
        let is_untold = match self.resolution {
            // Nobody looked for what must not be overridden.
            Resolution::NotAsked => true,
            Resolution::Unresolved(_) => {
                self.policies.revocations.name_images() && !named_by_people
            }
            Resolution::Examined { .. } => self.hides_images(),
            Resolution::Blob(_) => false,
        };
        is_untold
            .then_some(())
            .and_then(|()| told(BreakGlassStatus::Untold))
    }

    /// Whether evidence that some rule asks for is a Signer's own and revoked.
    fn sees_revoked_evidence(&self) -> bool {
        let matching = self.policies.matching(self.request);
        let rules = matching.iter().flat_map(|policy| &policy.rules);
        let mut demands = rules.filter_map(|rule| match &rule.condition {
            Condition::Evidence(demand) => Some(demand),
            Condition::Digest(_) => None,
        });
        demands.any(|demand| {
            self.findings().flat_map(Findings::verified).any(|one| {
                let is_vex = one.claim().predicate_type().is_some_and(vex::is_vex);
                let is_own = demand.wanted.is(one.claim(), one.facts());
                let signers = demand.all_signers();
                (is_own || is_vex)
                    && signers.into_iter().any(|signer| {
                        let mut compared = Compared::default();
                        signer.compare(one.facts(), self.now, &mut compared);
                        let is_signers = compared.holds();
                        self.policies
                            .revocations
                            .compare(one, signer, &mut compared);
                        is_signers && !compared.holds()
                    })
            })
        })
    }

    /// Everything that would have been denied, or could not be told.
    fn overridden(
        &self,
        policies: &[PolicyOutcome],
        unmatched: Option<&Unmatched>,
    ) -> Vec<Overridden> {
        let mut all = Vec::new();
        for policy in policies.iter().filter(|it| it.effect != Verdict::Allow) {
            if policy.namespaces == Some(NamespaceFit::Unknown) {
                let code = ReasonCode::NamespaceUnknown;
                all.push(Overridden {
                    policy: Some(policy.name.clone()),
                    rule: None,
                    effect: policy.effect,
                    code,
                    message: code.message().to_owned(),
                });
                continue;
            }
            let rules = policy.rules.iter().filter(|it| it.effect != Verdict::Allow);
            all.extend(rules.filter_map(|rule| {
                Some(Overridden {
                    policy: Some(policy.name.clone()),
                    rule: Some(rule.name.clone()),
                    effect: rule.effect,
                    code: rule.code?,
                    message: rule.message.clone(),
                })
            }));
        }
        let of_settings = unmatched.filter(|it| it.effect != Verdict::Allow);
        all.extend(of_settings.map(|unmatched| Overridden {
            policy: None,
            rule: None,
            effect: unmatched.effect,
            code: ReasonCode::Unmatched,
            message: ReasonCode::Unmatched.message().to_owned(),
        }));
        if let Resolution::Unresolved(gap) = self.resolution
            && self.policies.revocations.name_images()
        {
            all.push(Overridden {
                policy: None,
                rule: None,
                effect: Verdict::Unknown,
                code: gap.code,
                message: "Whether the image lists a platform that is revoked could not be told."
                    .to_owned(),
            });
        }
        all
    }
}

impl BreakGlassStatementOutcome {
    fn refuse(&mut self, (status, message): Refusal) {
        (self.status, self.message) = (status, message);
    }
}

/// Whether a claim is a statement of just these bytes.
fn is_over(one: &Verified<Claim>, payload: &Digest) -> bool {
    match one.claim() {
        Claim::Statement(statement) => Digest::of(statement.payload()) == *payload,
        Claim::SimpleSigning { .. } | Claim::Message => false,
    }
}

fn refused(rejected: &Rejected) -> Refused {
    Refused {
        locator: rejected.locator.clone(),
        child: None,
        claims: rejected.claims.as_deref().map(safe),
        code: rejected.code,
        detail: safe(&rejected.detail),
    }
}

fn revoked_message() -> String {
    ReasonCode::BreakGlassRevokedImage.message().to_owned()
}

fn used_message(one: &BreakGlassStatementOutcome, enforced: Verdict) -> String {
    let statement = &one.statement;
    let by = one.by.as_ref().map(|(name, _)| name.as_str());
    let who = one.approvals.iter().filter_map(|it| it.signer.as_deref());
    let who: Vec<&str> = who.collect();
    let without = match enforced {
        Verdict::Deny => "denied",
        Verdict::Unknown | Verdict::Allow => "not allowed, for nobody could tell",
    };
    safe(&format!(
        "BREAK-GLASS `{}` lets the image run until {}, approved by {} as the BreakGlass `{}` asks; without it the image would be {without}. {}: {}",
        statement.id,
        statement.not_after,
        listed(&who),
        by.unwrap_or_default(),
        statement.ticket,
        statement.reason,
    ))
}

/// How many approvals count, and why the others do not.
fn too_few(
    break_glass: &BreakGlass,
    counting: &[(&str, &Verified<Claim>)],
    open: &[String],
    refused: &[Refused],
) -> String {
    let threshold = break_glass.demand.from.threshold;
    let names: Vec<&str> = counting.iter().map(|(name, _)| *name).collect();
    let by = match names.as_slice() {
        [] => String::new(),
        names => format!(" ({})", listed(names)),
    };
    let mut others = open.to_vec();
    others.extend(
        refused
            .iter()
            .map(|one| format!("{}: {}", one.locator.blob, one.code)),
    );
    let others = match others.as_slice() {
        [] => String::new(),
        others => format!(" Of the others, {}.", others.join(", ")),
    };
    safe(&format!(
        "{} {} of {threshold} count{by}.{others}",
        ReasonCode::BreakGlassApprovals.message(),
        names.len(),
    ))
}

fn listed<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<String> = texts
        .iter()
        .map(|it| format!("`{}`", it.as_ref()))
        .collect();
    texts.join(", ")
}
