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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use countersign::{Checker, HttpRegistry, Image, PolicySet, Source, UnixTime};
    use countersign_core::NoFiles;
    use countersign_testkit::forge::{Algorithm, Key};
    use countersign_testkit::policy::production;
    use countersign_testkit::registry::Registry;

    use super::*;
    use crate::Aside;

    /// An unsigned image, judged by a policy of this mode.
    async fn unsigned(mode: &str, is_private: bool) -> [Judged; 1] {
        let registry = Registry::start();
        let (key, host) = (Key::generate(Algorithm::P256), registry.host());
        let digest = registry.push_image("acme/app", "v1");
        let spec = format!("mode: {mode}\n  rules: [{{name: signed, signature: {{from: key}}}}]");
        let source = Source {
            name: "policy.yaml".to_owned(),
            text: production("unmatched: allow", &key.public_pem(), &host, &spec),
        };
        let loaded = PolicySet::load(&[source], &NoFiles, &[]);
        let client = HttpRegistry::new().plain_http(host.clone());
        let checker =
            Checker::new(loaded.policies.unwrap()).registry(client.retries(0, Duration::ZERO));
        let image = format!("{host}/acme/app@{digest}");
        let now = UnixTime::from_seconds(1_790_000_000);
        let decision = checker.check(&Image::parse(&image).unwrap(), now).await;
        [Judged {
            image,
            fields: Vec::new(),
            outcome: Outcome::Decided(Box::new(decision)),
            aside: Aside {
                labels: None,
                is_private,
            },
        }]
    }

    #[tokio::test]
    async fn whoever_is_not_known_hears_codes_and_rules_alone_of_what_is_private() {
        for (mode, is_private, uid, is_terse) in [
            ("enforce", true, Some("u-1"), true),
            ("enforce", true, None, false),
            ("enforce", false, Some("u-1"), false),
            ("warn", true, Some("u-1"), true),
            ("warn", true, None, false),
            ("audit", true, Some("u-1"), true),
        ] {
            let judged = unsigned(mode, is_private).await;
            for door in [Door::Enforce, Door::Audit] {
                let answer = answer(&judged, door, uid).to_json("u-1").to_string();
                let tells = ["acme/app", "127.0.0.1", "policy.yaml"]
                    .iter()
                    .any(|it| answer.contains(it));
                let speaks = answer.contains("production/signed: no-evidence");
                if is_terse {
                    assert!(!tells, "{answer}");
                } else if mode == "enforce" {
                    assert!(tells, "{answer}");
                }
                let is_heard = match mode {
                    "enforce" => true,
                    _ => door == Door::Audit,
                };
                if is_terse && is_heard {
                    assert!(speaks, "{mode} {door:?}: {answer}");
                }
                if is_terse && mode == "enforce" {
                    assert!(answer.contains("under u-1"), "{answer}");
                }
            }
        }
    }
}
