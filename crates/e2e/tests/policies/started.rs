//! `countersign policy init`, from an image in a registry that has everything attached.

use std::fs;

use serde_json::json;

use crate::files;
use crate::policy::changed;
use crate::scene::{ALLOWED, By, DENIED, Scene};

#[test]
fn a_policy_made_from_an_image_lets_it_pass_and_no_copy() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let image = scene.push("acme/app", "v1", "linux/arm64", files::alpine);
    let [cyclonedx, spdx] = scene.sboms(&image, ["cyclonedx-json", "spdx-json"]);
    for by in [By::Workflow, By::Key] {
        scene.sign(by, &image);
        scene.attest(by, "cyclonedx", &cyclonedx, &image);
        scene.attest(by, "spdxjson", &spdx, &image);
        scene.attest_scan(by, None, &image);
    }

    scene.attest_provenance(By::Workflow, &json!({}), &image);

    let root = format!("private={}", scene.policies().join("root.json").display());
    let key = scene.policies().join("release.pub");
    let init = [
        "policy",
        "init",
        &image,
        "--plain-http",
        "--trust-root",
        &root,
        "--key",
        key.to_str().unwrap(),
    ];
    let made = scene.countersign.run(&init).unwrap();
    assert_eq!(made.code, Some(0), "{made:#?}");
    // Every kind of evidence has a rule of its own that looks into it.
    for rule in [
        "signature:",
        "provenance:",
        "formats: [cyclonedx]",
        "formats: [spdx]",
        "vulnerabilities:",
        "builders: [github-attest-reusable]",
    ] {
        assert!(made.stdout.contains(rule), "no `{rule}`:\n{}", made.stdout);
    }
    let policy = scene.write_policy(&made.stdout);
    let lint = [
        "policy",
        "lint",
        "--deny-warnings",
        policy.to_str().unwrap(),
    ];
    let lint = scene.countersign.run(&lint).unwrap();
    assert_eq!(lint.code, Some(0), "{lint:#?}\n{}", made.stdout);
    fs::remove_file(&policy).unwrap();
    scene.check(&made.stdout, &image, ALLOWED, &[]);

    // The copy has everything that the image has; only the name is another.
    let (_, digest) = image.split_once('@').unwrap();
    let copy = format!("{}/other/app", scene.registry.host());
    let copied = ["copy", &image, &copy, "--plain-http"];
    let copied = scene.countersign.run(&copied).unwrap();
    assert_eq!(copied.code, Some(0), "{copied:#?}");
    let copy = format!("{copy}@{digest}");
    let verdict = scene.check(&made.stdout, &copy, DENIED, &[]);
    let unmatched = &verdict.report["images"][0]["unmatched"];
    assert_eq!(unmatched["effect"], "deny", "{verdict:#?}");
    let elsewhere = changed(&made.stdout, "/acme/app\"", "/*/app\"");
    scene.check(&elsewhere, &copy, ALLOWED, &[]);
}
