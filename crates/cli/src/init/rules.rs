//! One rule for each kind of thing that is attached.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::{Decision, Digest, PinnedImage};

use super::found::{Found, FoundClaim};
use super::material::{name, unique};
use crate::escape::escaped;

/// The rules of the policy, in the order in which it has them.
pub(super) struct Rules {
    pub(super) all: Vec<Rule>,
    /// What is attached and no rule asks for, and why.
    pub(super) left_out: Vec<String>,
}

/// One rule.
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) form: Form,
    /// Which of the Signers; all of them must have signed or attested.
    pub(super) from: Vec<usize>,
    /// Whether it is about every platform of an index, in place of the index.
    pub(super) on_platforms: bool,
}

/// What a rule asks.
pub(super) enum Form {
    Signature,
    /// What the statement says, by a rule of its kind.
    Typed {
        kind: Kind,
        predicate_type: String,
        /// Whether the builder is left open, for none that is known fits.
        any_builder: bool,
    },
    /// That there is such a statement; `why` no more than that.
    Plain {
        predicate_type: String,
        why: Option<String>,
    },
}

/// Kinds of rules that look into a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Provenance,
    Sbom,
}

impl Rules {
    pub(super) fn of(found: &Found, image: &PinnedImage) -> Self {
        let mut kinds: BTreeMap<Option<&str>, Vec<&FoundClaim>> = BTreeMap::new();
        for claim in &found.claims {
            kinds
                .entry(claim.predicate_type.as_deref())
                .or_default()
                .push(claim);
        }
        let mut rules = Self {
            all: Vec::new(),
            left_out: Vec::new(),
        };
        for (predicate_type, claims) in kinds {
            rules.add(predicate_type, &claims, image);
        }
        rules
    }

    fn add(&mut self, predicate_type: Option<&str>, claims: &[&FoundClaim], image: &PinnedImage) {
        let on = |digest: &Digest| -> BTreeSet<usize> {
            let about = claims.iter().filter(|claim| claim.about == *digest);
            about.map(|claim| claim.signer).collect()
        };
        let own = on(image.digest());
        let platforms: Vec<BTreeSet<usize>> = match image.children() {
            Some(_) => image
                .runnable()
                .iter()
                .map(|child| on(&child.digest))
                .collect(),
            None => Vec::new(),
        };
        let everywhere = platforms
            .into_iter()
            .reduce(|all, one| all.intersection(&one).copied().collect())
            .unwrap_or_default();
        let on_platforms = own.is_empty();
        let from: Vec<usize> = if on_platforms { everywhere } else { own }
            .into_iter()
            .collect();
        if from.is_empty() {
            let what = predicate_type.unwrap_or("a signature");
            self.left_out
                .push(format!("{what}: it is on some platforms only"));
            return;
        }
        let taken: Vec<String> = self.all.iter().map(|rule| rule.name.clone()).collect();
        let name = unique(&rule_name(predicate_type), taken.iter().map(String::as_str));
        self.all.push(Rule {
            name,
            form: form(predicate_type),
            from,
            on_platforms,
        });
    }

    /// Lets rules that do not pass ask for less: that there is such a statement, whatever it says. False if none could.
    pub(super) fn relax(&mut self, decision: &Decision) -> bool {
        let mut changed = false;
        let outcomes = decision.policies().iter().flat_map(|policy| &policy.rules);
        for outcome in outcomes.filter(|outcome| outcome.code.is_some()) {
            let Some(rule) = self.all.iter_mut().find(|rule| rule.name == outcome.name) else {
                continue;
            };
            changed |= rule.form.relax(&outcome.message);
        }
        changed
    }
}

impl Form {
    /// Asks for less; false if that is no longer possible.
    fn relax(&mut self, why: &str) -> bool {
        match self {
            Self::Typed {
                kind: Kind::Provenance,
                any_builder: any_builder @ false,
                ..
            } => *any_builder = true,
            Self::Typed { predicate_type, .. } => {
                *self = Self::Plain {
                    predicate_type: predicate_type.clone(),
                    why: Some(escaped(why, 300)),
                };
            }
            Self::Signature | Self::Plain { .. } => return false,
        }
        true
    }
}

fn form(predicate_type: Option<&str>) -> Form {
    let Some(predicate_type) = predicate_type else {
        return Form::Signature;
    };
    let predicate_type = predicate_type.to_owned();
    match kind(&predicate_type) {
        Some(kind) => Form::Typed {
            kind,
            predicate_type,
            any_builder: false,
        },
        None => Form::Plain {
            predicate_type,
            why: None,
        },
    }
}

fn kind(predicate_type: &str) -> Option<Kind> {
    let is = |prefix: &str| {
        predicate_type
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if is("https://slsa.dev/provenance") {
        Some(Kind::Provenance)
    } else if is("https://cyclonedx.org/bom") || is("https://spdx.dev/Document") {
        Some(Kind::Sbom)
    } else {
        None
    }
}

/// What the rule is called: after what it asks.
fn rule_name(predicate_type: Option<&str>) -> String {
    let Some(predicate_type) = predicate_type else {
        return "signed".to_owned();
    };
    match kind(predicate_type) {
        Some(Kind::Provenance) => "provenance".to_owned(),
        Some(Kind::Sbom) => "sbom".to_owned(),
        None => {
            let parts = predicate_type.rsplit('/');
            let is_word = |part: &&str| part.len() > 2 && !part.starts_with('v');
            let word = parts.into_iter().find(is_word).unwrap_or("statement");
            name(word, "statement")
        }
    }
}
