//! What is doubtful about a set that loads, seen as of a time: what is over or soon will be, and what can never matter.
//!
//! What is wrong at any time is said by loading.

mod break_glass;

use std::collections::BTreeMap;

use super::exception::Exception;
use super::model::{Condition, Policy, Rule};
use super::signer::{Key, Maker, Signer};
use super::{Diagnostic, Place, PolicySet, Severity};
use crate::{Mode, ReasonCode, UnixTime};

/// So long before something ends it is told: time enough to stage another key.
const SOON: i64 = 30 * 86_400;

impl PolicySet {
    /// Warnings about the set as of `now`, in the order of the files.
    #[must_use]
    pub fn lint(&self, now: UnixTime) -> Vec<Diagnostic> {
        let mut lint = Lint {
            now,
            found: Vec::new(),
        };
        for signer in self.named_signers().values() {
            lint.keys(signer);
        }
        for (number, policy) in self.policies.iter().enumerate() {
            lint.beginnings(policy);
            lint.repeated(policy);
            let twin = self.policies.iter().enumerate().find(|(other, wide)| {
                let is_first = *other < number || !demands_all_of(policy, wide);
                *other != number && is_first && demands_all_of(wide, policy)
            });
            if let Some((_, wide)) = twin {
                lint.covered(policy, wide);
            }
        }
        for exception in self.exceptions.all() {
            let policy = self.policies.iter().find(|it| it.name == exception.policy);
            lint.exception(exception, policy);
        }
        for one in &self.break_glass {
            lint.break_glass(one);
        }
        lint.found.sort_by_key(|(place, diagnostic)| {
            (
                place.file.clone(),
                place.line,
                place.column,
                diagnostic.code,
            )
        });
        lint.found.into_iter().map(|(_, found)| found).collect()
    }

    /// The Signers that rules and BreakGlass documents name, by name.
    pub(super) fn named_signers(&self) -> BTreeMap<&str, &Signer> {
        let mut signers = BTreeMap::new();
        for rule in self.policies.iter().flat_map(|policy| &policy.rules) {
            match &rule.condition {
                Condition::Digest(_) => {}
                Condition::Evidence(demand) => {
                    for signer in &demand.from.signers {
                        signers.insert(signer.name.as_str(), signer.as_ref());
                    }
                }
            }
        }
        let approving = self.break_glass.iter();
        for signer in approving.flat_map(|one| &one.demand.from.signers) {
            signers.insert(signer.name.as_str(), signer.as_ref());
        }
        signers
    }
}

struct Lint {
    now: UnixTime,
    found: Vec<(Place, Diagnostic)>,
}

impl Lint {
    /// A Signer whose keys can sign no more, or soon cannot. A single key that is over is no fault: what it signed in its window
    /// counts as before.
    fn keys(&mut self, signer: &Signer) {
        let Maker::Keys(keys) = &signer.maker else {
            return;
        };
        let usable = |at: UnixTime| keys.iter().any(|key| key.is_usable(at));
        let end = keys.iter().filter_map(|key| key.valid_until).max();
        let last = keys
            .iter()
            .max_by_key(|key| key.valid_until)
            .and_then(|key| key.place.as_ref());
        let (Some(end), Some(place)) = (end, last) else {
            return;
        };
        let name = &signer.name;
        let message = if end <= self.now && !usable(self.now) {
            format!("no key of the Signer `{name}` may sign since {end}")
        } else if !usable(self.now.plus(SOON)) {
            format!(
                "no key of the Signer `{name}` may sign from {end} on, less than 30 days from now"
            )
        } else {
            return;
        };
        self.warn(ReasonCode::Expired, place, message);
    }

