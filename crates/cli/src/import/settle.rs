//! The set is tried as anybody would load it, and what the linter finds superfluous is left out, until it finds nothing.

use countersign_core::UnixTime;
use countersign_core::{Diagnostic, Files, PolicySet, ReasonCode, Severity, Source};

use super::model::{Demand, Maker, Material, Set, Signer, Subject};
use super::write::{self, Written};
use crate::failure::Failure;

/// The linter is asked so many times; each time something is left out.
const MAX_ROUNDS: usize = 1_000;

/// What was made.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) text: String,
    /// Whether a trust root has to be fetched before the set can be used.
    pub(super) needs_fetch: bool,
    /// The documents of which Policies deny for what the linter says, and what that is.
    pub(super) closed: Vec<(usize, String)>,
}

/// Brings the set into a form that loads without a warning.
pub(super) fn settled(
    set: &mut Set,
    now: UnixTime,
    general: &mut Vec<String>,
) -> Result<Settled, Failure> {
    if set.policies.is_empty() {
        return Ok(roots_alone(set, general));
    }
    sort_signers(set);
    let mut denied: Vec<(usize, String)> = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let written = write::written(set);
        let sources = [Source {
            name: "policy.yaml".to_owned(),
            text: written.text.clone(),
        }];
        let loaded = PolicySet::load(&sources, &Beside(set), &[]);
        let mut diagnostics = loaded.diagnostics;
        diagnostics.extend(loaded.policies.iter().flat_map(|it| it.lint(now)));
        let (unfetched, rest): (Vec<_>, Vec<_>) = diagnostics
            .into_iter()
            .partition(|it| it.code == ReasonCode::TrustRootNotFetched);
        let Some(first) = rest.first() else {
            let needs_fetch = !unfetched.is_empty();
            if needs_fetch {
                general.push(
                    "a trust root comes from a TUF repository: run `countersign trust update --policy` on what was written before anything else"
                        .to_owned(),
                );
            }
            return Ok(Settled {
                text: written.text,
                needs_fetch,
                closed: denied,
            });
        };
        if left_out(first, &written, set, general) {
            if set.policies.is_empty() {
                return Err(Failure::misused(
                    "nothing is left to import: no policy names an image",
                ));
            }
            continue;
        }
        let documents = closed(first, &written, set);
        if documents.is_empty() {
            return Err(faulty(first, &sources));
        }
        denied.extend(documents.into_iter().map(|it| (it, first.message.clone())));
    }
    Err(Failure::unknown("the policy that was made did not settle"))
}

/// Trust roots without policies are no set. Whether they can be read was tried when they were made.
fn roots_alone(set: &Set, general: &mut Vec<String>) -> Settled {
    general.push(
        "TrustRoots alone are no policy set: put what was written into one, or import them with the policies that name them".to_owned(),
    );
    let is_remote = |it: &super::model::Root| matches!(it.material, Material::Tuf { .. });
    Settled {
        text: write::roots(set),
        needs_fetch: set.roots.iter().any(is_remote),
        closed: Vec::new(),
    }
}

/// Files beside the policy: the first roots of TUF repositories.
struct Beside<'a>(&'a Set);

impl Files for Beside<'_> {
    fn read(&self, _from: &str, path: &str) -> Result<Vec<u8>, String> {
        let roots = self.0.roots.iter();
        roots
            .filter(|root| root.file() == path)
            .find_map(|root| match &root.material {
                Material::Tuf { root, .. } => Some(root.clone()),
                Material::Inline(_) => None,
            })
            .ok_or_else(|| "there is no such file".to_owned())
    }
}

/// Signers with patterns first: where two accept the same identity, it is the later that is left out.
fn sort_signers(set: &mut Set) {
    let exact: Vec<bool> = set.signers.iter().map(is_exact).collect();
    for rule in set.policies.iter_mut().flat_map(|it| &mut it.rules) {
        if let Demand::Signature(from) | Demand::Statement { from, .. } = &mut rule.demand {
            from.signers
                .sort_by_key(|index| (exact.get(*index).copied(), *index));
        }
    }
}

const fn is_exact(signer: &Signer) -> bool {
    matches!(
        signer.maker,
        Maker::Keyless {
            subject: Subject::Exact(_),
            ..
        }
    )
}

