//! A policy set in plain words, from what was compiled: what counts, not what was written.

mod break_glass;
mod evidence;
mod exception;
mod provenance;
mod sbom;
mod signers;
mod summary;
mod vulnerabilities;

use serde::Serialize;

use super::glob::Glob;
use super::model::{Condition, DigestDemand, Namespaces, OnUnmatched, Policy, Rule, Settings};
use super::revocation::Revocation;
use super::{Place, PolicySet, RootOrigin};
use crate::text::safe;
use crate::{Mode, Verdict};

/// A policy set in plain words. Every text is safe to print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Explanation {
    /// What holds for the whole set.
    pub settings: Explained,
    /// Every policy, in the order of the files.
    pub policies: Vec<Explained>,
    /// Every Signer that a rule names, by name.
    pub signers: Vec<Explained>,
    /// Every trust root of the set, by name.
    pub trust_roots: Vec<Explained>,
    /// What is waived, until when.
    pub exceptions: Vec<Explained>,
    /// What counts no more.
    pub revocations: Vec<Explained>,
    /// Who may override what policies deny, in an emergency.
    pub break_glass: Vec<Explained>,
}

/// One document or rule in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Explained {
    /// Its name; empty for Settings, of which there is one.
    pub name: String,
    /// `file:line`; none for what is defined elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What it says, a sentence each.
    pub says: Vec<String>,
    /// The rules of a policy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Self>,
}

impl PolicySet {
    /// What the set means, in plain words.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        Explanation {
            settings: settings(&self.settings),
            policies: self.policies.iter().map(policy).collect(),
            signers: self.explained_signers(),
            trust_roots: self
                .origins
                .iter()
                .map(|(name, origin)| Explained::new(name, None, vec![root(origin)]))
                .collect(),
            exceptions: self
                .exceptions
                .all()
                .iter()
                .map(exception::exception)
                .collect(),
            revocations: self.revocations.all().iter().map(revocation).collect(),
            break_glass: self
                .break_glass
                .iter()
                .map(break_glass::break_glass)
                .collect(),
        }
    }

    fn explained_signers(&self) -> Vec<Explained> {
        let explained = |(name, signer)| Explained::new(name, None, signers::signer(signer));
        self.named_signers().into_iter().map(explained).collect()
    }
}

impl Explained {
    fn new(name: &str, place: Option<&Place>, says: Vec<String>) -> Self {
        Self {
            name: safe(name),
            place: place.map(|place| format!("{}:{}", safe(&place.file), place.line)),
            says,
            rules: Vec::new(),
        }
    }
}

