//! `verifyImages` of a rule: each item becomes one Policy.

use super::super::gather::{Gather, Source};
use super::super::images::{self, Dialect, Fit};
use super::super::model::{Demand, Format, Mode, Policy};
use super::super::node::Node;
use super::super::predicate;
use super::super::report::Log;
use super::attestor::{self, Context};
use super::{action, place, word};

const RULE: [&str; 14] = [
    "name",
    "context",
    "match",
    "exclude",
    "preconditions",
    "celPreconditions",
    "verifyImages",
    "skipBackgroundRequests",
    "imageExtractors",
    "reportProperties",
    "mutate",
    "validate",
    "generate",
    "images",
];
const ITEM: [&str; 20] = [
    "failureAction",
    "type",
    "image",
    "imageReferences",
    "skipImageReferences",
    "key",
    "roots",
    "subject",
    "issuer",
    "additionalExtensions",
    "attestors",
    "attestations",
    "annotations",
    "repository",
    "cosignOCI11",
    "mutateDigest",
    "verifyDigest",
    "validate",
    "required",
    "imageRegistryCredentials",
];

/// One rule.
pub(super) fn rule(
    source: &Source<'_>,
    rule: &Node<'_>,
    mode: Mode,
    gather: &mut Gather,
    log: &mut Log<'_>,
) {
    let mut closed = Vec::new();
    if rule.others(&RULE, log) {
        closed.push("a field that is not known".to_owned());
    }
    if let Some(name) = rule.get("name") {
        log.carried(&name, "a part of the Policy's name");
    }
    for field in ["preconditions", "celPreconditions"] {
        if let Some(node) = rule.get(field) {
            log.stricter(&node, "the Policy judges whatever they say");
        }
    }
    for field in [
        "context",
        "skipBackgroundRequests",
        "imageExtractors",
        "reportProperties",
        "mutate",
        "validate",
        "generate",
        "images",
    ] {
        if let Some(node) = rule.get(field) {
            log.dropped(&node, "it is not about who signed an image");
        }
    }
    let own = source.node.at(&["metadata", "namespace"]);
    if let Some(own) = own.as_ref().filter(|_| source.kind == "ClusterPolicy") {
        log.dropped(own, "a ClusterPolicy is in no namespace");
    }
    let own = own.filter(|_| source.kind == "Policy");
    if let Some(own) = &own {
        log.carried(own, "Policy.namespaces.names");
    }
    let namespaces = place::namespaces(rule, own.as_ref().and_then(Node::text), log);
    let name = format!("{}-{}", source.name, rule.word("name").unwrap_or("rule"));
    for item in rule.list("verifyImages") {
        let mut policy = gather.policy(&name, source.origin(&item));
        policy.mode = mode;
        policy.namespaces = namespaces.clone();
        policy.closed = closed.clone();
        self::item(&item, &mut policy, gather, log);
        if policy.images.is_empty() {
            gather.general.push(format!(
                "{}:{}: no image can have a name that `imageReferences` match, so that nothing was written",
                source.file,
                item.line()
            ));
        } else {
            gather.set.policies.push(policy);
        }
    }
}

