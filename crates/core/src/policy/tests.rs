//! Loading good sets; wrong ones are data in `tests/policy/`.
#![allow(clippy::unwrap_used)]

use super::*;

pub(crate) const SETTINGS: &str = "apiVersion: countersign.dev/v1alpha1\nkind: Settings\nmetadata: {name: acme}\nspec: {unmatched: deny, onUnknown: deny}\n";

pub(crate) fn load(text: &str) -> Loaded {
    let source = Source {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    };
    PolicySet::load(&[source], &NoFiles, &[])
}

#[test]
fn a_good_set_loads_without_a_word() {
    let text = format!(
        r#"{SETTINGS}---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: ci}}
spec:
  trust: public-good
  keyless:
    issuer: https://token.actions.githubusercontent.com
    subject: {{workflow: {{path: acme/ci/.github/workflows/release.yml, refs: [refs/heads/main]}}}}
    source: {{repository: acme/app, repositoryId: "123", refs: ["refs/heads/main", "refs/tags/v*"], events: [push, release], runner: github-hosted}}
  log: required
  time: either
  formats: [bundle, legacy]
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: production}}
spec:
  images: ["ghcr.io/acme/**"]
  except: ["ghcr.io/acme/sandbox/**"]
  mode: enforce
  rules:
    - {{name: pinned, digest: required}}
    - {{name: signed, signature: {{from: {{all: [ci]}}, maxAge: 400d}}}}
    - name: tests
      statement: {{from: ci, predicateType: https://in-toto.io/attestation/test-result/v0.1}}
"#
    );
    let loaded = load(&text);
    assert_eq!(loaded.diagnostics, []);
    assert!(loaded.policies.is_some());
}
