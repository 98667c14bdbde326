//! `lock` and `verify --locked`: a tag that moved is told, whoever signed what it stands for now.

use insta::assert_snapshot;
use serde_json::json;

use crate::manifests::{Ended, Scene, pod};

fn lock(scene: &Scene, more: &[&str]) -> Ended {
    scene.run(&[&["lock", "-f", "x.yaml"], more].concat(), None)
}

fn locked(scene: &Scene) -> Ended {
    scene.verify(&["-f", "x.yaml", "--locked", "--format", "github"])
}

/// The tag `good` stands for another image now, signed or not; its digest.
pub(crate) fn moved(scene: &Scene, signed: bool) -> String {
    let other = scene.world.artifact(
        "good",
        &json!({"annotations": {"signed": signed.to_string()}}),
    );
    let digest = other["digest"].as_str().unwrap().to_owned();
    if signed {
        let bundle = scene.world.keyed(&digest);
        scene.world.registry.attach_bundle("app", &digest, &bundle);
    }
    digest
}

#[test]
fn a_tag_that_moved_is_told_and_taken_only_by_update() {
    let scene = Scene::new();
    let old = scene.signed("good");
    scene.write("x.yaml", &pod("a", "HOST/app:good"));
    let added = lock(&scene, &[]);
    assert_eq!(added.code, 0, "{}{}", added.stdout, added.stderr);
    assert!(
        added.stdout.starts_with("added HOST/app:good\n  new: "),
        "{}",
        added.stdout
    );
    let first = scene.read("countersign.lock");
    assert!(
        first.contains(&old) && first.contains("mine, key"),
        "{first}"
    );
    assert_eq!(locked(&scene).code, 0);
    // Nothing moved: the file stays byte for byte, with the time of then.
    assert!(lock(&scene, &["--update"]).stdout.starts_with("same "));
    assert_eq!(scene.read("countersign.lock"), first);
    // It moved to an image that is as well signed: the policy allows it, and it is told all the same.
    let new = moved(&scene, true);
    assert_eq!(scene.verify(&["-f", "x.yaml"]).code, 0);
    let told = locked(&scene);
    assert_eq!(told.code, 1);
    for part in [
        "title=tag-moved::",
        old.as_str(),
        new.as_str(),
        "signed by mine, key",
    ] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    let seen = lock(&scene, &[]);
    assert_eq!(seen.code, 1);
    assert!(
        seen.stdout.starts_with("MOVED HOST/app:good\n  old: ")
            && seen
                .stdout
                .contains("policy: allowed by test [policy.yaml:"),
        "{}",
        seen.stdout
    );
    assert_eq!(scene.read("countersign.lock"), first);
    let updated = lock(&scene, &["--update"]);
    assert_eq!(updated.code, 0);
    assert!(
        updated.stdout.contains(&old) && updated.stdout.contains(&new),
        "{}",
        updated.stdout
    );
    // The differences, and what the policy says of them.
    assert!(
        updated.stdout.contains("policy: allowed by test ["),
        "{}",
        updated.stdout
    );
    assert_eq!(locked(&scene).code, 0);
}

#[test]
fn what_the_policy_does_not_allow_is_not_locked() {
    let scene = Scene::new();
    scene.write("x.yaml", &pod("a", "HOST/app:good"));
    assert_eq!(lock(&scene, &[]).code, 0);
    let first = scene.read("countersign.lock");
    moved(&scene, false);
    for more in [&[][..], &["--update"]] {
        let refused = lock(&scene, more);
        assert_eq!(refused.code, 1, "{}", refused.stdout);
        assert!(refused.stdout.starts_with("REFUSED "), "{}", refused.stdout);
        assert!(refused.stdout.contains("no-evidence"), "{}", refused.stdout);
        assert_eq!(scene.read("countersign.lock"), first);
    }
    let told = locked(&scene);
    assert!(
        told.stdout.contains("title=tag-moved::") && told.stdout.contains("title=no-evidence::"),
        "{}",
        told.stdout
    );
    scene.write("x.yaml", &pod("a", "HOST/app:absent"));
    assert_eq!(lock(&scene, &[]).code, 2);
}

#[test]
fn what_is_not_locked_is_denied_and_what_nobody_names_is_forgotten() {
    let scene = Scene::new();
    scene.write("x.yaml", &pod("a", "HOST/app:good"));
    // Without a lock nobody could say that nothing moved.
    let none = locked(&scene);
    assert_eq!(none.code, 3);
    assert!(
        none.stderr.contains("there is no countersign.lock"),
        "{}",
        none.stderr
    );
    assert_eq!(lock(&scene, &[]).code, 0);
    let digest = scene.signed("other");
    scene.write("x.yaml", &pod("a", "HOST/app:other"));
    let told = locked(&scene);
    assert_eq!(told.code, 1);
    assert!(
        told.stdout.contains("title=not-locked::"),
        "{}",
        told.stdout
    );
    // A digest cannot move, so it needs no lock.
    scene.write("x.yaml", &pod("a", &format!("HOST/app:other@{digest}")));
    assert_eq!(locked(&scene).code, 0);
    scene.write("x.yaml", &pod("a", "HOST/app:other"));
    assert!(lock(&scene, &[]).stdout.contains("unused HOST/app:good"));
    assert!(scene.read("countersign.lock").contains("app:good"));
    assert!(
        lock(&scene, &["--update"])
            .stdout
            .contains("removed HOST/app:good")
    );
    assert!(!scene.read("countersign.lock").contains("app:good"));
}