fn item(item: &Node<'_>, policy: &mut Policy, gather: &mut Gather, log: &mut Log<'_>) {
    let known: Vec<&str> = ITEM.iter().copied().chain(["useCache"]).collect();
    if item.others(&known, log) {
        policy.close("a field that is not known");
    }
    images(item, policy, log);
    options(item, policy, log);
    let format = match item.get("type") {
        None => Some(Format::Legacy),
        Some(kind) => match kind.text() {
            Some("Cosign" | "") => {
                log.carried(&kind, "Signer.formats: [legacy]");
                Some(Format::Legacy)
            }
            Some("SigstoreBundle") => {
                log.carried(&kind, "Signer.formats: [bundle]");
                Some(Format::Bundle)
            }
            _ => {
                log.refused(
                    &kind,
                    "signatures of Notary are not verified",
                    "sign with cosign, and write a rule `signature`",
                );
                policy.close(format!("line {}: signatures of Notary", kind.line()));
                None
            }
        },
    };
    let Some(format) = format else {
        for field in ["attestors", "attestations", "key", "keyless"] {
            if let Some(node) = item.get(field) {
                log.refused(
                    &node,
                    "signatures of Notary are not verified",
                    "sign with cosign, and write a rule `signature`",
                );
            }
        }
        return;
    };
    let context = Context {
        format,
        name: policy.name.clone(),
        expand: true,
    };
    let mut asked = false;
    for (index, set) in item.list("attestors").iter().enumerate() {
        asked = true;
        match attestor::set(set, &context, gather, log) {
            Some(all) => {
                for from in all {
                    policy.rule(&format!("signed-{}", index + 1), Demand::Signature(from));
                }
            }
            None => policy.close(format!("line {}: attestors", set.line())),
        }
    }
    asked |= old_fields(item, &context, policy, gather, log);
    for node in item.list("attestations") {
        asked = true;
        attestation(&node, &context, policy, gather, log);
    }
    if !asked {
        log.refused(
            item,
            "it names nobody who has to sign",
            "name the attestors",
        );
        policy.close(format!(
            "line {}: nobody is named who has to sign",
            item.line()
        ));
    }
}

fn images(item: &Node<'_>, policy: &mut Policy, log: &mut Log<'_>) {
    let mut all = item.list("imageReferences");
    all.extend(item.get("image"));
    if all.is_empty() {
        log.refused(
            item,
            "no images are named, which the original refuses too",
            "name the images",
        );
        policy.add_images(vec!["**".to_owned()]);
        policy.close("no images are named");
    }
    for node in all {
        match images::covering(node.text().unwrap_or_default(), Dialect::Wildcard) {
            Ok(found) if found.patterns.is_empty() => {
                log.dropped(&node, "no image has such a name")
            }
            Ok(found) => {
                let text = found.patterns.join(", ");
                match found.fit {
                    Fit::Same => log.carried(&node, format!("Policy.images: {text}")),
                    Fit::AnyTag => log.stricter(
                        &node,
                        format!("Policy.images: {text}, with every tag and digest"),
                    ),
                    Fit::Wider => log.stricter(
                        &node,
                        format!("Policy.images: {text}; `?` is no operator here"),
                    ),
                }
                policy.add_images(found.patterns);
            }
            Err(why) => {
                log.refused(&node, &why, "name the images by a pattern of Policy.images");
                policy.add_images(vec!["**".to_owned()]);
                policy.close(format!("line {}: a pattern over images", node.line()));
            }
        }
    }
    for node in item.list("skipImageReferences") {
        match images::covered(node.text().unwrap_or_default()) {
            Ok(patterns) => {
                log.carried(&node, format!("Policy.except: {}", patterns.join(", ")));
                for pattern in patterns {
                    if !policy.except.contains(&pattern) {
                        policy.except.push(pattern);
                    }
                }
            }
            Err(why) => log.stricter(&node, format!("nothing is left out: {why}")),
        }
    }
}

