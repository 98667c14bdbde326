//! Attestors: sets of entries of which so many have to sign, nested as deep as one likes.

use super::super::gather::Gather;
use super::super::identity::{self, Plain};
use super::super::key;
use super::super::model::{Format, From, Maker};
use super::super::node::Node;
use super::super::report::Log;
use super::signing::{self, Settled, Witnesses};
use crate::policy_text::quoted;

/// Sets within sets. Nobody nests deeper by hand.
const MAX_DEPTH: usize = 8;

/// What is known of the item in which an attestor stands.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) format: Format,
    /// How its Signers are called.
    pub(super) name: String,
    /// Whether each of several keys in one entry is an entry of its own, as for signatures.
    pub(super) expand: bool,
}

/// What one entry asks for: any of some Signers, or several such at once.
enum Entry {
    Any(Vec<usize>),
    All(Vec<From>),
}

/// What a set asks for, all of it; none where it cannot be said here.
pub(super) fn set(
    node: &Node<'_>,
    context: &Context,
    gather: &mut Gather,
    log: &mut Log<'_>,
) -> Option<Vec<From>> {
    nested(node, context, 0, gather, log)
}

fn nested(
    node: &Node<'_>,
    context: &Context,
    depth: usize,
    gather: &mut Gather,
    log: &mut Log<'_>,
) -> Option<Vec<From>> {
    if node.others(&["count", "entries"], log) || depth > MAX_DEPTH {
        return None;
    }
    let mut entries: Vec<Option<Entry>> = Vec::new();
    for entry in node.list("entries") {
        entries.extend(self::entry(&entry, context, depth, gather, log));
    }
    let total = entries.len();
    let count = match node.get("count") {
        None => total,
        Some(written) => match written.text().and_then(|it| it.parse().ok()) {
            Some(0) => total,
            Some(count) => {
                log.carried(&written, "how many of the Signers in `from`");
                count
            }
            None => {
                log.refused(&written, "it is no number", "write a number");
                return None;
            }
        },
    };
    if total == 0 || count > total {
        log.refused(
            node,
            "it can never be met, or names nobody",
            "name so many entries",
        );
        return None;
    }
    let kept: Vec<Entry> = entries.into_iter().flatten().collect();
    if kept.len() < count {
        return None;
    }
    combined(kept, count, total).or_else(|| {
        log.refused(
            node,
            "so many of sets within sets, or of entries that several can meet, have no rule here",
            "write one rule for each of the combinations that all have to hold",
        );
        None
    })
}

