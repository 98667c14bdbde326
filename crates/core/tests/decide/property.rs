//! Adding a policy that does not enforce never changes the enforced verdict, what is revoked is denied, and nothing passes by
//! emptiness.

use countersign_core::{Digest, FoundBy, GapClass, Verdict};
use countersign_testkit::forge::Identity;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::provenance::{V1, github, with};
use crate::summary::{VSA, changed, vsa};
use crate::vulnerabilities::{OPENVEX, VULN, finding, scan, vex};
use crate::world::{
    NOW, SBOM, TEST, World, attestation, ci, keyless, policy, revocation, settings, workflow,
};

/// The first two need no evidence.
const RULES: [&str; 18] = [
    "digest: required",
    "digest: resolve-at-admission-unsafe",
    "signature: {from: ci}",
    "signature: {from: {all: [ci, other]}}",
    "signature: {from: {any: [ci, other]}, match: newest}",
    "statement: {from: ci, predicateType: https://cyclonedx.org/bom}",
    "statement: {from: {atLeast: 1, of: [ci, other]}, predicateType: https://in-toto.io/attestation/test-result/v0.1, maxAge: 1h, match: all}",
    "provenance: {from: ci}",
    "provenance: {from: {any: [ci, other]}, match: newest, buildTypes: [https://acme.example/build]}",
    "provenance: {from: ci, match: all, builders: [github-attest], minLevel: 2, source: {repository: acme/app}, parameters: {others: deny}, maxAge: 1h}",
    "sbom: {from: {any: [ci, other]}}",
    "sbom: {from: ci, match: all, licenses: {deny: [AGPL-3.0], unknown: deny, missing: warn}}",
    "sbom: {from: ci, match: newest, packages: {deny: [{purl: \"pkg:npm/a\", versions: \"<2\"}], incomparable: deny}, maxAge: 1h}",
    "vulnerabilities: {from: ci, denyFrom: high}",
    "vulnerabilities: {from: ci, denyFrom: high, match: all, vex: {from: other}}",
    "vulnerabilities: {from: {any: [ci, other]}, denyFrom: low, unsupported: warn, maxAge: 36h}",
    "summary: {from: ci, verifier: \"https://acme.example/promote\", resource: \"{registry}/{repository}\", levels: [ACME_STAGING]}",
    "summary: {from: {any: [ci, other]}, verifier: \"https://acme.example/promote\", resource: \"{registry}/{repository}\", levels: [SLSA_BUILD_LEVEL_2], match: all, minAge: 36h}",
];

const CI: &str = "identities: [{issuer: \"https://token.actions.githubusercontent.com\", subject: \"https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main\"}]";

fn other() -> String {
    keyless(
        "other",
        &workflow("acme/other", "main"),
        "{repository: acme/other}",
    )
}

fn by_other() -> Identity {
    Identity::github_workflow("acme/other", "release.yml", "refs/heads/main")
}

/// What may be attached.
#[derive(Debug, Clone, Copy)]
enum Thing {
    Signature,
    OtherSignature,
    Test,
    Sbom,
    BannedSbom,
    Provenance,
    LyingProvenance,
    /// Two days old.
    CleanScan,
    /// Of today.
    BadScan,
    /// Subtracts what the bad scan found.
    Vex,
    /// Two days old.
    Summary,
    /// Of today.
    FailedSummary,
}

const GOOD: [Thing; 7] = [
    Thing::Signature,
    Thing::OtherSignature,
    Thing::Test,
    Thing::Sbom,
    Thing::Provenance,
    Thing::CleanScan,
    Thing::Summary,
];
const BAD: [Thing; 5] = [
    Thing::BannedSbom,
    Thing::LyingProvenance,
    Thing::BadScan,
    Thing::Vex,
    Thing::FailedSummary,
];

fn sbom(version: &str, license: &str) -> Value {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
        {"type": "library", "name": "a", "version": version, "purl": format!("pkg:npm/a@{version}"), "licenses": [{"license": {"id": license}}]}
    ]})
}

impl World {
    fn has(self, thing: Thing) -> Self {
        let ci = Identity::default();
        match thing {
            Thing::Signature => self.signed_by(&ci),
            Thing::OtherSignature => self.signed_by(&by_other()),
            Thing::Test => {
                self.bundle(|forge, digest| attestation(forge, digest, TEST).rekor_v1().bundle())
            }
            Thing::Sbom => self.attested(&ci, 0, SBOM, &sbom("2.0.0", "MIT")),
            Thing::BannedSbom => self.attested(&ci, 0, SBOM, &sbom("1.0.0", "AGPL-3.0-only")),
            Thing::Provenance => self.attested(&ci, 0, V1, &github()),
            Thing::LyingProvenance => {
                let workflow = "/buildDefinition/externalParameters/workflow/repository";
                let elsewhere = json!("https://github.com/acme/else");
                self.attested(&ci, 0, V1, &with(github(), workflow, elsewhere))
            }
            Thing::CleanScan => self.attested(&ci, 1, VULN, &scan(&[])),
            Thing::BadScan => self.attested(&ci, 0, VULN, &scan(&[finding("CVE-1", "HIGH")])),
            Thing::Summary => self.attested(&ci, 2, VSA, &vsa()),
            Thing::FailedSummary => {
                let failed = changed("/verificationResult", json!("FAILED"));
                self.attested(&ci, 0, VSA, &failed)
            }
            Thing::Vex => {
                let justification = Some("vulnerable_code_not_present");
                let assertion = vex("CVE-1", "not_affected", justification, None);
                self.attested(&by_other(), 0, OPENVEX, &assertion)
            }
        }
    }
}

