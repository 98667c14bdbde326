//! From the outcomes of all images of a question to one answer.

use std::collections::BTreeSet;

use countersign_core::{Decision, Mode, PolicyOutcome, Verdict, Warning, printable};

use crate::message::{message, named};
use crate::{Answer, Door, Judged, Outcome};

/// Deny over unknown over allow, across images as across rules. With the question's uid in `terse`, of what is private no more is told than reason codes and rules: it is not known who
/// asks.
pub(crate) fn answer(judged: &[Judged], door: Door, terse: Option<&str>) -> Answer {
    let mut denied = Vec::new();
    let mut unknown = Vec::new();
    let mut warnings = Vec::new();
    for one in judged {
        match &one.outcome {
            Outcome::Misnamed(message) => denied.push(message.clone()),
            Outcome::Late(message) => unknown.push(message.clone()),
            Outcome::Decided(decision) => {
                let terse = terse.filter(|_| one.aside.is_private);
                warnings.extend(told(decision, door, terse.is_some()));
                let message = || match terse {
                    Some(uid) => crate::message::terse(decision, uid),
                    None => message(decision, &one.aside),
                };
                match decision.effect() {
                    Verdict::Allow => {}
                    Verdict::Deny => denied.push(message()),
                    _ => unknown.push(message()),
                }
            }
        }
    }
    let (verdict, messages) = match (denied.is_empty(), unknown.is_empty()) {
        (true, true) => ("allow", Vec::new()),
        (true, false) => ("unknown", unknown),
        (false, _) => ("deny", denied),
    };
    let message = match messages.split_first() {
        None => String::new(),
        Some((first, [])) => first.clone(),
        Some((first, others)) => format!(
            "{first} | and {} more: {}",
            others.len(),
            others.join(" | ")
        ),
    };
    let answer = match (door, verdict) {
        (Door::Audit | Door::Mutate, _) | (Door::Enforce, "allow") => Answer::allow(),
        (Door::Enforce, "unknown") => Answer::unknown(&message),
        (Door::Enforce, _) => Answer::deny(&message),
    };
    let answer = answer.warn(warnings).annotate("effect", verdict.to_owned());
    let answer = match broken(judged, terse.is_some()) {
        Some(ids) => answer.annotate("break-glass", ids),
        None => answer,
    };
    let answer = match (door, findings(judged)) {
        (Door::Audit, Some(found)) => answer.annotate("findings", found),
        _ => answer,
    };
    match message.as_str() {
        "" => answer,
        message => answer.annotate("message", message.to_owned()),
    }
}

/// What policies that only warn or audit found, for the audit log: `policy/rule: reason`, each once; none if they found nothing.
fn findings(judged: &[Judged]) -> Option<String> {
    let mut found = BTreeSet::new();
    for one in judged {
        let Outcome::Decided(decision) = &one.outcome else {
            continue;
        };
        let silent = |it: &&PolicyOutcome| it.mode != Mode::Enforce;
        for policy in decision.policies().iter().filter(silent) {
            let rules = policy.rules.iter().filter(|rule| rule.code.is_some());
            found.extend(rules.map(|rule| named(policy, rule)));
        }
    }
    let found: Vec<String> = found.into_iter().collect();
    (!found.is_empty()).then(|| found.join(", "))
}

/// The ids of the break-glass statements by which images are allowed; none if there are none. `terse`: not for what is private.
fn broken(judged: &[Judged], terse: bool) -> Option<String> {
    let told = judged.iter().filter(|one| !(terse && one.aside.is_private));
    let decisions = told.filter_map(|one| match &one.outcome {
        Outcome::Decided(decision) => decision.break_glass(),
        Outcome::Misnamed(_) | Outcome::Late(_) => None,
    });
    let used = decisions.filter_map(|it| it.used());
    let ids: BTreeSet<String> = used.map(|it| printable(&it.statement.id)).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    (!ids.is_empty()).then(|| ids.join(", "))
}

/// The warnings that belong to a door: each is told once, though both doors decide. `terse`: codes and rules alone.
fn told(decision: &Decision, door: Door, terse: bool) -> Vec<String> {
    let is_enforced = |warning: &Warning| {
        let policy = warning.policy.as_deref();
        let own = |it: &&countersign_core::PolicyOutcome| Some(it.name.as_str()) == policy;
        decision
            .policies()
            .iter()
            .find(own)
            .is_none_or(|it| it.mode == Mode::Enforce)
    };
    let belongs = |warning: &&Warning| is_enforced(warning) == (door == Door::Enforce);
    let line = |warning: &Warning| {
        let about = match (&warning.policy, &warning.rule) {
            (Some(policy), Some(rule)) => format!("{}/{}: ", printable(policy), printable(rule)),
            (Some(policy), None) => format!("{}: ", printable(policy)),
            _ => String::new(),
        };
        if terse {
            return format!("{about}{}", warning.code);
        }
        // The code before the text: the API server cuts what is long.
        format!(
            "{}: {about}{}: {}",
            printable(decision.image()),
            warning.code,
            printable(&warning.message)
        )
    };
    decision
        .warnings()
        .iter()
        .filter(belongs)
        .map(line)
        .collect()
}
