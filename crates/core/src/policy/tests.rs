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

#[test]
fn labels_are_wanted_where_they_decide_and_nowhere_else() {
    let text = format!(
        r#"{SETTINGS}---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: production}}
spec:
  images: ["ghcr.io/acme/**"]
  namespaces: {{names: ["shop-*"], matchLabels: {{tier: prod}}}}
  rules: [{{name: pinned, digest: required}}]
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: everywhere}}
spec:
  images: ["ghcr.io/other/**"]
  rules: [{{name: pinned, digest: required}}]
---
apiVersion: countersign.dev/v1alpha1
kind: Exception
metadata: {{name: lab}}
spec:
  policy: everywhere
  rules: [pinned]
  images: ["ghcr.io/other/waived"]
  namespaces: {{matchLabels: {{tier: lab}}}}
  expires: 2030-01-01T00:00:00Z
  reason: a test
"#
    );
    let loaded = load(&text);
    let policies = loaded
        .policies
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let wanted = |image: &str, namespace: Namespace| {
        let image = crate::ImageRef::parse(image).unwrap();
        policies.wants_labels(&Request::named(&image).in_namespace(namespace))
    };
    let bare = |image: &str, name: &str| wanted(image, Namespace::new(name));
    assert!(bare("ghcr.io/acme/app", "shop-a"));
    // The name has decided, or another policy has.
    assert!(!bare("ghcr.io/acme/app", "lab"));
    assert!(!bare("ghcr.io/other/app", "shop-a"));
    assert!(!bare("ghcr.io/nobody/app", "shop-a"));
    // An exception waives nothing while labels are not known.
    assert!(bare("ghcr.io/other/waived", "shop-a"));
    let labelled = Namespace::new("shop-a").labelled(std::collections::BTreeMap::new());
    assert!(!wanted("ghcr.io/acme/app", labelled));
    let image = crate::ImageRef::parse("ghcr.io/acme/app").unwrap();
    assert!(!policies.wants_labels(&Request::named(&image)));
}
