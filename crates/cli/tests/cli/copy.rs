//! `countersign copy`: what it tells, how it ends, and that the copy is judged as the original is.

use std::process::Stdio;

use countersign_testkit::registry::{Fault, Registry};
use insta::assert_snapshot;
use serde_json::Value;

use crate::run::{command, output};
use crate::world::{AT, World};

/// Runs the command; exit code, standard output and standard error.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let ended = output(arguments);
    let [stdout, stderr] =
        [ended.stdout, ended.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (ended.status.code(), stdout, stderr)
}

fn copy(from: &str, to: &str, more: &[&str]) -> (Option<i32>, String, String) {
    run(&[&["copy", from, to, "--plain-http"], more].concat())
}

fn image(registry: &Registry, rest: &str) -> String {
    format!("{}/app{rest}", registry.host())
}

/// An image with a bundle and an attestation tag, whose bytes are always the same; its digest.
fn fill(registry: &Registry) -> String {
    let digest = registry.push_image("app", "v1");
    registry.attach_bundle("app", &digest, b"{}");
    let annotations = std::collections::BTreeMap::from([("key".to_owned(), "value".to_owned())]);
    registry.attach_att("app", &digest, b"envelope", &annotations);
    digest
}

fn pair() -> (Registry, Registry) {
    let from = Registry::start();
    fill(&from);
    let to = Registry::builder()
        .writable()
        .without_referrers_api()
        .start();
    (from, to)
}

/// A transcript in which the two registries have names.
fn told(from: &Registry, to: &Registry, more: &[&str]) -> String {
    let (code, stdout, stderr) = copy(&image(from, ":v1"), &image(to, ":v2"), more);
    let stderr = match stderr.as_str() {
        "" => String::new(),
        text => format!("--- standard error\n{text}"),
    };
    let code = code.unwrap();
    format!("{stdout}{stderr}--- exit code {code}\n")
        .replace(&from.host(), "from.example")
        .replace(&to.host(), "to.example")
}

#[test]
fn what_it_tells() {
    let (from, to) = pair();
    assert_snapshot!("copy-dry-run", told(&from, &to, &["--dry-run"]));
    assert_snapshot!("copy", told(&from, &to, &[]));
    assert_snapshot!("copy-again", told(&from, &to, &[]));
    assert_snapshot!("copy-json", told(&from, &to, &["--format", "json"]));
    assert_snapshot!("copy-evidence", told(&from, &to, &["--only-evidence"]));
}

#[test]
fn what_it_says_when_it_breaks_off() {
    let (from, to) = pair();
    assert_snapshot!("copy-no-image", told(&from, &to, &["--only-evidence"]));
    to.fault(
        |request| request.method == "PUT" && request.path.contains(".att"),
        Fault::Status(403),
    );
    assert_snapshot!("copy-broken-off", told(&from, &to, &[]));
    assert_eq!(to.digest_at("app", "v2"), None);
    from.fault(
        |request| request.path.contains("/referrers/"),
        Fault::Status(403),
    );
    assert_snapshot!("copy-source-not-whole", told(&from, &to, &[]));
}

