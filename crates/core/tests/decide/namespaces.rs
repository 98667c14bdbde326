//! Where a policy judges, and what relief a Pod with an owner has.

use std::collections::BTreeMap;

use countersign_core::{
    Decision, Evidence, Limits, Namespace, NamespaceFit, ReasonCode, Request, Resolution, Verdict,
    decide, examine,
};
use countersign_testkit::forge::Identity;

use crate::world::{DAY, NOW, World, ci, policy, request, set, settings};

const SIGNATURE: &str = "signature: {from: ci}";

fn judged(world: &World, text: &str, request: &Request) -> Decision {
    let policies = world.policies(text);
    let evidence = Evidence {
        items: world.items.clone(),
        ..Evidence::default()
    };
    let findings = examine(
        &world.image,
        &evidence,
        policies.trust(),
        &Limits::default(),
    );
    let resolution = Resolution::Examined {
        image: &world.image,
        findings: &findings,
        children: &[],
    };
    decide(&policies, request, resolution, NOW)
}

fn selecting(selector: &str, mode: &str) -> String {
    let more = format!("  namespaces: {selector}\n");
    let documents = [
        settings("allow", "allow"),
        ci(),
        policy("p", mode, &more, &[SIGNATURE]),
    ];
    documents.join("---\n")
}

fn labelled(name: &str, labels: &[(&str, &str)]) -> Namespace {
    let pairs = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Namespace::new(name).labelled(pairs.collect::<BTreeMap<_, _>>())
}

/// An unsigned image: the policy denies wherever it judges.
#[test]
fn a_policy_judges_in_the_namespaces_that_it_names() {
    let world = World::new();
    let prod = "{names: [\"prod-*\", live], notNames: [prod-lab]}";
    let tier = "{names: [\"prod-*\"], matchLabels: {tier: prod, \"app.example/x\": \"\"}}";
    let full = [("tier", "prod"), ("app.example/x", ""), ("more", "y")];
    for (selector, namespace, expected) in [
        (prod, Namespace::new("prod-a"), Some(NamespaceFit::Yes)),
        (prod, Namespace::new("live"), Some(NamespaceFit::Yes)),
        (prod, Namespace::new("prod-lab"), None),
        (prod, Namespace::new("production"), None),
        (prod, Namespace::new("a-prod-a"), None),
        (tier, labelled("prod-a", &full), Some(NamespaceFit::Yes)),
        (tier, labelled("prod-a", &full[..1]), None),
        (
            tier,
            labelled("prod-a", &[("tier", "prod2"), ("app.example/x", "")]),
            None,
        ),
        (tier, labelled("prod-a", &[]), None),
        (tier, labelled("dev", &full), None),
        // The name says already that the policy does not judge.
        (tier, Namespace::new("dev"), None),
        (tier, Namespace::new("prod-a"), Some(NamespaceFit::Unknown)),
        (
            "{notNames: [dev]}",
            Namespace::new("prod-a"),
            Some(NamespaceFit::Yes),
        ),
        ("{notNames: [dev]}", Namespace::new("dev"), None),
    ] {
        let request = request("ghcr.io/acme/app").in_namespace(namespace.clone());
        let decision = judged(&world, &selecting(selector, "enforce"), &request);
        let found = decision.policies().first().and_then(|it| it.namespaces);
        assert_eq!(found, expected, "{selector} {namespace:?}");
        let effect = match expected {
            None => Verdict::Allow,
            Some(NamespaceFit::Unknown) => Verdict::Unknown,
            Some(_) => Verdict::Deny,
        };
        assert_eq!(decision.effect(), effect, "{selector} {namespace:?}");
    }
}

