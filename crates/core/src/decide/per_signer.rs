//! One Signer of a rule: which evidence is this Signer's, and whether it satisfies the rule.

use super::scene::Circumstances;
use crate::compared::Compared;
use crate::policy::authorize::Mismatch;
use crate::policy::signer::Signer;
use crate::policy::{EvidenceDemand, Selection};
use crate::{Claim, Outcome, ReasonCode, UnixTime, Verified};

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
    /// Every candidate, and what was compared of it.
    pub(super) compared: Vec<Judged<'a>>,
    /// Whether evidence of this Signer's does not satisfy the rule.
    pub(super) failed: bool,
}

/// One candidate held against one Signer and the rule.
pub(super) struct Judged<'a> {
    pub(super) claim: &'a Verified<Claim>,
    pub(super) compared: Compared,
    /// Whether everything that the Signer demands holds of it, and it answers the rule's question.
    own: bool,
    /// Whether a younger one decides in its place.
    pub(super) superseded: bool,
}

impl<'a> Judged<'a> {
    /// What is revoked is nobody's: it can neither help nor harm.
    fn new(
        claim: &'a Verified<Claim>,
        signer: &Signer,
        demand: &EvidenceDemand,
        circumstances: &Circumstances<'_>,
    ) -> Self {
        let mut compared = Compared::new(circumstances.explained);
        signer.compare(claim.facts(), circumstances.now, &mut compared);
        if compared.holds() {
            circumstances
                .revocations
                .compare(claim, signer, &mut compared);
        }
        if compared.holds() {
            demand.wanted.concerns(claim, circumstances, &mut compared);
        }
        Self {
            claim,
            own: compared.holds(),
            compared,
            superseded: false,
        }
    }

    /// The signer's own, and not superseded.
    const fn counts(&self) -> bool {
        self.own && !self.superseded
    }
}

impl<'a> PerSigner<'a> {
    /// Judges the candidates, which all are of the kind that the rule asks for.
    ///
    /// Evidence is a Signer's if everything that the Signer demands holds of it; the rest is not this Signer's, and can
    /// neither help nor harm; nor can what answers another question than the rule's. `any` needs one that satisfies the rule; with `all` none may fail; with `newest` none of the
    /// youngest may, and none may lack a proven time. `gap`: there may be evidence that could not be fetched.
    pub(super) fn judge(
        signer: &'a Signer,
        demand: &EvidenceDemand,
        candidates: &[&'a Verified<Claim>],
        gap: bool,
        circumstances: &Circumstances<'_>,
    ) -> Self {
        let mut compared: Vec<Judged<'a>> = candidates
            .iter()
            .map(|candidate| Judged::new(candidate, signer, demand, circumstances))
            .collect();
        let own = compared.iter().filter(|one| one.own);
        let newest = own.filter_map(|one| one.claim.facts().signed_at()).max();
        for one in compared.iter_mut().filter(|one| one.own) {
            let at = one.claim.facts().signed_at();
            one.superseded = demand.selection == Selection::Newest && at.is_some() && at != newest;
            if !one.superseded {
                check_age(
                    one.claim.facts().signed_at(),
                    demand,
                    circumstances,
                    &mut one.compared,
                );
                demand
                    .wanted
                    .compare(one.claim, signer, circumstances, &mut one.compared);
                check_soak(
                    one.claim.facts().signed_at(),
                    demand,
                    circumstances.now,
                    &mut one.compared,
                );
            }
        }
        let with = |outcome: Outcome| {
            let fits = move |one: &&Judged<'a>| one.counts() && one.compared.outcome() == outcome;
            compared.iter().filter(fits)
        };
        let mut good: Vec<_> = with(Outcome::Pass).map(|one| one.claim).collect();
        let failed = with(Outcome::Fail).next().is_some();
        let gap = gap || with(Outcome::Unknown).next().is_some();
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
            compared,
            failed,
        }
    }

    /// What was compared and did not satisfy the rule.
    pub(super) fn bad(&self) -> impl Iterator<Item = (&'a Verified<Claim>, &Mismatch)> {
        self.compared
            .iter()
            .filter_map(|one| Some((one.claim, one.compared.mismatch()?)))
    }

    /// What could not be told about evidence that counts.
    pub(super) fn untold(&self) -> Option<&Mismatch> {
        let unknown =
            |one: &&Judged<'_>| one.counts() && one.compared.outcome() == Outcome::Unknown;
        self.compared.iter().find(unknown)?.compared.mismatch()
    }

    /// What a person should be told about evidence that lets the rule pass.
    pub(super) fn warnings(&self, good: &Verified<Claim>) -> Option<&[(ReasonCode, String)]> {
        let is_it = |one: &&Judged<'_>| std::ptr::eq(one.claim, good);
        Some(self.compared.iter().find(is_it)?.compared.warnings())
    }
}

/// Age counts from the earliest proven time: a later timestamp on an old signature does not make it young.
fn check_age(
    at: Option<UnixTime>,
    demand: &EvidenceDemand,
    circumstances: &Circumstances<'_>,
    compared: &mut Compared,
) {
    let has_age = demand.max_age.is_some() || demand.min_age.is_some();
    if at.is_none() && (demand.selection == Selection::Newest || has_age) {
        let wanted = "a proven time (match: newest, maxAge or minAge)";
        let code = ReasonCode::TimeMissing;
        compared.that("time", wanted, "no proven time", false, code);
    }
    let (Some(at), Some(max_age)) = (at, demand.max_age) else {
        return;
    };
    let now = circumstances.now;
    let wanted = format_args!("not before {}", now.plus(-max_age));
    let found = format_args!("signed at {at}");
    let is_young = at.plus(max_age) >= now;
    let relieved = circumstances.age_relief && !demand.age_always;
    if !is_young && relieved {
        let code = ReasonCode::TooOld;
        let why = "a Pod that has an owner is only warned of age";
        compared.warn(
            code,
            format!("{} Found {found}; wanted {wanted} ({why}).", code.message()),
        );
    }
    compared.that(
        "maxAge",
        wanted,
        found,
        is_young || relieved,
        ReasonCode::TooOld,
    );
}

/// Last of all, so that whoever is told when the image will be old enough need not wait for another reason. A Pod's
/// owner is no relief: only what has become too old since is.
fn check_soak(
    at: Option<UnixTime>,
    demand: &EvidenceDemand,
    now: UnixTime,
    compared: &mut Compared,
) {
    let (Some(at), Some(min_age)) = (at, demand.min_age) else {
        return;
    };
    let enough = at.plus(min_age);
    compared.that(
        "minAge",
        format_args!("not after {}", now.plus(-min_age)),
        format_args!("signed at {at}, old enough at {enough}"),
        enough <= now,
        ReasonCode::TooYoung,
    );
}
