//! `lock` and `verify --locked` where images stand in kustomizations and in values of Helm, as `pin` reads them.

use insta::assert_snapshot;

use crate::lock::{moved, stable};
use crate::manifests::{Ended, Scene, pod};

const KUSTOMIZATION: &str = "namespace: shop\nresources: [../base]\nimages:\n  - name: web\n    newName: HOST/app\n    newTag: good # by the release job\n";
const VALUES: &str = "replicas: 2\nimage:\n  repository: HOST/app\n  tag: good\nsidecar: {registry: HOST, name: app, version: \"good\"}\n";
const PATHS: [&str; 4] = [
    "--values-path",
    "image.repository/tag/digest",
    "--values-path",
    "sidecar.registry/name/version/digest",
];

/// A kustomization and values in the folder `k`.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.write("k/kustomization.yaml", KUSTOMIZATION);
    scene.write("k/values.yaml", VALUES);
    scene
}

fn lock(scene: &Scene, more: &[&str]) -> Ended {
    scene.run(&[&["lock", "-f", "k"], &PATHS[..], more].concat(), None)
}

fn locked(scene: &Scene, more: &[&str]) -> Ended {
    scene.verify(&[&["-f", "k", "--locked"], &PATHS[..], more].concat())
}

#[test]
fn a_tag_in_a_kustomization_or_in_values_is_locked_as_in_a_manifest() {
    let scene = scene();
    let old = scene.signed("good");
    let added = lock(&scene, &[]);
    assert_eq!(added.code, 0, "{}{}", added.stdout, added.stderr);
    // Three places, one tag: it stands once, and was asked for once.
    assert_eq!(
        added.stdout.matches("added HOST/app:good\n").count(),
        1,
        "{}",
        added.stdout
    );
    let asked = scene.world.registry.requests().into_iter();
    let tags = asked.filter(|it| it.path.ends_with("/manifests/good"));
    assert_eq!(tags.count(), 1);
    assert_eq!(
        scene
            .read("countersign.lock")
            .matches("\"digest\": ")
            .count(),
        1
    );
    let good = locked(&scene, &[]);
    assert_eq!(good.code, 0, "{}{}", good.stdout, good.stderr);
    // In no other way are they written: nothing of the files changes.
    assert!(!scene.read("k/kustomization.yaml").contains("sha256"));

    let new = moved(&scene, true);
    let written: serde_json::Value = serde_json::from_str(&scene.read("countersign.lock")).unwrap();
    let entry = written["images"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap();
    let when = entry["lockedAt"].as_str().unwrap().to_owned();
    let told = locked(&scene, &["--format", "github"]);
    assert_eq!(told.code, 1);
    let golden = |name: &str, text: &str| {
        assert_snapshot!(name, stable(text, &old, &new).replace(&when, "WHEN"))
    };
    golden("locked-configured", &told.stdout);
    assert_eq!(told.stdout.matches("title=tag-moved::").count(), 3);
    let seen = lock(&scene, &[]);
    assert_eq!(seen.code, 1);
    golden("lock-configured-moved", &seen.stdout);
    let updated = lock(&scene, &["--update"]);
    assert_eq!(updated.code, 0);
    golden("lock-configured-updated", &updated.stdout);
    assert_eq!(locked(&scene, &[]).code, 0);
    let json = lock(&scene, &["--format", "json"]).json();
    assert_eq!(json["tags"][0]["state"], "same");
}

/// What `lock` writes is what `pin` would: the same reader stands behind both.
#[test]
fn lock_and_pin_find_the_same_images() {
    let scene = scene();
    let digest = scene.signed("good");
    let pin = scene.run(&[&["pin", "-f", "k"], &PATHS[..]].concat(), None);
    assert_eq!(pin.code, 0, "{}{}", pin.stdout, pin.stderr);
    assert_eq!(pin.stdout.matches(&digest).count(), 3, "{}", pin.stdout);
    assert_eq!(lock(&scene, &[]).code, 0);
    assert!(scene.read("countersign.lock").contains(&digest));
    // A digest needs no lock, wherever it stands.
    let write = scene.run(&[&["pin", "-f", "k", "--write"], &PATHS[..]].concat(), None);
    assert_eq!(write.code, 0, "{}{}", write.stdout, write.stderr);
    let unused = lock(&scene, &["--update"]);
    assert!(
        unused.stdout.contains("removed HOST/app:good"),
        "{}",
        unused.stdout
    );
    assert_eq!(locked(&scene, &["--require-digest"]).code, 0);
}

#[test]
fn what_is_named_there_is_judged_as_in_a_manifest() {
    let scene = scene();
    let judged = |file: &str, text: &str, more: &[&str]| {
        scene.write(file, text);
        scene.verify(&[&["-f", file, "--format", "github"], more].concat())
    };
    let file = "k/kustomization.yaml";
    let bad = judged(file, &KUSTOMIZATION.replace("good", "bad"), &[]);
    assert_eq!(bad.code, 1, "{}{}", bad.stdout, bad.stderr);
    assert!(
        bad.stdout
            .contains("::error file=k/kustomization.yaml,line=6,col=13,title=no-evidence::"),
        "{}",
        bad.stdout
    );
    // What kustomize makes of the rest is not known, and that is said.
    assert!(
        bad.stderr
            .contains("warning: k/kustomization.yaml:1:1: kustomize builds manifests"),
        "{}",
        bad.stderr
    );
    let digest = judged(file, KUSTOMIZATION, &["--require-digest"]);
    assert!(
        digest.stdout.contains("title=digest-required::"),
        "{}",
        digest.stdout
    );
    // By what it says of itself as well as by its name; another kind in a file of that name is read as what it is.
    let other = "k/other.yaml";
    let head = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n";
    let component = head.to_owned() + &KUSTOMIZATION.replace("good", "bad");
    assert_eq!(judged(other, &component, &[]).code, 1);
    assert_eq!(judged(file, &pod("shop", "HOST/app:bad"), &[]).code, 1);
    assert_eq!(judged(file, &pod("shop", "HOST/app:good"), &[]).code, 0);
    let values = "k/values.yaml";
    let bad = judged(values, &VALUES.replace("\"good\"", "bad"), &PATHS);
    assert_eq!(bad.code, 1, "{}{}", bad.stdout, bad.stderr);
    assert!(
        bad.stdout.contains("::error file=k/values.yaml,line=5,"),
        "{}",
        bad.stdout
    );
}

/// Values of Helm are read where they are told to be, and nowhere is anything taken for nothing.
#[test]
fn values_that_name_no_image_are_never_passed_over() {
    let scene = scene();
    let commands: [&[&str]; 3] = [
        &["verify", "-f", "x.yaml"],
        &["lock", "-f", "x.yaml"],
        &["pin", "-f", "x.yaml", "--write"],
    ];
    let image = &PATHS[..2];
    for (text, paths, told) in [
        (VALUES, &[][..], "the object has no `apiVersion`"),
        (
            "image: {tag: good}\n",
            image,
            "x.yaml:1:8: `image` has a `tag` and no `repository`",
        ),
        (
            "image: {digest: x}\n",
            image,
            "`image` has a `digest` and no `repository`",
        ),
        ("image: {repository: HOST/app}\n", image, "has no `tag`"),
        ("other: 1\n", image, "no file has an image at `image`"),
        (
            "images:\n  app: {}\napiVersion: kustomize.config.k8s.io/v1beta1\n",
            &[],
            "`images` is no list",
        ),
    ] {
        scene.write("x.yaml", text);
        let before = scene.read("x.yaml");
        for command in commands {
            let ended = scene.run(&[command, paths].concat(), None);
            assert_eq!(
                ended.code, 3,
                "{command:?} {text}: {}{}",
                ended.stdout, ended.stderr
            );
            assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
        }
        assert_eq!(scene.read("x.yaml"), before);
    }
    assert!(scene.world.registry.requests().is_empty());
    assert!(!scene.world.path("countersign.lock").exists());
    // Values of which none is an image are told beside those that are one.
    scene.write("k/more.yaml", "replicas: 3\n");
    let beside = lock(&scene, &[]);
    assert_eq!(beside.code, 0, "{}", beside.stderr);
    assert!(
        beside
            .stderr
            .contains("warning: k/more.yaml:1:1: no --values-path leads to an image here"),
        "{}",
        beside.stderr
    );
}
