//! policy-controller's ClusterImagePolicy (v1alpha1 and v1beta1): `pkg/apis/policy` and `pkg/webhook/validator.go` there.
//!
//! Any of the authorities of a policy has to pass; of the attestations of one authority, all. Every policy that names an
//! image has to pass.

mod authority;
mod root;

use super::gather::{Gather, Source};
use super::images::{self, Dialect, Fit};
use super::model::{Demand, From, Mode, Policy, Unmatched};
use super::node::Node;
use super::report::Log;
use authority::Authority;
pub(super) use root::trust_root;

/// One ClusterImagePolicy.
pub(super) fn cluster_image_policy(source: &Source<'_>, gather: &mut Gather, log: &mut Log<'_>) {
    source.metadata(log);
    let Some(node) = source.spec(gather, log) else {
        return;
    };
    let node = &node;
    let mut policy = gather.policy(&source.name, source.origin(node));
    let known = ["images", "authorities", "policy", "mode", "match"];
    if node.others(&known, log) {
        policy.close("a field that is not known");
    }
    images(node, gather.set.unmatched, &mut policy, log);
    matched(node, gather.set.unmatched, &mut policy, log);
    mode(node, &mut policy, log);
    authorities(node, &mut policy, gather, log);
    if let Some(after) = node.get("policy") {
        log.refused(
            &after,
            "CUE and Rego over the results of authorities are not read",
            "say what it demands as rules, each with its own `from`",
        );
        policy.close(format!(
            "line {}: a policy in CUE or Rego over the authorities",
            after.line()
        ));
    }
    if log.complete(&source.node) {
        policy.close("a field that was not understood");
    }
    if policy.images.is_empty() {
        gather.general.push(format!(
            "{}: {}: no image can have a name that its `images` match, so that nothing was written",
            source.file, source.name
        ));
        return;
    }
    // A warning counts as a match in the original, and not here.
    if policy.mode == Mode::Warn && gather.set.unmatched == Unmatched::Deny {
        let mut named = gather.policy(&format!("{}-named", policy.name), policy.origin.clone());
        named.add_images(policy.images.clone());
        named.rule("may-run", Demand::Nothing);
        gather.set.policies.push(named);
    }
    gather.set.policies.push(policy);
}

fn images(spec: &Node<'_>, unmatched: Unmatched, policy: &mut Policy, log: &mut Log<'_>) {
    let all = spec.list("images");
    if all.is_empty() {
        policy.add_images(vec!["**".to_owned()]);
        policy.close("no images are named");
        log.refused(
            spec,
            "no images are named, which the original refuses too",
            "name the images",
        );
    }
    for item in all {
        let Some(glob) = item.get("glob") else {
            continue;
        };
        match images::covering(glob.text().unwrap_or_default(), Dialect::Controller) {
            Err(why) => {
                log.refused(
                    &glob,
                    &format!("it is no glob in the original either: {why}"),
                    "correct it",
                );
                policy.add_images(vec!["**".to_owned()]);
                policy.close(format!("line {}: a glob that is none", glob.line()));
            }
            Ok(found) if found.patterns.is_empty() => {
                log.dropped(&glob, "no image has such a name");
            }
            Ok(found) => {
                let patterns = found.patterns.join(", ");
                policy.add_images(found.patterns);
                match (found.fit, unmatched) {
                    (Fit::Same, _) => log.carried(&glob, format!("Policy.images: {patterns}")),
                    (_, Unmatched::Deny) => {
                        log.refused(
                            &glob,
                            "it names some tags or digests of a repository and denies the others, and Policy.images cannot tell them apart",
                            "end it with `*` in place of tag or digest if all of them are meant, and import again",
                        );
                        policy.close(format!("line {}: a glob with a tag or digest", glob.line()));
                    }
                    (_, Unmatched::Warn | Unmatched::Allow) => log.stricter(
                        &glob,
                        format!("Policy.images: {patterns}, with every tag and digest"),
                    ),
                }
            }
        }
    }
}

/// Kinds and labels of workloads, of which nothing is known here.
fn matched(spec: &Node<'_>, unmatched: Unmatched, policy: &mut Policy, log: &mut Log<'_>) {
    let Some(matched) = spec.get("match") else {
        return;
    };
    if unmatched == Unmatched::Deny && !matched.items().is_empty() {
        log.refused(
            &matched,
            "it is for some kinds of workloads or labels only, and in others the same images match nothing and are denied",
            "leave `match` out if the policy is meant for all workloads, or name namespaces in the Policy",
        );
        policy.close(format!("line {}: `match`", matched.line()));
    } else {
        log.stricter(
            &matched,
            "kinds and labels of workloads are not looked at: the Policy is for all of them",
        );
    }
}

fn mode(spec: &Node<'_>, policy: &mut Policy, log: &mut Log<'_>) {
    let Some(mode) = spec.get("mode") else {
        return;
    };
    match mode.text() {
        Some("warn") => {
            policy.mode = Mode::Warn;
            log.carried(&mode, "Policy.mode: warn");
        }
        Some("enforce" | "") => log.carried(&mode, "Policy.mode: enforce"),
        _ => log.stricter(&mode, "it is no mode; the Policy enforces"),
    }
}

fn authorities(spec: &Node<'_>, policy: &mut Policy, gather: &mut Gather, log: &mut Log<'_>) {
    let all = spec.list("authorities");
    if all.is_empty() {
        log.refused(
            spec,
            "no authority is named, which the original refuses unless it is told not to",
            "name who has to sign, or `static: {action: pass}`",
        );
        policy.close("no authority is named");
        return;
    }
    let count = all.len();
    let kept: Vec<Authority> = all
        .iter()
        .enumerate()
        .filter_map(|(index, node)| Authority::read(node, index, &policy.name, gather, log))
        .collect();
    if kept.iter().any(|it| matches!(it, Authority::Pass)) {
        policy.rule("may-run", Demand::Nothing);
        return;
    }
    let named: Vec<&authority::Named> = kept
        .iter()
        .filter_map(|it| match it {
            Authority::Named(named) => Some(named),
            Authority::Pass | Authority::Fail => None,
        })
        .collect();
    match named.as_slice() {
        [] if kept.len() == count => policy.rule("denied", Demand::Never),
        [] => policy.close("no authority could be carried over"),
        [one] => one.rules(policy),
        [first, rest @ ..] => {
            let alike = rest.iter().all(|it| it.types() == first.types());
            if !alike || first.types().len() > 1 {
                log.refused(
                    spec.get("authorities").as_ref().unwrap_or(spec),
                    "one of several authorities is enough, and they ask for different attestations; rules must all pass",
                    "write a Policy for the one that is meant, or rules that all of them meet",
                );
                policy.close("authorities that ask for different attestations");
                return;
            }
            let signers = named.iter().flat_map(|it| it.signers.iter().copied());
            let mut from = From {
                signers: Vec::new(),
                count: 1,
            };
            for signer in signers {
                if !from.signers.contains(&signer) {
                    from.signers.push(signer);
                }
            }
            match first.types().first() {
                None => policy.rule("signed", Demand::Signature(from)),
                Some(predicate_type) => policy.rule(
                    "attested",
                    Demand::Statement {
                        from,
                        predicate_type: (*predicate_type).to_owned(),
                    },
                ),
            }
        }
    }
}
