//! Adding a policy that does not enforce never changes the enforced verdict, and nothing passes by emptiness.

use countersign_core::{FoundBy, GapClass, Verdict};
use countersign_testkit::forge::Identity;
use proptest::prelude::*;

use crate::world::{SBOM, TEST, World, attestation, ci, keyless, policy, settings, workflow};

const RULES: [&str; 7] = [
    "digest: required",
    "digest: resolve-at-admission-unsafe",
    "signature: {from: ci}",
    "signature: {from: {all: [ci, other]}}",
    "signature: {from: {any: [ci, other]}, match: newest}",
    "statement: {from: ci, predicateType: https://cyclonedx.org/bom}",
    "statement: {from: {atLeast: 1, of: [ci, other]}, predicateType: https://in-toto.io/attestation/test-result/v0.1, maxAge: 1h, match: all}",
];

fn other() -> String {
    keyless(
        "other",
        &workflow("acme/other", "main"),
        "{repository: acme/other}",
    )
}

/// Names of rules, mode and `effectiveFrom` of one policy.
fn arbitrary_policy() -> impl Strategy<Value = (Vec<&'static str>, bool)> {
    (
        prop::collection::vec(prop::sample::select(&RULES[..]), 1..4),
        any::<bool>(),
    )
}

fn arbitrary_world() -> impl Strategy<Value = (bool, bool, bool, Option<(bool, u8)>)> {
    (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        prop::option::of((any::<bool>(), 0..4_u8)),
    )
}

fn world(signed: bool, by_other: bool, attested: bool, gap: Option<(bool, u8)>) -> World {
    let mut world = World::new();
    if signed {
        world = world.signed_by(&Identity::default());
    }
    if by_other {
        world = world.signed_by(&Identity::github_workflow(
            "acme/other",
            "release.yml",
            "refs/heads/main",
        ));
    }
    if attested {
        world = world
            .bundle(|forge, digest| attestation(forge, digest, SBOM).rekor_v1().bundle())
            .bundle(|forge, digest| attestation(forge, digest, TEST).rekor_v1().bundle());
    }
    if let Some((hostile, hides)) = gap {
        let class = if hostile {
            GapClass::Hostile
        } else {
            GapClass::Unavailable
        };
        let kinds = [
            None,
            Some(FoundBy::Referrers),
            Some(FoundBy::SignatureTag),
            Some(FoundBy::AttestationTag),
        ];
        world = world.gap(class, kinds[usize::from(hides)]);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_does_not_enforce_changes_no_effect(
        (signed, by_other, attested, gap) in arbitrary_world(),
        enforced in prop::collection::vec(arbitrary_policy(), 0..3),
        added in arbitrary_policy(),
        how in 0..3_usize,
        unmatched in prop::sample::select(&["deny", "warn", "allow"][..]),
        on_unknown in prop::sample::select(&["deny", "allow"][..]),
        pinned in any::<bool>(),
    ) {
        let world = world(signed, by_other, attested, gap);
        let mut documents = vec![settings(unmatched, on_unknown), ci(), other()];
        documents.push(policy("anchor", "audit", "", &["digest: required"]));
        for (index, (rules, later)) in enforced.iter().enumerate() {
            let more = if *later { "  effectiveFrom: 2001-01-01\n" } else { "" };
            documents.push(policy(&format!("e{index}"), "enforce", more, rules));
        }
        let before = documents.join("---\n");
        let (mode, more) = [("warn", ""), ("audit", ""), ("enforce", "  effectiveFrom: 2090-01-01\n")][how];
        documents.push(policy("added", mode, more, &added.0));
        let after = documents.join("---\n");
        let reference = if pinned { format!("ghcr.io/acme/app@{}", world.digest()) } else { "ghcr.io/acme/app:v1".to_owned() };
        let now = crate::world::NOW;
        let (before, after) = (world.decide_at(&before, &reference, now), world.decide_at(&after, &reference, now));
        prop_assert_eq!(before.effect(), after.effect());
        prop_assert!(after.judged() >= after.effect() || unmatched == "allow" || on_unknown == "allow");
    }

    #[test]
    fn without_evidence_no_evidence_rule_passes(
        rules in prop::collection::vec(prop::sample::select(&RULES[2..]), 1..4),
        gap in prop::option::of((any::<bool>(), 0..4_u8)),
    ) {
        let world = world(false, false, false, gap);
        let text = [settings("allow", "deny"), ci(), other(), policy("p", "enforce", "", &rules)].join("---\n");
        prop_assert_ne!(world.decide(&text).effect(), Verdict::Allow);
    }
}
