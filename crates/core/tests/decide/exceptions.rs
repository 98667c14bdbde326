//! `kind: Exception`: what it names denies nothing, and nothing else is waived.

use std::collections::BTreeMap;

use countersign_core::{
    Decision, Digest, Evidence, FoundBy, Gap, GapClass, Limits, Namespace, Outcome, ReasonCode,
    Request, Resolution, RuleOutcome, UnixTime, Verdict, decide, examine,
};
use countersign_testkit::forge::Identity;

use crate::platforms::{Family, ON_INDEX, ON_PLATFORMS};
use crate::world::{
    NOW, TEST, World, attestation, ci, gap, only_rule, policy, request, revocation, set, settings,
};

pub(crate) const SIGNATURE: &str = "signature: {from: ci}";
const CI: &str = "identities: [{issuer: \"https://token.actions.githubusercontent.com\", subject: \"https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main\"}]";
/// After `NOW`.
const LATER: &str = "2090-01-31";

pub(crate) fn exception(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Exception\nmetadata: {{name: {name}}}\nspec: {{{spec}, reason: it is being replaced, ticket: SEC-12}}\n"
    )
}

/// A set of one rule, and one exception for it.
fn excepted(rule: &str) -> String {
    waiving(&set(&[ci()], rule), "ghcr.io/acme/app")
}

fn waiving(set: &str, image: &str) -> String {
    let spec = format!("policy: p, rules: [r0], images: [\"{image}\"], expires: {LATER}");
    format!("{set}---\n{}", exception("waiver", &spec))
}

pub(crate) fn judged(world: &World, text: &str, request: &Request) -> Decision {
    let policies = world.policies(text);
    let evidence = Evidence {
        items: world.items.clone(),
        gaps: world.gaps.clone(),
        ..Evidence::default()
    };
    let limits = Limits::default();
    let findings = examine(&world.image, &evidence, policies.trust(), &limits);
    let resolution = Resolution::Examined {
        image: &world.image,
        findings: &findings,
        children: &[],
    };
    decide(&policies, request, resolution, NOW)
}

/// Each exception of the rule with its status.
fn statuses(rule: &RuleOutcome) -> Vec<&'static str> {
    let all = rule.exceptions.iter();
    all.map(|one| one.status.as_str()).collect()
}

/// Effect, what was judged, and the status of the only exception.
fn came(decision: &Decision) -> (&'static str, &'static str, String) {
    let rule = only_rule(decision);
    let status = statuses(&rule).join(" ");
    (
        decision.effect().as_str(),
        decision.judged().as_str(),
        status,
    )
}

fn all_three(
    effect: &'static str,
    judged: &'static str,
    status: &str,
) -> (&'static str, &'static str, String) {
    (effect, judged, status.to_owned())
}

#[test]
fn an_exception_waives_what_it_names_and_nothing_beside_it() {
    let world = World::new();
    let digest = world.digest();
    let other = Digest::of(b"other");
    let other_policy = policy("q", "audit", "", &[SIGNATURE]);
    let documents = [
        settings("deny", "deny"),
        ci(),
        policy("p", "enforce", "", &[SIGNATURE, "digest: required"]),
        other_policy,
    ];
    let set = documents.join("---\n");
    let app = "ghcr.io/acme/app";
    for (policy, rule, image, expires, waived) in [
        ("p", "r0", app.to_owned(), LATER, true),
        ("p", "r0", "ghcr.io/acme/**".to_owned(), LATER, true),
        ("p", "r0", format!("{app}@{digest}"), LATER, true),
        ("p", "r0", format!("{app}@{other}"), LATER, false),
        (
            "p",
            "r0",
            format!("ghcr.io/acme/other@{digest}"),
            LATER,
            false,
        ),
        ("p", "r0", "ghcr.io/acme/other".to_owned(), LATER, false),
        ("p", "r1", app.to_owned(), LATER, false),
        ("q", "r0", app.to_owned(), LATER, false),
        ("p", "r0", app.to_owned(), "2001-01-01", false),
    ] {
        let spec =
            format!("policy: {policy}, rules: [{rule}], images: [\"{image}\"], expires: {expires}");
        let decision = world.decide(&format!("{set}---\n{}", exception("waiver", &spec)));
        let wanted = if waived {
            Verdict::Allow
        } else {
            Verdict::Deny
        };
        assert_eq!(decision.effect(), wanted, "{spec}");
        // What was judged stays, with its reason.
        assert_eq!(decision.judged(), Verdict::Deny, "{spec}");
        let signed = &decision.policies()[0].rules[0];
        assert_eq!(signed.outcome, Outcome::Fail);
        assert_eq!(signed.code, Some(ReasonCode::NoEvidence));
        assert_eq!(signed.waived_by().is_some(), waived, "{spec}");
        // An image whose rule is waived is not one that no policy names.
        assert!(decision.unmatched().is_none());
    }
}

