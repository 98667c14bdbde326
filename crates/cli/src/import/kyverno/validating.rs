//! ImageValidatingPolicy: the attestors that a validation names, where the form of the validation is plain.

mod attestors;

use std::collections::BTreeMap;

use super::super::gather::{Gather, Source};
use super::super::images::{self, Dialect, Fit};
use super::super::model::{Demand, From, Mode, Policy};
use super::super::node::Node;
use super::super::predicate;
use super::super::report::Log;
use super::calls::{self, Call};

const DROPPED: [(&str, &str); 8] = [
    (
        "auditAnnotations",
        "it has no effect on what is decided of an image",
    ),
    (
        "webhookConfiguration",
        "it has no effect on what is decided of an image",
    ),
    ("autogen", "a Policy is for every workload"),
    (
        "credentials",
        "credentials belong to whoever asks the registry (docs/credentials.md)",
    ),
    ("images", "whoever asks names the images"),
    ("variables", "what needs them is said where it stands"),
    (
        "background",
        "it has no effect on what is decided of an image",
    ),
    (
        "reportProperties",
        "it has no effect on what is decided of an image",
    ),
];

/// One ImageValidatingPolicy, or NamespacedImageValidatingPolicy.
pub(crate) fn image_validating_policy(source: &Source<'_>, gather: &mut Gather, log: &mut Log<'_>) {
    source.metadata(log);
    let Some(node) = source.spec(gather, log) else {
        return;
    };
    let node = &node;
    let mut policy = gather.policy(&source.name, source.origin(node));
    let own = [
        "matchConstraints",
        "failurePolicy",
        "validationActions",
        "matchConditions",
        "validationConfigurations",
        "matchImageReferences",
        "attestors",
        "attestations",
        "validations",
        "evaluation",
    ];
    let known: Vec<&str> = own
        .into_iter()
        .chain(DROPPED.iter().map(|(field, _)| *field))
        .collect();
    if node.others(&known, log) {
        policy.close("a field that is not known");
    }
    for (field, why) in DROPPED {
        if let Some(node) = node.get(field) {
            log.dropped(&node, why);
        }
    }
    place(source, node, &mut policy, log);
    mode(node, &mut policy, log);
    references(node, &mut policy, log);
    digests(node, &mut policy, log);
    let attestors = attestors::read(node, &policy.name, gather, log);
    let attestations = attestations(node, log);
    let validations = node.list("validations");
    if validations.is_empty() {
        log.refused(node, "nothing is validated", "say what is asked of images");
        policy.close("no validations");
    }
    for validation in &validations {
        self::validation(validation, &attestors, &attestations, &mut policy, log);
    }
    if log.complete(&source.node) {
        policy.close("a field that was not understood");
    }
    if policy.images.is_empty() {
        gather.general.push(format!(
            "{}: {}: no image can have a name that it matches, so that nothing was written",
            source.file, source.name
        ));
    } else {
        gather.set.policies.push(policy);
    }
}

fn place(source: &Source<'_>, spec: &Node<'_>, policy: &mut Policy, log: &mut Log<'_>) {
    let own = source.node.at(&["metadata", "namespace"]);
    if let Some(own) = own {
        if source.kind == "NamespacedImageValidatingPolicy" {
            log.carried(&own, "Policy.namespaces.names");
            policy.namespaces.names = own.text().map(str::to_owned).into_iter().collect();
        } else {
            log.dropped(&own, "an ImageValidatingPolicy is in no namespace");
        }
    }
    if let Some(matched) = spec.get("matchConstraints") {
        log.stricter(
            &matched,
            "kinds, names and labels are not looked at: the Policy is for all workloads",
        );
    }
    if let Some(conditions) = spec.get("matchConditions") {
        log.stricter(&conditions, "the Policy judges whatever they say");
    }
}

