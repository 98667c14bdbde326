//! Proven facts and a policy in, a [`Decision`] out (`architecture.md`, "Verdicts"). It never fetches or verifies.
//!
//! What a rule wants must be there and be of the wanted type (step 21). A rule passes, fails, or cannot be told because of a gap; over rules, policies and images deny is over unknown over
//! allow. What is `judged` does not look at modes or Exceptions; the `effect` does, and nothing but effective, enforcing policies and
//! `unmatched` can change it, before break-glass does.

mod assign;
mod blob;
mod break_glass;
mod cite;
mod condition;
mod demand;
mod nearest;
mod per_signer;
mod revoked;
mod sbom;
mod scene;
mod stale;
mod subject;
mod waive;

use std::collections::BTreeMap;

pub use blob::{BlobDecision, BlobRefusal, BlobSigner, BlobSignerError, decide_blob};
pub use break_glass::judge_break_glass;
pub use sbom::SbomRuleOutcome;
use scene::Scene;

use crate::policy::signer::RootLife;
use crate::policy::{Condition, OnUnmatched, Policy, Settings};
use crate::text::safe;
use crate::{
    Decision, Findings, Gap, GapClass, Mode, NamespaceFit, Outcome, PinnedImage, PolicyOutcome,
    PolicySet, ReasonCode, Request, RuleException, RuleOutcome, UnixTime, Unmatched, Verdict,
    Warning,
};

