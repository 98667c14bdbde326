//! `any`, `all`, `atLeast`: different Signers with different keys or identities, assigned one to one.

use countersign_core::{FoundBy, GapClass, Outcome, ReasonCode};
use countersign_testkit::forge::{Algorithm, Identity, Key};

use crate::world::{BARE, World, ci, keyed, keyless, set, workflow};

/// Three keyed Signers `a`, `b`, `c`, and a world in which those named signed.
fn keyed_world(who: &str) -> (Vec<String>, World) {
    let keys: Vec<(char, Key)> = ['a', 'b', 'c']
        .map(|name| (name, Key::generate(Algorithm::P256)))
        .into();
    let signers = keys
        .iter()
        .map(|(name, key)| keyed(&name.to_string(), &key.public_pem(), "", BARE))
        .collect();
    let world = who.chars().fold(World::new(), |world, name| {
        let key = &keys.iter().find(|(other, _)| *other == name).unwrap().1;
        world.bundle(|forge, digest| forge.image_signature(digest).keyed(key).bundle())
    });
    (signers, world)
}

#[test]
fn thresholds_count_different_signers() {
    for (who, from, expected) in [
        ("a", "a", "pass"),
        ("b", "a", "signer-mismatch"),
        ("", "a", "no-evidence"),
        ("b", "{any: [a, b]}", "pass"),
        ("c", "{any: [a, b]}", "signer-mismatch"),
        ("ab", "{all: [a, b]}", "pass"),
        ("ba", "{all: [a, b]}", "pass"),
        ("a", "{all: [a, b]}", "threshold-not-met"),
        ("aa", "{all: [a, b]}", "threshold-not-met"),
        ("ac", "{atLeast: 2, of: [a, b, c]}", "pass"),
        ("abc", "{atLeast: 2, of: [a, b, c]}", "pass"),
        ("aaa", "{atLeast: 2, of: [a, b, c]}", "threshold-not-met"),
        ("c", "{atLeast: 2, of: [a, b, c]}", "threshold-not-met"),
        ("abc", "{atLeast: 3, of: [a, b, c]}", "pass"),
        ("abb", "{atLeast: 3, of: [a, b, c]}", "threshold-not-met"),
    ] {
        let (signers, world) = keyed_world(who);
        assert_eq!(
            world.code(&set(&signers, &format!("signature: {{from: {from}}}"))),
            expected,
            "{who} {from}"
        );
    }
}

#[test]
fn a_failed_threshold_names_who_is_missing_and_cites_who_is_there() {
    let (signers, world) = keyed_world("a");
    let outcome = world.rule(&set(&signers, "signature: {from: {all: [a, b, c]}}"));
    assert_eq!(outcome.code, Some(ReasonCode::ThresholdNotMet));
    assert!(
        outcome
            .message
            .contains("1 of 3 are there; missing: `b`, `c`."),
        "{}",
        outcome.message
    );
    let cited: Vec<Option<&str>> = outcome
        .evidence
        .iter()
        .map(|cited| cited.signer.as_deref())
        .collect();
    assert_eq!(cited, [Some("a")]);
}

#[test]
fn several_keys_of_one_signer_count_once() {
    let (first, second) = (
        Key::generate(Algorithm::P256),
        Key::generate(Algorithm::P256),
    );
    let two = keyed("two", &first.public_pem(), "", BARE)
        + &second
            .public_pem()
            .lines()
            .fold("    - id: k2\n      pem: |\n".to_owned(), |text, line| {
                format!("{text}        {line}\n")
            });
    let third = Key::generate(Algorithm::P256);
    let other = keyed("other", &third.public_pem(), "", BARE);
    let world = [&first, &second]
        .into_iter()
        .fold(World::new(), |world, key| {
            world.bundle(|forge, digest| forge.image_signature(digest).keyed(key).bundle())
        });
    let signers = [two, other];
    assert_eq!(world.code(&set(&signers, "signature: {from: two}")), "pass");
    assert_eq!(
        world.code(&set(&signers, "signature: {from: {all: [two, other]}}")),
        "threshold-not-met"
    );
}

#[test]
fn one_identity_counts_for_one_signer_and_the_assignment_is_the_best() {
    let identity =
        |workflow: &str| Identity::github_workflow("acme/app", workflow, "refs/heads/main");
    let source = "{repository: acme/app}";
    // `wide` accepts both workflows, `narrow` only the first; no lint can tell that two regular expressions overlap.
    let wide = keyless(
        "wide",
        r#"{regex: "https://github\\.com/acme/app/\\.github/workflows/[a-z]+\\.yml@refs/heads/main"}"#,
        source,
    );
    let narrow = keyless(
        "narrow",
        r#"{regex: "https://github\\.com/acme/app/\\.github/workflows/alpha\\.yml@refs/heads/main"}"#,
        source,
    );
    let text = set(&[wide, narrow], "signature: {from: {all: [wide, narrow]}}");
    let alone = World::new().signed_by(&identity("alpha.yml"));
    assert_eq!(alone.code(&text), "threshold-not-met");
    let twice = World::new()
        .signed_by(&identity("alpha.yml"))
        .signed_by(&identity("alpha.yml"));
    assert_eq!(twice.code(&text), "threshold-not-met");
    for order in [["alpha.yml", "beta.yml"], ["beta.yml", "alpha.yml"]] {
        let both = order
            .iter()
            .fold(World::new(), |world, name| world.signed_by(&identity(name)));
        let outcome = both.rule(&text);
        assert_eq!(outcome.outcome, Outcome::Pass, "{order:?}");
        assert_eq!(outcome.evidence.len(), 2);
    }
}

#[test]
fn a_key_and_an_identity_together() {
    let key = Key::generate(Algorithm::Ed25519);
    let signers = [
        ci(),
        keyed("release", &key.public_pem(), "", "  trust: private\n"),
    ];
    let text = set(&signers, "signature: {from: {all: [ci, release]}}");
    let ci_only = World::new().signed_by(&Identity::default());
    assert_eq!(ci_only.code(&text), "threshold-not-met");
    let both = ci_only.bundle(|forge, digest| {
        forge
            .image_signature(digest)
            .keyed(&key)
            .rekor_v1()
            .bundle()
    });
    assert_eq!(both.code(&text), "pass");
}

#[test]
fn a_threshold_is_open_while_a_gap_may_hide_who_is_missing() {
    let bundles = ci().replace("  keyless:", "  formats: [bundle]\n  keyless:");
    let other = keyless(
        "other",
        &workflow("acme/other", "main"),
        "{repository: acme/other}",
    );
    let third = keyless(
        "third",
        &workflow("acme/third", "main"),
        "{repository: acme/third}",
    )
    .replace("  keyless:", "  formats: [bundle]\n  keyless:");
    let signers = [bundles, other, third];
    let world = World::new()
        .signed_by(&Identity::default())
        .gap(GapClass::Unavailable, Some(FoundBy::SignatureTag));
    for (from, expected) in [
        ("{any: [ci, other]}", Outcome::Pass),
        ("{all: [ci, other]}", Outcome::Unknown),
        ("{atLeast: 2, of: [ci, other, third]}", Outcome::Unknown),
        ("{all: [ci, third]}", Outcome::Fail),
        ("{all: [ci, other, third]}", Outcome::Fail),
    ] {
        let outcome = world.rule(&set(&signers, &format!("signature: {{from: {from}}}")));
        assert_eq!(outcome.outcome, expected, "{from}");
    }
}
