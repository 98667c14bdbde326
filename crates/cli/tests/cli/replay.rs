//! `countersign replay`: the same decisions again, from what was kept, whatever registries say by then.

use std::fs;

use countersign_testkit::registry::{Fault, Registry};
use insta::assert_snapshot;

use crate::run::{AT as TESTDATA_AT, code, output, transcript};
use crate::world::{AT, World};

/// What is attached, and what of it the registry does not give away.
const CASES: [&str; 8] = [
    "unsigned",
    "keyed",
    "keyless beside what is worthless",
    "legacy",
    "list refused",
    "legacy tag refused",
    "platform signed",
    "platform refused",
];

fn push(world: &World, case: &str) -> String {
    let registry = &world.registry;
    let image = registry.push_image("app", "v1");
    let refuse = |part: String| {
        registry.fault(
            move |request| request.path.contains(&part),
            Fault::Status(403),
        );
    };
    match case {
        "keyed" => drop(registry.attach_bundle("app", &image, &world.keyed(&image))),
        "keyless beside what is worthless" => {
            registry.attach_bundle("app", &image, b"{worthless}");
            registry.attach_bundle("app", &image, &world.keyless(&image));
        }
        "legacy" | "legacy tag refused" => {
            let signed = world.forge.simple_signing(&image).keyed(&world.key);
            let (payload, annotations) = signed.sig();
            registry.attach_sig("app", &image, &payload, &annotations);
            if case != "legacy" {
                refuse(".sig".to_owned());
            }
        }
        "list refused" => refuse("/referrers/".to_owned()),
        "platform signed" | "platform refused" => {
            let other = registry.push_image("app", "other");
            let index = registry.push_index("app", "v1", &[&image, &other]);
            registry.attach_bundle("app", &image, &world.keyed(&image));
            if case == "platform signed" {
                registry.attach_bundle("app", &other, &world.keyed(&other));
            } else {
                refuse(format!("/referrers/{other}"));
            }
            return index;
        }
        _ => {}
    }
    image
}

/// `--policy`, `--trust-root`, and `--cache-dir` with JSON to compare.
struct Options {
    cache: String,
    trust: Vec<String>,
}

impl Options {
    fn of(world: &World) -> Self {
        Self {
            cache: world.path("cache").display().to_string(),
            trust: world.trust(),
        }
    }

    fn trust(&self) -> Vec<&str> {
        self.trust.iter().map(String::as_str).collect()
    }

    fn all(&self) -> Vec<&str> {
        let kept = ["--cache-dir", &self.cache, "--format", "json"];
        [&self.trust()[..], &kept].concat()
    }
}

#[test]
fn a_record_is_decided_again_from_the_cache() {
    for case in CASES {
        for explain in [false, true] {
            let world = World::new(Registry::start());
            let policy = world.path("policy.yaml");
            if case.starts_with("platform") {
                let text = fs::read_to_string(&policy).unwrap();
                let text = text.replace("from: {any", "subject: platform, from: {any");
                fs::write(&policy, text).unwrap();
            }
            let image = push(&world, case);
            let options = Options::of(&world);
            let written = world.image(&format!("@{image}"));
            let verify = ["verify", &written, "--plain-http", "--at", AT];
            let more: &[&str] = if explain { &["--explain"] } else { &[] };
            let first = output(&[&verify[..], &options.all(), more].concat());
            let record = world.path("record.json").display().to_string();
            fs::write(&record, &first.stdout).unwrap();

            // What comes later, and a registry that is gone, change nothing.
            world.registry.heal();
            let registry = &world.registry;
            registry.attach_bundle("app", &image, &world.keyed(&image));
            registry.fault(|_| true, Fault::Status(503));
            registry.clear_requests();
            let again = output(&[&["replay", &record][..], &options.all()].concat());
            let told = String::from_utf8(again.stderr).unwrap();
            assert_eq!(again.status.code(), first.status.code(), "{case}: {told}");
            assert!(again.stdout == first.stdout, "{case}: {told}");
            assert!(registry.requests().is_empty(), "{case}");

            // Without what was kept there is no decision, and never another.
            fs::remove_dir_all(&options.cache).unwrap();
            let nothing = output(&[&["replay", &record][..], &options.trust()].concat());
            assert_eq!(nothing.status.code(), Some(2), "{case}");
            assert!(nothing.stdout.is_empty(), "{case}");
            let told = String::from_utf8(nothing.stderr).unwrap();
            assert!(told.contains("not kept: sha256:"), "{case}: {told}");
        }
    }
}

