//! Why an image was refused, in one line for the person who was.

use countersign_core::printable;
use countersign_core::{Decision, Identity, Mode, Outcome, PolicyOutcome, RuleOutcome, Verdict};

/// What is wrong with an image: which one, by which rule, why, what came closest, and what to do next.
///
/// Of several reasons the first that leads to the verdict is told, and how many more there are; the log has all of them.
pub(crate) fn message(decision: &Decision) -> String {
    let head = format!("{}: ", printable(decision.image()));
    let reasons = reasons(decision);
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

/// Every reason that leads to the verdict, the decisive ones first.
fn reasons(decision: &Decision) -> Vec<String> {
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
    let denying = |policy: &&PolicyOutcome| {
        policy.mode == Mode::Enforce && policy.effect == decision.effect()
    };
    for policy in decision.policies().iter().filter(denying) {
        let matters = |rule: &&RuleOutcome| {
            rule.effective
                && rule.waived_by().is_none()
                && rule.outcome != Outcome::Pass
                && (rule.outcome.verdict() == decision.effect()
                    || decision.effect() == Verdict::Unknown)
        };
        let before = reasons.len();
        let rules = policy.rules.iter().filter(matters);
        reasons.extend(rules.map(|rule| of_rule(policy, rule)));
        if reasons.len() == before {
            reasons.push(format!(
                "policy {}{}: it cannot be told whether it is for this namespace, whose labels are not known",
                printable(&policy.name),
                place(&policy.place)
            ));
        }
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
