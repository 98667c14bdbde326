//! One policy with all rules, and the same with one change.

/// Whose word counts: the workflow alone, the key alone, both.
pub(crate) const WORKFLOW: &str = "ci";
pub(crate) const KEY: &str = "release";
pub(crate) const BOTH: &str = "{all: [ci, release]}";

/// Settings, trust root, Signers and Builder; `root.json` and `release.pub` are beside the file.
const HEAD: &str = r#"
apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {name: e2e}
spec: {unmatched: deny}
---
apiVersion: countersign.dev/v1alpha1
kind: TrustRoot
metadata: {name: private}
spec: {file: root.json, sct: required}
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {name: ci}
spec:
  trust: private
  keyless:
    issuer: https://token.actions.githubusercontent.com
    subject: {workflow: {path: acme/ci/.github/workflows/release.yml, refs: [refs/heads/main]}}
    source: {repository: acme/app, repositoryId: "123", refs: [refs/heads/main], events: [push], runner: github-hosted}
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {name: release}
spec:
  trust: private
  keys: [{id: release, file: release.pub}]
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {name: security}
spec:
  trust: private
  keyless: {issuer: https://accounts.private.example, subject: {email: security@acme.example}}
---
apiVersion: countersign.dev/v1alpha1
kind: Builder
metadata: {name: own}
spec:
  id: {exact: https://build.acme.example/worker}
  signers: [release]
  level: 3
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {name: everything}
spec:
  images: ["**"]
  rules:
"#;

pub(crate) const DIGEST: &str = "
    - {name: pinned, digest: required}
";
pub(crate) const SIGNATURE: &str = "
    - {name: signed, signature: {from: FROM, maxAge: 1d}}
";
pub(crate) const PROVENANCE: &str = r#"
    - name: built-from-main
      provenance:
        from: FROM
        builders: [github-attest-reusable, own]
        minLevel: 3
        source: {repository: acme/app, repositoryId: "123", refs: [refs/heads/main], events: [push], runner: github-hosted}
        workflow: .github/workflows/release.yml
        parameters: {values: {inputs.debug: ["false"]}}
        dependencies: [{uri: "pkg:docker/library/debian@12", digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}]
"#;
pub(crate) const CYCLONEDX: &str = r#"
    - name: cyclonedx
      sbom:
        from: FROM
        formats: [cyclonedx]
        licenses: {deny: [AGPL-3.0], unknown: warn, missing: warn}
        packages: {deny: [{purl: "pkg:npm/lodash", versions: "<4.17.20"}, {purl: "pkg:deb/debian/libssl3", versions: "<3.0.15"}, {purl: "pkg:golang/stdlib", versions: "<1.20"}]}
        fields: {version: {minCoverage: 90%}, name: {minCoverage: 100%}}
        generators: [syft]
        minComponents: 4
"#;
pub(crate) const SPDX: &str = r#"
    - name: spdx
      sbom:
        from: FROM
        formats: [spdx]
        licenses: {deny: [AGPL-3.0], unknown: warn, missing: warn}
        packages: {deny: [{purl: "pkg:npm/lodash", versions: "<4.17.20"}, {purl: "pkg:deb/debian/libssl3", versions: "<3.0.15"}, {purl: "pkg:golang/stdlib", versions: "<1.20"}]}
        fields: {version: {minCoverage: 90%}, name: {minCoverage: 100%}}
        generators: ["syft-*"]
        minComponents: 4
"#;
pub(crate) const SCAN: &str = r#"
    - name: scanned
      vulnerabilities:
        from: FROM
        denyFrom: medium
        maxAge: 7d
        scanners: ["pkg:github/aquasecurity/trivy@*"]
        vex: {from: security}
"#;
pub(crate) const STATEMENT: &str = r#"
    - name: tests
      statement:
        from: FROM
        predicateType: https://in-toto.io/attestation/test-result/v0.1
        where: 'predicate.result == "PASSED" && predicate.configuration.all(it, it.name != "")'
"#;

/// Every rule.
pub(crate) const ALL: [&str; 7] = [
    DIGEST, SIGNATURE, PROVENANCE, CYCLONEDX, SPDX, SCAN, STATEMENT,
];

/// A policy of these rules, for the word of `from`.
pub(crate) fn policy(from: &str, rules: &[&str]) -> String {
    format!("{HEAD}{}", rules.concat()).replace("FROM", from)
}

/// The text with `old`, which stands in it once at least, as `new`.
#[track_caller]
pub(crate) fn changed(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "no `{old}` in {text}");
    text.replace(old, new)
}
