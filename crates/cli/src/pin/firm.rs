//! Which decisions are firm enough to be written into a repository.

use countersign_core::{Decision, Mode, Outcome, Verdict};

use crate::exit::Exit;

/// Why an image is not pinned, and what that means for the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotPinned {
    pub(crate) exit: Exit,
    pub(crate) why: String,
}

/// A pin outlives the run that wrote it, so it rests on what enforcing policies demand and nothing less: no result that was only warned of, none
/// that an unreachable registry was excused for, none by what was known last.
///
/// # Errors
/// [`NotPinned`].
pub(crate) fn firm(decision: &Decision) -> Result<(), NotPinned> {
    let denied = |why: String| {
        Err(NotPinned {
            exit: Exit::Denied,
            why,
        })
    };
    match decision.effect() {
        Verdict::Allow => {}
        effect => {
            return Err(NotPinned {
                exit: effect.into(),
                why: format!("the policy does not allow it: {}", because(decision)),
            });
        }
    }
    if let Some(stale) = decision.stale().first() {
        return Err(NotPinned {
            exit: Exit::Unknown,
            why: format!(
                "it was decided by what was known last ({}, {} s old), for the registry could not be asked; try again when it answers",
                stale.what, stale.age
            ),
        });
    }
    if decision.unmatched().is_some() {
        return denied("no enforcing policy names it, so nothing was demanded of it".to_owned());
    }
    let enforced = decision
        .policies()
        .iter()
        .filter(|policy| policy.mode == Mode::Enforce);
    let rules = enforced.flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule)));
    for (policy, rule) in rules {
        if rule.effective && rule.outcome != Outcome::Pass && rule.waived_by().is_none() {
            return denied(format!(
                "{}/{} did not pass and was only warned of: {}",
                policy.name, rule.name, rule.message
            ));
        }
    }
    Ok(())
}

/// The first rule that speaks against an image.
pub(crate) fn because(decision: &Decision) -> String {
    if let Some(revoked) = decision.revoked().first() {
        return format!("{} revokes it: {}", revoked.name, revoked.reason);
    }
    let policies = decision
        .policies()
        .iter()
        .filter(|it| it.effect != Verdict::Allow);
    let rules = policies.flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule)));
    let mut failed = rules.filter(|(_, rule)| rule.outcome != Outcome::Pass);
    match (failed.next(), decision.unmatched()) {
        (Some((policy, rule)), _) => format!(
            "{}/{} [{}:{}]: {} ({})",
            policy.name,
            rule.name,
            rule.place.file,
            rule.place.line,
            rule.message,
            rule.code.map_or("no code", |code| code.as_str())
        ),
        (None, Some(_)) => "no enforcing policy names it".to_owned(),
        (None, None) => "nobody could tell which policies judge it".to_owned(),
    }
}
