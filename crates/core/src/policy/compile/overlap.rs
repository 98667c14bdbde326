//! Whether two Signers could accept the same identity, so that one signature could count for either.

use crate::policy::authorize::WORKFLOW_HOST;
use crate::policy::claim::ClaimDemand;
use crate::policy::glob::Glob;
use crate::policy::signer::{Keyless, Maker, Signer, Subject};

/// Whether some identity fits both. `distinct` asks by what thresholds count, (root, issuer, subject); without it, CI
/// claims that exclude each other keep the Signers apart too. When it cannot be told, regular expressions do not overlap:
/// the assignment at decision time still counts each identity once.
pub(super) fn overlap(left: &Signer, right: &Signer, distinct: bool) -> bool {
    match (&left.maker, &right.maker) {
        (Maker::Keyless(a), Maker::Keyless(b)) => {
            left.root.as_ref().map(|root| &root.name) == right.root.as_ref().map(|root| &root.name)
                && a.issuer == b.issuer
                && subjects(a, b)
                && (distinct || claims(&a.claims, &b.claims))
        }
        (Maker::Keys(a), Maker::Keys(b)) => a
            .iter()
            .any(|key| b.iter().any(|other| other.key == key.key)),
        _ => false,
    }
}

fn subjects(left: &Keyless, right: &Keyless) -> bool {
    use Subject::{Email, Exact, Regex, Uri, Workflow};
    match (&left.subject, &right.subject) {
        (Exact(a), Exact(b) | Email(b) | Uri(b)) | (Email(a) | Uri(a), Exact(b)) => a == b,
        (Email(a), Email(b)) | (Uri(a), Uri(b)) => a == b,
        (Email(_), Uri(_)) | (Uri(_), Email(_)) => false,
        (Regex(a, written), Regex(_, other)) => written == other || a.as_str() == other,
        (Regex(regex, _), Exact(value) | Email(value) | Uri(value))
        | (Exact(value) | Email(value) | Uri(value), Regex(regex, _)) => regex.is_match(value),
        (
            Workflow { path: a, refs },
            Workflow {
                path: b,
                refs: others,
            },
        ) => a == b && globs(refs, others),
        (Workflow { path, refs }, Exact(value) | Uri(value))
        | (Exact(value) | Uri(value), Workflow { path, refs }) => value
            .strip_prefix(WORKFLOW_HOST)
            .and_then(|rest| rest.strip_prefix(path.as_str()))
            .and_then(|rest| rest.strip_prefix('@'))
            .is_some_and(|at| refs.iter().any(|glob| glob.matches(at))),
        (Workflow { path, refs }, Regex(regex, _)) | (Regex(regex, _), Workflow { path, refs }) => {
            refs.iter().any(|glob| {
                regex.is_match(&format!(
                    "{WORKFLOW_HOST}{path}@{}",
                    glob.as_str().replace('*', "a")
                ))
            })
        }
        (Workflow { .. }, Email(_)) | (Email(_), Workflow { .. }) => false,
    }
}

/// Whether the same CI claims could fit both; what one of them leaves open excludes nothing.
fn claims(left: &[ClaimDemand], right: &[ClaimDemand]) -> bool {
    left.iter()
        .all(|demand| right.iter().all(|other| demand.meets(other)))
}

fn globs(left: &[Glob], right: &[Glob]) -> bool {
    left.iter()
        .any(|glob| right.iter().any(|other| glob.overlaps(other)))
}
