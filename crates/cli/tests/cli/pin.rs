//! `pin`: what it writes, that nothing else changes, and what it refuses.

use std::path::Path;

use insta::assert_snapshot;

use crate::manifests::{Ended, Scene, pod};
use crate::run::ROOT;
use crate::world::files;

const SHAPES: &str = "crates/cli/tests/cli/pin_shapes";
/// Where images are in the shapes that need to be told.
const OPTIONS: [&str; 10] = [
    "--pod-spec-field",
    "Rollout.argoproj.io=spec.template.spec",
    "--image-field",
    "Exporter.monitoring.example=spec.image",
    "--values-path",
    "image.repository/tag/digest",
    "--values-path",
    "sidecar.image.repository/tag/digest",
    "--values-path",
    "image.registry/repository/tag/digest",
];

fn pin(scene: &Scene, more: &[&str]) -> Ended {
    scene.run(&[&["pin"], more].concat(), None)
}

/// All shapes in the folder `s`, and the digest of the image that they name.
fn shapes(scene: &Scene) -> (Vec<(String, String)>, String) {
    let digest = scene.signed("good");
    assert_eq!(scene.signed("latest").len(), digest.len());
    let folder = Path::new(ROOT).join(SHAPES);
    let mut all = Vec::new();
    for (path, bytes) in files(&folder) {
        let name = format!("s/{}", path.strip_prefix(&folder).unwrap().display());
        let text = String::from_utf8(bytes).unwrap().replace("DIGEST", &digest);
        // One image by `--values-path` in the way of either list of keys.
        scene.write(&name, &text);
        let written = scene.read(&name);
        all.push((name, written));
    }
    assert!(all.len() >= 20);
    (all, digest)
}

/// Every `--values-path` has to lead somewhere, so each file gets those that are its own.
fn options(name: &str) -> Vec<&'static str> {
    match name {
        "s/19-values.yaml" => OPTIONS[4..8].to_vec(),
        "s/20-values-registry.yaml" => OPTIONS[8..].to_vec(),
        "s/21-values-null.yaml" => OPTIONS[4..6].to_vec(),
        "s/14-rollout.yaml" => OPTIONS[..2].to_vec(),
        "s/15-image-of-a-resource.yaml" => OPTIONS[2..4].to_vec(),
        _ => Vec::new(),
    }
}

#[test]
fn twenty_shapes_keep_every_other_byte() {
    let scene = Scene::new();
    let (shapes, digest) = shapes(&scene);
    let host = scene.world.registry.host();
    for (name, before) in shapes {
        let run = |mode: &str| {
            let arguments = [&["-f", &name, mode], options(&name).as_slice()].concat();
            pin(&scene, &arguments)
        };
        let check = run("--check");
        assert_eq!(check.code, 1, "{name}: {}{}", check.stdout, check.stderr);
        assert_eq!(scene.read(&name), before, "--check changes nothing");
        let write = run("--write");
        assert_eq!(write.code, 0, "{name}: {}{}", write.stdout, write.stderr);
        let after = scene.read(&name);
        assert_ne!(after, before, "{name}");
        let shown = after.replace(&host, "HOST").replace(&digest, "DIGEST");
        let file = name.trim_start_matches("s/").replace(['/', '.'], "-");
        assert_snapshot!(format!("pinned-{file}"), shown.replace('\r', "␍"));
        // What was put in can be taken out again.
        if !name.contains("values") && !name.contains("kustomization") {
            let once = |text: &str| {
                let other = text.split("@sha256:").map(|part| match part.get(..64) {
                    Some(hex) if hex.bytes().all(|it| it.is_ascii_hexdigit()) => &part[64..],
                    _ => part,
                });
                other.collect::<String>()
            };
            assert_eq!(once(&after), once(&before), "{name}");
        }
        // Nothing is to be pinned any more, and nothing changes.
        for mode in ["--check", "--write"] {
            let again = run(mode);
            assert_eq!(
                again.code, 0,
                "{name} {mode}: {}{}",
                again.stdout, again.stderr
            );
            assert!(
                again.stdout.contains(" 0 to pin, 0 written"),
                "{}",
                again.stdout
            );
            assert_eq!(scene.read(&name), after, "{name} {mode}");
        }
    }
}

