//! Images signed without keys: real cosign, Fulcio, Rekor v2 and timestamp authority, on loopback.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::PathBuf;

use countersign_e2e::{
    Countersign, Identity, REGISTRY_PARTS, Registry, RegistryKind, SIGSTORE_PARTS, Sigstore, parts,
};
use tempfile::TempDir;

const DEVELOPER: &str = "dev@acme.example";
const WORKFLOW: &str = "acme/app:acme/ci/.github/workflows/release.yml@refs/heads/main";

/// The command, a private Sigstore and a policy folder that holds its trusted root.
struct Scene {
    countersign: Countersign,
    sigstore: Sigstore,
    policies: TempDir,
    _folder: TempDir,
}

impl Scene {
    /// Nothing where the real parts are not asked for.
    fn set() -> Option<(Self, [Registry; 2])> {
        let parts = parts(&[&REGISTRY_PARTS[..], &SIGSTORE_PARTS[..]].concat())?;
        let folder = tempfile::tempdir().unwrap();
        let policies = tempfile::tempdir().unwrap();
        let sigstore = Sigstore::start(&parts, folder.path()).unwrap();
        fs::copy(sigstore.trusted_root(), policies.path().join("root.json")).unwrap();
        let scene = Self {
            countersign: Countersign::build().unwrap(),
            sigstore,
            policies,
            _folder: folder,
        };
        let registries = [RegistryKind::Registry, RegistryKind::WithReferrers]
            .map(|kind| Registry::start(&parts, kind).unwrap());
        Some((scene, registries))
    }

    /// Verifies under a signer, and compares exit code and reasons.
    #[track_caller]
    fn check(&self, image: &str, signer: &str, code: i32, reasons: &[&str]) {
        let verdict = self
            .countersign
            .verify(image, &self.policy(signer))
            .unwrap();
        assert_eq!(verdict.code, Some(code), "{signer}: {verdict:#?}");
        assert_eq!(verdict.reasons(), reasons, "{signer}: {verdict:#?}");
    }

    /// A policy that demands a signature of the signer described by `spec`, which follows `trust: private`.
    fn policy(&self, spec: &str) -> PathBuf {
        let path = self.policies.path().join("policy.yaml");
        let text = format!(
            r#"
apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {{name: e2e}}
spec: {{unmatched: deny}}
---
apiVersion: countersign.dev/v1alpha1
kind: TrustRoot
metadata: {{name: private}}
spec: {{file: root.json, sct: required}}
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: signer}}
spec:
  trust: private
{spec}
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: signed}}
spec:
  images: ["**"]
  rules: [{{name: signed, signature: {{from: signer}}}}]
"#
        );
        fs::write(&path, text).unwrap();
        path
    }
}

fn email(address: &str, issuer: &str) -> String {
    format!("  keyless: {{issuer: {issuer}, subject: {{email: {address}}}}}")
}

fn workflow(repository: &str, reference: &str) -> String {
    format!(
        r#"  keyless:
    issuer: https://token.actions.githubusercontent.com
    subject: {{workflow: {{path: acme/ci/.github/workflows/release.yml, refs: ["{reference}"]}}}}
    source: {{repository: {repository}, repositoryId: "123", refs: ["{reference}"], events: [push], runner: github-hosted}}"#
    )
}

#[test]
fn the_identity_decides() {
    let Some((scene, registries)) = Scene::set() else {
        return;
    };
    let accounts = "https://accounts.private.example";
    for registry in &registries {
        let image = registry.push("acme/person", "v1", "person").unwrap();
        scene.check(&image, &email(DEVELOPER, accounts), 1, &["no-evidence"]);
        let developer: Identity = DEVELOPER.parse().unwrap();
        scene.sigstore.sign3(&developer, &image).unwrap();
        scene.check(&image, &email(DEVELOPER, accounts), 0, &[]);
        let other = email("other@acme.example", accounts);
        scene.check(&image, &other, 1, &["subject-mismatch"]);
        let other = email(DEVELOPER, "https://accounts.other.example");
        scene.check(&image, &other, 1, &["issuer-mismatch"]);

        let image = registry.push("acme/workflow", "v1", "workflow").unwrap();
        let released: Identity = WORKFLOW.parse().unwrap();
        scene.sigstore.sign3(&released, &image).unwrap();
        scene.check(&image, &workflow("acme/app", "refs/heads/main"), 0, &[]);
        let other = workflow("acme/other", "refs/heads/main");
        scene.check(&image, &other, 1, &["source-mismatch"]);
        let other = workflow("acme/app", "refs/tags/v*");
        scene.check(&image, &other, 1, &["subject-mismatch"]);
    }
}

/// cosign 2 writes certificate and timestamp into `.sig`; it cannot write to Rekor v2.
#[test]
fn a_certificate_with_a_timestamp_and_no_log_entry() {
    let Some((scene, [registry, _])) = Scene::set() else {
        return;
    };
    let image = registry.push("acme/legacy", "v1", "legacy").unwrap();
    let developer: Identity = DEVELOPER.parse().unwrap();
    scene.sigstore.sign2(&developer, &image).unwrap();
    let signer = email(DEVELOPER, "https://accounts.private.example");
    scene.check(&image, &signer, 1, &["log-missing"]);
    let signer = format!("{signer}\n  log: off\n  time: timestamp");
    scene.check(&image, &signer, 0, &[]);
}

/// The same identity under another trust root is somebody else.
#[test]
fn another_sigstore_proves_nothing() {
    let Some((scene, [registry, _])) = Scene::set() else {
        return;
    };
    let image = registry.push("acme/person", "v1", "person").unwrap();
    let developer: Identity = DEVELOPER.parse().unwrap();
    scene.sigstore.sign3(&developer, &image).unwrap();
    let signer = email(DEVELOPER, "https://accounts.private.example");
    scene.check(&image, &signer, 0, &[]);

    // The root that `testdata/make.sh` signs under has the same names and other keys. The log's is missed first.
    let other = countersign_e2e::workspace().join("testdata/trust/private-trusted_root.json");
    fs::copy(other, scene.policies.path().join("root.json")).unwrap();
    scene.check(&image, &signer, 1, &["log-unknown"]);
}
