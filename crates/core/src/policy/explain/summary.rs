//! The rule `summary`, in plain words.

use super::{either, quoted, span};
use crate::summary::SummaryDemand;

/// What must have been said by which verifier, a sentence each.
pub(super) fn says(demand: &SummaryDemand) -> Vec<String> {
    let mut says = vec![format!("Its verifier is {}.", quoted(&demand.verifier))];
    if let Some(resource) = &demand.resource {
        says.push(format!(
            "It is about the resource {}.",
            quoted(resource.as_str())
        ));
    }
    let uri = demand.policy.uri.as_ref();
    let digest = demand.policy.digest.as_ref();
    let digest = digest.map(|(algorithm, hex)| format!("{algorithm}:{hex}"));
    if uri.is_some() || digest.is_some() {
        let which = uri.into_iter().chain(&digest).map(|it| quoted(it));
        says.push(format!("The policy was {}.", either(which, "with")));
    }
    let levels = demand.levels.iter().map(|it| quoted(it.as_str()));
    says.push(format!(
        "The verification passed, and states {}; a level of SLSA states those below it too.",
        either(levels, "and")
    ));
    says
}

/// That it has to soak.
pub(super) fn soak(age: i64) -> String {
    format!(
        "By its proven time it is at least {} old, also for what runs already.",
        span(age)
    )
}
