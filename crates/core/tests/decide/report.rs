//! The report is the decision record: equal bytes for equal input, whatever the order of fetching, and nothing hidden in it.

use countersign_core::{GapClass, Report, Verdict};
use countersign_testkit::forge::Identity;

use crate::world::{SBOM, World, attestation, ci, gap, set};

#[test]
fn equal_input_gives_equal_bytes_in_any_order() {
    let text = set(&[ci()], "signature: {from: ci}");
    let world = World::new()
        .signed_by(&Identity::email(
            "mallory@evil.example",
            "https://accounts.google.com",
        ))
        .signed_by(&Identity::github_workflow(
            "acme/app",
            "test.yml",
            "refs/heads/main",
        ))
        .bundle(|forge, digest| attestation(forge, digest, SBOM).rekor_v1().bundle())
        .bundle(|_, _| b"{}".to_vec())
        .bundle(|_, _| b"[]".to_vec())
        .gap(GapClass::Unavailable, None);
    let forwards = Report::new(&[world.decide(&text)]).to_json();
    let mut backwards = world;
    backwards.items.reverse();
    assert_eq!(Report::new(&[backwards.decide(&text)]).to_json(), forwards);
}

#[test]
fn hostile_strings_are_escaped_and_cut() {
    let evil = format!("mallory\u{202e}\u{1b}[2J\n@{}.example", "x".repeat(2000));
    let mut world = World::new().signed_by(&Identity::email(
        &evil,
        "https://token.actions.githubusercontent.com",
    ));
    let mut hostile = gap(GapClass::Hostile, None);
    hostile.cause = evil.clone();
    world.gaps.push(hostile);
    let decision = world.decide(&set(&[ci()], "signature: {from: ci}"));
    let json = Report::new(&[decision]).to_json();
    assert!(json.contains("\\\\u{202e}\\\\u{1b}[2J\\\\u{a}"), "{json}");
    for hidden in ['\u{202e}', '\u{1b}'] {
        assert!(!json.contains(hidden));
    }
    assert!(!json.contains(&"x".repeat(600)));
}

#[test]
fn a_report_of_nothing_allows_nothing() {
    let report = Report::new(&[]);
    assert_eq!(
        (report.judged.as_str(), report.effect.as_str()),
        ("unknown", "unknown")
    );
}

#[test]
fn the_worst_image_decides_and_all_are_listed() {
    let text = set(&[ci()], "signature: {from: ci}");
    let good = World::new().signed_by(&Identity::default()).decide(&text);
    let bad = World::new().decide(&text);
    assert_eq!(
        (good.effect(), bad.effect()),
        (Verdict::Allow, Verdict::Deny)
    );
    let report = Report::new(&[good, bad]);
    assert_eq!(report.effect, "deny");
    let effects: Vec<&str> = report
        .images
        .iter()
        .map(|image| image.effect.as_str())
        .collect();
    assert_eq!(effects, ["allow", "deny"]);
    let signed = &report.images[0].policies[0].rules[0];
    assert_eq!(signed.evidence[0].signer.as_deref(), Some("ci"));
    assert_eq!(signed.evidence[0].trust_root.as_deref(), Some("private"));
    assert_eq!(
        (signed.file.as_str(), signed.outcome.as_str()),
        ("policy.yaml", "pass")
    );
}
