//! Last known evidence: it supports an allow by `any` for as long as Settings say, and nothing else.

use countersign_core::{FoundBy, GapClass, Outcome, ReasonCode, Report, Verdict};
use countersign_testkit::forge::Identity;

use crate::world::{DAY, TEST, World, attestation, ci, only_rule, set};

const ANY: &str = "signature: {from: ci}";
const HOUR: u64 = 3600;

/// One rule, and what Settings say of last known evidence.
fn policies(rule: &str, settings: &str) -> String {
    set(&[ci()], rule).replacen(
        "  unmatched: deny\n",
        &format!("  unmatched: deny\n{settings}"),
        1,
    )
}

const TWELVE_HOURS: &str = "  stale: {maxAge: 12h}\n";

fn signed() -> World {
    World::new().signed_by(&Identity::default())
}

/// The registry cannot be asked, and what is known was listed so long ago.
fn stale(world: World, age: u64) -> World {
    world
        .gap(GapClass::Unavailable, Some(FoundBy::Referrers))
        .stale(age)
}

#[test]
fn last_known_evidence_allows_for_as_long_as_settings_say_and_is_told() {
    for (settings, age, expected) in [
        (TWELVE_HOURS, 0, None),
        (TWELVE_HOURS, 12 * HOUR, None),
        (TWELVE_HOURS, 12 * HOUR + 1, Some(ReasonCode::StaleEvidence)),
        ("", 0, Some(ReasonCode::StaleEvidence)),
    ] {
        let decision = stale(signed(), age).decide(&policies(ANY, settings));
        assert_eq!(only_rule(&decision).code, expected, "{settings} {age}");
        let effect = match expected {
            None => Verdict::Allow,
            Some(_) => Verdict::Unknown,
        };
        assert_eq!(decision.effect(), effect, "{settings} {age}");
        let [warning] = decision.warnings() else {
            panic!("{:?}", decision.warnings())
        };
        assert_eq!(warning.code, ReasonCode::StaleEvidence);
        assert!(warning.message.contains("referrers of the image"));
        assert!(
            warning
                .message
                .contains(if age == 0 { "0 seconds" } else { "12 hours" })
        );
        assert_eq!(decision.stale()[0].age, age);
    }
}

#[test]
fn the_oldest_of_several_lists_counts() {
    let world = stale(signed(), HOUR).stale(DAY.unsigned_abs());
    let outcome = world.rule(&policies(ANY, TWELVE_HOURS));
    assert_eq!(outcome.code, Some(ReasonCode::StaleEvidence));
    assert!(outcome.message.contains("24 hours"), "{}", outcome.message);
}

#[test]
fn no_on_unknown_excuses_evidence_that_is_too_old() {
    let excusing =
        |settings: &str| policies(ANY, settings).replace("onUnknown: deny", "onUnknown: allow");
    let world = stale(signed(), 13 * HOUR);
    assert_eq!(
        world.decide(&excusing(TWELVE_HOURS)).effect(),
        Verdict::Unknown
    );
    assert_eq!(world.decide(&excusing("")).effect(), Verdict::Unknown);
    // What nothing satisfies is as unknown as without last known evidence, and excused as before.
    let world = stale(World::new(), HOUR);
    let decision = world.decide(&excusing(TWELVE_HOURS));
    assert_eq!(decision.effect(), Verdict::Allow);
    assert_eq!(decision.judged(), Verdict::Unknown);
}

#[test]
fn last_known_evidence_helps_no_all_and_no_newest_and_proves_no_absence() {
    let attested =
        World::new().bundle(|forge, digest| attestation(forge, digest, TEST).rekor_v1().bundle());
    let newest = format!("statement: {{from: ci, predicateType: {TEST}}}");
    let any = format!("statement: {{from: ci, predicateType: {TEST}, match: any}}");
    let all = "signature: {from: ci, match: all}";
    for with_gap in [true, false] {
        let old = |world: World| match with_gap {
            true => stale(world, HOUR),
            false => world.stale(HOUR),
        };
        for (world, rule, expected) in [
            (
                old(attested_again(&attested)),
                newest.as_str(),
                Outcome::Unknown,
            ),
            (old(attested_again(&attested)), any.as_str(), Outcome::Pass),
            (old(signed()), all, Outcome::Unknown),
            (old(signed()), ANY, Outcome::Pass),
            (old(World::new()), ANY, Outcome::Unknown),
        ] {
            let outcome = world.rule(&policies(rule, TWELVE_HOURS));
            assert_eq!(
                outcome.outcome, expected,
                "{rule} {with_gap} {}",
                outcome.message
            );
        }
    }
}

fn attested_again(world: &World) -> World {
    let mut again = World::new();
    again.forge = world.forge.clone();
    again.items = world.items.clone();
    again
}

#[test]
fn a_registry_that_lies_is_helped_by_no_last_known_evidence() {
    for hides in [None, Some(FoundBy::Referrers), Some(FoundBy::SignatureTag)] {
        let world = stale(signed(), HOUR).gap(GapClass::Hostile, hides);
        let decision = world
            .decide(&policies(ANY, TWELVE_HOURS).replace("onUnknown: deny", "onUnknown: allow"));
        assert_eq!(
            only_rule(&decision).code,
            Some(ReasonCode::RegistryHostile),
            "{hides:?}"
        );
        assert_eq!(decision.effect(), Verdict::Unknown);
        // without last known evidence, a lie elsewhere does not touch what was proven
        let world = signed().gap(GapClass::Hostile, hides);
        assert_eq!(world.code(&policies(ANY, TWELVE_HOURS)), "pass");
    }
    // nor does a lie about what the rule never asks for
    let world = stale(signed(), HOUR).gap(GapClass::Hostile, Some(FoundBy::AttestationTag));
    assert_eq!(world.code(&policies(ANY, TWELVE_HOURS)), "pass");
}

#[test]
fn the_report_names_the_list_and_its_age() {
    let decision = stale(signed(), HOUR).decide(&policies(ANY, TWELVE_HOURS));
    let report: serde_json::Value =
        serde_json::from_str(&Report::new(&[decision]).to_json()).unwrap();
    assert_eq!(
        report["images"][0]["stale"],
        serde_json::json!([{"what": "referrers of the image", "ageSeconds": HOUR}])
    );
    let decision = signed().decide(&policies(ANY, TWELVE_HOURS));
    let report = Report::new(&[decision]).to_json();
    assert!(!report.contains("stale"), "{report}");
}
