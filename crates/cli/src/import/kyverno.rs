//! Kyverno: ClusterPolicy and Policy with `verifyImages` (`api/kyverno/v1`, `pkg/engine/internal/imageverifier.go` there), and
//! ImageValidatingPolicy (`policies.kyverno.io`).
//!
//! An image that no rule matches runs there, and so it does in what is written.

mod attestor;
mod calls;
mod place;
mod signing;
mod validating;
mod verify_images;

use super::gather::{Gather, Source};
use super::model::Mode;
use super::node::Node;
use super::report::{Log, Outcome};
pub(super) use validating::image_validating_policy;

/// One ClusterPolicy or Policy; whether any of its rules is about images.
pub(super) fn policy(source: &Source<'_>, gather: &mut Gather, log: &mut Log<'_>) -> bool {
    let Some(node) = source.node.get("spec") else {
        return false;
    };
    let node = &node;
    let rules = node.list("rules");
    if !rules.iter().any(|rule| rule.get("verifyImages").is_some()) {
        return false;
    }
    source.metadata(log);
    let mut closed: Vec<String> = Vec::new();
    let first = gather.set.policies.len();
    let action = self::spec(node, &mut closed, log);
    for rule in &rules {
        if rule.get("verifyImages").is_some() {
            verify_images::rule(source, rule, action, gather, log);
        } else {
            log.dropped(rule, "it is not about who signed images");
        }
    }
    if log.complete(&source.node) {
        closed.push("a field that was not understood".to_owned());
    }
    for policy in gather.set.policies.iter_mut().skip(first) {
        policy.closed.extend(closed.iter().cloned());
    }
    true
}

/// What holds for all rules, and what a failure does.
fn spec(spec: &Node<'_>, closed: &mut Vec<String>, log: &mut Log<'_>) -> Mode {
    let mut mode = Mode::Audit;
    for (field, node) in spec.fields() {
        match field {
            "validationFailureAction" => {
                mode = action(&node);
                log.carried(&node, format!("Policy.mode: {}", word(mode)));
            }
            "validationFailureActionOverrides" | "admission" | "rules" => {}
            "failurePolicy" => log.stricter(
                &node,
                "what happens when nobody can tell says Settings.onUnknown, and that denies",
            ),
            "applyRules" => log.stricter(&node, "every Policy that names an image has to pass"),
            "background"
            | "schemaValidation"
            | "webhookTimeoutSeconds"
            | "webhookConfiguration"
            | "useServerSideApply"
            | "mutateExistingOnPolicyUpdate"
            | "generateExisting"
            | "generateExistingOnPolicyUpdate"
            | "emitWarning" => {
                log.dropped(&node, "it has no effect on what is decided of an image");
            }
            _ => {
                log.refused(
                    &node,
                    "no such field is known here",
                    "say by hand what it stands for, or remove it, and import again",
                );
                closed.push(format!("line {}: `{field}`", node.line()));
            }
        }
    }
    if spec.get("validationFailureAction").is_none() {
        log.implied(
            spec,
            Outcome::Carried,
            "Policy.mode: audit, which is the default of `validationFailureAction`",
        );
    }
    for over in spec.list("validationFailureActionOverrides") {
        if over
            .get("action")
            .is_some_and(|it| action(&it) == Mode::Enforce)
        {
            mode = Mode::Enforce;
            log.stricter(&over, "the Policy enforces, in every namespace");
        } else {
            log.stricter(&over, "the action is the same in every namespace");
        }
    }
    if let Some(admission) = spec.get("admission") {
        if admission.flag() == Some(false) {
            mode = Mode::Audit;
        }
        log.carried(&admission, format!("Policy.mode: {}", word(mode)));
    }
    mode
}

/// What a failure does; any word that is not Audit's denies.
fn action(node: &Node<'_>) -> Mode {
    match node.text() {
        Some(word) if word.eq_ignore_ascii_case("audit") => Mode::Audit,
        _ => Mode::Enforce,
    }
}

const fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Warn => "warn",
        Mode::Audit => "audit",
    }
}
