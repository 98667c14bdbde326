//! Indexes over images that syft looked through.

use serde_json::json;

use crate::files;
use crate::policy::{CYCLONEDX, KEY, PROVENANCE, SCAN, SIGNATURE, changed, policy};
use crate::scene::{ALLOWED, By, DENIED, Scene};

#[test]
fn one_evil_child_denies_the_index() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let debian = scene.push("acme/app", "amd64", "linux/amd64", |root| {
        files::debian(&scene.parts, root)
    });
    let alpine = scene.push("acme/app", "arm64", "linux/arm64", files::alpine);
    // The same Debian with one more package, which is banned.
    let evil = scene.push("acme/app", "evil", "linux/arm/v7", |root| {
        files::debian(&scene.parts, root);
        files::old_lodash(root);
    });
    let push = |tag: &str, children: &[&str]| {
        let index = scene
            .registry
            .push_index("acme/app", tag, children)
            .unwrap();
        scene.sign(By::Key, &index);
        scene.attest_provenance(By::Key, &json!({"debug": "false"}), &index);
        index
    };
    let good = push("good", &[&debian, &alpine]);
    let bad = push("bad", &[&debian, &alpine, &evil]);

    // Signature and provenance are on the index, SBOM and scan on each platform.
    let rules = [SIGNATURE, PROVENANCE, CYCLONEDX, SCAN];
    let on_index = policy(KEY, &rules);
    let on_platforms = changed(
        &on_index,
        "maxAge: 7d",
        "maxAge: 7d\n        subject: platform",
    );
    let on_platforms = changed(
        &on_platforms,
        "minComponents: 4",
        "minComponents: 2\n        subject: platform",
    );
    let either = changed(&on_platforms, "subject: platform", "subject: either");
    let nothing = ["no-evidence", "no-evidence"];
    scene.check(&on_platforms, &good, DENIED, &nothing);

    let attest = |image: &str, severity: Option<&str>| {
        scene.attest(
            By::Key,
            "cyclonedx",
            &scene.sbom(image, "cyclonedx-json"),
            image,
        );
        scene.attest_scan(By::Key, severity, image);
    };
    attest(&debian, None);
    // One platform is not enough.
    scene.check(&on_platforms, &good, DENIED, &nothing);
    attest(&alpine, Some("LOW"));
    scene.check(&on_platforms, &good, ALLOWED, &[]);
    scene.check(&either, &good, ALLOWED, &[]);
    scene.check(&on_index, &good, DENIED, &["no-sbom", "no-scan"]);
    // One platform of which nobody said anything denies the whole index.
    scene.check(&on_platforms, &bad, DENIED, &nothing);
    scene.check(&either, &bad, DENIED, &["no-sbom", "no-scan"]);
    attest(&evil, None);
    scene.check(&on_platforms, &bad, DENIED, &["package-banned"]);
    scene.check(&either, &bad, DENIED, &["package-banned"]);
    scene.check(&on_platforms, &good, ALLOWED, &[]);

    // A newer scan of one platform that found something denies the index that was allowed.
    Scene::wait_for_the_next_second();
    scene.attest_scan(By::Key, Some("CRITICAL"), &alpine);
    scene.check(&on_platforms, &good, DENIED, &["vulnerability-found"]);
}
