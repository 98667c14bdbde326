//! One rule against what is known about the image.

use super::Resolution;
use super::assign::assign;
use super::cite;
use super::excusable;
use super::nearest::{self, Reason};
use super::per_signer::{PerSigner, Status};
use crate::policy::signer::Signer;
use crate::policy::{Condition, DigestDemand, EvidenceDemand, Policy, Rule, Wanted};
use crate::text::safe;
use crate::{
    Cited, Claim, Digest, Findings, FoundBy, Gap, Outcome, PolicySet, ReasonCode, Refused, Request,
    RuleOutcome, UnixTime, Verified, Warning,
};

/// Everything that the rules of one decision look at.
pub(super) struct Scene<'a> {
    pub(super) policies: &'a PolicySet,
    pub(super) request: &'a Request,
    pub(super) now: UnixTime,
    resolution: Resolution<'a>,
}

impl<'a> Scene<'a> {
    pub(super) const fn new(
        policies: &'a PolicySet,
        request: &'a Request,
        resolution: Resolution<'a>,
        now: UnixTime,
    ) -> Self {
        Self {
            policies,
            request,
            now,
            resolution,
        }
    }

    pub(super) fn digest(&self) -> Option<Digest> {
        match self.resolution {
            Resolution::Examined { image, .. } => Some(*image.digest()),
            Resolution::Unresolved(_) | Resolution::NotAsked => None,
        }
    }

    const fn findings(&self) -> Option<&'a Findings> {
        match self.resolution {
            Resolution::Examined { findings, .. } => Some(findings),
            Resolution::Unresolved(_) | Resolution::NotAsked => None,
        }
    }

    /// Every verified claim as a report cites it, in an order that does not depend on how it was fetched.
    pub(super) fn cite_all(&self) -> Vec<Cited> {
        let verified = self.findings().map(Findings::verified).unwrap_or_default();
        let mut all: Vec<Cited> = verified
            .iter()
            .map(|one| cite::cite(one, None, &self.policies.known_as))
            .collect();
        all.sort_by(|a, b| cite::order(a).cmp(&cite::order(b)));
        all
    }

    pub(super) fn refused(&self) -> Vec<Refused> {
        let rejected = self.findings().map(Findings::rejected).unwrap_or_default();
        let mut all: Vec<Refused> = rejected
            .iter()
            .map(|one| Refused {
                locator: one.locator.clone(),
                claims: one.claims.as_deref().map(safe),
                code: one.code,
                detail: safe(&one.detail),
            })
            .collect();
        all.sort_by(|a, b| (&a.locator, a.code, &a.detail).cmp(&(&b.locator, b.code, &b.detail)));
        all
    }

    pub(super) fn gaps(&self) -> Vec<Gap> {
        let gaps = match self.resolution {
            Resolution::Examined { findings, .. } => findings.gaps(),
            Resolution::Unresolved(gap) => std::slice::from_ref(gap),
            Resolution::NotAsked => &[],
        };
        let mut all: Vec<Gap> = gaps
            .iter()
            .map(|gap| Gap {
                what: safe(&gap.what),
                cause: safe(&gap.cause),
                ..gap.clone()
            })
            .collect();
        all.sort_by(|a, b| (&a.what, a.code, &a.cause).cmp(&(&b.what, b.code, &b.cause)));
        all
    }

    /// Judges one rule; the second value says whether `onUnknown` may excuse that it could not be told.
    pub(super) fn rule(
        &self,
        rule: &Rule,
        warnings: &mut Vec<Warning>,
        policy: &Policy,
    ) -> (RuleOutcome, bool) {
        let (kind, verdict) = match &rule.condition {
            Condition::Digest(demand) => {
                if *demand == DigestDemand::ResolveAtAdmissionUnsafe
                    && self.request.digest().is_none()
                {
                    warnings.push(Warning {
                        code: ReasonCode::DigestRequired,
                        policy: Some(policy.name.clone()),
                        rule: Some(rule.name.clone()),
                        message: "The reference has no digest, and whoever pulls it resolves the tag again \
                                  (digest: resolve-at-admission-unsafe)."
                            .to_owned(),
                    });
                }
                ("digest", self.pinned(*demand))
            }
            Condition::Evidence(demand) => {
                let kind = match demand.wanted {
                    Wanted::Signature => "signature",
                    Wanted::Statement { .. } => "statement",
                };
                (kind, self.evidence(demand))
            }
        };
        let mut outcome = RuleOutcome {
            name: rule.name.clone(),
            kind,
            place: rule.place.clone(),
            effective: true,
            outcome: Outcome::Pass,
            code: None,
            message: String::new(),
            hint: String::new(),
            evidence: Vec::new(),
            nearest: None,
        };
        let mut may_excuse = false;
        match verdict {
            Judgement::Pass { message, evidence } => {
                outcome.message = message;
                outcome.evidence = evidence;
            }
            Judgement::Fail(reason) => {
                outcome.outcome = Outcome::Fail;
                outcome.code = Some(reason.code);
                outcome.hint = reason.hint();
                outcome.message = reason.message;
                outcome.nearest = reason.nearest;
                outcome.evidence = reason.evidence;
            }
            Judgement::Unknown {
                code,
                message,
                excusable,
            } => {
                outcome.outcome = Outcome::Unknown;
                outcome.code = Some(code);
                outcome.message = message;
                outcome.hint = code.hint().to_owned();
                may_excuse = excusable;
            }
        }
        (outcome, may_excuse)
    }

    fn pinned(&self, demand: DigestDemand) -> Judgement {
        if !demand.is_met(self.request) {
            return Judgement::Fail(Reason::boxed(ReasonCode::DigestRequired));
        }
        if self.is_another_image() {
            return Judgement::Fail(Reason::boxed(ReasonCode::DigestMismatch));
        }
        let message = match self.request.digest() {
            Some(digest) => format!("The reference names {digest}."),
            None => "The policy lets the tag be resolved again.".to_owned(),
        };
        Judgement::Pass {
            message,
            evidence: Vec::new(),
        }
    }

    /// The doors pass what they resolved; that it is what was written, and what was examined, is checked again here.
    fn is_another_image(&self) -> bool {
        let Resolution::Examined { image, findings } = self.resolution else {
            return false;
        };
        findings.image() != image.digest()
            || self
                .request
                .digest()
                .is_some_and(|written| written != image.digest())
    }

    fn evidence(&self, demand: &EvidenceDemand) -> Judgement {
        let findings = match self.resolution {
            Resolution::Examined { findings, .. } => findings,
            Resolution::Unresolved(gap) => return unknown(&[gap]),
            Resolution::NotAsked => {
                let code = ReasonCode::NotExamined;
                return Judgement::Unknown {
                    code,
                    message: code.message().to_owned(),
                    excusable: false,
                };
            }
        };
        if self.is_another_image() {
            return Judgement::Fail(Reason::boxed(ReasonCode::DigestMismatch));
        }
        let candidates: Vec<&Verified<Claim>> = findings
            .verified()
            .iter()
            .filter(|one| {
                one.facts().image() == findings.image()
                    && demand.wanted.is(one.claim(), one.facts())
            })
            .collect();
        let results: Vec<PerSigner<'_>> = demand
            .from
            .signers
            .iter()
            .map(|signer| {
                let gap = findings.gaps().iter().any(|gap| hides(gap, demand, signer));
                PerSigner::judge(signer, demand, &candidates, gap, self.now)
            })
            .collect();
        let assigned = assign(&results);
        let count = assigned.iter().flatten().count();
        let evidence: Vec<Cited> = results
            .iter()
            .zip(&assigned)
            .filter_map(|(result, claim)| {
                Some(cite::cite(
                    (*claim)?,
                    Some(&result.signer.name),
                    &self.policies.known_as,
                ))
            })
            .collect();
        if count >= demand.from.threshold {
            return Judgement::Pass {
                message: passed(demand, &evidence),
                evidence,
            };
        }
        let open = results
            .iter()
            .filter(|result| result.status == Status::Unknown)
            .count();
        if count + open >= demand.from.threshold {
            let hidden: Vec<&Gap> = findings
                .gaps()
                .iter()
                .filter(|gap| {
                    demand
                        .from
                        .signers
                        .iter()
                        .any(|signer| hides(gap, demand, signer))
                })
                .collect();
            return unknown(&hidden);
        }
        Judgement::Fail(nearest::explain(
            self.policies,
            demand,
            findings,
            &results,
            &assigned,
            evidence,
        ))
    }
}

