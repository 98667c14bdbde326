//! What is told of a candidate: each comparison with the Signer, in order, and the first that fails decides.

use countersign_core::{Outcome, Report, RuleOutcome};
use countersign_testkit::forge::Identity;

use crate::world::{World, keyless, set, workflow};

const SIGNATURE: &str = "signature: {from: s}";

fn rule(source: &str, reference: &str) -> RuleOutcome {
    let signer = keyless("s", &workflow("acme/app", reference), source);
    World::new()
        .signed_by(&Identity::default())
        .rule(&set(&[signer], SIGNATURE))
}

/// What was compared of the only candidate, with how it came out.
fn told(outcome: &RuleOutcome) -> Vec<(&str, Outcome)> {
    let [candidate] = outcome.candidates.as_slice() else {
        panic!("{:?}", outcome.candidates)
    };
    let all = candidate.comparisons.iter();
    all.map(|it| (it.what.as_str(), it.outcome)).collect()
}

#[test]
fn each_demand_of_a_signer_is_told_also_where_it_holds() {
    let pass = Outcome::Pass;
    let outcome = rule("{repository: acme/app, events: [push]}", "main");
    assert_eq!(outcome.outcome, pass);
    assert_eq!(
        told(&outcome),
        [
            ("trust", pass),
            ("issuer", pass),
            ("subject", pass),
            ("source.repository", pass),
            ("source.events", pass),
            ("sct", pass),
            ("formats", pass),
            ("log", pass),
            ("logOperators", pass),
            ("time", pass),
        ]
    );
    let repository = &outcome.candidates[0].comparisons[3];
    assert_eq!(repository.wanted, "repository github.com/acme/app");
    assert_eq!(repository.found, "repository https://github.com/acme/app");
}

#[test]
fn all_that_fails_is_told_and_the_first_of_it_decides() {
    let outcome = rule("{repository: acme/other, events: [release]}", "main");
    assert_eq!(outcome.code.unwrap().as_str(), "source-mismatch");
    let failed = |outcome: &RuleOutcome| -> Vec<String> {
        let all = told(outcome).into_iter();
        all.filter(|(_, outcome)| *outcome == Outcome::Fail)
            .map(|(what, _)| what.to_owned())
            .collect()
    };
    assert_eq!(failed(&outcome), ["source.repository", "source.events"]);
    assert!(
        outcome
            .message
            .contains("wanted repository github.com/acme/other")
    );
    // The subject comes before what the provider stated.
    let outcome = rule("{repository: acme/other}", "release");
    assert_eq!(outcome.code.unwrap().as_str(), "subject-mismatch");
    assert_eq!(failed(&outcome), ["subject", "source.repository"]);
}

#[test]
fn only_a_report_that_explains_has_candidates() {
    let signer = keyless("s", &workflow("acme/app", "main"), "{repository: acme/app}");
    let world = World::new().signed_by(&Identity::default());
    let decision = [world.decide(&set(&[signer], SIGNATURE))];
    let plain = Report::new(&decision);
    assert!(!plain.to_json().contains("\"candidates\""));
    let explained = Report::explained(&decision);
    let rule = &explained.images[0].policies[0].rules[0];
    assert_eq!(rule.candidates[0].evidence.signer.as_deref(), Some("s"));
    assert_eq!(rule.candidates[0].comparisons[1].what, "issuer");
    let mut without = explained.clone();
    without.images[0].policies[0].rules[0].candidates.clear();
    assert_eq!(without, plain);
}
