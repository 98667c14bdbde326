//! From rules to the verdict: modes, `effectiveFrom`, `unmatched`, `onUnknown`, and what needs no evidence at all.

use countersign_core::{
    FoundBy, Gap, GapClass, Needs, Outcome, PlatformNeed, ReasonCode, Request, Resolution, Verdict,
    decide,
};
use countersign_testkit::forge::Identity;

use crate::world::{
    NOW, TEST, World, ci, gap, keyless, only_rule, policy, request, set, settings, workflow,
};

const SIGNED: &str = "signature: {from: ci}";
const PINNED: &str = "digest: required";

fn text(settings: String, policies: &[String]) -> String {
    let mut documents = vec![settings, ci()];
    documents.extend_from_slice(policies);
    documents.join("---\n")
}

#[test]
fn modes_and_effective_from_turn_judgement_into_effect() {
    let (allow, deny) = (Verdict::Allow, Verdict::Deny);
    for (mode, more, rule, judged, effect, warnings) in [
        ("enforce", "", SIGNED, deny, deny, 0),
        ("warn", "", SIGNED, deny, allow, 1),
        ("audit", "", SIGNED, deny, allow, 0),
        (
            "enforce",
            "  effectiveFrom: 2090-01-01\n",
            SIGNED,
            deny,
            allow,
            1,
        ),
        (
            "enforce",
            "  effectiveFrom: 2001-01-01\n",
            SIGNED,
            deny,
            deny,
            0,
        ),
        (
            "enforce",
            "",
            "effectiveFrom: 2090-01-01, signature: {from: ci}",
            deny,
            allow,
            1,
        ),
        (
            "enforce",
            "",
            "effectiveFrom: 2001-01-01, signature: {from: ci}",
            deny,
            deny,
            0,
        ),
    ] {
        let set = text(
            settings("allow", "deny"),
            &[policy("p", mode, more, &[rule])],
        );
        let decision = World::new().decide(&set);
        assert_eq!(
            (
                decision.judged(),
                decision.effect(),
                decision.warnings().len()
            ),
            (judged, effect, warnings),
            "{mode} {more} {rule}"
        );
    }
}

#[test]
fn an_image_that_no_enforcing_policy_names_is_unmatched() {
    let (allow, deny) = (Verdict::Allow, Verdict::Deny);
    let enforce = policy("p", "enforce", "", &[PINNED]);
    let warn = policy("p", "warn", "", &[PINNED]);
    let audit = policy("p", "audit", "", &[PINNED]);
    let later = policy("p", "enforce", "  effectiveFrom: 2090-01-01\n", &[PINNED]);
    let all_later = policy(
        "p",
        "enforce",
        "",
        &["effectiveFrom: 2090-01-01, digest: required"],
    );
    let excepted = policy("p", "enforce", "  except: [ghcr.io/acme/app]\n", &[PINNED]);
    for (unmatched, policy, judged, effect, is_unmatched) in [
        ("deny", &enforce, allow, allow, false),
        ("deny", &warn, deny, deny, true),
        ("deny", &audit, deny, deny, true),
        ("deny", &later, deny, deny, true),
        ("deny", &all_later, deny, deny, true),
        ("deny", &excepted, deny, deny, true),
        ("warn", &excepted, deny, allow, true),
        ("allow", &excepted, allow, allow, true),
    ] {
        let decision = World::new().decide(&text(
            settings(unmatched, "deny"),
            std::slice::from_ref(policy),
        ));
        assert_eq!(
            (
                decision.judged(),
                decision.effect(),
                decision.unmatched().is_some()
            ),
            (judged, effect, is_unmatched),
            "{unmatched} {policy}"
        );
    }
}

