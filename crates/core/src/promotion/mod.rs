//! From a decision to a verification summary: what may be stated after a policy, and what may not (policy.md, "Summaries (VSA) and
//! promotion").
//!
//! A summary is believed where nobody looks at the evidence again, so it states only what was demanded and met: a denial that was
//! not enforced, evidence of yesterday and what nobody could tell state nothing.

mod predicate;
mod refusal;

use std::collections::BTreeSet;

pub use predicate::{Promoter, PromoterError};
pub use refusal::{NotPromoted, Unenforced, WarnedRule};

use crate::policy::Policy;
use crate::text::safe;
use crate::{
    Decision, Digest, Mode, Outcome, PolicyOutcome, PolicySet, RuleOutcome, UnixTime, Verdict,
};

/// That a decision lets a level be stated about its image. Only [`Promotion::of`] makes one, so that nothing is stated that was not
/// judged.
#[derive(Debug, Clone)]
pub struct Promotion {
    image: Digest,
    name: String,
    level: String,
    judged_at: UnixTime,
    policy_digest: Digest,
    inputs: BTreeSet<Input>,
    waivers: BTreeSet<Waiver>,
}

/// A piece of evidence by which a rule passed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Input {
    /// Of its bytes.
    blob: Digest,
    /// Of the manifest that carries them: of a simple signature, the blob alone is what was signed and not by whom.
    manifest: Digest,
}

/// An Exception by which a rule that did not pass denied nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Waiver {
    policy: String,
    rule: String,
    exception: String,
    reason: String,
    ticket: Option<String>,
    expires: UnixTime,
}

impl PolicySet {
    /// Whether a policy of the set emits this level and is enforced at `now`: known before any image is looked at.
    ///
    /// # Errors
    /// [`NotPromoted::NobodyEmits`] or [`NotPromoted::NotEnforced`]: nothing that is decided by this set could state the level.
    pub fn emits(&self, level: &str, now: UnixTime) -> Result<(), NotPromoted> {
        let emitting = |policy: &&Policy| policy.emits.as_deref() == Some(level);
        let mut unenforced = None;
        for policy in self.policies.iter().filter(emitting) {
            let Some(why) = unenforced_at(policy, now) else {
                return Ok(());
            };
            unenforced.get_or_insert_with(|| NotPromoted::NotEnforced {
                level: level.to_owned(),
                policy: policy.name.clone(),
                place: policy.place.clone(),
                why,
            });
        }
        Err(unenforced.unwrap_or_else(|| {
            let levels = self.policies.iter().filter_map(|it| it.emits.clone());
            let levels: BTreeSet<String> = levels.collect();
            NotPromoted::NobodyEmits {
                level: safe(level),
                emitted: levels.into_iter().collect(),
            }
        }))
    }
}