/// Where no policy asks for anything, the tag is asked for all the same.
#[test]
fn tags_are_resolved_also_where_no_policy_asks() {
    let scene = Scene::new();
    scene.write("x.yaml", &pod("a", "HOST/app:good"));
    assert_eq!(lock(&scene, &[]).code, 0);
    let policy = scene
        .read("policy.yaml")
        .replace("unmatched: deny", "unmatched: allow");
    scene.write("policy.yaml", &policy.replace("*/app", "*/other"));
    assert_eq!(locked(&scene).code, 0);
    moved(&scene, false);
    assert_eq!(scene.verify(&["-f", "x.yaml"]).code, 0);
    assert!(locked(&scene).stdout.contains("title=tag-moved::"));
    scene.write("registries.yaml", "apiVersion: countersign.dev/v1alpha1\nkind: Registries\nspec: {registries: [{host: example.com}]}\n");
    assert_eq!(locked(&scene).code, 2, "nobody could tell");
}

#[test]
fn a_broken_lock_is_exit_3() {
    let scene = Scene::new();
    scene.write("x.yaml", &pod("a", "HOST/app:good"));
    let one = "{\"digest\": \"sha256:00\", \"lockedAt\": \"x\", \"policyDigest\": \"x\", \"signers\": []}";
    for broken in [
        "",
        "[]",
        "{\"apiVersion\": \"countersign.dev/lock/v9\", \"images\": {}}",
        "{\"apiVersion\": \"countersign.dev/lock/v1alpha1\", \"images\": {}, \"more\": 1}",
        &format!(
            "{{\"apiVersion\": \"countersign.dev/lock/v1alpha1\", \"images\": {{\"a\": {one}}}}}"
        ),
        "{\"apiVersion\": \"countersign.dev/lock/v1alpha1\", \"images\": {}, \"images\": {}}",
    ] {
        scene.write("countersign.lock", broken);
        assert_eq!(locked(&scene).code, 3, "{broken}");
        assert_eq!(lock(&scene, &["--update"]).code, 3, "{broken}");
        assert_eq!(scene.read("countersign.lock"), broken);
    }
    assert!(scene.world.registry.requests().is_empty());
}

/// A tag that is allowed in one namespace and denied in another is not written down, in whatever order they come.
#[test]
fn every_namespace_has_to_allow_what_is_locked() {
    let scene = Scene::new();
    let policy = scene.read("policy.yaml");
    let second = "---\napiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {name: strict}\nspec:\n  images: [\"127.0.0.1:*/app\"]\n  \
                  namespaces: {names: [strict]}\n  rules:\n    - {name: by-person, signature: {from: person}}\n";
    scene.write("policy.yaml", &(policy + second));
    for (first, last) in [
        ("strict", "a"),
        ("strict", "z"),
        ("z", "strict"),
        ("a", "strict"),
    ] {
        let both = pod(first, "HOST/app:good") + "---\n" + &pod(last, "HOST/app:good");
        scene.write("x.yaml", &both);
        let refused = lock(&scene, &[]);
        assert_eq!(
            refused.code, 1,
            "{first} {last}: {}{}",
            refused.stdout, refused.stderr
        );
        assert!(
            refused.stdout.contains("strict/by-person"),
            "{}",
            refused.stdout
        );
        // There was no lock, and none is written of what could not be locked.
        assert!(!scene.world.path("countersign.lock").exists());
    }
    scene.write("x.yaml", &pod("a", "HOST/app:good"));
    assert_eq!(lock(&scene, &[]).code, 0);
}

/// Each digest by a word, and all other hashes without their digits, which are others in each run.
pub(crate) fn stable(text: &str, old: &str, new: &str) -> String {
    let named = text.replace(old, "OLD").replace(new, "NEW");
    let mut parts = named.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|it: char| it.is_ascii_hexdigit());
        format!("{text}sha256:…{rest}")
    })
}

/// All that `lock` says, as text and as JSON, from the first run to the one that forgets.
#[test]
fn every_state_of_the_lock_is_shown() {
    let scene = Scene::new();
    let old = scene.signed("good");
    let pods = |tags: &[&str]| {
        let all: Vec<String> = tags
            .iter()
            .map(|tag| pod("a", &format!("HOST/app:{tag}")))
            .collect();
        scene.write("x.yaml", &all.join("---\n"));
    };
    let mut shown = Vec::new();
    pods(&["good", "bad"]);
    shown.push(("lock", lock(&scene, &[])));
    shown.push(("lock", lock(&scene, &["--format", "json"])));
    let new = moved(&scene, true);
    pods(&["good"]);
    shown.push(("lock", lock(&scene, &[])));
    shown.push(("lock --update", lock(&scene, &["--update"])));
    scene.signed("other");
    pods(&["other"]);
    shown.push(("lock", lock(&scene, &[])));
    let json = ["--update", "--format", "json"];
    shown.push(("lock --update", lock(&scene, &json)));
    let told: String = shown
        .into_iter()
        .map(|(what, ended)| format!("$ {what}\n{}[{}]\n", ended.stdout, ended.code))
        .collect();
    assert_snapshot!("lock-states", stable(&told, &old, &new));
}
