//! Of each signer the newest scan counts, as registries order nothing.

use crate::policy::{KEY, SCAN, WORKFLOW, changed, policy};
use crate::scene::{ALLOWED, By, DENIED, Scene, scan};

#[test]
fn the_newest_scan_counts() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let push = |name: &str| {
        scene
            .registry
            .push(&format!("acme/{name}"), "v1", name)
            .unwrap()
    };
    let worse = [push("worse-key"), push("worse-workflow")];
    let better = [push("better-key"), push("better-workflow")];
    let legacy = push("legacy");
    let signers = [(By::Key, KEY), (By::Workflow, WORKFLOW)];

    for (at, (by, from)) in signers.into_iter().enumerate() {
        scene.attest_scan(by, None, &worse[at]);
        scene.attest_scan(by, Some("HIGH"), &better[at]);
        let policy = policy(from, &[SCAN]);
        scene.check(&policy, &worse[at], ALLOWED, &[]);
        scene.check(&policy, &better[at], DENIED, &["vulnerability-found"]);
    }
    scene
        .key
        .attest2("vuln", &scene.file(&scan(None)), &legacy)
        .unwrap();
    let legacy_policy = changed(
        &policy(KEY, &[SCAN]),
        "keys: [{",
        "log: off\n  time: timestamp\n  formats: [legacy]\n  keys: [{",
    );
    scene.check(&legacy_policy, &legacy, ALLOWED, &[]);

    Scene::wait_for_the_next_second();
    for (at, (by, from)) in signers.into_iter().enumerate() {
        scene.attest_scan(by, Some("HIGH"), &worse[at]);
        scene.attest_scan(by, None, &better[at]);
        let policy = policy(from, &[SCAN]);
        scene.check(&policy, &worse[at], DENIED, &["vulnerability-found"]);
        scene.check(&policy, &better[at], ALLOWED, &[]);
        // Who says that any will do gets the old one.
        let any = changed(&policy, "vex: {from: security}", "match: any");
        scene.check(&any, &worse[at], ALLOWED, &[]);
        let all = changed(&policy, "maxAge: 7d", "maxAge: 7d\n        match: all");
        scene.check(&all, &better[at], DENIED, &["vulnerability-found"]);
    }
    // cosign 2 keeps both in one `.att`.
    scene
        .key
        .attest2("vuln", &scene.file(&scan(Some("HIGH"))), &legacy)
        .unwrap();
    scene.check(&legacy_policy, &legacy, DENIED, &["vulnerability-found"]);
}
