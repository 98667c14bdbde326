//! What is written is small, whole, and what others and we ourselves take for an image.

use std::fs;

use countersign_e2e::{
    Countersign, REGISTRY_PARTS, RELEASE_POLICY, Registry, RegistryKind, SigningKey, Unpacked, run,
};
use serde_json::Value;

use crate::scene::{PROGRAMS, Scene, text};

/// What issue 8 allows a node to have to take.
const MOST_BYTES: u64 = 30_000_000;

#[test]
fn images_are_small_whole_and_have_no_shell() {
    let Some(scene) = Scene::shared() else { return };
    for program in PROGRAMS {
        let folder = scene.folder(&format!("whole-{program}"));
        let image = Unpacked::of(&scene.images.layout(program), &folder).unwrap();
        assert!(image.size <= MOST_BYTES, "{program}: {} bytes", image.size);
        let programs: Vec<String> = image.files().unwrap();
        let in_bin = programs.iter().filter(|path| path.contains("bin/"));
        assert_eq!(in_bin.collect::<Vec<_>>(), [&format!("usr/bin/{program}")]);
        let machine = &image.configuration["architecture"];
        assert_eq!(
            machine,
            if cfg!(target_arch = "aarch64") {
                "arm64"
            } else {
                "amd64"
            }
        );
    }
}

/// An image that was changed, or read carelessly, would else be run all the same.
#[test]
fn a_layer_that_is_not_what_the_manifest_says_is_seen() {
    let Some(scene) = Scene::shared() else { return };
    let folder = scene.folder("changed");
    run(std::process::Command::new("cp")
        .arg("-r")
        .arg(scene.images.layout("countersign"))
        .arg(folder.join("layout")))
    .unwrap();
    let blobs = folder.join("layout/blobs/sha256");
    let largest = fs::read_dir(blobs)
        .unwrap()
        .map(|blob| blob.unwrap().path());
    let largest = largest
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&largest, bytes).unwrap();
    let error = Unpacked::of(&folder.join("layout"), &folder).unwrap_err();
    assert!(error.to_string().contains("has the digest"), "{error:#}");
}

#[test]
fn crane_pushes_and_validates_them_and_we_judge_them_like_any_other() {
    let Some(scene) = Scene::shared() else { return };
    let Some(_) = countersign_e2e::parts(&REGISTRY_PARTS) else {
        return;
    };
    let registry = Registry::start(&scene.parts, RegistryKind::WithReferrers).unwrap();
    let folder = scene.folder("judged");
    let key = SigningKey::generate(&scene.parts, &folder.join("key")).unwrap();
    fs::copy(key.public_key(), folder.join("release.pub")).unwrap();
    let policy = folder.join("policy.yaml");
    fs::write(&policy, RELEASE_POLICY).unwrap();
    let countersign = Countersign::build().unwrap();
    for program in PROGRAMS {
        let layout = scene.images.layout(program);
        let pushed = format!("{}/acme/{program}:shipped", registry.host());
        let crane = |arguments: &[&str]| run(scene.parts.command("crane").args(arguments)).unwrap();
        crane(&["push", text(&layout), &pushed]);
        crane(&["validate", "--remote", &pushed]);
        let manifest: Value = serde_json::from_str(&crane(&["manifest", &pushed]).stdout).unwrap();
        let digest = crane(&["digest", &pushed]).stdout.trim().to_owned();
        let index: Value =
            serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
        assert_eq!(index["manifests"][0]["digest"], digest.as_str());
        assert_eq!(manifest["layers"].as_array().unwrap().len(), 2);

        // Our own reader finds the same image by the layout's tag, and nothing that is signed.
        let tag = index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"].clone();
        let name = format!("oci:{}:{}", text(&layout), tag.as_str().unwrap());
        let arguments = ["verify", &name, "--policy", text(&policy), "--format=json"];
        let said = countersign.run(&arguments).unwrap();
        assert_eq!(said.code, Some(1), "{}{}", said.stdout, said.stderr);
        let report: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(report["images"][0]["digest"], digest.as_str(), "{report:#}");

        key.sign3(&format!("{}/acme/{program}@{digest}", registry.host()))
            .unwrap();
        let verdict = countersign.verify(&pushed, &policy).unwrap();
        assert_eq!(verdict.code, Some(0), "{}", verdict.stderr);
    }
}
