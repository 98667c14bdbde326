//! One rule for each kind of thing that is attached.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::{Decision, Digest, PinnedImage};

use super::found::{Found, FoundClaim};
use super::scan::Scan;
use super::summary::{Question, Stated, format};
use crate::escape::escaped;
use crate::policy_text::{name, unique};

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
    /// What a scan found.
    Scan(Scan),
    /// What a verification summary states.
    Summary(Stated),
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

/// Who made all claims of one kind.
struct By {
    /// Which of the Signers.
    signers: BTreeSet<usize>,
    /// Whether on every platform of an index, and not on the index.
    on_platforms: bool,
}

impl By {
    fn of(claims: &[&FoundClaim], image: &PinnedImage) -> Self {
        let on = |digest: &Digest| -> BTreeSet<usize> {
            let about = claims.iter().filter(|claim| claim.about == *digest);
            about.map(|claim| claim.signer).collect()
        };
        let own = on(image.digest());
        if !own.is_empty() || image.children().is_none() {
            return Self {
                signers: own,
                on_platforms: false,
            };
        }
        let platforms = image.runnable();
        let everywhere = platforms
            .iter()
            .map(|child| on(&child.digest))
            .reduce(|all, one| all.intersection(&one).copied().collect());
        Self {
            signers: everywhere.unwrap_or_default(),
            on_platforms: true,
        }
    }
}

impl Rules {
    pub(super) fn of(found: &Found, image: &PinnedImage) -> Self {
        type OfOneKind<'a> = (Option<&'a str>, Option<&'a Question>);
        let mut kinds: BTreeMap<OfOneKind<'_>, Vec<&FoundClaim>> = BTreeMap::new();
        for claim in &found.claims {
            let question = claim.stated.as_ref().map(|it| &it.question);
            kinds
                .entry((claim.predicate_type.as_deref(), question))
                .or_default()
                .push(claim);
        }
        let stated: Vec<Option<Stated>> = kinds
            .values()
            .map(|claims| Stated::common(claims.iter().filter_map(|it| it.stated.as_ref())))
            .collect();
        let kinds: Vec<(Option<&str>, By)> = kinds
            .into_iter()
            .map(|((kind, _), claims)| (kind, By::of(&claims, image)))
            .collect();
        let mut rules = Self {
            all: Vec::new(),
            left_out: Vec::new(),
        };
        for ((predicate_type, by), stated) in kinds.iter().zip(stated) {
            if by.signers.is_empty() {
                let what = predicate_type.unwrap_or("a signature");
                rules
                    .left_out
                    .push(format!("{what}: it is on some platforms only"));
                continue;
            }
            // That there is a summary says nothing, for it may say that the image failed.
            if let (Some(what), None) = (predicate_type.filter(|it| format(it).is_some()), &stated)
            {
                let why = "it states nothing that a rule `summary` could ask for";
                rules.left_out.push(format!("{what}: {why}"));
                continue;
            }
            let vex = vex(by, &kinds, found);
            rules.add(*predicate_type, by, vex, stated);
        }
        rules
    }

    fn add(
        &mut self,
        predicate_type: Option<&str>,
        by: &By,
        vex: Vec<usize>,
        stated: Option<Stated>,
    ) {
        let wanted = rule_name(predicate_type, stated.as_ref());
        let form = match stated {
            Some(stated) => Form::Summary(stated),
            None => form(predicate_type, vex),
        };
        let from = by.signers.iter().copied().collect();
        let is_same = |rule: &Rule| {
            rule.form.looks_where(&form)
                && rule.from == from
                && rule.on_platforms == by.on_platforms
        };
        if self.all.iter().any(is_same) {
            return;
        }
        let taken: Vec<String> = self.all.iter().map(|rule| rule.name.clone()).collect();
        let name = unique(&wanted, taken.iter().map(String::as_str));
        self.all.push(Rule {
            name,
            form,
            from,
            on_platforms: by.on_platforms,
        });
    }

    /// Whether a rule asks for something of this Signer: one that none names is a mistake.
    pub(super) fn names(&self, signer: usize) -> bool {
        self.all.iter().any(|rule| {
            let vex = match &rule.form {
                Form::Scan(scan) if scan.ask().vex => scan.vex.as_slice(),
                _ => &[],
            };
            rule.from.contains(&signer) || vex.contains(&signer)
        })
    }

