//! The attestors of an ImageValidatingPolicy.

use std::collections::BTreeMap;

use super::super::super::gather::Gather;
use super::super::super::identity::{self, Plain};
use super::super::super::key;
use super::super::super::model::{Format, Maker};
use super::super::super::node::Node;
use super::super::super::report::Log;
use super::super::attestor::{self, Context};
use super::super::signing::{self, Witnesses};

/// The Signers of each attestor, of which any counts; none where it could not be carried over.
pub(super) fn read(
    spec: &Node<'_>,
    policy: &str,
    gather: &mut Gather,
    log: &mut Log<'_>,
) -> BTreeMap<String, Option<Vec<usize>>> {
    let mut all = BTreeMap::new();
    for node in spec.list("attestors") {
        let mut whole = !node.others(&["name", "cosign", "notary"], log);
        if let Some(name) = node.get("name") {
            log.carried(&name, "a part of the Signer's name");
        }
        if let Some(notary) = node.get("notary") {
            log.refused(
                &notary,
                "signatures of Notary are not verified",
                "sign with cosign, and name the attestor so",
            );
            whole = false;
        }
        let name = node.word("name").unwrap_or_default();
        let context = Context {
            format: Format::Both,
            name: crate::policy_text::name(&format!("{policy}-{name}"), "signer"),
            expand: false,
        };
        let signers = node
            .get("cosign")
            .and_then(|it| cosign(&it, &context, gather, log));
        all.insert(name.to_owned(), signers.filter(|_| whole));
    }
    all
}

fn cosign(
    node: &Node<'_>,
    context: &Context,
    gather: &mut Gather,
    log: &mut Log<'_>,
) -> Option<Vec<usize>> {
    let mut whole = !node.others(
        &[
            "key",
            "keyless",
            "certificate",
            "source",
            "ctlog",
            "tuf",
            "annotations",
        ],
        log,
    );
    if let Some(source) = node.get("source") {
        attestor::repository(&source, log);
    }
    for (field, why, hint) in [
        (
            "certificate",
            "a certificate by itself is no identity here",
            "write its public key as PEM into `key.data`, and import again",
        ),
        (
            "tuf",
            "trust in a TUF repository is a TrustRoot of its own",
            "write a TrustRoot with `tuf:` (docs/trust.md) and a Signer that names it",
        ),
        (
            "annotations",
            "no rule compares what a signature says beside the image",
            "leave them out if the signer is proof enough, and import again",
        ),
    ] {
        if let Some(node) = node.get(field) {
            log.refused(&node, why, hint);
            whole = false;
        }
    }
    let keyless = node.get("keyless");
    let mut witnesses = Witnesses::default();
    if let Some(ctlog) = node.get("ctlog") {
        const KNOWN: [&str; 6] = [
            "url",
            "rekorPubKey",
            "ctLogPubKey",
            "tsaCertChain",
            "insecureIgnoreTlog",
            "insecureIgnoreSCT",
        ];
        whole &= !ctlog.others(&KNOWN, log);
        signing::log(
            &ctlog,
            ("url", "rekorPubKey", "insecureIgnoreTlog"),
            &mut witnesses,
            log,
        );
        signing::ct_log(
            &ctlog,
            ("ctLogPubKey", "insecureIgnoreSCT", "tsaCertChain"),
            keyless.is_some(),
            &mut witnesses,
            log,
        );
    }
    let makers = match (node.get("key"), &keyless) {
        (Some(key), None) => self::key(&key, log),
        (None, Some(keyless)) => self::keyless(keyless, &mut witnesses, log),
        _ => None,
    };
    let settled = witnesses.settle(keyless.is_some(), node, gather, log);
    let (makers, settled) = (makers?, settled?);
    if !whole || makers.is_empty() {
        return None;
    }
    signing::signers(makers, &settled, context, node, gather, log)
}

fn key(node: &Node<'_>, log: &mut Log<'_>) -> Option<Vec<Maker>> {
    let whole = !node.others(&["data", "kms", "hashAlgorithm", "expression"], log);
    if let Some(hash) = node.get("hashAlgorithm") {
        log.stricter(&hash, "a signature counts with the hash that belongs to its key, and in `.sig` tags with SHA-256");
    }
    for field in ["kms", "expression"] {
        if let Some(node) = node.get(field) {
            log.refused(
                &node,
                "the key is elsewhere, and nobody is asked for it",
                "write the public key as PEM into `data`, and import again",
            );
        }
    }
    let data = node.get("data")?;
    let one = key::one(&data, "attestor", log)?;
    whole.then_some(one)
}

fn keyless(node: &Node<'_>, witnesses: &mut Witnesses, log: &mut Log<'_>) -> Option<Vec<Maker>> {
    let whole = !node.others(&["identities", "roots"], log);
    if let Some(roots) = node.get("roots").filter(|it| it.text() != Some("")) {
        witnesses.roots = Some((roots.line(), roots.text().unwrap_or_default().to_owned()));
        log.carried(&roots, "TrustRoot.trustedRoot, good at any time");
    }
    let identities = node.list("identities");
    if identities.is_empty() {
        log.refused(
            node,
            "no identity is named, so that anybody would count",
            "name who signs",
        );
        return None;
    }
    let mut makers = Vec::new();
    for item in identities {
        if item.others(&["issuer", "subject", "issuerRegExp", "subjectRegExp"], log) {
            continue;
        }
        let found = identity::identities(&item, Plain::Exact, log).into_iter();
        makers.extend(found.map(|(issuer, subject)| Maker::Keyless {
            issuer,
            subject,
            source: Vec::new(),
        }));
    }
    whole.then_some(makers)
}