#[test]
fn what_is_waived_is_told_with_who_waived_it_and_why() {
    let decision = World::new().decide(&excepted(SIGNATURE));
    let rule = only_rule(&decision);
    let by = rule.waived_by().unwrap();
    assert_eq!(by.name, "waiver");
    assert!(by.place.line > 20, "{:?}", by.place);
    assert_eq!(by.reason, "it is being replaced");
    assert_eq!(by.ticket.as_deref(), Some("SEC-12"));
    assert_eq!(by.expires.to_string(), "2090-02-01T00:00:00Z");
    assert!(!rule.message.contains("Exception"), "{}", rule.message);
    let [warning] = decision.warnings() else {
        panic!("{:?}", decision.warnings())
    };
    assert_eq!(warning.code, ReasonCode::NoEvidence);
    let why = "(waived by the Exception `waiver` until 2090-02-01T00:00:00Z)";
    assert!(warning.message.ends_with(why), "{}", warning.message);
    // Nothing is waived of what passes.
    let signed = World::new().signed_by(&Identity::default());
    let decision = signed.decide(&excepted(SIGNATURE));
    assert_eq!(came(&decision), all_three("allow", "allow", ""));
}

/// To the second: it ends with its last day, or at the time that it names.
#[test]
fn an_exception_ends_and_the_denial_says_when() {
    let world = World::new();
    let reference = format!("ghcr.io/acme/app@{}", world.digest());
    for (expires, end) in [
        ("2090-01-31", "2090-02-01T00:00:00Z"),
        ("2090-01-31T06:00:00Z", "2090-01-31T06:00:00Z"),
        ("2090-01-31T06:00:00+02:00", "2090-01-31T04:00:00Z"),
    ] {
        let text = excepted(SIGNATURE).replace(LATER, expires);
        let end_at = UnixTime::parse(end).unwrap();
        let before = world.decide_at(&text, &reference, end_at.plus(-1));
        assert_eq!(came(&before), all_three("allow", "deny", "waives"));
        let after = world.decide_at(&text, &reference, end_at);
        assert_eq!(came(&after), all_three("deny", "deny", "expired"));
        let message = only_rule(&after).message;
        let said = format!("The Exception `waiver` does not waive it: it expired {end}.");
        assert!(message.ends_with(&said), "{message}");
    }
}

/// An exception that waives is told alone; of those that do not, each one.
#[test]
fn of_several_exceptions_those_are_told_that_matter() {
    let set = set(&[ci()], SIGNATURE);
    let over = exception(
        "over",
        "policy: p, rules: [r0], images: [\"ghcr.io/**\"], expires: 2001-01-01",
    );
    let wider = over
        .replace("name: over", "name: wider")
        .replace("2001", "2002");
    let text = format!("{set}---\n{over}---\n{wider}");
    let world = World::new();
    assert_eq!(
        came(&world.decide(&text)),
        all_three("deny", "deny", "expired expired")
    );
    let text = waiving(&text, "ghcr.io/acme/*");
    assert_eq!(
        came(&world.decide(&text)),
        all_three("allow", "deny", "waives")
    );
}

