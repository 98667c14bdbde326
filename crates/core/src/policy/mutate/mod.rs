//! Small changes to a policy set, one at a time: a test suite that notices none of them does not test the field.
//!
//! The changes are made to the trees that the files were read into, so that a changed set is compiled like any other and
//! everything keeps its place. Which values a field takes is asked of the JSON Schema.

mod other;
mod walk;

use super::tree::{Key, Node, Value};
use super::{
    Condition, ExtraRoot, Files, Loaded, Place, Policy, PolicySet, Settings, Source, Wanted,
    read_trees,
};
use walk::Walk;

/// Every small change to a policy set.
#[derive(Debug)]
pub struct Mutations<'a> {
    sources: &'a [Source],
    documents: Vec<Node>,
    mutations: Vec<Mutation>,
}

/// One small change: a field, an item or a document is gone, or has another value.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Mutation {
    /// What is changed.
    pub place: Place,
    /// Kind and name of the document: `Policy/production`.
    pub document: String,
    /// The field in it: `spec.rules[0].signature.maxAge`; empty for the whole document.
    pub field: String,
    /// What it becomes: `removed`, or the other value.
    pub change: String,
    steps: Vec<usize>,
    edit: Edit,
}

/// What is done to a node.
#[derive(Debug, Clone)]
enum Edit {
    Remove,
    Write { text: String, plain: bool },
}

impl<'a> Mutations<'a> {
    /// The changes to a set, in the order of the files. What cannot be read is not changed.
    ///
    /// Not changed are the head of a document (`apiVersion`, `kind`, `metadata`), what stands inside an inline trust root, and
    /// what only people read: names of rules, ids of keys, reasons and tickets. Nor are `stale` and `trust` of Settings, which are
    /// about registries and TUF repositories that come and go, and `cluster` and `emits`, which decide nothing about an image:
    /// no case on disk can tell what they do.
    #[must_use]
    pub fn of(sources: &'a [Source]) -> Self {
        let (documents, _, notes) = read_trees(sources);
        let mutations = Walk::over(&documents, &notes);
        Self {
            sources,
            documents,
            mutations,
        }
    }

    /// The changes.
    #[must_use]
    pub fn all(&self) -> &[Mutation] {
        &self.mutations
    }

    /// The set with this one change, loaded as [`PolicySet::load`] does.
    pub fn load(&self, mutation: &Mutation, files: &dyn Files, extra: &[ExtraRoot]) -> Loaded {
        let (_, whole, notes) = read_trees(self.sources);
        let mut documents = self.documents.clone();
        apply(&mut documents, &mutation.steps, &mutation.edit);
        PolicySet::of_trees(&documents, whole, notes, (self.sources, files, extra))
    }
}

impl Loaded {
    /// Whether another set is judged by exactly as this one: the same rules, Signers, roots and diagnostics, whatever was
    /// written. A default that is written out differs from nothing, and so does what a provenance rule repeats of what
    /// its Signers demand, or a `minLevel` between two levels that builds can have.
    #[must_use]
    pub fn judges_like(&self, other: &Self) -> bool {
        let meaning = |loaded: &Self| {
            // Each field by name: what a later version compiles must not be forgotten here.
            let PolicySet {
                settings,
                policies,
                index: _,
                exceptions,
                revocations,
                break_glass,
                trust,
                digest: _,
                known_as,
                origins,
            } = loaded.policies.as_ref()?;
            // That a default is written out moves what is cited, and nothing else.
            let settings = Settings {
                place: Place::default(),
                ..settings.clone()
            };
            let policies: Vec<Policy> = policies.iter().map(reduced).collect();
            Some(format!(
                "{settings:?}{policies:?}{exceptions:?}{revocations:?}{break_glass:?}{known_as:?}{origins:?}{}",
                trust.fingerprint()
            ))
        };
        self.diagnostics == other.diagnostics && meaning(self) == meaning(other)
    }
}

/// The policy without what decides nothing.
fn reduced(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    for rule in &mut policy.rules {
        if let Condition::Evidence(demand) = &mut rule.condition
            && let Wanted::Provenance(provenance) = &mut demand.wanted
        {
            let signers = demand.from.signers.iter().map(AsRef::as_ref);
            **provenance = provenance.reduced(signers);
        }
    }
    policy
}

/// Changes one node of a list of documents; `steps` lead to it, the first one to its document.
fn apply(documents: &mut Vec<Node>, steps: &[usize], edit: &Edit) {
    let Some((&last, way)) = steps.split_last() else {
        return;
    };
    let Some((&first, way)) = way.split_first() else {
        if last < documents.len() {
            documents.remove(last);
        }
        return;
    };
    let parent = way
        .iter()
        .try_fold(documents.get_mut(first), |node, step| {
            Some(child(node?, *step))
        })
        .flatten();
    match (parent.map(|node| &mut node.value), edit) {
        (Some(Value::List(items)), Edit::Remove) if last < items.len() => {
            items.remove(last);
        }
        (Some(Value::Map(entries)), Edit::Remove) if last < entries.len() => {
            entries.remove(last);
        }
        (Some(parent), Edit::Write { text, plain }) => {
            if let Some(node) = child_of(parent, last) {
                node.value = Value::Text {
                    text: text.clone(),
                    plain: *plain,
                };
            }
        }
        _ => {}
    }
}

fn child(node: &mut Node, step: usize) -> Option<&mut Node> {
    child_of(&mut node.value, step)
}

fn child_of(value: &mut Value, step: usize) -> Option<&mut Node> {
    match value {
        Value::List(items) => items.get_mut(step),
        Value::Map(entries) => entries
            .get_mut(step)
            .map(|(_, node): &mut (Key, Node)| node),
        Value::Text { .. } | Value::Bad => None,
    }
}

#[cfg(test)]
mod tests;
