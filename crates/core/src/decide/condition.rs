//! One rule against what is known about the image.

use std::cell::OnceCell;

use super::Resolution;
use super::assign::assign;
use super::cite;
use super::excusable;
use super::nearest::{self, Reason};
use super::per_signer::{PerSigner, Status};
use super::scene::Scene;
use crate::policy::authorize::Mismatch;
use crate::policy::signer::Signer;
use crate::policy::{
    Condition, DigestDemand, EvidenceDemand, Policy, Rule, Selection, SubjectDemand,
};
use crate::text::safe;
use crate::{
    CandidateOutcome, Cited, Claim, Findings, FoundBy, Gap, Outcome, ReasonCode, RuleOutcome,
    Verdict, Verified, Warning,
};

impl Scene<'_> {
    /// Judges one rule; the second value says whether `onUnknown` may excuse that it could not be told.
    pub(super) fn rule(
        &self,
        rule: &Rule,
        warnings: &mut Vec<Warning>,
        policy: &Policy,
    ) -> (RuleOutcome, bool) {
        let mut candidates = Vec::new();
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
                (demand.wanted.kind(), self.evidence(demand, &mut candidates))
            }
        };
        candidates.sort_by(|a, b| {
            let orders = (cite::order(&a.evidence), cite::order(&b.evidence));
            orders
                .0
                .cmp(&orders.1)
                .then_with(|| a.evidence.signer.cmp(&b.evidence.signer))
        });
        let mut outcome = RuleOutcome {
            name: rule.name.clone(),
            kind,
            place: rule.place.clone(),
            effective: true,
            outcome: Outcome::Pass,
            effect: Verdict::Allow,
            code: None,
            message: String::new(),
            hint: String::new(),
            exceptions: Vec::new(),
            evidence: Vec::new(),
            nearest: None,
            candidates,
        };
        let mut may_excuse = false;
        match verdict {
            Judgement::Pass {
                message,
                evidence,
                warnings: noted,
            } => {
                outcome.message = message;
                outcome.evidence = evidence;
                warnings.extend(noted.into_iter().map(|(code, message)| Warning {
                    code,
                    policy: Some(policy.name.clone()),
                    rule: Some(rule.name.clone()),
                    message: safe(&message),
                }));
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
            warnings: Vec::new(),
        }
    }

    /// Holds an evidence rule against the image or the index's platforms; every candidate is told in `candidates`, if an
    /// explanation is wanted.
    fn evidence(
        &self,
        demand: &EvidenceDemand,
        candidates: &mut Vec<CandidateOutcome>,
    ) -> Judgement {
        let (image, findings, children) = match self.resolution {
            Resolution::Examined {
                image,
                findings,
                children,
            } => (image, findings, children),
            // Whatever a rule says of an index's platforms: a file has none.
            Resolution::Blob(findings) if !self.is_another_image() => {
                return self.on(findings, demand, &[findings], candidates).judgement;
            }
            Resolution::Blob(_) => {
                return Judgement::Fail(Reason::boxed(ReasonCode::DigestMismatch));
            }
            Resolution::Unresolved(gap) => return unknown(&[gap]),
            Resolution::NotAsked => return not_examined(),
        };
        if self.is_another_image() {
            return Judgement::Fail(Reason::boxed(ReasonCode::DigestMismatch));
        }
        if image.children().is_none() {
            return self.on(findings, demand, &[findings], candidates).judgement;
        }
        match demand.subject {
            SubjectDemand::Index => self.on(findings, demand, &[findings], candidates).judgement,
            SubjectDemand::Platform => {
                let scope: Vec<&Findings> = children.iter().collect();
                self.on_platforms(image, children, demand, &scope, candidates)
            }
            SubjectDemand::Either => self.on_either(image, findings, children, demand, candidates),
        }
    }

    /// Holds the rule against what is known about one digest: an image, an index itself, or one child of an index. `scope` is
    /// all that the rule looks at.
    pub(super) fn on(
        &self,
        findings: &Findings,
        demand: &EvidenceDemand,
        scope: &[&Findings],
        told: &mut Vec<CandidateOutcome>,
    ) -> On {
        let signers = &demand.from.signers;
        let candidates: Vec<&Verified<Claim>> = findings
            .verified()
            .iter()
            .filter(|one| {
                one.facts().image() == findings.image()
                    && demand.wanted.is(one.claim(), one.facts())
            })
            .collect();
        let hidden = relevant(findings, demand);
        // A last known list proves no absence, just as if it had not been read.
        let is_stale = !findings.stale().is_empty();
        let vex = OnceCell::new();
        let circumstances = self.circumstances(findings, &vex);
        let results: Vec<PerSigner<'_>> = signers
            .iter()
            .map(|signer| {
                let gap = is_stale
                    || hidden.iter().any(|gap| {
                        hides(gap, demand, signer)
                            || demand.others().any(|other| hides(gap, demand, other))
                    });
                PerSigner::judge(signer, demand, &candidates, gap, &circumstances)
            })
            .collect();
        let judgement = match self.over_signers(findings, demand, &hidden, &results) {
            Judgement::Pass {
                message,
                mut evidence,
                warnings,
            } => {
                let heard = demand.wanted.heard(&circumstances).into_iter();
                evidence.extend(heard.map(|(one, signer)| self.cite(one, Some(signer))));
                let pass = Judgement::Pass {
                    message,
                    evidence,
                    warnings,
                };
                self.distrusted(findings, demand, scope).unwrap_or(pass)
            }
            other => other,
        };
        let contradicted =
            demand.selection != Selection::Any && results.iter().any(|result| result.failed);
        if self.explained {
            for result in results {
                let signer = result.signer;
                let all = result.compared.into_iter();
                told.extend(all.map(|one| self.told(signer, one)));
            }
        }
        On {
            judgement,
            contradicted,
        }
    }

    /// What follows from all Signers of a rule together.
    fn over_signers(
        &self,
        findings: &Findings,
        demand: &EvidenceDemand,
        hidden: &[&Gap],
        results: &[PerSigner<'_>],
    ) -> Judgement {
        let assigned = assign(results, &demand.wanted);
        let count = assigned.iter().flatten().count();
        let evidence: Vec<Cited> = results
            .iter()
            .zip(&assigned)
            .filter_map(|(result, claim)| Some(self.cite((*claim)?, Some(&result.signer.name))))
            .collect();
        if count >= demand.from.threshold {
            let warnings = results
                .iter()
                .zip(&assigned)
                .filter_map(|(result, claim)| result.warnings((*claim)?))
                .flatten();
            return Judgement::Pass {
                message: passed(demand, &evidence),
                warnings: warnings.cloned().collect(),
                evidence,
            };
        }
        let open = results
            .iter()
            .filter(|result| result.status == Status::Unknown)
            .count();
        if count + open >= demand.from.threshold {
            let untold = results.iter().find_map(PerSigner::untold);
            if let Some(mismatch) = untold {
                return untellable(mismatch);
            }
            return match hidden {
                [] => self.only_last_known(findings),
                hidden => unknown(hidden),
            };
        }
        Judgement::Fail(nearest::explain(
            self, demand, findings, results, &assigned, evidence,
        ))
    }
}