#[test]
fn a_hostile_registry_does_not_write_to_the_terminal() {
    let (from, to) = pair();
    let said = serde_json::json!({"errors": [{"code": "X", "message": "\u{1b}[2Jall is well\n::error::"}]});
    to.fault(
        |request| request.method == "POST",
        Fault::Body("application/json".to_owned(), said.to_string().into_bytes()),
    );
    let (code, stdout, stderr) = copy(&image(&from, ":v1"), &image(&to, ":v2"), &[]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains(r"\u{1b}[2Jall is well\n"), "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "{stderr}");
}

#[test]
fn wrong_words() {
    let [one, other] = ['1', '2'].map(|digit| digit.to_string().repeat(64));
    let pinned = |host: &str, hex: &str| format!("{host}/app@sha256:{hex}");
    for (from, to, cause) in [
        ("a.example/app", "UPPER", "UPPER"),
        ("oci:", "a.example/app", "oci:"),
        (
            &pinned("a.example", &one),
            &pinned("b.example", &other),
            &one,
        ),
    ] {
        let (code, stdout, stderr) = run(&["copy", from, to]);
        assert_eq!((code, stdout.as_str()), (Some(3), ""), "{from} {to}");
        assert!(stderr.contains(cause), "{stderr}");
    }
    assert_eq!(run(&["copy", "a.example/app"]).0, Some(3));
}

/// The report on an image as text, the registry's name aside, and the exit code.
fn judged(world: &World, registry: &Registry) -> (String, Option<i32>) {
    let (image, trust) = (image(registry, ":v1"), world.trust());
    let mut arguments = vec!["verify", &image, "--format", "json", "--at", AT];
    arguments.extend(trust.iter().map(String::as_str));
    arguments.push("--plain-http");
    let (code, stdout, stderr) = run(&arguments);
    assert!(!stdout.is_empty(), "{stderr}");
    (stdout.replace(&registry.host(), "HOST"), code)
}

/// What is attached, and how the image is then judged.
const CASES: [(&str, i32); 4] = [("keyed", 0), ("legacy", 0), ("index", 0), ("foreign", 1)];

fn push(world: &World, case: &str) {
    let registry = &world.registry;
    let image = registry.push_image("app", "v1");
    match case {
        "keyed" => drop(registry.attach_bundle("app", &image, &world.keyed(&image))),
        "legacy" => {
            let signed = world.forge.simple_signing(&image).keyed(&world.key);
            let (payload, annotations) = signed.sig();
            registry.attach_sig("app", &image, &payload, &annotations);
        }
        "index" => {
            let other = registry.push_image("app", "other");
            let index = registry.push_index("app", "v1", &[&image, &other]);
            registry.attach_bundle("app", &index, &world.keyed(&index));
            registry.attach_bundle("app", &image, &world.keyless(&image));
        }
        _ => {
            let other = registry.push_image("app", "other");
            registry.attach_bundle("app", &image, &world.keyed(&other));
        }
    }
}

#[test]
fn from_the_second_registry_the_decision_is_the_same_when_the_first_is_gone() {
    for with_api in [true, false] {
        let start = || match with_api {
            true => Registry::builder().writable(),
            false => Registry::builder().writable().without_referrers_api(),
        };
        for (case, expected) in CASES {
            let mut world = World::new(start().start());
            push(&world, case);
            let before = judged(&world, &world.registry);
            assert_eq!(before.1, Some(expected), "{case}: {}", before.0);
            let (second, other_kind) = (start().start(), other(with_api));
            for to in [&second, &other_kind] {
                let (code, stdout, stderr) = copy(&world.image(":v1"), &image(to, ""), &[]);
                assert_eq!(code, Some(0), "{case}: {stdout}{stderr}");
            }
            // The first one is stopped.
            world.registry = Registry::start();
            assert_eq!(judged(&world, &second), before, "{case}");
            let by_other_list = judged(&world, &other_kind);
            assert_eq!(by_other_list.1, before.1, "{case}");
            let one_name = |text: &str| text.replace("fallback-tag", "referrers");
            assert_eq!(one_name(&by_other_list.0), one_name(&before.0), "{case}");
        }
    }
}

/// A registry of the other kind.
fn other(with_api: bool) -> Registry {
    match with_api {
        true => Registry::builder()
            .writable()
            .without_referrers_api()
            .start(),
        false => Registry::builder().writable().start(),
    }
}

#[test]
fn through_a_folder_the_decision_is_the_same() {
    let mut world = World::new(Registry::start());
    push(&world, "index");
    let before = judged(&world, &world.registry);
    let layout = format!("oci:{}", world.path("carried").display());
    let (code, _, stderr) = copy(&world.image(":v1"), &layout, &[]);
    assert_eq!(code, Some(0), "{stderr}");
    world.registry = Registry::builder().writable().start();
    let (code, _, stderr) = copy(&format!("{layout}:v1"), &world.image(""), &[]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(judged(&world, &world.registry), before);
}

#[test]
fn a_layer_is_not_held_in_memory() {
    const LAYER: usize = 128 << 20;
    const MOST_MEMORY: u64 = 64 * 1024;
    let (from, to) = (Registry::start(), Registry::builder().writable().start());
    let layer = from.push_blob("app", &vec![7; LAYER]);
    let config = from.push_blob("app", b"{}");
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": countersign_testkit::registry::OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": LAYER}],
    });
    let bytes = manifest.to_string();
    let media_type = countersign_testkit::registry::OCI_MANIFEST;
    from.push_manifest("app", "v1", media_type, bytes.as_bytes());
    let (source, destination) = (image(&from, ":v1"), image(&to, ""));
    let mut child = command(&[
        "copy",
        &source,
        &destination,
        "--plain-http",
        "--format",
        "json",
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut memory = 0;
    while child.try_wait().unwrap().is_none() {
        memory = memory.max(crate::run::peak_memory(child.id()));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let ended = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(report["done"]["pushed"]["blobs"], 2);
    assert!(memory < MOST_MEMORY, "{memory} KiB of memory");
    assert!(to.digest_at("app", "v1").is_some());
}
