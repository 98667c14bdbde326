//! What `countersign promote` refuses, each with its reason and its exit code, and that nothing is written then.

use std::fs;

use countersign_testkit::registry::{Fault, Registry};
use serde_json::Value;

use crate::promote::{Ended, Scene};
use crate::run::ROOT;

const STAGING: &str = "ACME_STAGING";

/// Ends with this code and a message that has this text; nothing was written.
#[track_caller]
fn refused(scene: &Scene, ended: &Ended, code: i32, text: &str) {
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains(text), "{text}: {}", ended.stderr);
    assert!(!scene.has_written(), "{text}");
}

/// What is judged first, and then not stated.
#[track_caller]
fn not_stated(scene: &Scene, code: i32, word: &str, text: &str) {
    let ended = scene.staged(&["--format", "json"]);
    refused(scene, &ended, code, text);
    assert!(
        ended
            .stderr
            .starts_with("error: not promoted to ACME_STAGING: "),
        "{}",
        ended.stderr
    );
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["outcome"], "refused");
    assert_eq!(report["refused"]["code"], word);
    assert!(report.get("predicate").is_none());
    assert!(report["record"]["images"][0]["policies"].is_array());
    // In text the decision is shown as `verify` shows it.
    let ended = scene.staged(&[]);
    refused(scene, &ended, code, text);
    assert!(ended.stdout.contains("judged as"), "{}", ended.stdout);
}

#[test]
fn a_verdict_that_is_no_allow() {
    not_stated(&Scene::unsigned(), 1, "denied", "rule `signed`");
    let scene = Scene::new();
    scene.world.registry.fault(
        |request| request.path.contains("/referrers/"),
        Fault::Status(403),
    );
    not_stated(&scene, 2, "unknown", "nobody could tell");
}

#[test]
fn a_level_that_no_enforced_policy_of_the_set_emits() {
    let scene = Scene::new();
    let key = "crates/sign/tests/keys/p256.pem";
    for level in ["ACME_PROD", "SLSA_BUILD_LEVEL_3", "acme_staging", ""] {
        let ended = scene.promote(&scene.world.image(":v1"), level, &["--key", key]);
        refused(&scene, &ended, 3, "it emits ACME_STAGING");
        assert_eq!(ended.stdout, "");
    }
    for (field, why) in [
        ("mode: warn", "`mode: warn`"),
        ("mode: audit", "`mode: audit`"),
        (
            "effectiveFrom: 2090-01-01T00:00:00Z",
            "is not effective yet",
        ),
    ] {
        let scene = Scene::new();
        scene.policy("unmatched: deny", "unmatched: allow");
        scene.policy("  emits:", &format!("  {field}\n  emits:"));
        let ended = scene.staged(&[]);
        refused(&scene, &ended, 3, why);
        assert!(scene.world.registry.requests().is_empty());
    }
}

#[test]
fn a_level_that_policies_of_other_images_emit() {
    let scene = Scene::new();
    scene.policy("127.0.0.1:*/app", "registry.example/app");
    scene.policy("unmatched: deny", "unmatched: allow");
    not_stated(&scene, 1, "not-matched", "none names it at all");
}

/// It is enforced for other images, and only warns of this one.
#[test]
fn a_level_that_a_policy_of_this_image_emits_and_does_not_enforce() {
    let scene = Scene::new();
    let path = scene.world.path("policy.yaml");
    let other = "---\napiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {name: elsewhere}\nspec:\n  images: [registry.example/app]\n  \
                 emits: ACME_STAGING\n  rules: [{name: signed, signature: {from: person}}]\n";
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text + other).unwrap();
    scene.policy(
        "  emits: ACME_STAGING\n  images: [\"127.0.0.1:*/app\"]",
        "  mode: warn\n  emits: ACME_STAGING\n  images: [\"127.0.0.1:*/app\"]",
    );
    scene.policy("unmatched: deny", "unmatched: allow");
    not_stated(&scene, 1, "not-enforced", "`mode: warn`");
}