/// Unknown is never "no match": not for a signed image either, and `onUnknown: allow` does not excuse it.
#[test]
fn unknown_labels_are_unknown() {
    let signed = World::new().signed_by(&Identity::default());
    for world in [&signed, &World::new()] {
        for (mode, expected) in [
            ("enforce", Verdict::Unknown),
            ("warn", Verdict::Allow),
            ("audit", Verdict::Allow),
        ] {
            let text = selecting("{matchLabels: {tier: prod}}", mode);
            let request = request("ghcr.io/acme/app").in_namespace(Namespace::new("prod"));
            let decision = judged(world, &text, &request);
            assert_eq!(decision.effect(), expected, "{mode}");
            assert_eq!(decision.judged(), Verdict::Unknown);
            let codes: Vec<ReasonCode> = decision.warnings().iter().map(|it| it.code).collect();
            assert_eq!(
                codes.contains(&ReasonCode::NamespaceUnknown),
                mode != "audit"
            );
        }
    }
}

#[test]
fn without_a_namespace_every_selector_counts_as_matching_and_that_is_said() {
    let decision = judged(
        &World::new(),
        &selecting("{names: [prod]}", "enforce"),
        &request("ghcr.io/acme/app"),
    );
    assert_eq!(decision.effect(), Verdict::Deny);
    let codes: Vec<ReasonCode> = decision.warnings().iter().map(|it| it.code).collect();
    assert_eq!(codes, [ReasonCode::NamespaceNotGiven]);
}

#[test]
fn age_alone_is_relieved_and_only_where_the_rule_allows_it() {
    let world = World::new();
    let old = world.ago(10);
    let bundle = old
        .image_signature(&world.digest())
        .keyless(Identity::default())
        .rekor_v1()
        .bundle();
    let world = world.attach(countersign_core::Content::Bundle(bundle.into()));
    let plain = request("ghcr.io/acme/app");
    let relieved = plain.clone().with_age_relief();
    let days = 10 * DAY / 86_400;
    for (more, request, expected) in [
        ("maxAge: 9d", &plain, Some("too-old")),
        ("maxAge: 9d", &relieved, None),
        ("maxAge: 9d, ageAlways: true", &plain, Some("too-old")),
        ("maxAge: 9d, ageAlways: true", &relieved, Some("too-old")),
        ("maxAge: 11d", &plain, None),
    ] {
        let text = set(&[ci()], &format!("signature: {{from: ci, {more}}}"));
        let decision = judged(&world, &text, request);
        let code = decision.policies()[0].rules[0].code.map(ReasonCode::as_str);
        assert_eq!(code, expected, "{more} {days}");
        let warned = decision
            .warnings()
            .iter()
            .any(|it| it.code == ReasonCode::TooOld);
        assert_eq!(warned, more == "maxAge: 9d" && code.is_none(), "{more}");
    }
    // What was never signed stays so.
    let text = set(&[ci()], "signature: {from: ci, maxAge: 9d}");
    assert_eq!(
        judged(&World::new(), &text, &relieved).effect(),
        Verdict::Deny
    );
}

#[test]
fn a_policy_tells_the_level_that_it_emits() {
    let documents = [
        settings("deny", "deny"),
        ci(),
        policy("p", "enforce", "  emits: ACME_PROD\n", &[SIGNATURE]),
    ];
    let decision = World::new().decide(&documents.join("---\n"));
    assert_eq!(decision.policies()[0].emits.as_deref(), Some("ACME_PROD"));
}

/// A policy none of whose rules has begun changes nothing, wherever it judges.
#[test]
fn unknown_labels_change_nothing_before_a_rule_begins() {
    let rule = format!("{SIGNATURE}, effectiveFrom: 2099-01-01");
    let more = "  namespaces: {matchLabels: {tier: prod}}\n";
    let documents = [
        settings("allow", "allow"),
        ci(),
        policy("p", "enforce", more, &[&rule]),
    ];
    let request = request("ghcr.io/acme/app").in_namespace(Namespace::new("prod"));
    let decision = judged(&World::new(), &documents.join("---\n"), &request);
    assert_eq!(decision.effect(), Verdict::Allow);
}
