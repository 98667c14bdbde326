#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;
use crate::policy::NoFiles;
use crate::policy::tests::{SETTINGS, load as load_text};

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

#[test]
fn an_exception_is_changed_in_all_that_it_waives_and_in_nothing_that_it_says() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let text = format!(
        r#"{}
    - {{name: pinned, digest: required}}
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: ci}}
spec:
  images: ["ghcr.io/other/**"]
  rules:
    - {{name: pinned, digest: required}}
---
apiVersion: countersign.dev/v1alpha1
kind: Exception
metadata: {{name: waiver}}
spec:
  policy: production
  rules: [signed]
  images: ["ghcr.io/acme/app@{digest}"]
  namespaces: {{names: [test]}}
  expires: 2027-01-31
  reason: why
  ticket: SEC-1
"#,
        policy().trim_end()
    );
    let sources = [Source {
        name: "policy.yaml".to_owned(),
        text: text.clone(),
    }];
    let original = PolicySet::load(&sources, &NoFiles, &[]);
    assert_eq!(original.diagnostics, []);
    let mutations = Mutations::of(&sources);
    let all = mutations.all().iter();
    let own: Vec<&Mutation> = all.filter(|it| it.document == "Exception/waiver").collect();
    let found: Vec<String> = own
        .iter()
        .map(|it| format!("{}: {}", it.field, it.change))
        .collect();
    let other_digest = format!("ghcr.io/acme/app@sha256:{}", "a".repeat(64));
    let other_digest = format!("{}0", &other_digest[..other_digest.len() - 1]);
    let expected = [
        ": removed".to_owned(),
        "spec.policy: removed".to_owned(),
        "spec.policy: `ci`".to_owned(),
        "spec.rules: removed".to_owned(),
        "spec.rules[0]: `pinned`".to_owned(),
        "spec.images: removed".to_owned(),
        format!("spec.images[0]: `{}`", super::walk::cut(&other_digest)),
        "spec.images[0]: `ghcr.io/acme/app`".to_owned(),
        "spec.namespaces: removed".to_owned(),
        "spec.namespaces.names: removed".to_owned(),
        "spec.namespaces.names[0]: `test-other`".to_owned(),
        "spec.expires: removed".to_owned(),
        "spec.expires: `1970-01-02T00:00:00Z`".to_owned(),
        "spec.expires: `9998-12-31T00:00:00Z`".to_owned(),
    ];
    assert_eq!(found, expected);
    for mutation in own {
        let changed = mutations.load(mutation, &NoFiles, &[]);
        assert!(!changed.judges_like(&original), "{mutation:?}");
    }
}

/// What a provenance rule demands that its Signer demands already, or that no build can have, decides nothing.
#[test]
fn a_demand_that_decides_nothing_is_no_change() {
    let load = |signer: &str, provenance: &str| {
        let text = format!(
            r#"{SETTINGS}---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: ci}}
spec: {{{signer}}}
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: production}}
spec:
  images: ["ghcr.io/acme/**"]
  rules:
    - name: built
      provenance: {{from: ci, {provenance}}}
"#
        );
        let loaded = load_text(&text);
        assert_eq!(loaded.diagnostics, [], "{provenance}");
        loaded
    };
    let keyless = |source: &str| {
        format!(
            "trust: public-good, keyless: {{issuer: \"https://token.actions.githubusercontent.com\", subject: {{workflow: {{path: acme/app/.github/workflows/r.yml, refs: [refs/heads/main]}}}}, source: {{{source}}}}}"
        )
    };
    let app = keyless("repository: acme/app");
    let hosted = keyless("repository: acme/app, runner: github-hosted");
    let both = keyless("repository: [acme/app, acme/lib]");
    let numbered = keyless("repository: acme/app, repositoryId: \"1\"");
    let attest = "builders: [github-attest]";
    for (signer, one, other, alike) in [
        (
            &app,
            "source: {repository: acme/app, commit: COMMIT}",
            "source: {commit: COMMIT}",
            true,
        ),
        (
            &app,
            "source: {repository: [acme/app, acme/lib], commit: COMMIT}",
            "source: {commit: COMMIT}",
            true,
        ),
        (
            &both,
            "source: {repository: acme/app, commit: COMMIT}",
            "source: {commit: COMMIT}",
            false,
        ),
        (
            &app,
            "source: {repository: acme/lib, commit: COMMIT}",
            "source: {commit: COMMIT}",
            false,
        ),
        (
            &app,
            "source: {repositoryId: \"1\", commit: COMMIT}",
            "source: {commit: COMMIT}",
            false,
        ),
        (
            &numbered,
            "source: {repositoryId: \"1\", commit: COMMIT}",
            "source: {commit: COMMIT}",
            true,
        ),
        // A build type that is only listed may leave the repository out.
        (
            &app,
            "buildTypes: [\"https://b.example\"], source: {repository: acme/app, commit: COMMIT}",
            "buildTypes: [\"https://b.example\"], source: {commit: COMMIT}",
            false,
        ),
        // A self-hosted runner has level 1.
        (
            &app,
            "builders: [github-attest], minLevel: 2",
            attest,
            false,
        ),
        (
            &hosted,
            "builders: [github-attest], minLevel: 2",
            attest,
            true,
        ),
        (
            &app,
            "builders: [slsa-github-container], minLevel: 3",
            "builders: [slsa-github-container], minLevel: 2",
            true,
        ),
        (
            &app,
            "builders: [slsa-github-container, github-attest], minLevel: 3",
            "builders: [slsa-github-container, github-attest], minLevel: 2",
            false,
        ),
    ] {
        let commit = "0123456789012345678901234567890123456789";
        let [one, other] =
            [one, other].map(|text| text.replace("COMMIT", &format!("\"{commit}\"")));
        assert_eq!(
            load(signer, &one).judges_like(&load(signer, &other)),
            alike,
            "{signer}: {one} and {other}"
        );
    }
    // A key vouches for no source.
    let key = "log: off, time: none, keys: [{id: a, pem: \"-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKLWrctBmtcGrcM4BFpDxPPsUYrBn\\nPZAYOIX9oaZtYuUxhfKVNJQlud7k0922QR/8TcHUYAdZMjuexgWaXac8GA==\\n-----END PUBLIC KEY-----\"}]";
    assert!(
        !load(key, "source: {repository: acme/app, events: [push]}")
            .judges_like(&load(key, "source: {events: [push]}"))
    );
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