/// What is not about who signed.
fn options(item: &Node<'_>, policy: &mut Policy, log: &mut Log<'_>) {
    if let Some(node) = item.get("failureAction") {
        policy.mode = action(&node);
        log.carried(&node, format!("Policy.mode: {}", word(policy.mode)));
    }
    let flag = |field: &str| item.get(field).and_then(|it| it.flag());
    if flag("mutateDigest") == Some(false) && flag("verifyDigest") != Some(false) {
        policy.rule("pinned", Demand::Digest);
    }
    if let Some(node) = item.get("mutateDigest") {
        match node.flag() {
            Some(true) => log.carried(&node, "a tag is resolved once, and what is judged is its digest; whoever admits it has to pin it"),
            _ => log.carried(&node, "with `verifyDigest` a rule that the reference has a digest"),
        }
    }
    if let Some(node) = item.get("verifyDigest") {
        log.carried(
            &node,
            "a rule that the reference has a digest, unless `mutateDigest` gives it one",
        );
    }
    if let Some(node) = item.get("required") {
        log.stricter(&node, "what is enforced has to pass always");
    }
    for (field, why) in [
        (
            "useCache",
            "proofs are cached by what was verified, whatever a policy says",
        ),
        (
            "imageRegistryCredentials",
            "credentials belong to whoever asks the registry (docs/credentials.md)",
        ),
        (
            "cosignOCI11",
            "evidence is looked for as OCI 1.1 referrers too",
        ),
    ] {
        if let Some(node) = item.get(field) {
            log.dropped(&node, why);
        }
    }
    if let Some(node) = item.get("repository") {
        attestor::repository(&node, log);
    }
    if let Some(node) = item.get("validate") {
        if node.get("deny").is_some() {
            log.refused(
                &node,
                "conditions over what was attested are not read",
                "write them as `where` of a rule `statement`",
            );
            policy.close(format!("line {}: `validate`", node.line()));
        } else {
            log.dropped(&node, "rules have no message of their own");
        }
    }
    for field in ["annotations", "additionalExtensions"] {
        if let Some(node) = item.get(field).filter(|it| !it.fields().is_empty()) {
            log.refused(
                &node,
                "it asks for what a signature says beside the image, which no rule compares",
                "leave it out if the signer is proof enough, and import again",
            );
            policy.close(format!("line {}: `{field}`", node.line()));
        }
    }
}

/// What older versions had in place of `attestors`; whether there is any.
fn old_fields(
    item: &Node<'_>,
    context: &Context,
    policy: &mut Policy,
    gather: &mut Gather,
    log: &mut Log<'_>,
) -> bool {
    let old = ["key", "subject", "issuer", "roots"];
    if !old.iter().any(|field| item.get(field).is_some()) {
        return false;
    }
    match attestor::old(item, context, gather, log) {
        Some(from) => policy.rule("signed", Demand::Signature(from)),
        None => policy.close(format!("line {}: who has to sign", item.line())),
    }
    true
}

fn attestation(
    node: &Node<'_>,
    context: &Context,
    policy: &mut Policy,
    gather: &mut Gather,
    log: &mut Log<'_>,
) {
    let why = format!("line {}: an attestation", node.line());
    let mut whole = !node.others(
        &["name", "predicateType", "type", "attestors", "conditions"],
        log,
    );
    if let Some(name) = node.get("name") {
        log.carried(&name, "the name of a rule");
    }
    // `predicateType` is what `type` was called before; where both stand, `type` counts.
    let old = node.get("predicateType");
    let written = node
        .get("type")
        .filter(|it| it.text() != Some(""))
        .or_else(|| old.clone());
    if let Some(old) = old.filter(|it| {
        written
            .as_ref()
            .is_some_and(|written| written.path != it.path)
    }) {
        log.dropped(&old, "`type` counts");
    }
    let predicate_type = written.as_ref().and_then(Node::text).unwrap_or_default();
    if let Some(written) = &written {
        if predicate::is_type(predicate_type) {
            log.carried(written, "the predicateType of a rule `statement`");
        } else {
            log.refused(written, "it is no predicate type", "write the whole type");
            whole = false;
        }
    } else {
        log.refused(node, "an attestation without a type", "name its type");
        whole = false;
    }
    if let Some(conditions) = node.get("conditions").filter(|it| !it.items().is_empty()) {
        log.refused(
            &conditions,
            "conditions over what was attested are not read, and without them any content would do",
            "write them as `where` of the rule `statement`, or use `provenance`, `sbom` or `vulnerabilities`",
        );
        whole = false;
    }
    let sets = node.list("attestors");
    if sets.is_empty() {
        log.refused(
            node,
            "nobody is named who has to attest, so that anybody's word would count",
            "name the attestors",
        );
        whole = false;
    }
    let context = Context {
        expand: false,
        ..context.clone()
    };
    for set in &sets {
        match attestor::set(set, &context, gather, log) {
            Some(all) if whole => {
                for from in all {
                    policy.rule(
                        node.word("name").unwrap_or("attested"),
                        Demand::Statement {
                            from,
                            predicate_type: predicate_type.to_owned(),
                        },
                    );
                }
            }
            _ => whole = false,
        }
    }
    if !whole {
        policy.close(why);
    }
}
