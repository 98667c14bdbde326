//! `countersign copy` between real registries: the same decision from the copy, and real cosign verifies it there.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use countersign_e2e::{
    Countersign, Parts, REGISTRY_PARTS, RELEASE_POLICY, Registry, RegistryKind, SigningKey, parts,
    run, workspace,
};
use serde_json::Value;
use tempfile::TempDir;

struct Scene {
    countersign: Countersign,
    parts: Parts,
    key: SigningKey,
    policy: PathBuf,
    folder: TempDir,
}

impl Scene {
    /// Nothing where the real parts are not asked for.
    fn set() -> Option<Self> {
        let needed = [&REGISTRY_PARTS[..], &["cosign2", "cosign3"]].concat();
        let parts = parts(&needed)?;
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::generate(&parts, &folder.path().join("key")).unwrap();
        let rules = folder.path().join("policy");
        fs::create_dir(&rules).unwrap();
        fs::copy(key.public_key(), rules.join("release.pub")).unwrap();
        let policy = rules.join("policy.yaml");
        fs::write(&policy, RELEASE_POLICY).unwrap();
        Some(Self {
            countersign: Countersign::build().unwrap(),
            parts,
            key,
            policy,
            folder,
        })
    }

    fn start(&self, kind: RegistryKind) -> Registry {
        Registry::start(&self.parts, kind).unwrap()
    }

    /// An index of two platforms, signed in both formats and attested; one platform is signed too. `host/repository@digest`.
    fn fill(&self, registry: &Registry) -> String {
        let platforms = ["amd64", "arm64"].map(|name| registry.push("acme/app", name, name));
        let platforms = platforms.map(Result::unwrap);
        let children = platforms.each_ref().map(String::as_str);
        let index = registry.push_index("acme/app", "v1", &children).unwrap();
        self.key.sign3(&index).unwrap();
        self.key.sign2(&index).unwrap();
        self.key.sign3(&platforms[1]).unwrap();
        let predicate = workspace().join("testdata/predicates/sbom.cdx.json");
        self.key.attest3("cyclonedx", &predicate, &index).unwrap();
        index
    }

    /// Copies; the JSON report.
    fn copy(&self, from: &str, to: &str) -> Value {
        let arguments = ["copy", from, to, "--plain-http", "--format=json"];
        let output = self.countersign.run(&arguments).unwrap();
        assert_eq!(output.code, Some(0), "{from} {to}: {output:#?}");
        serde_json::from_str(&output.stdout).unwrap()
    }

    /// The whole report on an image, hosts aside.
    fn judged(&self, registry: &Registry, rest: &str) -> Value {
        let image = format!("{}/acme/app{rest}", registry.host());
        let verdict = self.countersign.verify(&image, &self.policy).unwrap();
        assert_eq!(verdict.code, Some(0), "{image}: {verdict:#?}");
        let mut report = verdict.report;
        report["images"][0]["now"] = Value::Null;
        let text = report.to_string().replace(&registry.host(), "HOST");
        // The two kinds of registries list by different ways.
        serde_json::from_str(&text.replace("fallback-tag", "referrers")).unwrap()
    }

    /// An image that cosign 2 alone has signed. `host/repository@digest`.
    fn fill_legacy(&self, registry: &Registry) -> String {
        let image = registry.push("acme/legacy", "v1", "legacy").unwrap();
        self.key.sign2(&image).unwrap();
        image
    }

    /// Real cosign, by the format that it writes: where there are bundles, cosign 2 looks at nothing else.
    fn cosign_verifies(&self, tool: &str, image: &str) {
        let mut cosign = self.parts.command(tool);
        cosign
            .args(["verify", "--insecure-ignore-tlog", "--allow-http-registry"])
            .arg("--key")
            .arg(self.key.public_key())
            .env("TUF_ROOT", self.folder.path().join("tuf"));
        if tool == "cosign3" {
            cosign.arg("--trusted-root").arg(self.key.no_roots());
        }
        run(cosign.arg(image)).unwrap();
    }
}

fn pushed(report: &Value) -> Vec<u64> {
    ["blobs", "manifests", "fallbackIndexes", "tags"]
        .iter()
        .map(|kind| report["done"]["pushed"][kind].as_u64().unwrap())
        .collect()
}

const KINDS: [RegistryKind; 2] = [RegistryKind::Registry, RegistryKind::WithReferrers];

#[test]
fn a_copy_is_verified_where_it_arrives_when_the_original_is_gone() {
    let Some(scene) = Scene::set() else {
        return;
    };
    for from in KINDS {
        for to in KINDS {
            let (first, second) = (scene.start(from), scene.start(to));
            let image = scene.fill(&first);
            let (_, digest) = image.split_once('@').unwrap();
            let source = format!("{}/acme/app:v1", first.host());
            let destination = format!("{}/acme/app", second.host());
            let copied = scene.copy(&source, &destination);
            assert_eq!(copied["digest"], digest, "{from:?} {to:?}");
            let again = scene.copy(&source, &destination);
            assert_eq!(pushed(&again), [0; 4], "{from:?} {to:?}: {again:#}");
            let legacy = format!("{}/acme/legacy:v1", second.host());
            scene.copy(&scene.fill_legacy(&first), &legacy);
            let before = scene.judged(&first, ":v1");
            first.stop();
            assert_eq!(scene.judged(&second, ":v1"), before, "{from:?} {to:?}");
            scene.cosign_verifies("cosign3", &format!("{destination}@{digest}"));
            scene.cosign_verifies("cosign2", &legacy);
        }
    }
}

#[test]
fn a_copy_that_was_carried_in_a_folder_is_verified_too() {
    let Some(scene) = Scene::set() else {
        return;
    };
    for kind in KINDS {
        let first = scene.start(kind);
        scene.fill(&first);
        let before = scene.judged(&first, ":v1");
        let carried = scene.folder.path().join(format!("{kind:?}"));
        let layout = format!("oci:{}:v1", path_text(&carried));
        scene.copy(&format!("{}/acme/app:v1", first.host()), &layout);
        first.stop();
        let second = scene.start(kind);
        let destination = format!("{}/acme/app", second.host());
        scene.copy(&layout, &destination);
        assert_eq!(scene.judged(&second, ":v1"), before, "{kind:?}");
        scene.cosign_verifies("cosign3", &format!("{destination}:v1"));
    }
}

#[test]
fn evidence_follows_an_image_that_another_tool_copied() {
    let Some(scene) = Scene::set() else {
        return;
    };
    for kind in KINDS {
        let (first, second) = (scene.start(RegistryKind::WithReferrers), scene.start(kind));
        let image = scene.fill(&first);
        let destination = format!("{}/acme/app", second.host());
        let mut crane = scene.parts.command("crane");
        crane.args(["copy", "--insecure", &image, &format!("{destination}:v1")]);
        run(&mut crane).unwrap();
        let bare = scene
            .countersign
            .verify(&format!("{destination}:v1"), &scene.policy)
            .unwrap();
        assert_eq!(bare.code, Some(1), "what is copied alone is unsigned");
        let arguments = [
            "copy",
            &image,
            &destination,
            "--only-evidence",
            "--plain-http",
        ];
        let output = scene.countersign.run(&arguments).unwrap();
        assert_eq!(output.code, Some(0), "{output:#?}");
        scene.judged(&second, ":v1");
        scene.cosign_verifies("cosign3", &format!("{destination}:v1"));
    }
}

fn path_text(path: &Path) -> &str {
    path.to_str().unwrap()
}
