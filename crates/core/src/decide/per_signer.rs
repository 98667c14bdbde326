//! One Signer of a rule: which evidence is this Signer's, and whether it satisfies the rule.

use crate::policy::authorize::Mismatch;
use crate::policy::signer::Signer;
use crate::policy::{EvidenceDemand, Selection};
use crate::{Claim, Facts, ReasonCode, UnixTime, Verified};

/// How a rule comes out for one of its Signers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Pass,
    Unknown,
    Fail,
}

/// The result for one Signer.
pub(super) struct PerSigner<'a> {
    pub(super) signer: &'a Signer,
    pub(super) status: Status,
    /// What satisfies the rule; empty unless it passes.
    pub(super) good: Vec<&'a Verified<Claim>>,
    /// What was compared and did not satisfy it.
    pub(super) bad: Vec<(&'a Verified<Claim>, Mismatch)>,
    /// Whether evidence of this Signer's does not satisfy the rule.
    pub(super) failed: bool,
}

impl<'a> PerSigner<'a> {
    /// Judges the candidates, which all are of the kind that the rule asks for.
    ///
    /// Evidence is a Signer's if everything that the Signer demands holds of it; the rest is not this Signer's, and can
    /// neither help nor harm. `any` needs one that satisfies the rule; with `all` none may fail; with `newest` none of the
    /// youngest may, and none may lack a proven time. `gap`: there may be evidence that could not be fetched.
    pub(super) fn judge(
        signer: &'a Signer,
        demand: &EvidenceDemand,
        candidates: &[&'a Verified<Claim>],
        gap: bool,
        now: UnixTime,
    ) -> Self {
        let mut own = Vec::new();
        let mut bad = Vec::new();
        for candidate in candidates {
            match signer.accepts(candidate.facts(), now) {
                Ok(()) => own.push(*candidate),
                Err(mismatch) => bad.push((*candidate, mismatch)),
            }
        }
        let newest = own.iter().filter_map(|one| one.facts().signed_at()).max();
        let mut good = Vec::new();
        let mut failed = false;
        for one in own {
            let at = one.facts().signed_at();
            if demand.selection == Selection::Newest && at.is_some() && at != newest {
                continue;
            }
            match check(one.facts(), demand, now) {
                Ok(()) => good.push(one),
                Err(mismatch) => {
                    failed = true;
                    bad.push((one, mismatch));
                }
            }
        }
        let status = match demand.selection {
            Selection::Any if !good.is_empty() => Status::Pass,
            Selection::Any if gap => Status::Unknown,
            Selection::Any => Status::Fail,
            Selection::All | Selection::Newest if failed => Status::Fail,
            Selection::All | Selection::Newest if gap => Status::Unknown,
            Selection::All | Selection::Newest if good.is_empty() => Status::Fail,
            Selection::All | Selection::Newest => Status::Pass,
        };
        if status != Status::Pass {
            good.clear();
        }
        Self {
            signer,
            status,
            good,
            bad,
            failed,
        }
    }
}

/// The rule's own conditions on one piece of evidence. Age counts from the earliest proven time: a later timestamp on an
/// old signature does not make it young.
fn check(facts: &Facts, demand: &EvidenceDemand, now: UnixTime) -> Result<(), Mismatch> {
    let Some(at) = facts.signed_at() else {
        if demand.selection == Selection::Newest || demand.max_age.is_some() {
            return Err(Mismatch {
                code: ReasonCode::TimeMissing,
                found: "no proven time".to_owned(),
                wanted: "a proven time (match: newest or maxAge)".to_owned(),
            });
        }
        return Ok(());
    };
    match demand.max_age {
        Some(max_age) if at.plus(max_age) < now => Err(Mismatch {
            code: ReasonCode::TooOld,
            found: format!("signed at {at}"),
            wanted: format!("not before {}", now.plus(-max_age)),
        }),
        _ => Ok(()),
    }
}