/// `count` of the entries that are left of `total`.
fn combined(kept: Vec<Entry>, count: usize, total: usize) -> Option<Vec<From>> {
    if count == total {
        let mut all = Vec::new();
        let mut single = Vec::new();
        for entry in kept {
            match entry {
                Entry::Any(signers) if signers.len() == 1 => single.extend(signers),
                Entry::Any(signers) => all.push(From { signers, count: 1 }),
                Entry::All(more) => all.extend(more),
            }
        }
        single.sort_unstable();
        single.dedup();
        if !single.is_empty() {
            let count = single.len();
            all.insert(
                0,
                From {
                    signers: single,
                    count,
                },
            );
        }
        return Some(all);
    }
    let mut signers = Vec::new();
    for entry in kept {
        match entry {
            Entry::Any(any) if count == 1 || any.len() == 1 => {
                for signer in any {
                    if signers.contains(&signer) && count > 1 {
                        return None;
                    }
                    if !signers.contains(&signer) {
                        signers.push(signer);
                    }
                }
            }
            Entry::All(mut all) if all.len() == 1 => match all.pop() {
                Some(From {
                    signers: any,
                    count: 1,
                }) if count == 1 => signers.extend(any),
                Some(From { signers: any, .. }) if count == 1 && any.len() == 1 => {
                    signers.extend(any)
                }
                _ => return None,
            },
            _ => return None,
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    signers.retain(|it| seen.insert(*it));
    Some(vec![From { signers, count }])
}

fn entry(
    node: &Node<'_>,
    context: &Context,
    depth: usize,
    gather: &mut Gather,
    log: &mut Log<'_>,
) -> Vec<Option<Entry>> {
    const KNOWN: [&str; 7] = [
        "keys",
        "certificates",
        "keyless",
        "attestor",
        "annotations",
        "repository",
        "signatureAlgorithm",
    ];
    let mut whole = !node.others(&KNOWN, log);
    if let Some(repository) = node.get("repository") {
        self::repository(&repository, log);
    }
    if let Some(annotations) = node.get("annotations").filter(|it| !it.fields().is_empty()) {
        log.refused(
            &annotations,
            "no rule compares what a signature says beside the image",
            "leave them out if the signer is proof enough, and import again",
        );
        whole = false;
    }
    if let Some(algorithm) = node.get("signatureAlgorithm") {
        self::algorithm(&algorithm, log);
    }
    if let Some(inner) = node.get("attestor") {
        let all = nested(&inner, context, depth + 1, gather, log);
        return vec![all.filter(|_| whole).map(Entry::All)];
    }
    if let Some(keys) = node.get("keys") {
        let found = self::keys(&keys, context, gather, log).filter(|_| whole);
        return match found {
            None => vec![None],
            Some(signers) => signers
                .into_iter()
                .map(|it| Some(Entry::Any(vec![it])))
                .collect(),
        };
    }
    if let Some(keyless) = node.get("keyless") {
        let found = self::keyless(&keyless, context, gather, log).filter(|_| whole);
        return vec![found.map(Entry::Any)];
    }
    if let Some(certificates) = node.get("certificates") {
        log.refused(
            &certificates,
            "a certificate by itself is no identity here",
            "write its public key as PEM (openssl x509 -pubkey -noout) into `keys.publicKeys`, and import again",
        );
    } else {
        log.refused(
            node,
            "nobody is named, so that anybody would count",
            "name who signs",
        );
    }
    vec![None]
}

fn keys(
    node: &Node<'_>,
    context: &Context,
    gather: &mut Gather,
    log: &mut Log<'_>,
) -> Option<Vec<usize>> {
    let mut whole = !node.others(
        &[
            "publicKeys",
            "signatureAlgorithm",
            "kms",
            "secret",
            "rekor",
            "ctlog",
        ],
        log,
    );
    if let Some(algorithm) = node.get("signatureAlgorithm") {
        self::algorithm(&algorithm, log);
    }
    for field in ["kms", "secret"] {
        if let Some(reference) = node.get(field) {
            log.refused(
                &reference,
                "the key is elsewhere, and nobody is asked for it",
                "write the public key as PEM into `publicKeys`, and import again",
            );
            whole = false;
        }
    }
    let witnesses = witnesses(node, false, gather, log);
    let makers = public_keys(&node.get("publicKeys")?, log)?;
    if makers.len() > 1 && !context.expand {
        log.refused(
            node,
            "several keys in one entry of an attestation",
            "write one entry for each key",
        );
        return None;
    }
    let witnesses = witnesses.filter(|_| whole)?;
    signing::signers(makers, &witnesses, context, node, gather, log)
}

fn public_keys(node: &Node<'_>, log: &mut Log<'_>) -> Option<Vec<Maker>> {
    let text = node.text().unwrap_or_default();
    match key::keys(text) {
        Ok(keys) => {
            log.carried(node, "Signer.keys");
            Some(
                keys.into_iter()
                    .map(|(pem, id)| Maker::Key { pem, id })
                    .collect(),
            )
        }
        Err(why) => {
            let why = if text.contains("-----BEGIN") {
                why
            } else {
                "the key is elsewhere, and nobody is asked for it".to_owned()
            };
            log.refused(node, &why, "write the public key as PEM, and import again");
            None
        }
    }
}

fn keyless(
    node: &Node<'_>,
    context: &Context,
    gather: &mut Gather,
    log: &mut Log<'_>,
) -> Option<Vec<usize>> {
    const KNOWN: [&str; 8] = [
        "rekor",
        "ctlog",
        "issuer",
        "issuerRegExp",
        "subject",
        "subjectRegExp",
        "roots",
        "additionalExtensions",
    ];
    let whole = !node.others(&KNOWN, log);
    let witnesses = witnesses(node, true, gather, log);
    let source = extensions(node, log);
    let identities = identity::identities(node, Plain::Wildcard, log);
    let (witnesses, source) = (witnesses?, source?);
    let makers: Vec<Maker> = identities
        .into_iter()
        .map(|(issuer, subject)| Maker::Keyless {
            issuer,
            subject,
            source: source.clone(),
        })
        .collect();
    if makers.is_empty() || !whole {
        return None;
    }
    signing::signers(makers, &witnesses, context, node, gather, log)
}

/// Certificate extensions, by the names that cosign gives them.
fn extensions(node: &Node<'_>, log: &mut Log<'_>) -> Option<Vec<(&'static str, String)>> {
    let mut source = Vec::new();
    let mut whole = true;
    let all = node
        .get("additionalExtensions")
        .map(|it| it.fields())
        .unwrap_or_default();
    for (name, value) in all {
        let text = value.text().unwrap_or_default();
        let plain = !text.is_empty()
            && !text
                .contains(|it: char| it.is_whitespace() || it.is_control() || "*?".contains(it));
        let field = match name {
            "githubWorkflowRepository" => Some(("repository", quoted(text))),
            "githubWorkflowRef" => Some(("refs", format!("[{}]", quoted(text)))),
            "githubWorkflowTrigger" => Some(("events", format!("[{}]", quoted(text)))),
            "githubWorkflowSha" => Some(("commit", quoted(text))),
            _ => None,
        };
        match field.filter(|_| plain) {
            Some((field, yaml)) => {
                log.carried(&value, format!("Signer.keyless.source.{field}"));
                source.push((field, yaml));
            }
            None => {
                log.refused(
                    &value,
                    "which of a certificate's extensions it means, or its wildcard, has no field here",
                    "see `source` and `build` of Signers (docs/policy-reference.md)",
                );
                whole = false;
            }
        }
    }
    source.sort();
    whole.then_some(source)
}

/// `rekor`, `ctlog` and `roots`.
fn witnesses(
    node: &Node<'_>,
    keyless: bool,
    gather: &mut Gather,
    log: &mut Log<'_>,
) -> Option<Settled> {
    let mut witnesses = Witnesses::default();
    let mut whole = true;
    if let Some(rekor) = node.get("rekor") {
        whole &= !rekor.others(&["url", "pubkey", "ignoreTlog"], log);
        signing::log(&rekor, ("url", "pubkey", "ignoreTlog"), &mut witnesses, log);
    }
    if let Some(ctlog) = node.get("ctlog") {
        whole &= !ctlog.others(&["ignoreSCT", "pubkey", "tsaCertChain"], log);
        signing::ct_log(
            &ctlog,
            ("pubkey", "ignoreSCT", "tsaCertChain"),
            keyless,
            &mut witnesses,
            log,
        );
    }
    if let Some(roots) = node.get("roots").filter(|it| it.text() != Some("")) {
        witnesses.roots = Some((roots.line(), roots.text().unwrap_or_default().to_owned()));
        log.carried(&roots, "TrustRoot.trustedRoot, good at any time");
    }
    witnesses
        .settle(keyless, node, gather, log)
        .filter(|_| whole)
}

/// `key`, `subject`, `issuer` and `roots` of an item, from before there were attestors.
pub(super) fn old(
    item: &Node<'_>,
    context: &Context,
    gather: &mut Gather,
    log: &mut Log<'_>,
) -> Option<From> {
    if let Some(key) = item.get("key") {
        let witnesses = Witnesses::default().settle(false, item, gather, log)?;
        let makers = public_keys(&key, log)?;
        let signers = signing::signers(makers, &witnesses, context, &key, gather, log)?;
        return Some(From {
            count: signers.len(),
            signers,
        });
    }
    if let Some(roots) = item.get("roots") {
        log.refused(
            &roots,
            "without keys of logs they are no trust root",
            "write the attestor with its own logs, and import again",
        );
        return None;
    }
    let witnesses = Witnesses::default().settle(true, item, gather, log)?;
    let found = identity::identities(item, Plain::Wildcard, log);
    let makers: Vec<Maker> = found
        .into_iter()
        .map(|(issuer, subject)| Maker::Keyless {
            issuer,
            subject,
            source: Vec::new(),
        })
        .collect();
    let signers = signing::signers(makers, &witnesses, context, item, gather, log)?;
    (!signers.is_empty()).then_some(From { signers, count: 1 })
}

/// Where evidence is found is no affair of a policy here.
pub(super) fn repository(node: &Node<'_>, log: &mut Log<'_>) {
    log.refused(
        node,
        "a policy does not say where evidence is; it is looked for beside the image",
        "name the repository in the configuration of registries (docs/registries.md, `evidence`)",
    );
}

fn algorithm(node: &Node<'_>, log: &mut Log<'_>) {
    match node.text() {
        Some("sha256" | "") => log.carried(
            node,
            "the hash that belongs to the key, and SHA-256 for `.sig` tags",
        ),
        _ => log.stricter(
            node,
            "a signature counts with the hash that belongs to its key only",
        ),
    }
}
