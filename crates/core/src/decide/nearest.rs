//! Why a rule failed: the candidate that came closest, and words for the person who was denied.

use super::cite::{self, KnownAs};
use super::per_signer::PerSigner;
use super::scene::Scene;
use crate::policy::EvidenceDemand;
use crate::text::safe;
use crate::{Candidate, Cited, Claim, Findings, ReasonCode, Rejected, Verified};

/// Why a rule failed.
pub(super) struct Reason {
    pub(super) code: ReasonCode,
    pub(super) message: String,
    pub(super) nearest: Option<Candidate>,
    /// What did count, though it was not enough.
    pub(super) evidence: Vec<Cited>,
}

impl Reason {
    /// A reason that needs no candidate.
    pub(super) fn boxed(code: ReasonCode) -> Box<Self> {
        Box::new(Self {
            code,
            message: code.message().to_owned(),
            nearest: None,
            evidence: Vec::new(),
        })
    }

    /// What to do next: about the rule itself, and about the candidate where that is another reason.
    pub(super) fn hint(&self) -> String {
        match &self.nearest {
            Some(nearest)
                if nearest.code != self.code
                    && nearest.code != ReasonCode::PredicateTypeMismatch =>
            {
                format!("{} {}", self.code.hint(), nearest.code.hint())
            }
            _ => self.code.hint().to_owned(),
        }
    }
}

/// Explains a failed rule: of all candidates of the wanted kind, the one with the highest rank.
pub(super) fn explain(
    scene: &Scene<'_>,
    demand: &EvidenceDemand,
    findings: &Findings,
    results: &[PerSigner<'_>],
    assigned: &[Option<&Verified<Claim>>],
    evidence: Vec<Cited>,
) -> Box<Reason> {
    let missing: Vec<&PerSigner<'_>> = results
        .iter()
        .zip(assigned)
        .filter(|(_, claim)| claim.is_none())
        .map(|(result, _)| result)
        .collect();
    let known_as = &scene.policies.known_as;
    let compared = missing.iter().flat_map(|result| {
        result.bad().map(|(claim, mismatch)| Candidate {
            code: mismatch.code,
            locator: claim.facts().locator().clone(),
            child: None,
            signer: Some(result.signer.name.clone()),
            identity: Some(cite::identity(claim.facts().signer(), known_as)),
            found: safe(&mismatch.found),
            wanted: safe(&mismatch.wanted),
        })
    });
    let refused = findings
        .rejected()
        .iter()
        .filter(|one| {
            one.claims
                .as_deref()
                .is_none_or(|it| demand.wanted.is_claimed(it))
        })
        .map(refused);
    let mut nearest =
        best(compared.chain(refused)).or_else(|| other_kind(known_as, demand, findings));
    if let Some(nearest) = &mut nearest {
        nearest.child = scene.child(findings.image());
    }
    let code = code(demand, findings, nearest.as_ref(), !evidence.is_empty());
    let mut message = code.message().to_owned();
    if code == ReasonCode::ThresholdNotMet {
        let names: Vec<String> = missing
            .iter()
            .map(|result| format!("`{}`", result.signer.name))
            .collect();
        message = format!(
            "{message} {} of {} are there; missing: {}.",
            evidence.len(),
            demand.from.threshold,
            names.join(", ")
        );
    }
    if let Some(nearest) = &nearest {
        message = format!("{message} {}", words(nearest, code));
    }
    Box::new(Reason {
        code,
        message,
        nearest,
        evidence,
    })
}

/// The rule's code: the candidate's, or a threshold that was partly met, or what is absent.
fn code(
    demand: &EvidenceDemand,
    findings: &Findings,
    nearest: Option<&Candidate>,
    partly: bool,
) -> ReasonCode {
    let of_kind = nearest
        .map(|one| one.code)
        .filter(|code| *code != ReasonCode::PredicateTypeMismatch);
    let threshold = partly.then_some(ReasonCode::ThresholdNotMet);
    let absent = match &demand.wanted {
        _ if findings.verified().is_empty() && findings.rejected().is_empty() => {
            ReasonCode::NoEvidence
        }
        wanted => wanted.absent(),
    };
    of_kind
        .into_iter()
        .chain(threshold)
        .max_by_key(|code| code.rank())
        .unwrap_or(absent)
}

fn refused(rejected: &Rejected) -> Candidate {
    Candidate {
        code: rejected.code,
        locator: rejected.locator.clone(),
        child: None,
        signer: None,
        identity: None,
        found: safe(&rejected.detail),
        wanted: String::new(),
    }
}

/// Verified evidence of another kind, for want of anything better: it shows what is there instead.
fn other_kind(
    known_as: &KnownAs,
    demand: &EvidenceDemand,
    findings: &Findings,
) -> Option<Candidate> {
    let wanted = demand.wanted.described();
    best(findings.verified().iter().map(|one| Candidate {
        code: ReasonCode::PredicateTypeMismatch,
        locator: one.facts().locator().clone(),
        child: None,
        signer: None,
        identity: Some(cite::identity(one.facts().signer(), known_as)),
        found: safe(one.claim().predicate_type().unwrap_or(one.claim().kind())),
        wanted: safe(&wanted),
    }))
}

/// The highest rank; among equals the first by place, so that the answer does not depend on the order of fetching.
fn best(candidates: impl Iterator<Item = Candidate>) -> Option<Candidate> {
    candidates.max_by(|a, b| {
        let key = |one: &Candidate| {
            (
                one.code.rank(),
                std::cmp::Reverse((one.locator.clone(), one.signer.clone())),
            )
        };
        key(a).cmp(&key(b))
    })
}

/// What was found and what is wanted, in a sentence.
fn words(nearest: &Candidate, code: ReasonCode) -> String {
    let what = if nearest.code == code {
        String::new()
    } else {
        format!("{} ", nearest.code.message())
    };
    match (nearest.found.is_empty(), nearest.wanted.is_empty()) {
        (true, _) => what.trim_end().to_owned(),
        (false, true) => format!(
            "{what}The closest: {}.",
            nearest.found.trim_end_matches('.')
        ),
        (false, false) => format!("{what}Found {}; wanted {}.", nearest.found, nearest.wanted),
    }
}