#[test]
fn what_is_pinned_is_what_verify_allows() {
    let scene = Scene::new();
    let policy = scene.read("policy.yaml");
    let policy = policy.replace(
        "  rules:\n",
        "  rules:\n    - {name: pinned, digest: required}\n",
    );
    std::fs::write(scene.world.path("policy.yaml"), policy).unwrap();
    scene.write("x.yaml", &pod("shop", "HOST/app:good"));
    // A policy that demands a digest is no obstacle to writing it.
    assert_eq!(scene.verify(&["-f", "x.yaml"]).code, 1);
    let shown = pin(&scene, &["-f", "x.yaml"]);
    assert_eq!(shown.code, 0);
    assert!(
        shown
            .stdout
            .starts_with("to pin x.yaml:7:14 HOST/app:good sha256:"),
        "{}",
        shown.stdout
    );
    assert_eq!(pin(&scene, &["-f", "x.yaml", "--write"]).code, 0);
    assert_eq!(scene.verify(&["-f", "x.yaml", "--require-digest"]).code, 0);
    let json = pin(&scene, &["-f", "x.yaml", "--format", "json"]).json();
    assert_eq!(json["places"][0]["state"], "pinned");
}

#[test]
fn what_the_policy_does_not_allow_is_not_pinned() {
    let scene = Scene::new();
    let both = pod("shop", "HOST/app:good") + "---\n" + &pod("shop", "HOST/app:bad");
    scene.write("x.yaml", &both);
    let ended = pin(&scene, &["-f", "x.yaml", "--write"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.stdout.contains("REFUSED x.yaml:15:14 HOST/app:bad"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("no-evidence"), "{}", ended.stdout);
    // The other one is pinned all the same.
    let after = scene.read("x.yaml");
    assert!(
        after.contains("app:good@sha256:") && !after.contains("app:bad@"),
        "{after}"
    );
    for (image, code, told) in [
        ("HOST/app:absent", 2, "image-not-found"),
        ("HOST/other:good", 2, "image-not-found"),
    ] {
        scene.write("y.yaml", &pod("shop", image));
        for mode in ["--check", "--write"] {
            let ended = pin(&scene, &["-f", "y.yaml", mode]);
            assert_eq!(ended.code, code, "{image}: {}", ended.stdout);
            assert!(ended.stdout.contains(told), "{}", ended.stdout);
        }
    }
}

/// A result that was only warned of is none: neither by the mode of a policy nor because no policy names the image.
#[test]
fn what_was_only_warned_of_is_not_pinned() {
    let scene = Scene::new();
    let policy = scene.read("policy.yaml");
    scene.write("x.yaml", &pod("shop", "HOST/app:bad"));
    let by = |change: &dyn Fn(&str) -> String| {
        std::fs::write(scene.world.path("policy.yaml"), change(&policy)).unwrap();
        assert_eq!(scene.verify(&["-f", "x.yaml"]).code, 0, "the image may run");
        let ended = pin(&scene, &["-f", "x.yaml", "--write"]);
        assert_eq!(ended.code, 1, "{}", ended.stdout);
        assert!(!scene.read("x.yaml").contains("@sha256:"));
        ended.stdout
    };
    let allow = |text: &str| text.replace("unmatched: deny", "unmatched: allow");
    let warn = by(&|text| allow(text).replace("  rules:\n", "  mode: warn\n  rules:\n"));
    assert!(warn.contains("no enforcing policy names it"), "{warn}");
    let unmatched = by(&|text| allow(text).replace("127.0.0.1:*/app", "127.0.0.1:*/other"));
    assert!(
        unmatched.contains("no enforcing policy names it"),
        "{unmatched}"
    );
    let later = by(&|text| {
        allow(text).replace(
            "    - {name: signed,",
            "    - {name: signed, effectiveFrom: 2099-01-01,",
        )
    });
    assert!(later.contains("no enforcing policy names it"), "{later}");
}

#[test]
fn what_cannot_be_changed_in_place_is_refused() {
    let scene = Scene::new();
    for written in [
        ">-\n        HOST/app:good",
        "|-\n        HOST/app:good",
        "\"HOST/app:goo\\x64\"",
        "!!str HOST/app:good",
    ] {
        scene.write("x.yaml", &pod("shop", written));
        let before = scene.read("x.yaml");
        let ended = pin(&scene, &["-f", "x.yaml", "--write"]);
        assert_eq!(ended.code, 1, "{written}: {}{}", ended.stdout, ended.stderr);
        assert!(
            ended.stdout.contains("cannot be changed in place"),
            "{}",
            ended.stdout
        );
        assert_eq!(scene.read("x.yaml"), before);
    }
    // One tag for two repositories of values: there is no one digest.
    scene.signed("good");
    let other = scene.world.registry.push_image("other", "good");
    let policy = scene
        .read("policy.yaml")
        .replace("\"127.0.0.1:*/app\"", "\"127.0.0.1:*/*\"");
    std::fs::write(scene.world.path("policy.yaml"), policy).unwrap();
    let bundle = scene.world.keyed(&other);
    scene.world.registry.attach_bundle("other", &other, &bundle);
    scene.write(
        "values.yaml",
        "a: &a {repository: HOST/app, tag: good, digest: ''}\nb: {<<: *a, repository: HOST/other}\n",
    );
    let paths = [
        "--values-path",
        "a.repository/tag/digest",
        "--values-path",
        "b.repository/tag/digest",
    ];
    let ended = pin(
        &scene,
        &[&["-f", "values.yaml", "--write"], &paths[..]].concat(),
    );
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("another image shares"),
        "{}",
        ended.stdout
    );
}

#[test]
fn wrong_input_is_exit_3_and_changes_nothing() {
    let scene = Scene::new();
    let good = pod("shop", "HOST/app:good");
    for (text, more, told) in [
        (
            format!("{good}---\na: [\n"),
            &[][..],
            "not readable as YAML",
        ),
        (
            "image:\n  repository: HOST/app\n  tag: 1.20\n".to_owned(),
            &["--values-path", "image.repository/tag/digest"],
            "x.yaml:3:8: `tag` is no text",
        ),
        (
            "image: {repository: HOST/app}\n".to_owned(),
            &["--values-path", "image.repository/tag/digest"],
            "so that the chart chooses it",
        ),
        (
            good.clone(),
            &["--values-path", "image.repository/tag/digest"],
            "no file has an image at `image`",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\n".to_owned(),
            &[],
            "nothing passes by emptiness",
        ),
        (good.clone(), &["--write", "--check"], "cannot be used with"),
        (good.clone(), &["--at", "2026-01-01T00:00:00Z"], "--at"),
        (
            good.clone(),
            &["--plain-http"],
            "for registries that are typed",
        ),
    ] {
        scene.write("x.yaml", &text);
        let before = scene.read("x.yaml");
        let modes: &[&str] = if more.contains(&"--write") {
            &[]
        } else {
            &["--write"]
        };
        let ended = pin(&scene, &[&["-f", "x.yaml"], modes, more].concat());
        assert_eq!(ended.code, 3, "{text}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
        assert_eq!(scene.read("x.yaml"), before);
    }
    assert!(scene.world.registry.requests().is_empty());
}

#[test]
fn standard_input_is_pinned_to_standard_output() {
    let scene = Scene::new();
    let text = pod("shop", &scene.world.image(":good"));
    let ended = scene.run(&["pin", "-f", "-", "--write"], Some(&text));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("image: HOST/app:good@sha256:"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.starts_with("apiVersion: v1\nkind: Pod\n"));
    assert!(ended.stderr.contains("written -:7:14"), "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn links_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let scene = Scene::new();
    scene.write("real/x.yaml", &pod("shop", "HOST/app:good"));
    let (real, link) = (
        scene.world.path("real/x.yaml"),
        scene.world.path("link.yaml"),
    );
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&real, &link).unwrap();
    assert_eq!(pin(&scene, &["-f", "link.yaml", "--write"]).code, 0);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        std::fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert!(scene.read("real/x.yaml").contains("@sha256:"));
    assert_eq!(
        std::fs::read_dir(scene.world.path("real")).unwrap().count(),
        1
    );
}

/// Evidence that could not be asked for lets an image run where Settings say so; it is nothing to be written down.
#[test]
fn what_nobody_could_ask_for_is_not_pinned() {
    let scene = Scene::new();
    let policy = scene.read("policy.yaml");
    let lists =
        |request: &countersign_testkit::registry::Request| request.path.contains("/referrers/");
    let unavailable = countersign_testkit::registry::Fault::Status(503);
    let refused = |more: &[&str], told: &str, code: i32| {
        let verify = [&["-f", "x.yaml"], more].concat();
        let allowed = scene.verify(&verify);
        assert_eq!(allowed.code, 0, "{}{}", allowed.stdout, allowed.stderr);
        let ended = pin(&scene, &[&verify, &["--write"][..]].concat());
        assert_eq!(ended.code, code, "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.contains(told), "{told}: {}", ended.stdout);
        assert!(!scene.read("x.yaml").contains("@sha256:"));
    };
    // By the last known list, which is kept on disk.
    let stale = policy.replace("onUnknown: deny", "onUnknown: deny, stale: {maxAge: 12h}");
    std::fs::write(scene.world.path("policy.yaml"), stale).unwrap();
    scene.write("x.yaml", &pod("shop", "HOST/app:good"));
    let cache = ["--cache-dir", "cache"];
    assert_eq!(
        scene.verify(&[&["-f", "x.yaml"], &cache[..]].concat()).code,
        0
    );
    scene.world.registry.fault(lists, unavailable);
    refused(&cache, "decided by what was known last", 2);
    // Because Settings excuse a registry that does not answer.
    let excused = policy.replace("onUnknown: deny", "onUnknown: allow");
    std::fs::write(scene.world.path("policy.yaml"), excused).unwrap();
    refused(&[], "did not pass and was only warned of", 1);
}