/// How one condition came out.
enum Judgement {
    Pass {
        message: String,
        evidence: Vec<Cited>,
    },
    Fail(Box<Reason>),
    Unknown {
        code: ReasonCode,
        message: String,
        excusable: bool,
    },
}

/// Whether behind a gap there may be evidence that could count for this Signer under this rule.
///
/// What one rule has fetched in addition must not change how another comes out, so gaps of evidence that the rule never
/// asks for do not matter to it.
fn hides(gap: &Gap, demand: &EvidenceDemand, signer: &Signer) -> bool {
    match gap.hides {
        None | Some(FoundBy::File) => true,
        Some(FoundBy::Referrers | FoundBy::FallbackTag) => signer.takes_bundles(),
        Some(FoundBy::SignatureTag) => signer.takes_legacy() && demand.wanted == Wanted::Signature,
        Some(FoundBy::AttestationTag) => {
            signer.takes_legacy() && demand.wanted != Wanted::Signature
        }
    }
}

/// The worst gap speaks for all.
fn unknown(gaps: &[&Gap]) -> Judgement {
    let worst = gaps
        .iter()
        .max_by_key(|gap| (gap.class, gap.code.rank(), std::cmp::Reverse(&gap.what)));
    let Some(worst) = worst else {
        return Judgement::Fail(Reason::boxed(ReasonCode::NoEvidence));
    };
    Judgement::Unknown {
        code: worst.code,
        message: format!(
            "{} {}: {}",
            worst.code.message(),
            safe(&worst.what),
            safe(&worst.cause)
        ),
        excusable: excusable(gaps.iter().copied()),
    }
}

fn passed(demand: &EvidenceDemand, evidence: &[Cited]) -> String {
    let by: Vec<String> = evidence
        .iter()
        .map(|cited| {
            format!(
                "`{}` ({})",
                cited.signer.as_deref().unwrap_or_default(),
                cite::who(&cited.identity)
            )
        })
        .collect();
    let by = by.join(" and ");
    match &demand.wanted {
        Wanted::Signature => format!("Signed by {by}."),
        Wanted::Statement { predicate_type } => {
            format!("`{}` attested by {by}.", safe(predicate_type))
        }
    }
}