    /// `effectiveFrom` that is long over, or that changes nothing.
    fn beginnings(&mut self, policy: &Policy) {
        let rules = policy.rules.iter();
        let all = rules
            .map(|rule| (rule.effective_from, &rule.place, "rule", &rule.name))
            .chain([(policy.effective_from, &policy.place, "policy", &policy.name)]);
        for (from, place, what, name) in all {
            let Some(from) = from else {
                continue;
            };
            let is_rule = what == "rule";
            if policy.mode != Mode::Enforce {
                let message = format!(
                    "`effectiveFrom` of the {what} `{name}` has no effect: the policy never denies"
                );
                self.warn(ReasonCode::NoEffect, place, message);
            } else if is_rule && policy.effective_from.is_some_and(|whole| whole >= from) {
                let message = format!(
                    "`effectiveFrom` of the rule `{name}` has no effect: its policy begins later"
                );
                self.warn(ReasonCode::NoEffect, place, message);
            } else if from.plus(SOON) <= self.now {
                let message =
                    format!("`effectiveFrom` of the {what} `{name}` has no effect since {from}");
                self.warn(ReasonCode::Expired, place, message);
            }
        }
    }

    /// Rules that demand what an earlier rule of the same policy demands.
    fn repeated(&mut self, policy: &Policy) {
        for (number, rule) in policy.rules.iter().enumerate() {
            let twin = policy
                .rules
                .iter()
                .take(number)
                .find(|earlier| is_same(earlier, rule));
            if let Some(earlier) = twin {
                let message = format!(
                    "the rule `{}` has no effect: it demands what `{}` demands",
                    rule.name, earlier.name
                );
                self.warn(ReasonCode::Unreachable, &rule.place, message);
            }
        }
    }

    /// A policy that another makes superfluous.
    fn covered(&mut self, policy: &Policy, wide: &Policy) {
        let message = format!(
            "the policy `{}` has no effect: `{}` demands the same of all its images",
            policy.name, wide.name
        );
        self.warn(ReasonCode::Unreachable, &policy.place, message);
    }

    /// An Exception that is over or soon will be, or of a policy that never denies.
    fn exception(&mut self, exception: &Exception, policy: Option<&Policy>) {
        let (name, end) = (&exception.name, exception.expires);
        if policy.is_some_and(|policy| policy.mode != Mode::Enforce) {
            let message = format!(
                "the Exception `{name}` has no effect: the policy `{}` never denies",
                exception.policy
            );
            self.warn(ReasonCode::NoEffect, &exception.place, message);
        }
        let message = if end <= self.now {
            format!("the Exception `{name}` waives nothing since {end}")
        } else if end <= self.now.plus(SOON) {
            format!("the Exception `{name}` ends {end}, less than 30 days from now")
        } else {
            return;
        };
        let place = &exception.place;
        let warning = Diagnostic::new(
            ReasonCode::Expired,
            Severity::Warning,
            &message,
            Some(place.clone()),
        )
        .with_hint("Settle what it waives and remove it, or agree on a later end.");
        self.found.push((place.clone(), warning));
    }

    fn warn(&mut self, code: ReasonCode, place: &Place, message: String) {
        let warning = Diagnostic::new(code, Severity::Warning, &message, Some(place.clone()));
        self.found.push((place.clone(), warning));
    }
}

impl Key {
    fn is_usable(&self, at: UnixTime) -> bool {
        self.valid_from.is_none_or(|from| from <= at)
            && self.valid_until.is_none_or(|until| at < until)
    }
}

/// Whether a policy demands of all images of another one all that the other demands, with the same effect.
fn demands_all_of(wide: &Policy, policy: &Policy) -> bool {
    let images = |glob| wide.images.iter().any(|wide| wide.covers(glob));
    let demands = |rule| wide.rules.iter().any(|wide| is_same(wide, rule));
    wide.mode == policy.mode
        && wide.effective_from == policy.effective_from
        && wide.except.is_empty()
        && wide.namespaces.is_none()
        && policy.emits.is_none()
        && policy.images.iter().all(images)
        && policy.rules.iter().all(demands)
}

/// Whether two rules demand the same, from the same time on. A Signer stands in a condition with all that it demands.
fn is_same(left: &Rule, right: &Rule) -> bool {
    left.effective_from == right.effective_from
        && format!("{:?}", left.condition) == format!("{:?}", right.condition)
}

#[cfg(test)]
mod tests;
