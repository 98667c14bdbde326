//! Evidence as a decision cites it: every foreign string is escaped and cut here.

use std::collections::BTreeMap;

use crate::text::safe;
use crate::{Cited, CitedChild, Claim, Digest, Identity, Locator, SignedBy, Verified};

/// What keys are called.
pub(super) type KnownAs = BTreeMap<Digest, String>;

/// One verified claim about the image itself, with the Signer for which it counts.
pub(super) fn cite(one: &Verified<Claim>, signer: Option<&str>, known_as: &KnownAs) -> Cited {
    let facts = one.facts();
    Cited {
        kind: one.claim().kind(),
        predicate_type: one.claim().predicate_type().map(safe),
        format: facts.format().as_str(),
        locator: facts.locator().clone(),
        child: None,
        identity: identity(facts.signer(), known_as),
        signer: signer.map(str::to_owned),
        root: facts.root().map(|root| root.name.clone()),
        signed_at: facts.signed_at(),
        times: facts
            .times()
            .iter()
            .map(|proven| {
                let source = &proven.source;
                (
                    proven.time,
                    format!("{} {}", source.kind(), safe(source.authority())),
                )
            })
            .collect(),
        logs: facts
            .logs()
            .iter()
            .map(|log| (safe(&log.name), log.index))
            .collect(),
    }
}

/// Who made a signature.
pub(super) fn identity(signer: &SignedBy, known_as: &KnownAs) -> Identity {
    match signer {
        SignedBy::Key(key) => Identity::Key {
            key: *key,
            known_as: known_as.get(key).cloned(),
        },
        SignedBy::Certificate(certificate) => {
            let claims = &certificate.claims;
            let source = claims
                .source_repository_uri
                .as_deref()
                .or(claims.github_workflow_repository.as_deref());
            Identity::Certificate {
                fingerprint: certificate.fingerprint,
                subject: safe(certificate.san.value()),
                issuer: safe(&certificate.issuer),
                source: source.map(safe),
            }
        }
    }
}

/// Who made a signature, in a sentence.
pub(super) fn who(identity: &Identity) -> String {
    match identity {
        Identity::Key {
            known_as: Some(name),
            ..
        } => format!("key {name}"),
        Identity::Key { key, .. } => format!("key {key}"),
        Identity::Certificate { subject, .. } => subject.clone(),
    }
}

/// What decides the order of evidence.
type Order<'a> = (
    &'a Locator,
    Option<&'a str>,
    &'static str,
    Option<&'a str>,
    String,
    Option<&'a CitedChild>,
);

/// An order that does not depend on how evidence was fetched.
pub(super) fn order(cited: &Cited) -> Order<'_> {
    (
        &cited.locator,
        cited.root.as_deref(),
        cited.kind,
        cited.predicate_type.as_deref(),
        who(&cited.identity),
        cited.child.as_ref(),
    )
}