fn settings(settings: &Settings) -> Explained {
    let mut says = vec![
        match settings.unmatched {
            OnUnmatched::Deny => "An image that no enforcing policy names is denied.",
            OnUnmatched::Warn => "An image that no enforcing policy names is allowed, with a warning.",
            OnUnmatched::Allow => "An image that no enforcing policy names is allowed.",
        }
        .to_owned(),
        match settings.on_unknown {
            Verdict::Allow => {
                "While evidence is unavailable, images are allowed; evidence that must not be believed still denies."
            }
            Verdict::Unknown | Verdict::Deny => "While evidence is unavailable, images are not allowed.",
        }
        .to_owned(),
    ];
    says.push(match settings.stale {
        Some(age) => format!(
            "While a registry cannot be asked, what it said last stands in, for at most {}.",
            span(i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
        ),
        None => "What a registry said last never stands in for its answer.".to_owned(),
    });
    if !settings.platforms.is_empty() {
        let platforms = settings.platforms.iter().map(ToString::to_string);
        let platforms = either(platforms, "and");
        says.push(format!(
            "Where a rule looks at platforms, only {platforms} may be among what could run."
        ));
    }
    if let Some(cluster) = &settings.cluster {
        says.push(format!("The cluster is called {}.", quoted(cluster)));
    }
    Explained::new("", Some(&settings.place), says)
}

fn policy(policy: &Policy) -> Explained {
    let mut says = vec![format!(
        "It judges images that match {}.",
        globs(&policy.images)
    )];
    if !policy.except.is_empty() {
        says.push(format!(
            "It leaves out those that match {}.",
            globs(&policy.except)
        ));
    }
    says.extend(policy.namespaces.as_ref().map(namespaces));
    says.push(
        match policy.mode {
            Mode::Enforce => "An image that fails is denied.",
            Mode::Warn => "An image that fails is allowed, with a warning.",
            Mode::Audit => "An image that fails is allowed, and the failure is recorded.",
        }
        .to_owned(),
    );
    if let Some(from) = policy.effective_from {
        says.push(format!("Before {from} a failure is only a warning."));
    }
    if let Some(level) = &policy.emits {
        says.push(format!(
            "A promotion after it may state the level {}.",
            quoted(level)
        ));
    }
    let mut explained = Explained::new(&policy.name, Some(&policy.place), says);
    explained.rules = policy.rules.iter().map(rule).collect();
    explained
}

fn rule(rule: &Rule) -> Explained {
    let mut says = match &rule.condition {
        Condition::Digest(DigestDemand::Required) => {
            vec!["The reference names a digest.".to_owned()]
        }
        Condition::Digest(DigestDemand::ResolveAtAdmissionUnsafe) => vec![
            "The reference may name a tag alone, which can mean another image tomorrow.".to_owned(),
        ],
        Condition::Evidence(demand) => evidence::demand(demand),
    };
    if let Some(from) = rule.effective_from {
        says.push(format!("Before {from} a failure is only a warning."));
    }
    Explained::new(&rule.name, Some(&rule.place), says)
}

fn namespaces(namespaces: &Namespaces) -> String {
    let mut parts = Vec::new();
    if !namespaces.names.is_empty() {
        parts.push(format!("named {}", globs(&namespaces.names)));
    }
    if !namespaces.not_names.is_empty() {
        parts.push(format!("not named {}", globs(&namespaces.not_names)));
    }
    if !namespaces.labels.is_empty() {
        let labels = namespaces.labels.iter();
        let labels = labels.map(|(key, value)| quoted(&format!("{key}={value}")));
        parts.push(format!("labelled {}", either(labels, "and")));
    }
    format!("It is for namespaces {}.", parts.join(", and "))
}

fn revocation(revocation: &Revocation) -> Explained {
    let mut says = Vec::new();
    let makers: Vec<String> = revocation
        .keys
        .iter()
        .map(|key| format!("the key {key}"))
        .chain(revocation.identities.iter().map(|(issuer, subject)| {
            format!("{} of the issuer {}", quoted(subject), quoted(issuer))
        }))
        .collect();
    if !makers.is_empty() {
        let since = match revocation.from {
            Some(from) => format!("unless it is proven to be from before {from}"),
            None => "whenever it was made".to_owned(),
        };
        let makers = either(makers, "and");
        says.push(format!("Nothing signed by {makers} counts, {since}."));
    }
    if !revocation.digests.is_empty() {
        let digests = either(revocation.digests.iter().map(ToString::to_string), "and");
        says.push(format!("No image of these may run: {digests}."));
    }
    if !revocation.evidence.is_empty() {
        let digests = either(revocation.evidence.iter().map(ToString::to_string), "and");
        says.push(format!("No evidence of these counts: {digests}."));
    }
    says.push(format!("The reason: {}", safe(&revocation.reason)));
    Explained::new(&revocation.name, Some(&revocation.place), says)
}

fn root(origin: &RootOrigin) -> String {
    match origin {
        RootOrigin::BuiltIn => "It is built in.".to_owned(),
        RootOrigin::File(file) => format!("It is the file {}.", quoted(file)),
        RootOrigin::Inline => "It stands in the policy.".to_owned(),
        RootOrigin::HandedOver => "It was handed over beside the policy.".to_owned(),
        RootOrigin::Tuf {
            url,
            expires,
            serves_until,
        } => format!(
            "It came from the TUF repository {}; its metadata expires {expires}, and it serves until {serves_until}.",
            quoted(url)
        ),
    }
}

fn globs(globs: &[Glob]) -> String {
    either(globs.iter().map(|glob| quoted(glob.as_str())), "or")
}

/// A text of the policy between backticks.
fn quoted(text: &str) -> String {
    format!("`{}`", safe(text))
}

/// `a`, `a or b`, `a, b or c`.
fn either(items: impl IntoIterator<Item = String>, word: &str) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    match (items.pop(), items.is_empty()) {
        (None, _) => String::new(),
        (Some(only), true) => only,
        (Some(last), false) => format!("{} {word} {last}", items.join(", ")),
    }
}

/// A span of time in the largest unit that divides it.
fn span(seconds: i64) -> String {
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    let (unit, name) = units
        .into_iter()
        .find(|(unit, _)| seconds % unit == 0)
        .unwrap_or((1, "second"));
    match seconds / unit {
        1 => format!("1 {name}"),
        count => format!("{count} {name}s"),
    }
}

#[cfg(test)]
mod tests;