#[test]
fn on_unknown_excuses_what_is_unavailable_and_never_what_is_hostile() {
    let (allow, unknown) = (Verdict::Allow, Verdict::Unknown);
    let unavailable = (GapClass::Unavailable, Some(FoundBy::Referrers));
    let hostile = (GapClass::Hostile, Some(FoundBy::Referrers));
    for (on_unknown, gaps, effect) in [
        ("deny", &[unavailable][..], unknown),
        ("allow", &[unavailable], allow),
        ("allow", &[hostile], unknown),
        ("allow", &[unavailable, hostile], unknown),
        ("allow", &[hostile, unavailable], unknown),
    ] {
        let world = gaps.iter().fold(World::new(), |world, (class, hides)| {
            world.gap(*class, *hides)
        });
        let decision = world.decide(&text(
            settings("deny", on_unknown),
            &[policy("p", "enforce", "", &[SIGNED])],
        ));
        assert_eq!(
            (decision.judged(), decision.effect()),
            (unknown, effect),
            "{on_unknown} {gaps:?}"
        );
        assert_eq!(decision.warnings().len(), usize::from(effect == allow));
    }
}

#[test]
fn the_worst_of_several_decides() {
    let world = World::new()
        .signed_by(&Identity::default())
        .gap(GapClass::Unavailable, Some(FoundBy::AttestationTag));
    let passes = policy("passes", "enforce", "", &[SIGNED]);
    let tested = format!("statement: {{from: ci, predicateType: {TEST}}}");
    let unknown = policy("unknown", "enforce", "", &[SIGNED, &tested]);
    let other = keyless(
        "other",
        &workflow("acme/other", "main"),
        "{repository: acme/other}",
    );
    let fails = policy("fails", "enforce", "", &["signature: {from: other}"]);
    for (policies, effect) in [
        (vec![passes.clone()], Verdict::Allow),
        (vec![passes.clone(), unknown.clone()], Verdict::Unknown),
        (
            vec![passes.clone(), unknown.clone(), fails.clone()],
            Verdict::Deny,
        ),
        (vec![fails, unknown, passes], Verdict::Deny),
    ] {
        let decision = world.decide(&text(
            settings("deny", "deny"),
            &[vec![other.clone()], policies].concat(),
        ));
        assert_eq!(decision.effect(), effect);
    }
}

#[test]
fn an_image_that_was_not_resolved_is_unknown_but_a_missing_digest_denies() {
    let world = World::new();
    let policies = world.policies(&set(&[ci()], SIGNED));
    let unresolved = gap(GapClass::Unavailable, None);
    let decision = decide(
        &policies,
        &request("ghcr.io/acme/app"),
        Resolution::Unresolved(&unresolved),
        NOW,
    );
    assert_eq!(decision.effect(), Verdict::Unknown);
    assert_eq!(
        only_rule(&decision).code,
        Some(ReasonCode::RegistryUnavailable)
    );
    assert_eq!(decision.digest(), None);

    let both = text(
        settings("deny", "deny"),
        &[policy("p", "enforce", "", &[PINNED, SIGNED])],
    );
    let policies = world.policies(&both);
    let tagged = request("ghcr.io/acme/app:v1");
    for resolution in [Resolution::NotAsked, Resolution::Unresolved(&unresolved)] {
        let decision = decide(&policies, &tagged, resolution, NOW);
        assert_eq!(decision.effect(), Verdict::Deny);
        let outcomes: Vec<Outcome> = decision.policies()[0]
            .rules
            .iter()
            .map(|rule| rule.outcome)
            .collect();
        assert_eq!(outcomes, [Outcome::Fail, Outcome::Unknown]);
    }
}

#[test]
fn on_unknown_does_not_excuse_an_image_that_does_not_exist() {
    let world = World::new();
    let policies = world.policies(&text(
        settings("deny", "allow"),
        &[policy("p", "enforce", "", &[SIGNED])],
    ));
    let unavailable = gap(GapClass::Unavailable, None);
    let missing = Gap {
        code: ReasonCode::ImageNotFound,
        ..unavailable.clone()
    };
    for (gap, expected) in [(unavailable, Verdict::Allow), (missing, Verdict::Unknown)] {
        let decision = decide(
            &policies,
            &request("ghcr.io/acme/app"),
            Resolution::Unresolved(&gap),
            NOW,
        );
        assert_eq!(decision.effect(), expected, "{gap:?}");
    }
}

