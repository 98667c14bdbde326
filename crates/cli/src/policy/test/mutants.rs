//! Which changes of a policy its cases notice.

use std::collections::BTreeSet;

use countersign_core::{Mutation, Mutations};

use super::Mutate;
use super::expect::codes;
use super::suite::{Setup, Suite, judged};

/// All changes of one policy.
pub(super) struct Tried {
    pub(super) policy: String,
    /// Each change that changes what is judged, and whether it was noticed.
    changes: Vec<(Mutation, bool)>,
    /// Changes after which everything is judged as before: a default that was written out.
    idle: usize,
}

/// What is reported of the changes of one policy.
pub(super) struct Counted {
    pub(super) policy: String,
    pub(super) changes: usize,
    pub(super) idle: usize,
    pub(super) unnoticed: Vec<Mutation>,
}

/// Changes the policy of a suite, one field at a time.
pub(super) async fn try_all(suite: &Suite) -> Tried {
    let mutations = Mutations::of(suite.files.sources());
    let (mut changes, mut idle) = (Vec::new(), 0);
    for mutation in mutations.all() {
        let (mut changed, mut noticed) = (false, false);
        for setup in &suite.setups {
            match notices(suite, setup, &mutations, mutation).await {
                None => {}
                Some(one) => {
                    changed = true;
                    noticed |= one;
                }
            }
            if noticed {
                break;
            }
        }
        if changed {
            changes.push((mutation.clone(), noticed));
        } else {
            idle += 1;
        }
    }
    Tried {
        policy: suite.policy.display().to_string(),
        changes,
        idle,
    }
}

/// Whether anybody notices: the loader, the linter or a case. None if there is nothing to notice.
async fn notices(
    suite: &Suite,
    setup: &Setup,
    mutations: &Mutations<'_>,
    mutation: &Mutation,
) -> Option<bool> {
    let loaded = setup.roots.load_changed(mutations, mutation, &suite.files);
    if loaded.judges_like(&setup.loaded) {
        return None;
    }
    if codes(&loaded.diagnostics) != codes(&setup.loaded.diagnostics) {
        return Some(true);
    }
    let checker = match (&setup.checker, &loaded.policies) {
        (Some(checker), Some(policies)) => checker.with_policies(policies.clone()),
        // What loaded no longer does, or the reverse; or something else is wrong than before, with the same codes.
        (known, policies) => return Some(known.is_some() != policies.is_some()),
    };
    for case in &setup.cases {
        let found = judged(Some(&checker), &loaded, case).await;
        if !case.expected.differences(&found).is_empty() {
            return Some(true);
        }
    }
    Some(false)
}

/// What is to be reported: changes that nobody noticed.
pub(super) fn counted(tried: Vec<Tried>, mutate: Mutate) -> Vec<Counted> {
    let elsewhere: BTreeSet<String> = match mutate {
        Mutate::Each => BTreeSet::new(),
        Mutate::Across => tried
            .iter()
            .flat_map(|policy| &policy.changes)
            .filter(|(_, noticed)| *noticed)
            .map(|(mutation, _)| general(mutation))
            .collect(),
    };
    let count = |policy: Tried| Counted {
        policy: policy.policy,
        changes: policy.changes.len(),
        idle: policy.idle,
        unnoticed: policy
            .changes
            .into_iter()
            .filter(|(mutation, noticed)| !noticed && !elsewhere.contains(&general(mutation)))
            .map(|(mutation, _)| mutation)
            .collect(),
    };
    tried.into_iter().map(count).collect()
}

/// A change without the names and places of one policy: `Policy spec.rules[].signature.maxAge removed`.
fn general(mutation: &Mutation) -> String {
    let kind = mutation.document.split('/').next().unwrap_or_default();
    let field: String = mutation
        .field
        .chars()
        .filter(|character| !character.is_ascii_digit())
        .collect();
    let removed = mutation.change.ends_with("removed");
    format!("{kind} {field} {removed}")
}