/// How a rule came out on one digest.
pub(super) struct On {
    pub(super) judgement: Judgement,
    /// Whether evidence that counts for a Signer was there and failed, of a rule with `match: all` or `newest`.
    pub(super) contradicted: bool,
}

/// How one condition came out.
pub(super) enum Judgement {
    Pass {
        message: String,
        evidence: Vec<Cited>,
        /// What a person should be told about the evidence that lets it pass.
        warnings: Vec<(ReasonCode, String)>,
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
        Some(FoundBy::SignatureTag) => signer.takes_legacy() && demand.wanted.is_signature(),
        Some(FoundBy::AttestationTag) => signer.takes_legacy() && !demand.wanted.is_signature(),
    }
}

/// The gaps behind which there may be evidence that could count under this rule.
pub(super) fn relevant<'f>(findings: &'f Findings, demand: &EvidenceDemand) -> Vec<&'f Gap> {
    let signers = &demand.from.signers;
    let matters = |gap: &&Gap| {
        signers.iter().any(|signer| hides(gap, demand, signer))
            || demand.others().any(|other| hides(gap, demand, other))
    };
    findings.gaps().iter().filter(matters).collect()
}

/// What evidence says could not be judged, such as by an expression that did not end in time.
fn untellable(mismatch: &Mismatch) -> Judgement {
    Judgement::Unknown {
        code: mismatch.code,
        message: format!(
            "{} Found {}; wanted {}.",
            mismatch.code.message(),
            safe(&mismatch.found),
            safe(&mismatch.wanted)
        ),
        excusable: false,
    }
}

/// Nothing was asked, so nothing is known.
pub(super) fn not_examined() -> Judgement {
    let code = ReasonCode::NotExamined;
    Judgement::Unknown {
        code,
        message: code.message().to_owned(),
        excusable: false,
    }
}

/// The worst gap speaks for all.
pub(super) fn unknown(gaps: &[&Gap]) -> Judgement {
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
    demand.wanted.passed(&by.join(" and "))
}