fn mode(spec: &Node<'_>, policy: &mut Policy, log: &mut Log<'_>) {
    if let Some(failure) = spec.get("failurePolicy") {
        log.stricter(
            &failure,
            "what happens when nobody can tell says Settings.onUnknown, and that denies",
        );
    }
    if let Some(actions) = spec.get("validationActions") {
        let has = |word: &str| actions.items().iter().any(|it| it.text() == Some(word));
        let known = actions
            .items()
            .iter()
            .all(|it| matches!(it.text(), Some("Deny" | "Warn" | "Audit")));
        policy.mode = match () {
            () if actions.items().is_empty() || !known || has("Deny") => Mode::Enforce,
            () if has("Warn") => Mode::Warn,
            () => Mode::Audit,
        };
        log.carried(
            &actions,
            format!("Policy.mode: {}", super::word(policy.mode)),
        );
    }
    if let Some(evaluation) = spec.get("evaluation") {
        let off = evaluation
            .at(&["admission", "enabled"])
            .and_then(|it| it.flag())
            == Some(false);
        if off {
            policy.mode = Mode::Audit;
            log.carried(
                &evaluation,
                "Policy.mode: audit, for it judges nothing that is admitted",
            );
        } else {
            log.dropped(&evaluation, "images are judged when they are asked about");
        }
    }
}

fn references(spec: &Node<'_>, policy: &mut Policy, log: &mut Log<'_>) {
    let all = spec.list("matchImageReferences");
    if all.is_empty() {
        policy.add_images(vec!["**".to_owned()]);
        log.carried(spec, "Policy.images: **, for no image references are named");
    }
    for item in all {
        if let Some(glob) = item.get("glob") {
            match images::covering(glob.text().unwrap_or_default(), Dialect::Glob) {
                Ok(found) if found.patterns.is_empty() => {
                    log.dropped(&glob, "no image has such a name")
                }
                Ok(found) => {
                    let text = found.patterns.join(", ");
                    match found.fit {
                        Fit::Same => log.carried(&glob, format!("Policy.images: {text}")),
                        Fit::AnyTag => log.stricter(
                            &glob,
                            format!("Policy.images: {text}, with every tag and digest"),
                        ),
                        Fit::Wider => log.stricter(
                            &glob,
                            format!("Policy.images: {text}; `?` is no operator here"),
                        ),
                    }
                    policy.add_images(found.patterns);
                }
                Err(why) => {
                    policy.add_images(vec!["**".to_owned()]);
                    log.stricter(&glob, format!("Policy.images: **, for {why}"));
                }
            }
        }
        if let Some(expression) = item.get("expression") {
            policy.add_images(vec!["**".to_owned()]);
            log.stricter(
                &expression,
                "Policy.images: **, for an expression over references is not read",
            );
        }
    }
    if policy.images.iter().any(|it| it == "**") {
        policy.images = vec!["**".to_owned()];
    }
}

fn digests(spec: &Node<'_>, policy: &mut Policy, log: &mut Log<'_>) {
    let Some(node) = spec.get("validationConfigurations") else {
        return;
    };
    if node.others(&["mutateDigest", "verifyDigest", "required"], log) {
        policy.close("a field that is not known");
    }
    let flag = |field: &str| node.get(field).and_then(|it| it.flag());
    if flag("mutateDigest") == Some(false) && flag("verifyDigest") != Some(false) {
        policy.rule("pinned", Demand::Digest);
    }
    for (field, meaning) in [
        (
            "mutateDigest",
            "a tag is resolved once, and what is judged is its digest; whoever admits it has to pin it",
        ),
        (
            "verifyDigest",
            "a rule that the reference has a digest, unless `mutateDigest` gives it one",
        ),
        ("required", "what is enforced has to pass always"),
    ] {
        if let Some(node) = node.get(field) {
            log.carried(&node, meaning);
        }
    }
}