#[test]
fn what_is_revoked_is_never_waived() {
    let world = World::new().signed_by(&Identity::default());
    let blob = world.items[0].locator.blob;
    let text = excepted(SIGNATURE);
    assert_eq!(came(&world.decide(&text)), all_three("allow", "allow", ""));
    for spec in [CI.to_owned(), format!("evidence: [\"{blob}\"]")] {
        let text = format!("{text}---\n{}", revocation(&spec));
        let decision = world.decide(&text);
        assert_eq!(
            came(&decision),
            all_three("deny", "deny", "revoked"),
            "{spec}"
        );
        let message = only_rule(&decision).message;
        let said = "The Exception `waiver` does not waive it: the image or evidence of the rule is revoked.";
        assert!(message.ends_with(said), "{message}");
    }
    let image = format!("digests: [\"{}\"]", world.digest());
    let unsigned = World::new();
    let decision = unsigned.decide(&format!("{text}---\n{}", revocation(&image)));
    assert_eq!(came(&decision), all_three("deny", "deny", "revoked"));
}

/// Whoever can stall a list must not turn a denial for what is revoked into something that is waived.
#[test]
fn what_is_revoked_is_never_waived_behind_a_gap_or_another_reason() {
    let revoked = format!("{}---\n{}", excepted(SIGNATURE), revocation(CI));
    let world = World::new().signed_by(&Identity::default());
    let stalled = world.gap(GapClass::Unavailable, None);
    let decision = stalled.decide(&revoked);
    let rule = only_rule(&decision);
    assert_eq!(rule.code, Some(ReasonCode::RegistryUnavailable));
    assert_eq!(came(&decision), all_three("unknown", "unknown", "revoked"));
}

#[test]
fn what_cannot_be_told_is_waived_and_a_lie_is_not() {
    let referrers = Some(FoundBy::Referrers);
    let world = |class| World::new().gap(class, referrers);
    let text = excepted(SIGNATURE);
    let down = world(GapClass::Unavailable).decide(&text);
    assert_eq!(came(&down), all_three("allow", "unknown", "waives"));
    let lie = world(GapClass::Hostile).decide(&text);
    assert_eq!(came(&lie), all_three("unknown", "unknown", "hostile"));
    // Also where the rule fails in spite of it.
    let test =
        format!("statement: {{from: ci, predicateType: \"{TEST}\", maxAge: 1h, match: all}}");
    let old = |class| {
        let world = World::new();
        let forge = world.ago(2);
        let bundle = attestation(&forge, &world.digest(), TEST)
            .rekor_v1()
            .bundle();
        world
            .attach(countersign_core::Content::Bundle(bundle.into()))
            .gap(class, referrers)
    };
    let text = excepted(&test);
    let down = old(GapClass::Unavailable).decide(&text);
    assert_eq!(came(&down), all_three("allow", "deny", "waives"));
    let lie = old(GapClass::Hostile).decide(&text);
    assert_eq!(came(&lie), all_three("deny", "deny", "hostile"));
    // A lie about what the rule never asks for is no matter of its own.
    let elsewhere = World::new().gap(GapClass::Hostile, Some(FoundBy::SignatureTag));
    assert_eq!(
        came(&elsewhere.decide(&text)),
        all_three("allow", "deny", "waives")
    );
}