/// Leaves out what a diagnostic is about, if that changes no verdict or makes it stricter.
fn left_out(
    found: &Diagnostic,
    written: &Written,
    set: &mut Set,
    general: &mut Vec<String>,
) -> bool {
    let Some(place) = &found.place else {
        return false;
    };
    let line = place.line;
    match (found.code, found.severity) {
        (ReasonCode::OverlappingSigners, _) => {
            let rule = written.rules.iter().find(|(at, _, _)| *at == line);
            let (Some((_, policy, rule)), Some(name)) =
                (rule, written.text.get(place.span.clone()))
            else {
                return false;
            };
            overlapping(set, (*policy, *rule), name.trim_matches('"'), general)
        }
        (ReasonCode::Unreachable, Severity::Warning) => {
            let Some((_, index)) = written.policies.iter().find(|(name, _)| *name == line) else {
                return false;
            };
            let policy = set.policies.remove(*index);
            general.push(format!(
                "Policy {} ({}) was left out: another demands the same of all its images",
                policy.name, policy.origin
            ));
            true
        }
        (ReasonCode::NoEffect, Severity::Warning) => {
            let item = written
                .excepts
                .iter()
                .chain(&written.images)
                .find(|(at, _, _)| *at == line);
            let Some((_, index, pattern)) = item else {
                return false;
            };
            let Some(policy) = set.policies.get_mut(*index) else {
                return false;
            };
            policy.except.retain(|it| {
                it != pattern || !written.excepts.iter().any(|(at, _, _)| *at == line)
            });
            if written.images.iter().any(|(at, _, _)| *at == line) {
                policy.images.retain(|it| it != pattern);
            }
            general.push(format!(
                "Policy {}: `{pattern}` was left out: {}",
                policy.name, found.message
            ));
            if policy.images.is_empty() {
                set.policies.remove(*index);
            }
            true
        }
        _ => false,
    }
}

/// Two Signers of one `from` accept the same identity. One is enough where any counts; where several have to sign, nobody here
/// can tell them apart, and nothing is done.
fn overlapping(
    set: &mut Set,
    (policy, rule): (usize, usize),
    name: &str,
    general: &mut Vec<String>,
) -> bool {
    let Some(index) = set.signers.iter().position(|it| it.name == name) else {
        return false;
    };
    let Some(policy) = set.policies.get_mut(policy) else {
        return false;
    };
    match policy.rules.get_mut(rule).map(|it| &mut it.demand) {
        Some(Demand::Signature(from) | Demand::Statement { from, .. })
            if from.count == 1 && from.signers.len() > 1 =>
        {
            from.signers.retain(|it| *it != index);
        }
        _ => return false,
    }
    general.push(format!(
        "Policy {}: Signer {name} was left out: another accepts the same identity",
        policy.name
    ));
    true
}

/// Denies in place of whatever a diagnostic is about: policies here cannot say what the original did. First the rules go, then
/// the patterns over images. The documents that it concerns; none if nothing could be done.
fn closed(found: &Diagnostic, written: &Written, set: &mut Set) -> Vec<usize> {
    let Some(line) = found.place.as_ref().map(|place| place.line) else {
        return Vec::new();
    };
    let last = |all: &[(usize, usize)]| all.iter().rev().find(|(name, _)| *name <= line).copied();
    let concerned: Vec<usize> = match (last(&written.policies), last(&written.signers)) {
        (Some((_, policy)), _) => vec![policy],
        (None, Some((_, signer))) => {
            let uses = |it: &super::model::Policy| {
                it.closed.is_empty()
                    && it.rules.iter().any(|rule| match &rule.demand {
                        Demand::Signature(from) | Demand::Statement { from, .. } => {
                            from.signers.contains(&signer)
                        }
                        Demand::Digest | Demand::Nothing | Demand::Never => false,
                    })
            };
            let all = set.policies.iter().enumerate();
            all.filter(|(_, it)| uses(it))
                .map(|(index, _)| index)
                .collect()
        }
        (None, None) => Vec::new(),
    };
    let mut documents = Vec::new();
    for index in concerned {
        let Some(policy) = set.policies.get_mut(index) else {
            continue;
        };
        let everything = ["**".to_owned()];
        if policy.closed.is_empty() {
            policy.close(found.message.clone());
        } else if policy.images != everything {
            policy.images = everything.to_vec();
            policy.except.clear();
            policy.namespaces = super::model::Namespaces::default();
        } else {
            continue;
        }
        documents.push(policy.document);
    }
    documents
}

fn faulty(found: &Diagnostic, sources: &[Source]) -> Failure {
    Failure::unknown(format!(
        "the policy that was made has a fault, which is countersign's own; nothing was written: {}",
        found.render(sources, false)
    ))
}
