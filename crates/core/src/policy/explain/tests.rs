#![allow(clippy::unwrap_used)]

use super::*;
use crate::policy::tests::{SETTINGS, load};

fn explain(text: &str) -> Explanation {
    let loaded = load(&format!("{SETTINGS}---\n{text}"));
    assert!(loaded.policies.is_some(), "{:?}", loaded.diagnostics);
    loaded.policies.unwrap().explain()
}

fn signers(names: &[&str]) -> String {
    let signer = |name: &&str| {
        format!(
            "apiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: {name}}}\nspec: {{trust: public-good, keyless: {{issuer: \"https://accounts.example\", subject: {{email: {name}@acme.example}}}}}}\n---\n"
        )
    };
    names.iter().map(signer).collect()
}

fn policy_with(rule: &str) -> String {
    format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {{name: production}}\nspec:\n  images: [\"ghcr.io/acme/**\"]\n  except: [\"ghcr.io/acme/x\"]\n  rules:\n    - {rule}\n"
    )
}

#[test]
fn a_threshold_is_said_as_it_counts() {
    for (from, names, expected) in [
        ("a", &["a"][..], "by `a`."),
        ("{any: [a, b]}", &["a", "b"], "by `a` or `b`."),
        ("{all: [a, b]}", &["a", "b"], "by each of `a` and `b`."),
        (
            "{atLeast: 2, of: [a, b, c]}",
            &["a", "b", "c"],
            "by at least 2 of `a`, `b` and `c`, each by a key or identity of its own.",
        ),
    ] {
        let rule = format!("{{name: signed, signature: {{from: {from}, maxAge: 36h}}}}");
        let explained = explain(&(signers(names) + &policy_with(&rule)));
        let rule = &explained.policies[0].rules[0];
        assert_eq!(rule.says[0], format!("The image is signed {expected}"));
        assert_eq!(
            rule.says[1],
            "By its proven time it is at most 36 hours old."
        );
        assert_eq!(explained.signers.len(), names.len());
    }
}

#[test]
fn a_summary_is_said_by_everything_that_is_compared() {
    let digest = "a".repeat(64);
    let rule = format!(
        "{{name: staged, summary: {{from: a, verifier: \"https://acme.example/promote\", resource: \"{{registry}}/{{repository}}\", levels: [ACME_STAGING, SLSA_BUILD_LEVEL_2], policy: {{uri: \"https://acme.example/staging\", digest: \"sha256:{digest}\"}}, minAge: 1h, maxAge: 7d}}}}"
    );
    let explained = explain(&(signers(&["a"]) + &policy_with(&rule)));
    let policy = format!("The policy was `https://acme.example/staging` with `sha256:{digest}`.");
    assert_eq!(
        explained.policies[0].rules[0].says,
        [
            "That it was judged before is attested as an SLSA verification summary by `a`.",
            "Its verifier is `https://acme.example/promote`.",
            "It is about the resource `{registry}/{repository}`.",
            &policy,
            "The verification passed, and states `ACME_STAGING` and `SLSA_BUILD_LEVEL_2`; a level of SLSA states those below it too.",
            "By its proven time it is at least 1 hour old, also for what runs already.",
            "By its proven time it is at most 7 days old.",
            "Of each Signer the newest piece decides, by its proven time.",
            "Of an index, it is about the index itself.",
        ]
    );
}

#[test]
fn what_limits_a_policy_is_said() {
    let explained = explain(&policy_with("{name: pinned, digest: required}"));
    let policy = &explained.policies[0];
    assert_eq!(
        policy.says,
        [
            "It judges images that match `ghcr.io/acme/**`.",
            "It leaves out those that match `ghcr.io/acme/x`.",
            "An image that fails is denied.",
        ]
    );
    assert_eq!(policy.place.as_deref(), Some("policy.yaml:8"));
    assert_eq!(policy.rules[0].says, ["The reference names a digest."]);
}

#[test]
fn what_an_exception_waives_is_said() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let explained = explain(&format!(
        "{}---\napiVersion: countersign.dev/v1alpha1\nkind: Exception\nmetadata: {{name: waiver}}\nspec:\n  policy: production\n  rules: [pinned]\n  images: [ghcr.io/acme/old, \"ghcr.io/acme/app@{digest}\"]\n  namespaces: {{names: [test]}}\n  expires: 2027-01-31\n  reason: it is being replaced\n  ticket: SEC-12\n",
        policy_with("{name: pinned, digest: required}")
    ));
    let [waiver] = explained.exceptions.as_slice() else {
        panic!("{:?}", explained.exceptions)
    };
    assert_eq!(
        waiver.says,
        [
            "Of the policy `production` it waives `pinned`: that it does not pass is told, and denies nothing.".to_owned(),
            format!("It is for images that match `ghcr.io/acme/old` or `ghcr.io/acme/app` and have the digest {digest}."),
            "It is for namespaces named `test`.".to_owned(),
            "It ends 2027-02-01T00:00:00Z.".to_owned(),
            "It waives nothing that is revoked, and nothing where a registry lies.".to_owned(),
            "The reason: it is being replaced".to_owned(),
            "It is being settled in `SEC-12`.".to_owned(),
        ]
    );
    assert_eq!(waiver.place.as_deref(), Some("policy.yaml:17"));
}

#[test]
fn a_span_is_said_in_its_largest_whole_unit() {
    for (seconds, expected) in [
        (1, "1 second"),
        (90, "90 seconds"),
        (60, "1 minute"),
        (36 * 3600, "36 hours"),
        (400 * 86_400, "400 days"),
    ] {
        assert_eq!(span(seconds), expected);
    }
}