    /// Lets rules that do not pass ask for less: that there is such a statement, whatever it says. False if none could.
    pub(super) fn relax(&mut self, decision: &Decision) -> bool {
        let mut changed = false;
        let outcomes = decision.policies().iter().flat_map(|policy| &policy.rules);
        for outcome in outcomes.filter(|outcome| outcome.code.is_some()) {
            let Some(at) = self.all.iter().position(|rule| rule.name == outcome.name) else {
                continue;
            };
            if let Some(Form::Summary(stated)) = self.all.get(at).map(|rule| &rule.form)
                && self.all.len() > 1
            {
                let (by, why) = (&stated.question.verifier, &outcome.message);
                self.left_out.push(format!("a summary by {by}: {why}"));
                self.all.remove(at);
                changed = true;
            } else if let Some(rule) = self.all.get_mut(at) {
                changed |= rule.form.relax(&outcome.message);
            }
        }
        changed
    }
}

impl Form {
    /// Whether a rule of another form looks into the same statements: the kinds have several predicate types each.
    fn looks_where(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scan(_), Self::Scan(_)) => true,
            (
                Self::Typed {
                    kind: own,
                    predicate_type,
                    ..
                },
                Self::Typed {
                    kind,
                    predicate_type: other,
                    ..
                },
            ) => {
                own == kind
                    && (*kind == Kind::Provenance
                        || sbom_format(predicate_type) == sbom_format(other))
            }
            _ => false,
        }
    }

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
            Self::Scan(scan) => {
                if !scan.relax(&escaped(why, 300)) {
                    let (predicate_type, why) = (scan.predicate_type.clone(), scan.why.clone());
                    *self = Self::Plain {
                        predicate_type,
                        why,
                    };
                }
            }
            Self::Signature | Self::Summary(_) | Self::Plain { .. } => return false,
        }
        true
    }
}

/// Who attested VEX where the scan is, and can prove when: the newest word counts.
fn vex(by: &By, kinds: &[(Option<&str>, By)], found: &Found) -> Vec<usize> {
    let is_timed = |signer: &usize| found.signers.get(*signer).is_some_and(|it| it.timed);
    if !by.signers.iter().all(is_timed) {
        return Vec::new();
    }
    let is_beside = |kind: Option<&str>, other: &By| {
        kind.is_some_and(is_vex) && other.on_platforms == by.on_platforms
    };
    let all: BTreeSet<usize> = kinds
        .iter()
        .filter(|(kind, other)| is_beside(*kind, other))
        .flat_map(|(_, other)| other.signers.iter().copied())
        .filter(is_timed)
        .collect();
    all.into_iter().collect()
}

fn form(predicate_type: Option<&str>, vex: Vec<usize>) -> Form {
    let Some(predicate_type) = predicate_type else {
        return Form::Signature;
    };
    let predicate_type = predicate_type.to_owned();
    if is_scan(&predicate_type) {
        return Form::Scan(Scan::new(predicate_type, vex));
    }
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

/// Whether it is one of these types, whatever its version.
fn is(predicate_type: &str, types: &[&str]) -> bool {
    types.iter().any(|own| {
        predicate_type
            .strip_prefix(own)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn is_scan(predicate_type: &str) -> bool {
    const TYPES: [&str; 2] = [
        "https://cosign.sigstore.dev/attestation/vuln",
        "https://in-toto.io/attestation/vulns",
    ];
    is(predicate_type, &TYPES)
}

/// What is VEX and nothing else: who attests an SBOM is not asked what may be ignored.
fn is_vex(predicate_type: &str) -> bool {
    is(
        predicate_type,
        &["https://openvex.dev/ns", "https://cyclonedx.org/vex"],
    )
}

fn kind(predicate_type: &str) -> Option<Kind> {
    if is(predicate_type, &["https://slsa.dev/provenance"]) {
        Some(Kind::Provenance)
    } else if is(
        predicate_type,
        &["https://cyclonedx.org/bom", "https://spdx.dev/Document"],
    ) {
        Some(Kind::Sbom)
    } else {
        None
    }
}

/// As rules `sbom` name it.
pub(super) fn sbom_format(predicate_type: &str) -> &'static str {
    if predicate_type.contains("spdx") {
        "spdx"
    } else {
        "cyclonedx"
    }
}

/// What the rule is called: after what it asks.
fn rule_name(predicate_type: Option<&str>, stated: Option<&Stated>) -> String {
    if let Some(stated) = stated {
        let level = stated.levels.first().map(String::as_str);
        return name(level.unwrap_or_default(), "summary");
    }
    let Some(predicate_type) = predicate_type else {
        return "signed".to_owned();
    };
    if is_scan(predicate_type) {
        return "scanned".to_owned();
    }
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