/// Rules of one policy, and whether it has an `effectiveFrom` of long ago.
fn arbitrary_policy() -> impl Strategy<Value = (Vec<&'static str>, bool)> {
    (
        prop::collection::vec(prop::sample::select(&RULES[..]), 1..4),
        any::<bool>(),
    )
}

fn arbitrary_things() -> impl Strategy<Value = Vec<Thing>> {
    let all = [&GOOD[..], &BAD[..]].concat();
    let most = all.len();
    prop::sample::subsequence(all, 0..=most)
}

/// Whether hostile, and what it hides.
fn arbitrary_gap() -> impl Strategy<Value = Option<(bool, u8)>> {
    prop::option::weighted(0.3, (any::<bool>(), 0..4_u8))
}

fn world(things: &[Thing], gap: Option<(bool, u8)>) -> World {
    let world = things
        .iter()
        .fold(World::new(), |world, thing| world.has(*thing));
    let Some((hostile, hides)) = gap else {
        return world;
    };
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
    world.gap(class, kinds[usize::from(hides)])
}

/// What is revoked besides: nothing, another image, an identity (for a while), one piece of evidence.
fn revoked(world: &World, which: usize) -> Option<String> {
    let another = Digest::of(b"another");
    let evidence = world
        .items
        .first()
        .map_or(another, |item| item.locator.blob);
    let spec = match which {
        0 => return None,
        1 => format!("digests: [\"{another}\"]"),
        2 => CI.to_owned(),
        3 => format!("{CI}, from: 2090-01-01"),
        _ => format!("evidence: [\"{evidence}\"]"),
    };
    Some(revocation(&spec))
}

fn reference(world: &World, pinned: bool) -> String {
    if pinned {
        format!("ghcr.io/acme/app@{}", world.digest())
    } else {
        "ghcr.io/acme/app:v1".to_owned()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_does_not_enforce_changes_no_effect(
        things in arbitrary_things(),
        gap in arbitrary_gap(),
        enforced in prop::collection::vec(arbitrary_policy(), 0..3),
        added in arbitrary_policy(),
        how in 0..4_usize,
        unmatched in prop::sample::select(&["deny", "warn", "allow"][..]),
        on_unknown in prop::sample::select(&["deny", "allow"][..]),
        pinned in any::<bool>(),
        revokes in 0..5_usize,
    ) {
        let world = world(&things, gap);
        let mut documents = vec![settings(unmatched, on_unknown), ci(), other()];
        documents.extend(revoked(&world, revokes));
        documents.push(policy("anchor", "audit", "", &["digest: required"]));
        for (index, (rules, later)) in enforced.iter().enumerate() {
            let more = if *later { "  effectiveFrom: 2001-01-01\n" } else { "" };
            documents.push(policy(&format!("e{index}"), "enforce", more, rules));
        }
        let before = documents.join("---\n");
        let later = added.0.iter().map(|rule| format!("effectiveFrom: 2090-01-01, {rule}")).collect::<Vec<_>>();
        let later = later.iter().map(String::as_str).collect::<Vec<_>>();
        let (mode, more, rules) = match how {
            0 => ("warn", "", &added.0),
            1 => ("audit", "", &added.0),
            2 => ("enforce", "  effectiveFrom: 2090-01-01\n", &added.0),
            _ => ("enforce", "", &later),
        };
        documents.push(policy("added", mode, more, rules));
        let after = documents.join("---\n");
        let reference = reference(&world, pinned);
        let (before, after) = (world.decide_at(&before, &reference, NOW), world.decide_at(&after, &reference, NOW));
        prop_assert_eq!(before.effect(), after.effect());
        prop_assert!(after.judged() >= after.effect() || unmatched == "allow" || on_unknown == "allow");
    }

    #[test]
    fn a_revoked_image_is_denied_whatever_policies_say(
        things in arbitrary_things(),
        gap in arbitrary_gap(),
        rules in arbitrary_policy(),
        mode in prop::sample::select(&["enforce", "warn", "audit"][..]),
        pinned in any::<bool>(),
    ) {
        let world = world(&things, gap);
        let revoked = revocation(&format!("digests: [\"{}\"]", world.digest()));
        let text = [settings("allow", "allow"), ci(), other(), revoked, policy("p", mode, "", &rules.0)].join("---\n");
        prop_assert_eq!(world.decide_at(&text, &reference(&world, pinned), NOW).effect(), Verdict::Deny);
    }

    #[test]
    fn without_evidence_no_evidence_rule_passes(
        rules in prop::collection::vec(prop::sample::select(&RULES[2..]), 1..4),
        gap in prop::option::of((any::<bool>(), 0..4_u8)),
    ) {
        let world = world(&[], gap);
        let text = [settings("allow", "deny"), ci(), other(), policy("p", "enforce", "", &rules)].join("---\n");
        prop_assert_ne!(world.decide(&text).effect(), Verdict::Allow);
    }
}

/// What is said above of a verdict says something: each rule can pass, and what is bad changes how those come out that look into it.
#[test]
fn each_rule_passes_where_all_is_good_and_what_is_bad_matters() {
    let good = world(&GOOD, None);
    let bad = world(&[&GOOD[..], &BAD[..3]].concat(), None);
    let mut changed = 0;
    for rule in RULES {
        let text = [
            settings("allow", "deny"),
            ci(),
            other(),
            policy("p", "enforce", "", &[rule]),
        ]
        .join("---\n");
        assert_eq!(good.decide(&text).effect(), Verdict::Allow, "{rule}");
        changed += usize::from(bad.decide(&text).effect() != Verdict::Allow);
    }
    assert_eq!(changed, 7, "of the nine that look into what is attested");
}
