//! `countersign pull-evidence`, and `verify` of what it saved, where there is no network any more.

use std::collections::BTreeSet;
use std::path::Path;

use countersign_testkit::registry::{Fault, Registry};
use serde_json::{Value, json};

use crate::run::{ROOT, command, output, transcript};
use crate::world::{AT, World, files};

const UNSIGNED: &str = "oci:testdata/images/unsigned";

/// Runs the command; exit code, standard output and standard error.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let ended = output(arguments);
    let [stdout, stderr] =
        [ended.stdout, ended.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (ended.status.code(), stdout, stderr)
}

/// Verifies an image; the report, and the exit code.
fn verify(world: &World, image: &str, more: &[&str]) -> (Value, Option<i32>) {
    let trust = world.trust();
    let mut arguments = vec!["verify", image, "--format", "json", "--at", AT];
    arguments.extend(trust.iter().map(String::as_str));
    let (code, stdout, stderr) = run(&[&arguments, more].concat());
    let report = serde_json::from_str(&stdout);
    (report.unwrap_or_else(|_| panic!("{stdout}{stderr}")), code)
}

fn pull(world: &World, image: &str, to: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let (image, to) = (world.image(image), format!("oci:{}", to.display()));
    run(&[
        &["pull-evidence", &image, "--to", &to, "--plain-http"],
        more,
    ]
    .concat())
}

/// What is attached to the image (or to its platform), and whether it is allowed.
const CASES: [(&str, &str, bool); 7] = [
    ("unsigned", ":v1", false),
    ("keyed", ":v1", true),
    ("keyless", ":v1", true),
    ("legacy", ":v1", true),
    ("others", ":v1", false),
    ("index", ":v1", true),
    ("platform", "@", true),
];

/// Pushes a case; the digest to ask for where the reference wants one.
fn push(world: &World, case: &str) -> String {
    let registry = &world.registry;
    let image = registry.push_image("app", "v1");
    match case {
        "keyed" => drop(registry.attach_bundle("app", &image, &world.keyed(&image))),
        "keyless" => {
            registry.attach_bundle("app", &image, &world.keyless(&image));
            registry.attach_bundle("app", &image, b"{worthless}");
        }
        "legacy" => {
            let signed = world.forge.simple_signing(&image).keyed(&world.key);
            let (payload, annotations) = signed.sig();
            registry.attach_sig("app", &image, &payload, &annotations);
        }
        "others" => {
            let other = registry.push_image("app", "other");
            registry.attach_bundle("app", &image, &world.keyed(&other));
            let attested = world
                .forge
                .attestation(&image, "https://spdx.dev/Document", json!({}));
            registry.attach_bundle("app", &image, &attested.keyed(&world.key).bundle());
        }
        "index" | "platform" => {
            let other = registry.push_image("app", "other");
            let index = registry.push_index("app", "v1", &[&image, &other]);
            registry.attach_bundle("app", &index, &world.keyed(&index));
            registry.attach_bundle("app", &image, &world.keyless(&image));
        }
        _ => {}
    }
    image
}

/// The whole report, but for how the image was written.
fn without_place(mut report: Value) -> Value {
    report["images"][0]["image"] = Value::Null;
    report
}

#[test]
fn the_same_decision_without_the_network() {
    for with_api in [true, false] {
        // Without the API only the bundles come by another way.
        let cases = CASES
            .into_iter()
            .filter(|(case, ..)| with_api || ["keyed", "index"].contains(case));
        for (case, rest, allowed) in cases {
            let builder = Registry::builder();
            let world = World::new(if with_api {
                builder.start()
            } else {
                builder.without_referrers_api().start()
            });
            let image = push(&world, case);
            let rest = rest.replace('@', &format!("@{image}"));
            let name = world.image(&rest);
            let (online, code) = verify(&world, &name, &["--plain-http"]);
            assert_eq!(code, Some(i32::from(!allowed)), "{case}: {online:#}");
            let to = world.path("saved");
            let (pulled, stdout, stderr) = pull(&world, ":v1", &to, &[]);
            assert_eq!(pulled, Some(0), "{case}: {stdout}{stderr}");
            assert_eq!(stderr, "");
            // Nothing answers any more.
            world.registry.fault(|_| true, Fault::Status(500));
            world.registry.clear_requests();
            let layout = format!("oci:{}{rest}", to.display());
            let (offline, offline_code) = verify(&world, &layout, &["--as", &name]);
            assert_eq!(offline_code, code, "{case}: {offline:#}");
            assert_eq!(without_place(offline), without_place(online), "{case}");
            assert!(world.registry.requests().is_empty());
        }
    }
}

