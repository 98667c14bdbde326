//! Times at which a policy set begins to decide otherwise, without anybody having changed it.

use super::signer::{Maker, Signer};
use super::{Place, PolicySet, RootOrigin};
use crate::{Mode, UnixTime};

/// From when on a policy set decides otherwise: what ends then, or what begins to deny.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// What ends or begins.
    pub kind: DeadlineKind,
    /// The document's name; of a rule `policy/rule`.
    pub name: String,
    /// The first second at which it is so.
    pub at: UnixTime,
    /// Where it stands; none for a trust root.
    pub place: Option<Place>,
}

/// What ends or begins at a [`Deadline`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DeadlineKind {
    /// An Exception waives nothing any more (`expires`).
    ExceptionEnds,
    /// No key of a Signer may sign any more: the last `validUntil`, where every key has one.
    SignerEnds,
    /// A trust root that a TUF repository gave serves no more, unless it is fetched anew before.
    TrustRootEnds,
    /// An enforcing policy begins to deny (`effectiveFrom`).
    PolicyBegins,
    /// A rule of an enforcing policy begins to deny (`effectiveFrom`).
    RuleBegins,
}

impl DeadlineKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::ExceptionEnds,
        Self::SignerEnds,
        Self::TrustRootEnds,
        Self::PolicyBegins,
        Self::RuleBegins,
    ];

    /// How it is written in reports and as the label of a metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExceptionEnds => "exception-ends",
            Self::SignerEnds => "signer-ends",
            Self::TrustRootEnds => "trust-root-ends",
            Self::PolicyBegins => "policy-begins",
            Self::RuleBegins => "rule-begins",
        }
    }
}

impl PolicySet {
    /// Every time at which the set decides otherwise by itself, past ones too, the earliest first.
    #[must_use]
    pub fn deadlines(&self) -> Vec<Deadline> {
        let exceptions = self.exceptions.all().iter().map(|exception| Deadline {
            kind: DeadlineKind::ExceptionEnds,
            name: exception.name.clone(),
            at: exception.expires,
            place: Some(exception.place.clone()),
        });
        let signers = self.named_signers();
        let signers = signers.values().filter_map(|signer| signer.deadline());
        let roots = self
            .origins
            .iter()
            .filter_map(|(name, origin)| match origin {
                RootOrigin::Tuf { serves_until, .. } => Some(Deadline {
                    kind: DeadlineKind::TrustRootEnds,
                    name: name.clone(),
                    at: *serves_until,
                    place: None,
                }),
                RootOrigin::BuiltIn
                | RootOrigin::File(_)
                | RootOrigin::Inline
                | RootOrigin::HandedOver => None,
            });
        let mut all: Vec<_> = exceptions
            .chain(signers)
            .chain(roots)
            .chain(self.beginnings())
            .collect();
        all.sort_by(|left, right| {
            (left.at, left.kind, &left.name).cmp(&(right.at, right.kind, &right.name))
        });
        all
    }

    /// When enforcing policies and their rules begin to deny. A rule whose policy begins later begins with it.
    fn beginnings(&self) -> impl Iterator<Item = Deadline> {
        let enforcing = |policy: &&super::Policy| policy.mode == Mode::Enforce;
        self.policies.iter().filter(enforcing).flat_map(|policy| {
            let whole = policy.effective_from.map(|at| Deadline {
                kind: DeadlineKind::PolicyBegins,
                name: policy.name.clone(),
                at,
                place: Some(policy.place.clone()),
            });
            let later = move |at: &UnixTime| policy.effective_from.is_none_or(|whole| whole < *at);
            let rules = policy.rules.iter().filter_map(move |rule| {
                Some(Deadline {
                    kind: DeadlineKind::RuleBegins,
                    name: format!("{}/{}", policy.name, rule.name),
                    at: rule.effective_from.filter(later)?,
                    place: Some(rule.place.clone()),
                })
            });
            whole.into_iter().chain(rules)
        })
    }
}

impl Signer {
    /// When its last key ends, where every one does.
    fn deadline(&self) -> Option<Deadline> {
        let Maker::Keys(keys) = &self.maker else {
            return None;
        };
        let ends = keys.iter().map(|key| Some((key.valid_until?, key)));
        let ends: Option<Vec<_>> = ends.collect();
        let (at, last) = ends?.into_iter().max_by_key(|(at, _)| *at)?;
        Some(Deadline {
            kind: DeadlineKind::SignerEnds,
            name: self.name.clone(),
            at,
            place: last.place.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::policy::tests::{SETTINGS, load};

    const KEY: &str = include_str!("../../../../testdata/keys/release.pub");
    const OTHER: &str = include_str!("../../../../testdata/keys/foreign.pub");

    fn set(keys: &str, mode: &str, from: &str) -> Vec<(String, String, String)> {
        let text = format!(
            "{SETTINGS}---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: release}}
spec: {{trust: public-good, keys: [{keys}]}}
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: production}}
spec:
  images: [\"ghcr.io/acme/**\"]
  mode: {mode}
  {from}
  rules:
    - {{name: signed, signature: {{from: release}}}}
    - {{name: pinned, digest: required, effectiveFrom: 2027-03-01T00:00:00Z}}
---
apiVersion: countersign.dev/v1alpha1
kind: Exception
metadata: {{name: waiver}}
spec: {{policy: production, rules: [pinned], images: [ghcr.io/acme/app], expires: 2027-01-31, reason: why}}
"
        );
        let loaded = load(&text);
        let policies = loaded
            .policies
            .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let told = |it: Deadline| (it.kind.as_str().to_owned(), it.name, it.at.to_string());
        policies.deadlines().into_iter().map(told).collect()
    }

    fn deadline(kind: &str, name: &str, at: &str) -> (String, String, String) {
        (kind.to_owned(), name.to_owned(), at.to_owned())
    }

    #[test]
    fn everything_that_ends_or_begins_by_itself_is_told_the_earliest_first() {
        let windows = format!(
            "{{id: a, pem: {KEY:?}, validUntil: 2027-02-15T00:00:00Z}}, {{id: b, pem: {OTHER:?}, validUntil: 2027-02-20T00:00:00Z}}"
        );
        assert_eq!(
            set(&windows, "enforce", "effectiveFrom: 2027-01-01T00:00:00Z"),
            [
                deadline("policy-begins", "production", "2027-01-01T00:00:00Z"),
                deadline("exception-ends", "waiver", "2027-02-01T00:00:00Z"),
                deadline("signer-ends", "release", "2027-02-20T00:00:00Z"),
                deadline("rule-begins", "production/pinned", "2027-03-01T00:00:00Z"),
            ]
        );
    }

    #[test]
    fn what_goes_on_or_never_denies_has_no_deadline() {
        // One key without an end goes on; a policy that warns never begins to deny; a rule begins with its policy at the earliest.
        let open = format!(
            "{{id: a, pem: {KEY:?}, validUntil: 2027-02-15T00:00:00Z}}, {{id: b, pem: {OTHER:?}}}"
        );
        let exception = deadline("exception-ends", "waiver", "2027-02-01T00:00:00Z");
        assert_eq!(
            set(&open, "warn", "except: [ghcr.io/acme/none]"),
            std::slice::from_ref(&exception)
        );
        assert_eq!(
            set(&open, "enforce", "effectiveFrom: 2027-04-01T00:00:00Z"),
            [
                exception,
                deadline("policy-begins", "production", "2027-04-01T00:00:00Z"),
            ]
        );
    }
}