impl Promotion {
    /// What may be stated of the image after this decision: `level`, if a policy that matched the image, was enforced and
    /// passed `emits` it.
    ///
    /// Every rule of that policy has to pass or to be waived by an Exception, also one before its `effectiveFrom`; of other enforced
    /// policies every effective rule. Policies that only warn or audit make no difference, as they make none to the verdict.
    ///
    /// # Errors
    /// [`NotPromoted`].
    pub fn of(decision: &Decision, level: &str) -> Result<Self, NotPromoted> {
        if decision.is_by_break_glass() {
            return Err(NotPromoted::BreakGlass {
                image: decision.image().to_owned(),
            });
        }
        match decision.effect() {
            Verdict::Allow => {}
            Verdict::Unknown => return Err(refusal::unknown(decision)),
            Verdict::Deny => return Err(refusal::denied(decision)),
        }
        let image = || decision.image().to_owned();
        let name = decision.name().ok_or(NotPromoted::Unnamed)?;
        if decision.request().age_relief() {
            return Err(NotPromoted::AgeRelief { image: image() });
        }
        if let Some(stale) = decision.stale().first() {
            return Err(NotPromoted::Stale {
                image: image(),
                what: stale.what.clone(),
                age_seconds: stale.age,
            });
        }
        let emits = |policy: &&PolicyOutcome| policy.emits.as_deref() == Some(level);
        let emitting: Vec<&PolicyOutcome> = decision.policies().iter().filter(emits).collect();
        let Some(first) = emitting.first() else {
            return Err(NotPromoted::NotMatched {
                image: image(),
                level: safe(level),
                matched: decision.policies().iter().map(told).collect(),
            });
        };
        if !emitting.iter().any(|policy| is_enforced(policy)) {
            return Err(NotPromoted::NotEnforced {
                level: level.to_owned(),
                policy: first.name.clone(),
                place: first.place.clone(),
                why: match first.mode {
                    Mode::Enforce => Unenforced::NotYetEffective,
                    mode => Unenforced::Mode(mode),
                },
            });
        }
        let mut inputs = BTreeSet::new();
        let mut waivers = BTreeSet::new();
        for policy in decision.policies().iter().filter(|it| is_enforced(it)) {
            let all = policy.emits.as_deref() == Some(level);
            for rule in policy.rules.iter().filter(|rule| all || rule.effective) {
                match (rule.outcome, rule.waived_by()) {
                    (Outcome::Pass, _) => inputs.extend(inputs_of(rule)),
                    (_, Some(_)) => waivers.extend(waivers_of(policy, rule)),
                    (_, None) => return Err(refusal::only_warned(policy, rule)),
                }
            }
        }
        let image = decision
            .digest()
            .ok_or_else(|| NotPromoted::NotExamined { image: image() })?;
        Ok(Self {
            image: *image,
            name: name.to_owned(),
            level: level.to_owned(),
            judged_at: decision.now(),
            policy_digest: *decision.policy_digest(),
            inputs,
            waivers,
        })
    }

    /// The image that was judged; of several platforms, their index.
    #[must_use]
    pub const fn image(&self) -> &Digest {
        &self.image
    }

    /// Its canonical `host/path`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What may be stated.
    #[must_use]
    pub fn level(&self) -> &str {
        &self.level
    }

    /// How many pieces of evidence made rules pass.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// The Exceptions that were used, each once.
    #[must_use]
    pub fn exceptions(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self
            .waivers
            .iter()
            .map(|it| it.exception.as_str())
            .collect();
        names.into_iter().collect()
    }
}

/// What counts as enforced is what counts as a match for `unmatched`.
fn is_enforced(policy: &PolicyOutcome) -> bool {
    policy.mode == Mode::Enforce && policy.rules.iter().any(|rule| rule.effective)
}

fn unenforced_at(policy: &Policy, now: UnixTime) -> Option<Unenforced> {
    if policy.mode != Mode::Enforce {
        return Some(Unenforced::Mode(policy.mode));
    }
    let has_begun = |from: Option<UnixTime>| from.is_none_or(|from| from <= now);
    let is_effective = has_begun(policy.effective_from)
        && policy.rules.iter().any(|it| has_begun(it.effective_from));
    (!is_effective).then_some(Unenforced::NotYetEffective)
}

fn inputs_of(rule: &RuleOutcome) -> impl Iterator<Item = Input> {
    rule.evidence.iter().map(|cited| Input {
        blob: cited.locator.blob,
        manifest: cited.locator.manifest,
    })
}

fn waivers_of(policy: &PolicyOutcome, rule: &RuleOutcome) -> impl Iterator<Item = Waiver> {
    let waiving = rule.exceptions.iter().filter(|it| it.withheld().is_none());
    waiving.map(|exception| Waiver {
        policy: policy.name.clone(),
        rule: rule.name.clone(),
        exception: exception.name.clone(),
        reason: exception.reason.clone(),
        ticket: exception.ticket.clone(),
        expires: exception.expires,
    })
}

/// A policy and what it emits.
fn told(policy: &PolicyOutcome) -> String {
    match &policy.emits {
        Some(level) => format!("`{}` emits {level}", policy.name),
        None => format!("`{}` emits nothing", policy.name),
    }
}