#[test]
fn what_is_not_whole_is_not_saved() {
    for (path, cause) in [
        ("/referrers/", "registry-denied"),
        (".att", "registry-denied"),
        ("/blobs/", "403"),
        ("/manifests/v1", "registry-denied"),
    ] {
        let world = World::new(Registry::start());
        push(&world, "keyed");
        world.registry.fault(
            move |request| request.path.contains(path),
            Fault::Status(403),
        );
        let to = world.path("saved");
        let (code, stdout, stderr) = pull(&world, ":v1", &to, &[]);
        assert_eq!((code, &*stdout), (Some(2), ""), "{path}");
        assert!(stderr.contains(cause), "{path}: {stderr}");
        let layout = format!("oci:{}:v1", to.display());
        assert_eq!(verify(&world, &layout, &[]).1, Some(2), "{path}");
    }
    for fault in [Fault::WrongBytes, Fault::CutAfter(3)] {
        let world = World::new(Registry::start());
        push(&world, "keyed");
        world
            .registry
            .fault(|request| request.path.contains("/blobs/"), fault);
        let to = world.path("saved");
        assert_eq!(pull(&world, ":v1", &to, &[]).0, Some(2));
        let left = files(&to).into_iter().map(|(path, _)| path);
        let left: Vec<_> = left
            .filter(|path| path.starts_with(to.join("blobs")))
            .collect();
        assert_eq!(left, Vec::<std::path::PathBuf>::new());
    }
}

/// Killed in the midst of a blob: the layout is readable and has no image; the next run completes it, and clears up.
#[cfg(unix)]
#[test]
fn a_killed_run_leaves_a_layout_without_the_image() {
    let world = World::new(Registry::start());
    push(&world, "keyed");
    let stalls =
        |request: &countersign_testkit::registry::Request| request.path.contains("/blobs/");
    world.registry.fault(stalls, Fault::StallAfter(1));
    let (to, image) = (world.path("saved"), world.image(":v1"));
    let layout = format!("oci:{}", to.display());
    let arguments = ["pull-evidence", &image, "--to", &layout, "--plain-http"];
    let mut child = command(&arguments).spawn().unwrap();
    let is_unfinished = |path: &Path| path.to_string_lossy().contains("/.countersign-");
    // With the index the layout is made; what is unfinished then is a blob.
    let unfinished =
        || to.join("index.json").exists() && files(&to).iter().any(|(path, _)| is_unfinished(path));
    while !unfinished() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(unfinished());
    let (code, _, stderr) = run(&arguments);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("another process is writing"), "{stderr}");
    child.kill().unwrap();
    child.wait().unwrap();
    let tagged = format!("{layout}:v1");
    let (report, code) = verify(&world, &tagged, &[]);
    assert_eq!(code, Some(2));
    let cause = report["images"][0]["gaps"][0]["cause"].to_string();
    assert!(cause.contains("no such image"), "{cause}");
    world.registry.heal();
    assert_eq!(run(&arguments).0, Some(0));
    assert!(!unfinished());
    assert_eq!(verify(&world, &tagged, &["--as", &image]).1, Some(0));
}

