//! Step 1, of an index: which digest a rule is about (`subject: index | platform | either`).
//!
//! A node picks one child of an index, and nobody says which: so *every* child that could run must satisfy the rule, each by
//! evidence on its own digest. Which children there are is read from the pinned index, whose bytes we hashed.

use super::condition::{Judgement, not_examined};
use super::nearest::Reason;
use super::scene::Scene;
use crate::policy::{EvidenceDemand, Selection};
use crate::text::safe;
use crate::{CandidateOutcome, Child, Findings, PinnedImage, ReasonCode, Warning};

impl Scene<'_> {
    /// Every child that could run satisfies the rule; an index without one never does. `scope` is all that the rule looks at.
    pub(super) fn on_platforms(
        &self,
        image: &PinnedImage,
        children: &[Findings],
        demand: &EvidenceDemand,
        scope: &[&Findings],
        told: &mut Vec<CandidateOutcome>,
    ) -> Judgement {
        let mut all = Vec::new();
        let mut platforms: Vec<&Child> = Vec::new();
        for child in image.runnable() {
            // One digest that is listed for several platforms is judged once, and each listing must be acceptable.
            if let Some(code) = self.unacceptable(child) {
                all.push((child, Judgement::Fail(Reason::boxed(code))));
            } else if platforms.iter().all(|other| other.digest != child.digest) {
                platforms.push(child);
            }
        }
        all.extend(platforms.into_iter().map(|child| {
            let findings = children.iter().find(|one| *one.image() == child.digest);
            let judgement = findings.map_or_else(not_examined, |findings| {
                self.on(findings, demand, scope, told).judgement
            });
            (child, judgement)
        }));
        if all.is_empty() {
            return Judgement::Fail(Reason::boxed(ReasonCode::NoPlatform));
        }
        every(all)
    }

    /// The index itself satisfies the rule, or every child that could run does.
    ///
    /// With `all` or `newest` the index has the first word: where evidence on it fails or may be hidden, the platforms do
    /// not make up for it, so that an old clean scan of theirs hides no newer bad one.
    pub(super) fn on_either(
        &self,
        image: &PinnedImage,
        findings: &Findings,
        children: &[Findings],
        demand: &EvidenceDemand,
        told: &mut Vec<CandidateOutcome>,
    ) -> Judgement {
        let own = self.on(findings, demand, &[findings], told);
        let is_unknown = matches!(own.judgement, Judgement::Unknown { .. });
        if matches!(own.judgement, Judgement::Pass { .. })
            || own.contradicted
            || (is_unknown && demand.selection != Selection::Any)
        {
            return own.judgement;
        }
        let scope: Vec<&Findings> = std::iter::once(findings).chain(children).collect();
        let platforms = self.on_platforms(image, children, demand, &scope, told);
        either(own.judgement, platforms)
    }

    /// Why a child that could run is refused, whatever is attached to it.
    fn unacceptable(&self, child: &Child) -> Option<ReasonCode> {
        if child.is_index() {
            return Some(ReasonCode::NestedIndex);
        }
        let allowed = self.policies.settings.allows(child.platform.as_ref());
        (!allowed).then_some(ReasonCode::PlatformNotAllowed)
    }
}

/// BuildKit's attestation manifests, of which people might think that they count.
pub(super) fn unsigned_attestations(scene: &Scene<'_>) -> Option<Warning> {
    let children = scene.image()?.children()?;
    let mut found = children.iter().filter(|it| it.is_buildkit_attestation());
    let first = found.next()?;
    let more = match found.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(Warning {
        code: ReasonCode::UnsignedAttestation,
        policy: None,
        rule: None,
        message: format!(
            "BuildKit attestation {}{more}: unsigned, counts for nothing.",
            first.digest
        ),
    })
}

/// A failure is over unknown is over pass. Of several, the one that came farthest speaks.
fn every(all: Vec<(&Child, Judgement)>) -> Judgement {
    let count = all.len();
    let (mut messages, mut cited, mut noted) = (Vec::new(), Vec::new(), Vec::new());
    let (mut failed, mut unknown) = (Vec::new(), Vec::new());
    let mut may_excuse = true;
    for (child, judgement) in all {
        match judgement {
            Judgement::Pass {
                message,
                evidence,
                warnings,
            } => {
                messages.push(format!("{}: {message}", name(child)));
                cited.extend(evidence);
                let about = |(code, text)| (code, format!("{}: {text}", name(child)));
                noted.extend(warnings.into_iter().map(about));
            }
            Judgement::Fail(reason) => failed.push((child, reason)),
            Judgement::Unknown {
                code,
                message,
                excusable,
            } => {
                may_excuse &= excusable;
                unknown.push((child, code, message));
            }
        }
    }
    let how_many = failed.len();
    if let Some((child, mut reason)) = farthest(failed, |(_, reason)| reason.code.rank()) {
        reason.message = format!(
            "{}: {} ({how_many} of {count} platforms fail.)",
            name(child),
            reason.message
        );
        return Judgement::Fail(reason);
    }
    match farthest(unknown, |(_, code, _)| code.rank()) {
        Some((child, code, message)) => Judgement::Unknown {
            code,
            message: format!("{}: {message}", name(child)),
            excusable: may_excuse,
        },
        None => Judgement::Pass {
            message: messages.join(" "),
            evidence: cited,
            warnings: noted,
        },
    }
}

/// Neither passed by the index itself; what its platforms say.
fn either(index: Judgement, platforms: Judgement) -> Judgement {
    match (index, platforms) {
        (_, pass @ Judgement::Pass { .. }) | (pass @ Judgement::Pass { .. }, _) => pass,
        (Judgement::Fail(index), Judgement::Fail(platforms)) => {
            let message = format!("On the index: {} {}", index.message, platforms.message);
            let mut reason = if platforms.code.rank() > index.code.rank() {
                platforms
            } else {
                index
            };
            reason.message = message;
            Judgement::Fail(reason)
        }
        (unknown @ Judgement::Unknown { .. }, Judgement::Fail(_))
        | (Judgement::Fail(_), unknown @ Judgement::Unknown { .. }) => unknown,
        (
            Judgement::Unknown {
                code: index,
                message: on_index,
                excusable: first,
            },
            Judgement::Unknown {
                code: platforms,
                message: on_platforms,
                excusable: second,
            },
        ) => {
            let (code, message) = if platforms.rank() > index.rank() {
                (platforms, on_platforms)
            } else {
                (index, on_index)
            };
            Judgement::Unknown {
                code,
                message,
                excusable: first && second,
            }
        }
    }
}

/// The first of those with the highest rank.
fn farthest<T>(all: Vec<T>, rank: impl Fn(&T) -> u8) -> Option<T> {
    all.into_iter().rev().max_by_key(|one| rank(one))
}

/// How a message calls a child.
fn name(child: &Child) -> String {
    match &child.platform {
        Some(platform) => format!("{} ({})", safe(&platform.to_string()), child.digest),
        None => format!("{} (which names no platform)", child.digest),
    }
}