#[test]
fn an_image_of_which_nothing_is_known_is_not_waived() {
    let world = World::new();
    let policies = world.policies(&excepted(SIGNATURE));
    let by_tag = request("ghcr.io/acme/app:v1");
    let unresolved = |class, code| Gap {
        code,
        ..gap(class, None)
    };
    for (class, code, expected) in [
        (
            GapClass::Unavailable,
            ReasonCode::RegistryUnavailable,
            ("allow", "waives"),
        ),
        (
            GapClass::Unavailable,
            ReasonCode::ImageNotFound,
            ("unknown", "unexamined"),
        ),
        (
            GapClass::Hostile,
            ReasonCode::RegistryHostile,
            ("unknown", "hostile"),
        ),
    ] {
        let gap = unresolved(class, code);
        let decision = decide(&policies, &by_tag, Resolution::Unresolved(&gap), NOW);
        let (effect, _, status) = came(&decision);
        assert_eq!((effect, status.as_str()), expected, "{code}");
    }
    let decision = decide(&policies, &by_tag, Resolution::NotAsked, NOW);
    assert_eq!(
        came(&decision),
        all_three("unknown", "unknown", "unexamined")
    );
    // Which digest a tag means is not known, so nobody can say that it is the one.
    let pinned = format!("ghcr.io/acme/app@{}", world.digest());
    let policies = world.policies(&waiving(&set(&[ci()], SIGNATURE), &pinned));
    let down = unresolved(GapClass::Unavailable, ReasonCode::RegistryUnavailable);
    let decision = decide(&policies, &by_tag, Resolution::Unresolved(&down), NOW);
    assert_eq!(came(&decision), all_three("unknown", "unknown", ""));
    let decision = decide(
        &policies,
        &request(&pinned),
        Resolution::Unresolved(&down),
        NOW,
    );
    assert_eq!(came(&decision), all_three("allow", "unknown", "waives"));
}

#[test]
fn another_image_than_was_asked_for_is_never_waived() {
    let world = World::new();
    let other = format!("ghcr.io/acme/app@{}", Digest::of(b"other"));
    for rule in [SIGNATURE, "digest: required"] {
        let decision = world.decide_at(&excepted(rule), &other, NOW);
        let code = only_rule(&decision).code;
        assert_eq!(code, Some(ReasonCode::DigestMismatch));
        assert_eq!(came(&decision), all_three("deny", "deny", "hostile"));
    }
}

/// The evidence of the other rules has to be fetched then, and which image it is where the exception names a digest.
#[test]
fn a_reference_without_a_digest_can_be_waived_and_is_asked_about() {
    let world = World::new().signed_by(&Identity::default());
    let documents = [
        settings("deny", "deny"),
        ci(),
        policy("p", "enforce", "", &["digest: required", SIGNATURE]),
    ];
    let set = documents.join("---\n");
    let only_pinned = policy("p", "enforce", "", &["digest: required"]);
    let only_pinned = [settings("deny", "deny"), only_pinned].join("---\n");
    let tag = request("ghcr.io/acme/app:v1");
    assert!(world.policies(&set).needs(&tag).is_empty());
    for image in [
        "ghcr.io/acme/app".to_owned(),
        format!("ghcr.io/acme/app@{}", world.digest()),
    ] {
        let text = waiving(&set, &image);
        assert!(world.policies(&text).needs(&tag).referrers, "{image}");
        let decision = world.decide_at(&text, "ghcr.io/acme/app:v1", NOW);
        assert_eq!(decision.effect(), Verdict::Allow, "{image}");
        let alone = world.policies(&waiving(&only_pinned, &image)).needs(&tag);
        assert_eq!(alone.manifest, image.contains('@'), "{image}");
        let elsewhere = request("ghcr.io/acme/other:v1");
        assert!(world.policies(&text).needs(&elsewhere).is_empty());
    }
}