/// The predicate type of each attestation, by its name.
fn attestations(spec: &Node<'_>, log: &mut Log<'_>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for node in spec.list("attestations") {
        let whole = !node.others(&["name", "intoto", "referrer"], log);
        if let Some(name) = node.get("name") {
            log.carried(&name, "the name of a rule");
        }
        if let Some(referrer) = node.get("referrer") {
            log.refused(
                &referrer,
                "an artifact that refers to an image is no signed statement",
                "attest it with cosign, and name its type in `intoto`",
            );
        }
        let Some(written) = node.at(&["intoto", "type"]) else {
            continue;
        };
        let text = written.text().unwrap_or_default();
        if predicate::is_type(text) && whole {
            log.carried(&written, "the predicateType of a rule `statement`");
            all.insert(
                node.word("name").unwrap_or_default().to_owned(),
                text.to_owned(),
            );
        } else {
            log.refused(&written, "it is no predicate type", "write the whole type");
        }
    }
    all
}

fn validation(
    node: &Node<'_>,
    attestors: &BTreeMap<String, Option<Vec<usize>>>,
    attestations: &BTreeMap<String, String>,
    policy: &mut Policy,
    log: &mut Log<'_>,
) {
    if node.others(
        &["expression", "message", "messageExpression", "reason"],
        log,
    ) {
        policy.close("a field that is not known");
    }
    for field in ["message", "messageExpression", "reason"] {
        if let Some(node) = node.get(field) {
            log.dropped(&node, "rules have no message of their own");
        }
    }
    let Some(expression) = node.get("expression") else {
        policy.close(format!(
            "line {}: a validation without an expression",
            node.line()
        ));
        return;
    };
    let text: String = expression
        .text()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let Some(call) = calls::read(&text) else {
        log.refused(
            &expression,
            "only plain forms of verifyImageSignatures and verifyAttestationSignatures are read, with attestors that count",
            "write the rule that says the same (docs/policy-reference.md)",
        );
        policy.close(format!("line {}: a validation in CEL", expression.line()));
        return;
    };
    match demands(&call, attestors, attestations) {
        Ok(demands) => {
            log.carried(
                &expression,
                "a rule for every image, whichever list of the workload it stands in",
            );
            for demand in demands {
                policy.rule(call.attestation.unwrap_or("signed"), demand);
            }
        }
        Err(why) => {
            log.refused(&expression, &why, "see the report on what it names");
            policy.close(format!("line {}: {why}", expression.line()));
        }
    }
}

/// The rules' demands that a validation means.
fn demands(
    call: &Call<'_>,
    attestors: &BTreeMap<String, Option<Vec<usize>>>,
    attestations: &BTreeMap<String, String>,
) -> Result<Vec<Demand>, String> {
    let mut sets: Vec<Vec<usize>> = Vec::new();
    for name in &call.attestors {
        match attestors.get(*name) {
            Some(Some(signers)) => sets.push(signers.clone()),
            // Where one is enough, the others are.
            Some(None) if !call.all => {}
            Some(None) => return Err(format!("the attestor `{name}` could not be carried over")),
            None => return Err(format!("there is no attestor `{name}`")),
        }
    }
    if sets.is_empty() {
        return Err("none of its attestors could be carried over".to_owned());
    }
    if !call.all {
        let mut any: Vec<usize> = sets.concat();
        any.sort_unstable();
        any.dedup();
        sets = vec![any];
    }
    let predicate_type = match call.attestation {
        None => None,
        Some(name) => {
            let known = attestations.get(name);
            Some(
                known
                    .ok_or_else(|| format!("the attestation `{name}` could not be carried over"))?,
            )
        }
    };
    let demand = |signers: Vec<usize>| {
        let from = From { signers, count: 1 };
        match predicate_type {
            None => Demand::Signature(from),
            Some(predicate_type) => Demand::Statement {
                from,
                predicate_type: predicate_type.clone(),
            },
        }
    };
    Ok(sets.into_iter().map(demand).collect())
}