#[test]
fn what_was_only_warned_of() {
    let scene = Scene::new();
    let rule = "    - {name: later, effectiveFrom: 2090-01-01T00:00:00Z, statement: {from: person, predicateType: \"https://acme.example/x/v1\"}}\n";
    scene.policy("  rules:\n", &format!("  rules:\n{rule}"));
    not_stated(&scene, 1, "only-warned", "before effectiveFrom");

    let scene = Scene::new();
    let rule = "    - {name: attested, statement: {from: mine, match: any, predicateType: \"https://acme.example/x/v1\"}}\n";
    scene.policy("  rules:\n", &format!("  rules:\n{rule}"));
    scene.policy("onUnknown: deny", "onUnknown: allow");
    scene
        .world
        .registry
        .fault(|request| request.path.ends_with(".att"), Fault::Status(403));
    not_stated(&scene, 2, "only-warned", "onUnknown: allow");
}

/// A policy that only warns makes no difference to what is stated, and is told of.
#[test]
fn another_policy_that_only_warns_refuses_nothing() {
    let scene = Scene::new();
    let path = scene.world.path("policy.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let other = "---\napiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {name: strict}\nspec:\n  images: [\"**\"]\n  mode: warn\n  \
                 rules: [{name: attested, statement: {from: person, predicateType: \"https://acme.example/x/v1\"}}]\n";
    fs::write(path, text + other).unwrap();
    let ended = scene.staged(&[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("strict/attested: "),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("(mode: warn)"), "{}", ended.stdout);
}

/// A policy that asks for nothing lets a digest pass that nobody has looked at.
#[test]
fn what_nothing_was_looked_at_of() {
    let scene = Scene::new();
    scene.policy(
        "signature: {from: {any: [mine, person]}}",
        "digest: required",
    );
    scene.policy("  images:", "  except: [registry.example/app]\n  images:");
    let pinned = scene.world.image(&format!("@{}", scene.image));
    let ended = scene.promote(&pinned, STAGING, &["--dry-run"]);
    refused(&scene, &ended, 1, "asks for evidence");
    assert!(scene.world.registry.requests().is_empty());
}

#[test]
fn what_was_known_last() {
    let scene = Scene::new();
    scene.policy("onUnknown: deny", "onUnknown: deny, stale: {maxAge: 12h}");
    let cache = scene.path("cache");
    let pinned = scene.world.image(&format!("@{}", scene.image));
    let more = [
        "--key",
        "crates/sign/tests/keys/p256.pem",
        "--dry-run",
        "--cache-dir",
        &cache,
    ];
    assert_eq!(scene.promote(&pinned, STAGING, &more).code, Some(0));
    scene.world.registry.fault(|_| true, Fault::Status(403));
    refused(
        &scene,
        &scene.promote(&pinned, STAGING, &more),
        2,
        "what was known last",
    );
}

#[test]
fn another_time_than_now() {
    let scene = Scene::new();
    refused(
        &scene,
        &scene.staged(&["--at", "2026-01-01T00:00:00Z"]),
        3,
        "--at is refused",
    );
    assert!(scene.world.registry.requests().is_empty());
}

#[test]
fn words_that_make_no_statement() {
    let scene = Scene::new();
    let taken = scene.path("taken.json");
    fs::write(&taken, "old").unwrap();
    let layout = "oci:testdata/images/signed-keyed";
    let key = ["--key", "crates/sign/tests/keys/p256.pem"];
    let image = scene.world.image(":v1");
    let with = |more: &[&'static str]| [&key[..], more].concat();
    let taken_bundle = [&key[..], &["--bundle", &taken]].concat();
    let cases: [(&str, Vec<&str>, &str); 17] = [
        (&image, vec![], "nothing to sign with"),
        (&image, vec!["--bundle", "x.json"], "nothing to sign with"),
        (
            &image,
            with(&["--predicate", "x.json"]),
            "cannot be used with",
        ),
        (
            &image,
            with(&["--dry-run", "--bundle", "x.json"]),
            "cannot be used with",
        ),
        (&image, taken_bundle, "is there already"),
        (&image, vec!["--predicate", &taken], "is there already"),
        (&image, with(&["--resource", "{tag}"]), "`{tag}`"),
        (&image, with(&["--image-name", "nginx"]), "--image-name"),
        (&image, with(&["--namespace-labels", "a=b"]), "--namespace"),
        (
            &image,
            vec!["--key", "nowhere.pem"],
            "nowhere.pem cannot be read",
        ),
        (
            &image,
            vec!["--key", "crates/sign/tests/keys/cosign3.pub"],
            "cannot be used to sign",
        ),
        (
            &image,
            vec!["--dry-run", "--key", "nowhere.pem"],
            "nowhere.pem cannot be read",
        ),
        ("UPPER", key.to_vec(), "UPPER"),
        (layout, key.to_vec(), "--image-name REFERENCE"),
        (
            layout,
            with(&["--image-name", "registry.example/app"]),
            "nothing is attached to an image in an OCI layout",
        ),
        (
            layout,
            with(&["--image-name", "UPPER", "--dry-run"]),
            "--image-name: ",
        ),
        (layout, vec!["--dry-run"], "--image-name REFERENCE"),
    ];
    for (image, more, text) in cases {
        let ended = scene.promote(image, STAGING, &more);
        refused(&scene, &ended, 3, text);
        assert_eq!(ended.stdout, "");
    }
    assert_eq!(fs::read_to_string(taken).unwrap(), "old");
    assert!(!std::path::Path::new(ROOT).join("x.json").exists());
    assert!(scene.world.registry.requests().is_empty());
}

/// Both are compared exactly by whoever believes them, so none is guessed.
#[test]
fn who_states_it_and_by_which_policy_has_to_be_said() {
    let scene = Scene::new();
    let image = scene.world.image(":v1");
    let policy = scene.path("policy.yaml");
    let root = format!("forged={}", scene.path("forged.json"));
    let base = [
        "promote",
        &image,
        "--plain-http",
        "--policy",
        &policy,
        "--trust-root",
        &root,
        "--dry-run",
    ];
    let good = "https://acme.example/x";
    for (words, text) in [
        (&["--as", STAGING, "--verifier", good][..], "--policy-uri"),
        (&["--as", STAGING, "--policy-uri", good], "--verifier"),
        (&["--verifier", good, "--policy-uri", good], "--as"),
        (
            &["--as", STAGING, "--verifier", "acme", "--policy-uri", good],
            "verifier.id has no scheme",
        ),
        (
            &[
                "--as",
                STAGING,
                "--verifier",
                good,
                "--policy-uri",
                "Https://x",
            ],
            "policy.uri has no scheme in lower case",
        ),
    ] {
        let ended = Ended::from(crate::run::output(&[&base[..], words].concat()));
        refused(&scene, &ended, 3, text);
    }
}

#[test]
fn a_wrong_password_costs_nothing() {
    let scene = Scene::new();
    let key = "crates/sign/tests/keys/cosign2.key";
    let trust = scene.world.trust();
    let image = scene.world.image(":v1");
    let mut words = vec!["promote", &image, "--as", STAGING, "--key", key];
    words.extend(trust.iter().map(String::as_str));
    words.extend([
        "--verifier",
        "urn:a",
        "--policy-uri",
        "urn:b",
        "--plain-http",
    ]);
    let ended = Ended::from(crate::run::output(&words));
    refused(&scene, &ended, 3, "set COSIGN_PASSWORD");
    let mut command = crate::run::command(&words);
    let ended = Ended::from(
        command
            .env("COSIGN_PASSWORD", "swordfish")
            .output()
            .unwrap(),
    );
    refused(&scene, &ended, 3, "COSIGN_PASSWORD");
    assert!(!ended.stderr.contains("swordfish"));
    assert!(scene.world.registry.requests().is_empty());
}

/// The image passed and the registry takes nothing: the run ends with 2, and says that nothing is attached.
#[test]
fn what_cannot_be_attached_or_written() {
    let scene = Scene::new();
    let refuse = |registry: &Registry| {
        registry.fault(|request| request.method == "POST", Fault::Status(403));
    };
    refuse(&scene.world.registry);
    let ended = scene.staged(&[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(
        ended.stderr.contains("but it is not attached: "),
        "{}",
        ended.stderr
    );
    let ended = scene.staged(&["--bundle", "/nowhere/bundle.json"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(
        ended
            .stderr
            .contains("/nowhere/bundle.json cannot be written"),
        "{}",
        ended.stderr
    );
}
