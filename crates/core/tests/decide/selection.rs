//! `match`, `maxAge` and gaps.

use countersign_core::{FoundBy, GapClass, Outcome};
use countersign_testkit::forge::{Algorithm, Key};

use crate::world::{BARE, TEST, World, attestation, ci, keyed, only_rule, set};

/// A world with attestations of these ages in days.
fn aged(days: &[i64]) -> World {
    days.iter().fold(World::new(), |world, days| {
        let old = world.ago(*days);
        world.bundle(|_, digest| attestation(&old, digest, TEST).rekor_v1().bundle())
    })
}

#[test]
fn age_and_match_decide_together() {
    for (ages, condition, expected) in [
        (&[0][..], "", "pass"),
        (&[40], "", "pass"),
        (&[40], ", maxAge: 30d", "too-old"),
        (&[40], ", maxAge: 41d", "pass"),
        (&[0, 40], ", maxAge: 30d", "pass"),
        (&[40, 0], ", maxAge: 30d", "pass"),
        (&[0, 40], ", maxAge: 30d, match: any", "pass"),
        (&[0, 40], ", maxAge: 30d, match: all", "too-old"),
        (&[0, 10], ", maxAge: 30d, match: all", "pass"),
        (&[50, 40], ", maxAge: 30d, match: newest", "too-old"),
        (&[], ", match: all", "no-evidence"),
        (&[], ", match: newest", "no-evidence"),
        (&[], ", match: any", "no-evidence"),
    ] {
        let rule = format!("statement: {{from: ci, predicateType: {TEST}{condition}}}");
        assert_eq!(
            aged(ages).code(&set(&[ci()], &rule)),
            expected,
            "{ages:?} {condition}"
        );
    }
}

#[test]
fn a_second_younger_time_does_not_make_an_old_signature_young() {
    let world = World::new();
    let old = world.ago(40);
    let authority = world.forge.tsa.clone();
    // Logged forty days ago, stamped again today.
    let world = world.bundle(|forge, digest| {
        let now = forge.now;
        attestation(&old, digest, TEST)
            .rekor_v1()
            .stamped_by(&authority)
            .with_timestamp(move |stamp| stamp.time = now)
            .bundle()
    });
    let rule = |age: &str| {
        set(
            &[ci()],
            &format!("statement: {{from: ci, predicateType: {TEST}, maxAge: {age}}}"),
        )
    };
    let outcome = world.rule(&rule("41d"));
    // The certificate had expired when the second stamp was made, so the evidence does not even verify: either way it never
    // counts as young.
    assert_ne!(outcome.outcome, Outcome::Pass);
    assert_ne!(world.rule(&rule("30d")).outcome, Outcome::Pass);
}

#[test]
fn without_a_proven_time_any_and_all_can_be_met() {
    let key = Key::generate(Algorithm::P256);
    let signer = keyed("s", &key.public_pem(), "", BARE);
    let world = World::new().bundle(|forge, digest| {
        forge
            .attestation(digest, TEST, serde_json::json!({}))
            .keyed(&key)
            .bundle()
    });
    for selection in ["any", "all"] {
        let rule = format!("statement: {{from: s, predicateType: {TEST}, match: {selection}}}");
        assert_eq!(
            world.code(&set(std::slice::from_ref(&signer), &rule)),
            "pass",
            "{selection}"
        );
    }
}

#[test]
fn a_gap_is_not_an_absence() {
    let signature = |selection: &str| {
        set(
            &[ci()],
            &format!("signature: {{from: ci, match: {selection}}}"),
        )
    };
    let signed = || World::new().signed_by(&countersign_testkit::forge::Identity::default());
    for (signed_already, selection, expected) in [
        (true, "any", Outcome::Pass),
        (true, "all", Outcome::Unknown),
        (true, "newest", Outcome::Unknown),
        (false, "any", Outcome::Unknown),
        (false, "all", Outcome::Unknown),
        (false, "newest", Outcome::Unknown),
    ] {
        for class in [GapClass::Unavailable, GapClass::Hostile] {
            let world = if signed_already {
                signed()
            } else {
                World::new()
            };
            let decision = world
                .gap(class, Some(FoundBy::Referrers))
                .decide(&signature(selection));
            assert_eq!(
                only_rule(&decision).outcome,
                expected,
                "{signed_already} {selection} {class:?}"
            );
        }
    }
    // A failure stays one, whatever could not be fetched.
    let rule =
        format!("statement: {{from: ci, predicateType: {TEST}, match: newest, maxAge: 30d}}");
    let outcome = aged(&[40])
        .gap(GapClass::Unavailable, None)
        .rule(&set(&[ci()], &rule));
    assert_eq!(outcome.outcome, Outcome::Fail);
}

#[test]
fn only_gaps_that_could_hide_what_the_rule_wants_matter() {
    let bundles_only = ci().replace("  keyless:", "  formats: [bundle]\n  keyless:");
    let statement = format!("statement: {{from: ci, predicateType: {TEST}}}");
    let signature = "signature: {from: ci}".to_owned();
    let (pass, unknown, fail) = (Outcome::Pass, Outcome::Unknown, Outcome::Fail);
    assert_ne!(pass, fail);
    for (signer, rule, hides, expected) in [
        (ci(), &signature, None, unknown),
        (ci(), &signature, Some(FoundBy::Referrers), unknown),
        (ci(), &signature, Some(FoundBy::FallbackTag), unknown),
        (ci(), &signature, Some(FoundBy::SignatureTag), unknown),
        (ci(), &signature, Some(FoundBy::AttestationTag), fail),
        (ci(), &statement, Some(FoundBy::AttestationTag), unknown),
        (ci(), &statement, Some(FoundBy::SignatureTag), fail),
        (
            bundles_only.clone(),
            &signature,
            Some(FoundBy::SignatureTag),
            fail,
        ),
        (
            bundles_only.clone(),
            &statement,
            Some(FoundBy::AttestationTag),
            fail,
        ),
        (bundles_only, &statement, Some(FoundBy::Referrers), unknown),
    ] {
        let outcome = World::new()
            .gap(GapClass::Unavailable, hides)
            .rule(&set(&[signer], rule));
        assert_eq!(outcome.outcome, expected, "{rule} {hides:?}");
    }
}