#[test]
fn needs_are_what_can_matter_and_no_more() {
    let nothing = Needs::NONE;
    let legacy = |signer: String| signer.replace("  keyless:", "  formats: [legacy]\n  keyless:");
    let bundles = |signer: String| signer.replace("  keyless:", "  formats: [bundle]\n  keyless:");
    let tested = format!("statement: {{from: ci, predicateType: {TEST}}}");
    let any_tested = format!("statement: {{from: ci, predicateType: {TEST}, match: any}}");
    let summary =
        "summary: {from: ci, verifier: v, resource: \"{repository}\", levels: [ACME_STAGING]}";
    let needs = |referrers, signature_tag, attestation_tag, exhaustive| Needs {
        referrers,
        signature_tag,
        attestation_tag,
        exhaustive,
        index: true,
        platforms: PlatformNeed::No,
        manifest: false,
    };
    let pinned =
        "ghcr.io/acme/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (signer, rules, mode, reference, expected) in [
        (
            ci(),
            vec![SIGNED],
            "enforce",
            "ghcr.io/acme/app",
            needs(true, true, false, false),
        ),
        (
            legacy(ci()),
            vec![SIGNED],
            "enforce",
            "ghcr.io/acme/app",
            needs(false, true, false, false),
        ),
        (
            bundles(ci()),
            vec![SIGNED],
            "enforce",
            "ghcr.io/acme/app",
            needs(true, false, false, false),
        ),
        (
            ci(),
            vec![&tested],
            "enforce",
            "ghcr.io/acme/app",
            needs(true, false, true, true),
        ),
        (
            ci(),
            vec![&any_tested],
            "enforce",
            "ghcr.io/acme/app",
            needs(true, false, true, false),
        ),
        (
            ci(),
            vec![SIGNED, &tested],
            "audit",
            "ghcr.io/acme/app",
            needs(true, true, true, true),
        ),
        (
            ci(),
            vec![summary],
            "enforce",
            "ghcr.io/acme/app",
            needs(true, false, true, true),
        ),
        (ci(), vec![SIGNED], "enforce", "ghcr.io/other/app", nothing),
        (ci(), vec![PINNED], "enforce", "ghcr.io/acme/app", nothing),
        (
            ci(),
            vec![PINNED, SIGNED],
            "enforce",
            "ghcr.io/acme/app",
            nothing,
        ),
        (
            ci(),
            vec![SIGNED, PINNED],
            "enforce",
            pinned,
            needs(true, true, false, false),
        ),
        (
            ci(),
            vec![PINNED, SIGNED],
            "warn",
            "ghcr.io/acme/app",
            needs(true, true, false, false),
        ),
        (
            ci(),
            vec!["effectiveFrom: 2090-01-01, digest: required", SIGNED],
            "enforce",
            "ghcr.io/acme/app",
            needs(true, true, false, false),
        ),
    ] {
        let set = [
            settings("deny", "deny"),
            signer,
            policy("p", mode, "", &rules),
        ]
        .join("---\n");
        assert_eq!(
            World::new().policies(&set).needs(&request(reference)),
            expected,
            "{rules:?} {mode} {reference}"
        );
    }
}

#[test]
fn every_policy_judges_an_image_without_a_name() {
    let world = World::new();
    let elsewhere = policy(
        "p",
        "enforce",
        "  except: [\"ghcr.io/acme/**\"]\n",
        &[SIGNED],
    );
    let policies = world.policies(&text(settings("allow", "allow"), &[elsewhere]));
    let request = Request::unnamed("oci:somewhere", None);
    assert!(policies.needs(&request).referrers);
    let unresolved = gap(GapClass::Hostile, None);
    let decision = decide(
        &policies,
        &request,
        Resolution::Unresolved(&unresolved),
        NOW,
    );
    assert_eq!(decision.effect(), Verdict::Unknown);
    assert!(decision.unmatched().is_none());
}

#[test]
fn a_tag_that_is_resolved_again_is_said_aloud() {
    let set = text(
        settings("deny", "deny"),
        &[policy(
            "p",
            "enforce",
            "",
            &["digest: resolve-at-admission-unsafe"],
        )],
    );
    let decision = World::new().decide_at(&set, "ghcr.io/acme/app:v1", NOW);
    assert_eq!(decision.effect(), Verdict::Allow);
    assert_eq!(decision.warnings().len(), 1);
}