#[test]
fn layers_are_saved_where_they_are_asked_for() {
    let world = World::new(Registry::start());
    push(&world, "index");
    let (part, whole) = (world.path("part"), world.path("whole"));
    assert_eq!(pull(&world, ":v1", &part, &[]).0, Some(0));
    assert_eq!(pull(&world, ":v1", &whole, &["--layers"]).0, Some(0));
    let names = |folder: &Path| -> BTreeSet<String> {
        let names = files(folder).into_iter();
        names
            .map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    let more: Vec<_> = names(&whole).difference(&names(&part)).cloned().collect();
    // Two platforms with a config each, and the layer that both have.
    assert_eq!(more.len(), 3, "{more:?}");
    let layer = files(&whole)
        .into_iter()
        .any(|(_, bytes)| bytes == b"layer");
    assert!(layer);

    // From the folder into another, with the same bytes; and once more, which changes nothing.
    let (from, to) = (format!("oci:{}:v1", whole.display()), world.path("again"));
    let into = format!("oci:{}", to.display());
    for _ in 0..2 {
        let (code, stdout, stderr) = run(&["pull-evidence", &from, "--to", &into, "--layers"]);
        assert_eq!(code, Some(0), "{stdout}{stderr}");
        let bytes = |folder: &Path| {
            let all = files(folder).into_iter();
            all.map(|(path, bytes)| (path.strip_prefix(folder).unwrap().to_owned(), bytes))
                .collect::<Vec<_>>()
        };
        assert_eq!(bytes(&to), bytes(&whole));
    }
    // A folder without the layers cannot give them.
    let from = format!("oci:{}:v1", part.display());
    let (code, _, stderr) = run(&["pull-evidence", &from, "--to", &into, "--layers"]);
    assert_eq!(code, Some(0), "they are there already: {stderr}");
    let empty = format!("oci:{}", world.path("empty").display());
    let (code, _, stderr) = run(&["pull-evidence", &from, "--to", &empty, "--layers"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("it is not there"), "{stderr}");
}

#[test]
fn several_images_in_one_folder() {
    let world = World::new(Registry::start());
    let image = push(&world, "keyed");
    let other = world.registry.push_image("app", "v2");
    let to = world.path("saved");
    assert_eq!(pull(&world, ":v1", &to, &[]).0, Some(0));
    assert_eq!(pull(&world, ":v2", &to, &[]).0, Some(0));
    for (tag, digest, code) in [(":v1", image, 0), (":v2", other, 1)] {
        let layout = format!("oci:{}{tag}", to.display());
        let (report, ended) = verify(&world, &layout, &["--as", &world.image(tag)]);
        assert_eq!(ended, Some(code));
        assert_eq!(report["images"][0]["digest"], *digest);
    }
    let named = to.join("../named");
    let into = format!("{}:mine", named.display());
    assert_eq!(pull(&world, ":v1", Path::new(&into), &[]).0, Some(0));
    let layout = format!("oci:{}:mine", named.display());
    assert_eq!(verify(&world, &layout, &[]).1, Some(0));
}

#[test]
fn wrong_words_and_places() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("precious"), "mine").unwrap();
    let taken = format!("oci:{}", folder.path().display());
    let digest = format!("oci:/tmp/x@sha256:{}", "0".repeat(64));
    for (to, code, cause) in [
        (taken.as_str(), 2, "oci-layout"),
        ("/tmp/x", 3, "expected oci:DIR[:tag]"),
        ("oci:", 3, "expected oci:DIR[:tag]"),
        (&digest, 3, "the digest is the image's"),
    ] {
        let (ended, _, stderr) = run(&["pull-evidence", UNSIGNED, "--to", to]);
        assert_eq!(ended, Some(code), "{to}: {stderr}");
        assert!(stderr.contains(cause), "{stderr}");
    }
    assert_eq!(files(folder.path()).len(), 1);
    assert_eq!(run(&["pull-evidence", UNSIGNED]).0, Some(3));
}

#[test]
fn the_documented_example_is_true() {
    let documented = std::fs::read_to_string(format!("{ROOT}/docs/evidence.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let to = format!("oci:{}/new", folder.path().display());
    let saved = format!("{to}:v1");
    let from = "oci:testdata/images/signed-index:v1";
    let name = "registry.example/acme/app:v1";
    let policy = "policies/testdata-keyed.yaml";
    let at = "2027-06-01T00:00:00Z";
    let shown = [
        transcript(&["pull-evidence", from, "--to", &to]),
        transcript(&[
            "verify", &saved, "--as", name, "--policy", policy, "--at", at,
        ]),
    ];
    let shown = shown.concat().replace(&to, "oci:/tmp/saved");
    let shown = shown.replace("--- exit code 0\n", "");
    assert!(
        documented.contains(&format!("```console\n{shown}```")),
        "{shown}"
    );
}
