//! Why an image was refused, in one line for the person who was.

use countersign_core::printable;
use countersign_core::{
    Decision, Identity, Mode, NamespaceFit, Outcome, PolicyOutcome, RuleOutcome, Verdict,
};

use crate::Aside;

/// What is wrong with an image: which one, by which rule, why, what came closest, and what to do next.
///
/// Of several reasons the first that leads to the verdict is told, and how many more there are; the log has all of them.
pub(crate) fn message(decision: &Decision, aside: &Aside) -> String {
    let head = format!("{}: ", printable(decision.image()));
    let reasons = reasons(decision, aside);
    let Some((first, others)) = reasons.split_first() else {
        return format!(
            "{head}{} for a reason that only the log has",
            decision.effect().as_str()
        );
    };
    let more = match others.len() {
        0 => String::new(),
        1 => " (and 1 other reason)".to_owned(),
        number => format!(" (and {number} other reasons)"),
    };
    format!("{head}{first}{more}")
}

/// The same for somebody who may not be meant to know what the namespace's Secrets open: reason codes and rules, and under which uid the log has the rest.
pub(crate) fn terse(decision: &Decision, uid: &str) -> String {
    let mut codes = Vec::new();
    if !decision.revoked().is_empty() {
        codes.push("revoked".to_owned());
    }
    let unmatched = decision.unmatched();
    if unmatched.is_some_and(|it| it.effect == decision.effect()) {
        codes.push("unmatched".to_owned());
    }
    for policy in denying(decision) {
        if is_perhaps_for_others(policy) {
            codes.push(format!("{}: namespace-unknown", printable(&policy.name)));
        }
        let rules = deciding(decision, policy);
        codes.extend(rules.map(|rule| named(policy, rule)));
    }
    format!(
        "{}; what a Secret of the namespace has opened is told to an API server only that shows who it is (`--client-ca`); the log has the rest under {}",
        codes.join(", "),
        printable(uid)
    )
}

/// `policy/rule: reason-code`.
pub(crate) fn named(policy: &PolicyOutcome, rule: &RuleOutcome) -> String {
    let code = rule.code.map_or("", |code| code.as_str());
    let (policy, rule) = (printable(&policy.name), printable(&rule.name));
    format!("{policy}/{rule}: {code}")
}

/// The enforced policies that lead to the verdict.
pub(crate) fn denying(decision: &Decision) -> impl Iterator<Item = &PolicyOutcome> {
    let effect = decision.effect();
    let policies = decision.policies().iter();
    policies.filter(move |policy| policy.mode == Mode::Enforce && policy.effect == effect)
}

/// Whether labels that nobody knows decide if the policy judges at all.
fn is_perhaps_for_others(policy: &PolicyOutcome) -> bool {
    policy.namespaces == Some(NamespaceFit::Unknown)
}

/// The rules of a policy that lead to the verdict.
fn deciding<'a>(
    decision: &Decision,
    policy: &'a PolicyOutcome,
) -> impl Iterator<Item = &'a RuleOutcome> {
    let effect = decision.effect();
    policy.rules.iter().filter(move |rule| {
        rule.effective
            && rule.waived_by().is_none()
            && rule.outcome != Outcome::Pass
            && (rule.outcome.verdict() == effect || effect == Verdict::Unknown)
    })
}

/// Every reason that leads to the verdict, the decisive ones first.
fn reasons(decision: &Decision, aside: &Aside) -> Vec<String> {
    let mut reasons = Vec::new();
    for revoked in decision.revoked() {
        let (name, why) = (printable(&revoked.name), printable(&revoked.reason));
        reasons.push(format!("revoked by {name}{}: {why}", place(&revoked.place)));
    }
    if let Some(unmatched) = decision.unmatched()
        && unmatched.effect == decision.effect()
    {
        let place = place(&unmatched.place);
        reasons.push(format!(
            "unmatched: no enforcing policy names this image{place}; next: name it in a policy's `images`"
        ));
    }
    for policy in denying(decision) {
        // What its rules find matters only if it is for this namespace.
        if is_perhaps_for_others(policy) {
            let why = aside.labels.as_ref();
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            reasons.push(format!(
                "policy {}{}: it cannot be told whether it is for this namespace, whose labels are not known{why}",
                printable(&policy.name),
                place(&policy.place)
            ));
        }
        let rules = deciding(decision, policy);
        reasons.extend(rules.map(|rule| of_rule(policy, rule)));
    }
    reasons
}

fn of_rule(policy: &PolicyOutcome, rule: &RuleOutcome) -> String {
    let code = rule.code.map_or("", |code| code.as_str());
    let nearest = rule.nearest.as_ref().map_or_else(String::new, |nearest| {
        let who = nearest
            .identity
            .as_ref()
            .map_or_else(String::new, |who| format!(" by {}", identity(who)));
        format!("; nearest: {}{who}: {}", nearest.locator, nearest.code)
    });
    let hint = match rule.hint.as_str() {
        "" => String::new(),
        hint => format!("; next: {}", printable(hint)),
    };
    format!(
        "policy {}, rule {}{}: {code}: {}{nearest}{hint}",
        printable(&policy.name),
        printable(&rule.name),
        place(&rule.place),
        printable(&rule.message),
    )
}

fn place(place: &countersign_core::Place) -> String {
    format!(" [{}:{}]", printable(&place.file), place.line)
}

fn identity(identity: &Identity) -> String {
    match identity {
        Identity::Key {
            known_as: Some(name),
            ..
        } => format!("key {}", printable(name)),
        Identity::Key { key, .. } => format!("key {key}"),
        Identity::Certificate { subject, .. } => printable(subject),
        _ => "an unknown kind of signer".to_owned(),
    }
}