/// By the last known list, because the registry could not be asked: so it is decided again, with the list's age of then.
#[test]
fn a_stale_decision_is_the_same_again() {
    let world = World::new(Registry::start());
    let policy = world.path("policy.yaml");
    let text = fs::read_to_string(&policy).unwrap();
    let text = text.replace("onUnknown: deny", "onUnknown: deny, stale: {maxAge: 12h}");
    fs::write(&policy, text).unwrap();
    let image = push(&world, "keyed");
    let options = Options::of(&world);
    let written = world.image(&format!("@{image}"));
    let verify = ["verify", &written, "--plain-http", "--at", AT];
    let verify = [&verify[..], &options.all()].concat();
    assert_eq!(code(&verify), Some(0));
    world.registry.fault(|_| true, Fault::Status(403));
    let stale = output(&verify);
    assert_eq!(stale.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&stale.stdout).unwrap();
    assert_eq!(report["images"][0]["stale"].as_array().unwrap().len(), 1);
    let record = world.path("record.json").display().to_string();
    fs::write(&record, &stale.stdout).unwrap();
    let again = output(&[&["replay", &record][..], &options.all()].concat());
    let told = String::from_utf8(again.stderr).unwrap();
    assert!(again.stdout == stale.stdout, "{told}");
}

/// Each is refused, and says why and what to do.
#[test]
fn what_is_no_record_of_this_policy_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let verify = [
        "verify",
        "oci:testdata/images/signed-keyed",
        "--policy",
        "policies/testdata-keyed.yaml",
        "--at",
        TESTDATA_AT,
        "--format",
        "json",
    ];
    let record = String::from_utf8(output(&verify).stdout).unwrap();
    let policy = ["--policy", "policies/testdata-keyed.yaml"];
    let replay = |name: &str, text: &str, more: &[&str]| {
        let path = folder.path().join(name).display().to_string();
        fs::write(&path, text).unwrap();
        let told = transcript(&[&["replay", &path], more].concat());
        told.replace(folder.path().to_str().unwrap(), "DIR")
    };
    let gone = record.replace("oci:testdata/images/signed-keyed", "oci:nowhere");
    let from = ["--from", "oci:testdata/images/signed-keyed"];
    let told = [
        replay("same.json", &record, &policy),
        replay("moved.json", &gone, &[&policy[..], &from].concat()),
        replay("missing.json", &gone, &policy),
        replay(
            "policy.json",
            &record,
            &["--policy", "policies/baseline.yaml"],
        ),
        replay(
            "changed.json",
            &record.replacen("\"effect\": \"allow\"", "\"effect\": \"deny\"", 1),
            &policy,
        ),
        replay(
            "trust.json",
            &record.replace(
                "\"trustFingerprint\": \"sha256:",
                "\"trustFingerprint\": \"sha256:0",
            ),
            &policy,
        ),
        replay(
            "member.json",
            &record.replacen('{', "{\"more\": 1,", 1),
            &policy,
        ),
        replay(
            "version.json",
            &record.replace("report/v1alpha1", "report/v9"),
            &policy,
        ),
        replay("empty.json", "", &policy),
    ];
    assert_snapshot!("replay", told.join("\n"));
    let file = "testdata/images/signed-keyed/oci-layout";
    let blob = [
        "verify-blob",
        file,
        "--bundle",
        file,
        "--at",
        TESTDATA_AT,
        "--format",
        "json",
    ];
    let record = String::from_utf8(output(&[&blob[..], &policy].concat()).stdout).unwrap();
    let told = replay("blob.json", &record, &policy);
    assert!(told.contains("the record is of a file"), "{told}");
    assert_eq!(
        code(&["replay", "nowhere.json", policy[0], policy[1]]),
        Some(2)
    );
}

/// Evidence that was refused because of other bytes than its digest says is never taken from what is kept.
#[test]
fn bytes_that_were_changed_decide_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let from = std::path::Path::new(crate::run::ROOT).join("testdata/images/signed-keyed");
    let to = folder.path().join("image");
    copy(&from, &to);
    let image = format!("oci:{}", to.display());
    let policy = ["--policy", "policies/testdata-keyed.yaml"];
    let verify = ["verify", &image, "--at", TESTDATA_AT, "--format", "json"];
    let record = output(&[&verify[..], &policy].concat()).stdout;
    let path = folder.path().join("record.json").display().to_string();
    fs::write(&path, record).unwrap();
    let replay = [&["replay", &path][..], &policy].concat();
    assert_eq!(code(&replay), Some(0));
    for blob in fs::read_dir(to.join("blobs/sha256")).unwrap() {
        let blob = blob.unwrap().path();
        let bytes = fs::read(&blob).unwrap();
        let mut changed = bytes.clone();
        changed[0] ^= 1;
        fs::write(&blob, changed).unwrap();
        let ended = output(&replay);
        // Of the image's own layers nothing is read.
        if ended.status.code() != Some(0) {
            assert_eq!(ended.status.code(), Some(2));
            assert!(ended.stdout.is_empty());
        }
        fs::write(&blob, bytes).unwrap();
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