#[test]
fn an_exception_for_some_namespaces_waives_only_where_it_is_certain() {
    let world = World::new();
    let named = request(&format!("ghcr.io/acme/app@{}", world.digest()));
    let labels = |tier: &str| BTreeMap::from([("tier".to_owned(), tier.to_owned())]);
    let namespace = |name: &str| named.clone().in_namespace(Namespace::new(name));
    let labelled = |tier: &str| {
        let namespace = Namespace::new("test").labelled(labels(tier));
        named.clone().in_namespace(namespace)
    };
    let by_name = "namespaces: {names: [\"test*\"]}";
    let by_label = "namespaces: {matchLabels: {tier: test}}";
    for (selector, request, effect, status) in [
        (by_name, namespace("test-a"), "allow", "waives"),
        (by_name, namespace("prod"), "deny", ""),
        (by_name, named.clone(), "deny", "namespace-unknown"),
        (by_label, labelled("test"), "allow", "waives"),
        (by_label, labelled("prod"), "deny", ""),
        (by_label, namespace("test"), "deny", "namespace-unknown"),
    ] {
        let text = excepted(SIGNATURE).replace("expires:", &format!("{selector}, expires:"));
        let decision = judged(&world, &text, &request);
        assert_eq!(
            came(&decision),
            all_three(effect, "deny", status),
            "{request:?}"
        );
    }
}

/// Every policy judges an image without a name, and no exception is for it.
#[test]
fn an_image_without_a_name_is_never_waived() {
    let world = World::new();
    let digest = *world.image.digest();
    let unnamed = Request::unnamed("oci:app", Some(digest));
    for image in ["**".to_owned(), format!("**@{digest}")] {
        let text = waiving(&set(&[ci()], SIGNATURE), &image);
        assert_eq!(
            came(&judged(&world, &text, &unnamed)),
            all_three("deny", "deny", "")
        );
    }
}

/// A policy that does not deny is no louder and no quieter for it.
#[test]
fn an_exception_changes_no_warning_of_a_policy_that_warns() {
    let world = World::new();
    for (mode, warnings) in [("warn", 1), ("audit", 0)] {
        let documents = [
            settings("allow", "deny"),
            ci(),
            policy("p", mode, "", &[SIGNATURE]),
        ];
        let set = documents.join("---\n");
        let (plain, waived) = (
            world.decide(&set),
            world.decide(&waiving(&set, "ghcr.io/acme/app")),
        );
        assert_eq!(plain.warnings().len(), warnings, "{mode}");
        assert_eq!(plain.warnings(), waived.warnings(), "{mode}");
        assert_eq!(
            (waived.effect(), waived.judged()),
            (Verdict::Allow, Verdict::Deny)
        );
        assert_eq!(statuses(&only_rule(&waived)), ["waives"]);
    }
}

/// Where the rule looks is where a lie matters: on the index, or on its platforms.
#[test]
fn a_lie_about_a_platform_matters_to_rules_that_look_there() {
    let family = || Family::two().gap("arm", GapClass::Hostile);
    let index = "ghcr.io/acme/app";
    let on = |rule: &str| waiving(&set(&[ci()], rule), index);
    let decision = family().decide(&on(ON_PLATFORMS));
    assert_eq!(came(&decision).2, "hostile");
    assert_ne!(decision.effect(), Verdict::Allow);
    let decision = family().decide(&on(ON_INDEX));
    assert_eq!(came(&decision), all_three("allow", "deny", "waives"));
    // A lie about the index itself matters to rules of the index, and an image that is no index is looked at whatever they say.
    let lie = |world: World| world.gap(GapClass::Hostile, Some(FoundBy::Referrers));
    let mut family = Family::two();
    family.world = lie(family.world);
    assert_eq!(came(&family.decide(&on(ON_PLATFORMS))).2, "waives");
    assert_eq!(came(&family.decide(&on(ON_INDEX))).2, "hostile");
    let plain = lie(World::new()).decide(&on(ON_PLATFORMS));
    assert_eq!(came(&plain).2, "hostile");
    let down = Family::two().gap("arm", GapClass::Unavailable);
    assert_eq!(came(&down.decide(&on(ON_PLATFORMS))).2, "waives");
}