/// What is known about the requested image.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Resolution<'a> {
    /// It was resolved, and its evidence was examined.
    Examined {
        /// The manifest that the reference meant.
        image: &'a PinnedImage,
        /// What was proven about it.
        findings: &'a Findings,
        /// What was proven about each child, if it is an index and rules look at its platforms ([`Needs`](crate::Needs)).
        children: &'a [Findings],
    },
    /// It is a file that is no image: evidence about it was handed over, and there is nothing to fetch.
    Blob(&'a Findings),
    /// It could not be resolved.
    Unresolved(&'a Gap),
    /// Nothing was asked, because [`PolicySet::needs`] says that nothing fetched can matter.
    NotAsked,
}

/// Judges one image by every policy that matches it.
///
/// A proven time after `now` fails; there is no tolerance, for `now` is an argument and clocks are the doors' affair.
pub fn decide(
    policies: &PolicySet,
    request: &Request,
    resolution: Resolution<'_>,
    now: UnixTime,
) -> Decision {
    decided(&Scene::new(policies, request, resolution, now))
}

/// [`decide`] without an explanation: the same decision, of which [`RuleOutcome::candidates`] are empty. Whoever judges the same images again and again and shows
/// no explanation has no use for hundreds of comparisons.
pub fn decide_briefly(
    policies: &PolicySet,
    request: &Request,
    resolution: Resolution<'_>,
    now: UnixTime,
) -> Decision {
    decided(&Scene::new(policies, request, resolution, now).brief())
}

fn decided(scene: &Scene<'_>) -> Decision {
    let (policies, request, now) = (scene.policies, scene.request, scene.now);
    let mut warnings = Vec::new();
    let mut outcomes = Vec::new();
    let mut enforced = false;
    let matching = policies.matching(request);
    for policy in &matching {
        let outcome = judge(policy, scene, &policies.settings, &mut warnings);
        enforced |=
            outcome.mode == Mode::Enforce && outcome.rules.iter().any(|rule| rule.effective);
        outcomes.push(outcome);
    }
    warnings.extend(expired_roots(&matching, now));
    warnings.extend(subject::unsigned_attestations(scene));
    let stale = scene.stale();
    warnings.extend(stale.iter().map(stale::warning));
    let unmatched = (!enforced).then(|| unmatched(&policies.settings, &mut warnings));
    let unmatched_judged = match policies.settings.unmatched {
        OnUnmatched::Allow => Verdict::Allow,
        OnUnmatched::Warn | OnUnmatched::Deny => Verdict::Deny,
    };
    let revoked = scene.revoked();
    let (revocation_judged, revocation_effect) = scene.revocation(&revoked, &mut warnings);
    let judged = outcomes
        .iter()
        .map(|policy| policy.judged)
        .chain(unmatched.as_ref().map(|_| unmatched_judged))
        .chain([revocation_judged]);
    let effect = outcomes
        .iter()
        .map(|policy| policy.effect)
        .chain(unmatched.as_ref().map(|one| one.effect))
        .chain([revocation_effect]);
    let (gaps, gap_children) = scene.gaps();
    let enforced = effect.max().unwrap_or(Verdict::Unknown);
    let break_glass = scene.break_glass(enforced, &outcomes, unmatched.as_ref());
    let is_overridden = break_glass.as_ref().is_some_and(|it| it.used().is_some());
    warnings.extend(break_glass.iter().flat_map(break_glass::warnings));
    Decision {
        image: safe(request.written()),
        request: request.clone(),
        digest: scene.digest(),
        now,
        policy_digest: *policies.digest(),
        trust_fingerprint: *policies.trust().fingerprint(),
        judged: judged.max().unwrap_or(Verdict::Unknown),
        effect: if is_overridden {
            Verdict::Allow
        } else {
            enforced
        },
        policies: outcomes,
        unmatched,
        revoked,
        warnings,
        evidence: scene.cite_all(),
        refused: scene.refused(),
        gaps,
        gap_children,
        stale,
        break_glass,
    }
}

/// All rules of one policy, and what follows from them.
fn judge(
    policy: &Policy,
    scene: &Scene<'_>,
    settings: &Settings,
    warnings: &mut Vec<Warning>,
) -> PolicyOutcome {
    let has_begun = |from: Option<UnixTime>| from.is_none_or(|from| from <= scene.now);
    let effective = has_begun(policy.effective_from);
    let mut judged = Verdict::Allow;
    let mut effect = Verdict::Allow;
    let mut rules = Vec::new();
    for rule in &policy.rules {
        let (mut outcome, excusable) = scene.rule(rule, warnings, policy);
        outcome.effective = effective && has_begun(rule.effective_from);
        outcome.exceptions = scene.exceptions(policy, rule, &outcome);
        for withheld in outcome
            .exceptions
            .iter()
            .filter_map(RuleException::withheld)
        {
            outcome.message = format!("{} {withheld}", outcome.message);
        }
        judged = judged.max(outcome.outcome.verdict());
        outcome.effect = rule_effect(policy, &outcome, excusable, settings, warnings);
        effect = effect.max(outcome.effect);
        rules.push(outcome);
    }
    let namespaces = policy.selects(scene.request);
    match namespaces {
        Some(NamespaceFit::NotGiven) => {
            let code = ReasonCode::NamespaceNotGiven;
            warnings.push(Warning {
                code,
                policy: Some(policy.name.clone()),
                rule: None,
                message: code.message().to_owned(),
            });
        }
        Some(NamespaceFit::Unknown) => {
            judged = Verdict::Unknown;
            let effective = rules.iter().any(|rule: &RuleOutcome| rule.effective);
            effect = unknown_namespace(policy, effective, warnings);
        }
        Some(NamespaceFit::Yes | NamespaceFit::No) | None => {}
    }
    PolicyOutcome {
        namespaces,
        emits: policy.emits.clone(),
        name: policy.name.clone(),
        place: policy.place.clone(),
        mode: policy.mode,
        effective,
        judged,
        effect,
        rules,
    }
}

/// What follows from not knowing whether a policy judges at all: it is never taken for one that does not. No `onUnknown`
/// excuses it, for that speaks of evidence.
fn unknown_namespace(policy: &Policy, effective: bool, warnings: &mut Vec<Warning>) -> Verdict {
    let code = ReasonCode::NamespaceUnknown;
    let (effect, why) = match policy.mode {
        Mode::Audit => return Verdict::Allow,
        Mode::Warn => (Verdict::Allow, " (mode: warn)"),
        Mode::Enforce if !effective => (Verdict::Allow, " (before effectiveFrom)"),
        Mode::Enforce => (Verdict::Unknown, ""),
    };
    warnings.push(Warning {
        code,
        policy: Some(policy.name.clone()),
        rule: None,
        message: format!("{}{why}", code.message()),
    });
    effect
}

/// What one rule does to the verdict, by its policy's mode, `effectiveFrom`, Exceptions and `onUnknown`.
fn rule_effect(
    policy: &Policy,
    rule: &RuleOutcome,
    excusable: bool,
    settings: &Settings,
    warnings: &mut Vec<Warning>,
) -> Verdict {
    let Some(code) = rule.code else {
        return Verdict::Allow;
    };
    let mut warn = |why: &str| {
        warnings.push(Warning {
            code,
            policy: Some(policy.name.clone()),
            rule: Some(rule.name.clone()),
            message: format!("{} ({why})", rule.message),
        });
        Verdict::Allow
    };
    match policy.mode {
        Mode::Audit => Verdict::Allow,
        Mode::Warn => warn("mode: warn"),
        Mode::Enforce if !rule.effective => warn("before effectiveFrom"),
        Mode::Enforce if let Some(exception) = rule.waived_by() => warn(&format!(
            "waived by the Exception `{}` until {}",
            exception.name, exception.expires
        )),
        Mode::Enforce => match rule.outcome {
            Outcome::Unknown if excusable && settings.on_unknown == Verdict::Allow => {
                warn("allowed by onUnknown")
            }
            outcome => outcome.verdict(),
        },
    }
}

/// Trust roots that vouch for the Signers of this request although their TUF metadata has expired: the policy lets them.
fn expired_roots(matching: &[&Policy], now: UnixTime) -> Vec<Warning> {
    let rules = matching.iter().flat_map(|policy| &policy.rules);
    let signers = rules.flat_map(|rule| match &rule.condition {
        Condition::Evidence(demand) => demand.from.signers.as_slice(),
        Condition::Digest(_) => &[],
    });
    let expired: BTreeMap<&str, RootLife> = signers
        .filter_map(|signer| {
            let root = signer.root.as_ref()?;
            let life = root.life?;
            (life.expires < now && now <= life.serves_until).then_some((root.name.as_str(), life))
        })
        .collect();
    let told = expired.into_iter().map(|(name, life)| Warning {
        code: ReasonCode::TrustRootStale,
        policy: None,
        rule: None,
        message: format!(
            "The TUF metadata of the trust root `{name}` expired {}; Settings let it serve until {}.",
            life.expires, life.serves_until
        ),
    });
    told.collect()
}

fn unmatched(settings: &Settings, warnings: &mut Vec<Warning>) -> Unmatched {
    let code = ReasonCode::Unmatched;
    if settings.unmatched == OnUnmatched::Warn {
        warnings.push(Warning {
            code,
            policy: None,
            rule: None,
            message: format!("{} (unmatched: warn)", code.message()),
        });
    }
    let effect = match settings.unmatched {
        OnUnmatched::Deny => Verdict::Deny,
        OnUnmatched::Warn | OnUnmatched::Allow => Verdict::Allow,
    };
    Unmatched {
        effect,
        place: settings.place.clone(),
    }
}

/// Whether `onUnknown` may speak of these gaps: all are *unavailable*, none hostile, and the image itself is there.
fn excusable<'a>(gaps: impl IntoIterator<Item = &'a Gap>) -> bool {
    gaps.into_iter()
        .all(|gap| gap.class == GapClass::Unavailable && gap.code != ReasonCode::ImageNotFound)
}

#[cfg(test)]
mod tests;
