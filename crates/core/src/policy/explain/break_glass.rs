//! Break-glass in plain words.

use super::{Explained, either, globs, quoted, span};
use crate::policy::break_glass::BreakGlass;

pub(super) fn break_glass(one: &BreakGlass) -> Explained {
    let from = &one.demand.from;
    let names = either(from.signers.iter().map(|it| quoted(&it.name)), "and");
    let who = match (from.threshold, from.signers.len()) {
        (_, 1) => format!("{names} approves it"),
        (1, _) => format!("one of {names} approves it"),
        (all, count) if all == count => format!("{names} approve the same statement"),
        (some, _) => format!("{some} of {names} approve the same statement"),
    };
    let mut says = vec![
        format!("In an emergency an image runs that policies deny, if {who}."),
        format!(
            "A statement holds for at most {}, in namespaces that match {}.",
            span(one.max_duration),
            globs(&one.namespaces)
        ),
        if one.allow_namespace_scope {
            "A statement may be about whatever runs in a namespace."
        } else {
            "A statement names the images that it is about, by digest."
        }
        .to_owned(),
        "It lets nothing run that is revoked, and nothing of which a registry lies.".to_owned(),
    ];
    if !one.revoked.is_empty() {
        let ids = either(one.revoked.iter().map(|id| quoted(id)), "and");
        says.push(format!("No statement with these ids counts: {ids}."));
    }
    Explained::new(&one.name, Some(&one.place), says)
}
