#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;
use crate::policy::NoFiles;
use crate::policy::tests::SETTINGS;

fn policy() -> String {
    format!(
        r#"{SETTINGS}---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: ci}}
spec:
  trust: public-good
  keyless:
    issuer: https://token.actions.githubusercontent.com
    subject: {{workflow: {{path: acme/ci/.github/workflows/release.yml, refs: [refs/heads/main, "refs/tags/v*"]}}}}
    source: {{repository: acme/app, repositoryId: "123"}}
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: mail}}
spec: {{trust: public-good, keyless: {{issuer: "https://accounts.google.com", subject: {{email: a@acme.example}}}}}}
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: production}}
spec:
  images: ["ghcr.io/acme/**"]
  mode: enforce
  rules:
    - name: signed
      signature: {{from: {{atLeast: 2, of: [ci, mail]}}, maxAge: 400d}}
"#
    )
}

fn sources() -> Vec<Source> {
    vec![Source {
        name: "policy.yaml".to_owned(),
        text: policy(),
    }]
}

#[test]
fn every_field_is_dropped_and_altered_with_its_place() {
    let sources = sources();
    let mutations = Mutations::of(&sources);
    let found: BTreeSet<String> = mutations
        .all()
        .iter()
        .map(|it| format!("{} {}: {}", it.document, it.field, it.change))
        .collect();
    for wanted in [
        "Settings/acme spec.unmatched: removed",
        "Settings/acme spec.unmatched: `warn`",
        "Settings/acme spec.unmatched: `allow`",
        "Signer/ci : removed",
        "Signer/ci spec.keyless.subject.workflow.refs: removed",
        "Signer/ci spec.keyless.subject.workflow.refs[1]: `refs/tags/v*` removed",
        "Signer/ci spec.keyless.subject.workflow.refs[1]: `**`",
        "Signer/ci spec.keyless.source.repositoryId: `123-other`",
        "Policy/production spec.mode: `audit`",
        "Policy/production spec.rules[0].signature.from.atLeast: `1`",
        "Policy/production spec.rules[0].signature.from.atLeast: `3`",
        "Policy/production spec.rules[0].signature.from.of[0]: `mail`",
        "Policy/production spec.rules[0].signature.maxAge: `1s`",
        "Policy/production spec.rules[0].signature.maxAge: `5200w`",
    ] {
        assert!(found.contains(wanted), "{wanted}\n{found:#?}");
    }
    assert!(found.iter().all(|it| !it.contains("rules[0].name")));
    let max_age = mutations
        .all()
        .iter()
        .find(|it| it.field.ends_with("maxAge"))
        .unwrap();
    let lines: Vec<&str> = sources[0].text.lines().collect();
    assert!(lines[max_age.place.line - 1].contains("maxAge: 400d"));
    let text = &sources[0].text[max_age.place.span.clone()];
    assert_eq!(text, "maxAge");
}

#[test]
fn a_changed_set_is_loaded_with_the_one_change() {
    let sources = sources();
    let original = PolicySet::load(&sources, &NoFiles, &[]);
    assert_eq!(original.diagnostics, []);
    let mutations = Mutations::of(&sources);
    let load = |field: &str, change: &str| {
        let wanted = |it: &&Mutation| it.field == field && it.change == change;
        let mutation = mutations.all().iter().find(wanted).unwrap();
        mutations.load(mutation, &NoFiles, &[])
    };
    let rule = "spec.rules[0].signature";
    let threshold =
        |loaded: &Loaded| match &loaded.policies.as_ref().unwrap().policies[0].rules[0].condition {
            crate::policy::Condition::Evidence(demand) => (demand.from.threshold, demand.max_age),
            crate::policy::Condition::Digest(_) => unreachable!(),
        };
    let days = 86_400;
    assert_eq!(threshold(&original), (2, Some(400 * days)));
    let lower = load(&format!("{rule}.from.atLeast"), "`1`");
    assert_eq!(threshold(&lower), (1, Some(400 * days)));
    let ageless = load(&format!("{rule}.maxAge"), "removed");
    assert_eq!(threshold(&ageless), (2, None));
    assert!(!ageless.judges_like(&original));
    let refused = load(&format!("{rule}.from.atLeast"), "`3`");
    assert!(refused.policies.is_none());
    assert!(!refused.judges_like(&original));
    // The default that was written out.
    assert!(load("spec.mode", "removed").judges_like(&original));
    assert!(load("spec.unmatched", "removed").judges_like(&original));
    assert!(!load("spec.unmatched", "`warn`").judges_like(&original));
    assert!(!load("spec.mode", "`warn`").judges_like(&original));
}

/// What is signed or fixed elsewhere is one value: the trust root is removed as a whole, and nothing inside it is altered.
#[test]
fn nothing_inside_an_inline_trust_root_is_changed() {
    let text = "apiVersion: countersign.dev/v1alpha1\nkind: TrustRoot\nmetadata: {name: own}\nspec: {trustedRoot: {tlogs: [{baseUrl: a}, {baseUrl: b}]}}\n";
    let sources = [Source {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    }];
    let mutations = Mutations::of(&sources);
    let fields: Vec<&str> = mutations.all().iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["", "spec.trustedRoot"]);
}

#[test]
fn what_is_no_policy_has_no_changes() {
    for text in ["", "a: [1, 2", "- kind: Policy", "kind: Policy\nspec: 1\n"] {
        let sources = [Source {
            name: "policy.yaml".to_owned(),
            text: text.to_owned(),
        }];
        assert!(Mutations::of(&sources).all().is_empty(), "{text}");
    }
}
