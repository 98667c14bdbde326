//! All rules in one policy, over evidence that real tools made.

use serde_json::json;

use crate::files;
use crate::policy::{ALL, BOTH, KEY, WORKFLOW, changed, policy};
use crate::scene::{ALLOWED, By, DENIED, Scene};

/// One change of the policy each, and the reasons for which it denies: what stands there, what stands there now, codes of rules.
const CHANGES: [(&str, &str, &[&str]); 26] = [
    // The signature's signer is somebody who attests VEX and signs no image.
    (
        "signature: {from: ci",
        "signature: {from: security",
        &["no-signature"],
    ),
    (
        "builders: [github-attest-reusable, own]",
        "builders: [github-attest]",
        &["builder-mismatch"],
    ),
    (
        "source: {repository: acme/app, repositoryId: \"123\", refs: [refs/heads/main], events: [push], runner: github-hosted}\n        workflow",
        "source: {repository: acme/app-evil}\n        workflow",
        &["provenance-source-mismatch"],
    ),
    (
        "events: [push], runner: github-hosted}\n        workflow",
        "events: [release]}\n        workflow",
        &["provenance-event-mismatch"],
    ),
    (
        "events: [push], runner: github-hosted}\n        workflow",
        "tags: \">=1\"}\n        workflow",
        &["provenance-ref-mismatch"],
    ),
    (
        "events: [push], runner: github-hosted}\n        workflow",
        "commit: 0000000000000000000000000000000000000000}\n        workflow",
        &["provenance-commit-mismatch"],
    ),
    (
        "runner: github-hosted}\n        workflow",
        "runner: self-hosted}\n        workflow",
        &["provenance-runner-mismatch"],
    ),
    (
        "workflow: .github/workflows/release.yml",
        "workflow: .github/workflows/nightly.yml",
        &["provenance-workflow-mismatch"],
    ),
    (
        "[\"false\"]",
        "[\"true\"]",
        &["provenance-parameter-mismatch"],
    ),
    (
        "        parameters: {values: {inputs.debug: [\"false\"]}}\n",
        "",
        &["provenance-parameter-mismatch"],
    ),
    ("debian@12", "debian@13", &["provenance-dependency-missing"]),
    (
        "formats: [cyclonedx]\n        licenses: {deny: [AGPL-3.0]",
        "formats: [cyclonedx]\n        licenses: {deny: [MIT]",
        &["license-denied"],
    ),
    (
        "formats: [spdx]\n        licenses: {deny: [AGPL-3.0]",
        "formats: [spdx]\n        licenses: {deny: [MIT]",
        &["license-denied"],
    ),
    (
        "formats: [cyclonedx]\n        licenses: {deny: [AGPL-3.0], unknown: warn",
        "formats: [cyclonedx]\n        licenses: {deny: [AGPL-3.0], unknown: deny",
        &["license-unknown"],
    ),
    (
        "formats: [spdx]\n        licenses: {deny: [AGPL-3.0], unknown: warn, missing: warn}",
        "formats: [spdx]\n        licenses: {deny: [AGPL-3.0], unknown: warn, missing: deny}",
        &["license-missing"],
    ),
    (
        "generators: [syft]",
        "generators: [trivy]",
        &["generator-mismatch"],
    ),
    (
        "generators: [\"syft-*\"]",
        "generators: [\"trivy-*\"]",
        &["generator-mismatch"],
    ),
    (
        "minComponents: 4\n\n    - name: spdx",
        "minComponents: 40000\n\n    - name: spdx",
        &["sbom-too-few-components"],
    ),
    // Both SBOMs list the standard library of the Go program; the program's own module has no version.
    ("\"<1.20\"", "\"<2\"", &["package-banned", "package-banned"]),
    (
        "pkg:golang/stdlib",
        "pkg:golang/countersign.dev/e2e/tools/referrers-registry",
        &["version-incomparable", "version-incomparable"],
    ),
    (
        "denyFrom: medium",
        "denyFrom: medium\n        maxDatabaseAge: 3d",
        &["database-too-old"],
    ),
    ("trivy@*", "grype@*", &["scanner-mismatch"]),
    (
        "        vex: {from: security}\n",
        "",
        &["vulnerability-found"],
    ),
    (
        "vex: {from: security}",
        "vex: {from: release}",
        &["vulnerability-found"],
    ),
    ("\"PASSED\"", "\"FAILED\"", &["expression-false"]),
    ("it.name", "it.missing", &["expression-wrong"]),
];

#[test]
fn every_rule_judges_what_real_tools_attest() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let image = scene.push("acme/app", "v1", "linux/amd64", |root| {
        files::debian(&scene.parts, root)
    });
    let [cyclonedx, spdx] = scene.sboms(&image, ["cyclonedx-json", "spdx-json"]);
    scene.attest_vex(By::Security, &image);

    for (by, from) in [(By::Workflow, WORKFLOW), (By::Key, KEY)] {
        let policy = policy(from, &ALL);
        // What is not there yet is what is missed.
        let mut missed = vec![
            "no-signature",
            "no-provenance",
            "no-sbom",
            "no-sbom",
            "no-scan",
            "no-statement",
        ];
        scene.check(&policy, &image, DENIED, &missed);
        scene.sign(by, &image);
        missed.remove(0);
        scene.check(&policy, &image, DENIED, &missed);
        scene.attest_provenance(by, &json!({"debug": "false"}), &image);
        missed.remove(0);
        scene.check(&policy, &image, DENIED, &missed);
        scene.attest(by, "cyclonedx", &cyclonedx, &image);
        scene.attest(by, "spdxjson", &spdx, &image);
        scene.attest_scan(by, Some("MEDIUM"), &image);
        scene.check(&policy, &image, DENIED, &["no-statement"]);
        scene.attest_tests(by, "PASSED", &image);
        scene.check(&policy, &image, ALLOWED, &[]);

        let tagged = format!("{}/acme/app:v1", scene.registry.host());
        scene.check(&policy, &tagged, DENIED, &["digest-required"]);
    }
    scene.check(&policy(BOTH, &ALL), &image, ALLOWED, &[]);

    let policy = policy(WORKFLOW, &ALL);
    for (old, new, codes) in CHANGES {
        scene.check(&changed(&policy, old, new), &image, DENIED, codes);
    }
}
