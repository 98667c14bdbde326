//! Images signed with a key by real cosign, in real registries.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use countersign_e2e::{
    Countersign, Parts, REGISTRY_PARTS, RELEASE_POLICY, Registry, RegistryKind, SigningKey, parts,
    workspace,
};
use tempfile::TempDir;

const ALLOWED: Option<i32> = Some(0);
const DENIED: Option<i32> = Some(1);
const UNKNOWN: Option<i32> = Some(2);

type Sign = fn(&SigningKey, &str) -> Result<()>;

/// The command, a registry and two keys, of which the policy knows one.
struct Scene {
    countersign: Countersign,
    registry: Registry,
    release: SigningKey,
    foreign: SigningKey,
    policy: PathBuf,
    _folder: TempDir,
}

impl Scene {
    /// Nothing where the real parts are not asked for.
    fn set(kind: RegistryKind) -> Option<Self> {
        let needed = [&REGISTRY_PARTS[..], &["cosign2", "cosign3"]].concat();
        parts(&needed).map(|parts| Self::with(&parts, kind))
    }

    fn with(parts: &Parts, kind: RegistryKind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let release = SigningKey::generate(parts, &folder.path().join("release")).unwrap();
        let foreign = SigningKey::generate(parts, &folder.path().join("foreign")).unwrap();
        let rules = folder.path().join("policy");
        fs::create_dir(&rules).unwrap();
        fs::copy(release.public_key(), rules.join("release.pub")).unwrap();
        let policy = rules.join("policy.yaml");
        fs::write(&policy, RELEASE_POLICY).unwrap();
        Self {
            countersign: Countersign::build().unwrap(),
            registry: Registry::start(parts, kind).unwrap(),
            release,
            foreign,
            policy,
            _folder: folder,
        }
    }

    /// Verifies, and compares exit code and reasons.
    #[track_caller]
    fn check(&self, image: &str, code: Option<i32>, reasons: &[&str]) {
        let verdict = self.countersign.verify(image, &self.policy).unwrap();
        assert_eq!(verdict.code, code, "{image}: {verdict:#?}");
        assert_eq!(verdict.reasons(), reasons, "{image}: {verdict:#?}");
    }

    fn tagged(&self, repository: &str, tag: &str) -> String {
        format!("{}/{repository}:{tag}", self.registry.host())
    }
}

/// Both formats, by tag, by digest and by both; nothing signed, signed by another, and attested only.
fn decides_in(kind: RegistryKind) {
    let Some(scene) = Scene::set(kind) else {
        return;
    };
    let registry = &scene.registry;

    for (repository, format) in [("acme/bundle", "bundle-v0.3"), ("acme/legacy", "legacy")] {
        let image = registry.push(repository, "v1", repository).unwrap();
        scene.check(&image, DENIED, &["no-evidence"]);
        if format == "legacy" {
            scene.release.sign2(&image).unwrap();
        } else {
            scene.release.sign3(&image).unwrap();
        }
        let tagged = scene.tagged(repository, "v1");
        let (_, digest) = image.split_once('@').unwrap();
        for reference in [&image, &tagged, &format!("{tagged}@{digest}")] {
            let verdict = scene.countersign.verify(reference, &scene.policy).unwrap();
            assert_eq!(verdict.code, ALLOWED, "{reference}: {verdict:#?}");
            assert_eq!(verdict.formats(), [format], "{reference}");
            assert_eq!(verdict.report["images"][0]["digest"], digest);
        }

        // The tag moves to an image that nobody signed; the evidence of the old one is still there.
        let unsigned = registry.push(repository, "v1", "something else").unwrap();
        scene.check(&tagged, DENIED, &["no-evidence"]);
        scene.check(&unsigned, DENIED, &["no-evidence"]);
        scene.check(&image, ALLOWED, &[]);
    }

    let formats: [(&str, Sign); 2] = [
        ("acme/foreign-bundle", SigningKey::sign3),
        ("acme/foreign-legacy", SigningKey::sign2),
    ];
    for (repository, sign) in formats {
        let image = registry.push(repository, "v1", repository).unwrap();
        sign(&scene.foreign, &image).unwrap();
        scene.check(&image, DENIED, &["key-unknown"]);
        // One good signature beside a foreign one is enough.
        sign(&scene.release, &image).unwrap();
        scene.check(&image, ALLOWED, &[]);
    }

    // CVE-2022-35929: an attestation by the right key is not a signature.
    let image = registry.push("acme/attested", "v1", "attested").unwrap();
    let predicate = workspace().join("testdata/predicates/sbom.cdx.json");
    scene
        .release
        .attest3("cyclonedx", &predicate, &image)
        .unwrap();
    scene.check(&image, DENIED, &["no-signature"]);
}

#[test]
fn a_registry_without_the_referrers_api() {
    decides_in(RegistryKind::Registry);
}

#[test]
fn the_registry_of_crane() {
    decides_in(RegistryKind::Crane);
}

#[test]
fn a_registry_with_the_referrers_api() {
    decides_in(RegistryKind::WithReferrers);
}

#[test]
fn an_index_is_judged_by_its_own_signature() {
    let Some(scene) = Scene::set(RegistryKind::WithReferrers) else {
        return;
    };
    let children =
        ["amd64", "arm64"].map(|name| scene.registry.push("acme/index", name, name).unwrap());
    let children = children.each_ref().map(String::as_str);
    let index = scene
        .registry
        .push_index("acme/index", "v1", &children)
        .unwrap();
    scene.check(&index, DENIED, &["no-evidence"]);
    scene.release.sign3(children[0]).unwrap();
    scene.check(&index, DENIED, &["no-evidence"]);
    scene.release.sign3(&index).unwrap();
    scene.check(&index, ALLOWED, &[]);
    scene.check(&scene.tagged("acme/index", "v1"), ALLOWED, &[]);
    scene.check(children[1], DENIED, &["no-evidence"]);
}

#[test]
fn who_cannot_ask_the_registry_does_not_know() {
    let Some(scene) = Scene::set(RegistryKind::Registry) else {
        return;
    };
    let image = scene.registry.push("acme/app", "v1", "app").unwrap();
    scene.release.sign3(&image).unwrap();
    scene.check(&image, ALLOWED, &[]);
    scene.check(
        &scene.tagged("acme/app", "v2"),
        UNKNOWN,
        &["image-not-found"],
    );

    let Scene {
        countersign,
        registry,
        policy,
        _folder,
        ..
    } = scene;
    registry.stop();
    let verdict = countersign.verify(&image, &policy).unwrap();
    assert_eq!(verdict.code, UNKNOWN, "{verdict:#?}");
    assert_eq!(verdict.reasons(), ["registry-unavailable"], "{verdict:#?}");
}
