//! `countersign evidence`: what it shows, and that it judges nothing.

use countersign_testkit::registry::{Fault, OCI_INDEX, OCI_MANIFEST, Registry};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::run::{ROOT as ROOT_FOLDER, code, output, transcript};
use crate::world::World;

const POLICY: &[&str] = &["--policy", "policies/testdata-keyed.yaml"];
const ROOT: &[&str] = &["--trust-root", "testdata/trust/private-trusted_root.json"];

fn shown(image: &str, more: &[&str]) -> String {
    let image = format!("oci:testdata/images/{image}");
    transcript(&[&["evidence", &image][..], more].concat())
}

#[test]
fn trees() {
    assert_snapshot!("evidence-index", shown("signed-index:v1", POLICY));
    assert_snapshot!("evidence-no-policy", shown("signed-index", &[]));
    assert_snapshot!("evidence-keyless", shown("attested-keyless", ROOT));
    assert_snapshot!("evidence-legacy", shown("attested-keyed-legacy", POLICY));
    assert_snapshot!("evidence-tampered", shown("tampered-signature", POLICY));
    assert_snapshot!("evidence-nothing", shown("unsigned", &[]));
    let json = [ROOT, &["--format", "json"]].concat();
    assert_snapshot!("evidence-json", shown("signed-keyless", &json));
    // Nobody listens on port 1.
    let down = ["evidence", "127.0.0.1:1/acme/app:v1", "--plain-http"];
    assert_snapshot!("evidence-registry-down", transcript(&down));
}

#[test]
fn the_documented_example_is_true() {
    let documented = std::fs::read_to_string(format!("{ROOT_FOLDER}/docs/evidence.md")).unwrap();
    let shown = shown("signed-index:v1", POLICY);
    let shown = shown.strip_suffix("--- exit code 0\n").unwrap();
    assert!(
        documented.contains(&format!("```console\n{shown}```")),
        "{shown}"
    );
}

#[test]
fn wrong_words() {
    for (arguments, expected) in [
        (&["ghcr.io/Acme/app"][..], 3),
        (
            &[
                "oci:testdata/images/signed-keyed",
                "--policy",
                "nowhere.yaml",
            ],
            3,
        ),
        (
            &[
                "oci:testdata/images/signed-keyed",
                "--trust-root",
                "nowhere.json",
            ],
            2,
        ),
        (&["oci:testdata/images/nowhere"], 2),
        (&["oci:testdata/images/signed-keyed:v9"], 2),
        (&[], 3),
    ] {
        assert_eq!(
            code(&[&["evidence"], arguments].concat()),
            Some(expected),
            "{arguments:?}"
        );
    }
}

/// An image of one platform, and of everything that tools attach something; the index and the platform.
fn push_everything(world: &World) -> (String, String) {
    let platform = world.registry.push_image("app", "amd64");
    let buildkit = world.artifact("", &json!({}));
    let index = world.registry.push_index(
        "app",
        "v1",
        &[&platform, buildkit["digest"].as_str().unwrap()],
    );
    let index: Value = {
        // As buildx writes it.
        let read = output(&[
            "evidence",
            &world.image(":v1"),
            "--plain-http",
            "--format",
            "json",
        ]);
        let report: Value = serde_json::from_slice(&read.stdout).unwrap();
        assert_eq!(report["manifest"]["digest"], index);
        let child = |number: usize| {
            let child = &report["manifest"]["children"][number];
            json!({"mediaType": child["mediaType"], "digest": child["digest"], "size": child["size"]})
        };
        let (mut amd64, mut attested) = (child(0), child(1));
        amd64["platform"] = json!({"os": "linux", "architecture": "arm", "variant": "v7"});
        attested["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        attested["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
        let index =
            json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [amd64, attested]});
        world.push("v1", &index)
    };
    let digest = index["digest"].as_str().unwrap().to_owned();
    let registry = &world.registry;
    registry.attach_bundle("app", &digest, &world.keyed(&digest));
    registry.attach_bundle("app", &platform, b"{}");
    let refer = |artifact_type: &str| {
        world.artifact(
            "",
            &json!({"artifactType": artifact_type, "subject": index}),
        )
    };
    let sbom = refer("application/spdx+json");
    let sbom = sbom["digest"].as_str().unwrap();
    registry.attach_bundle("app", sbom, &world.keyless(sbom));
    refer("application/vnd.cncf.notary.signature");
    refer("application/x-mine");
    world.artifact(&format!("{}.sbom", digest.replace(':', "-")), &json!({}));
    (digest, platform)
}

/// The tree of a report: each manifest's kind, and what verified or was refused in it.
fn tree(node: &Value, depth: usize, lines: &mut Vec<String>) {
    let mut line = format!("{:depth$}{}", "", node["kind"].as_str().unwrap());
    for verified in node["verified"].as_array().unwrap() {
        line += &format!(
            ", verified by {}",
            verified["signedBy"]["kind"].as_str().unwrap()
        );
    }
    for refused in node["refused"].as_array().unwrap() {
        line += &format!(", {}", refused["code"].as_str().unwrap());
    }
    lines.push(line);
    for below in ["attached", "children"] {
        for node in node[below].as_array().unwrap() {
            tree(node, depth + 1, lines);
        }
    }
}

/// Runs it against the registry: the report, and the exit code.
fn report(world: &World) -> (Value, Option<i32>) {
    let image = world.image(":v1");
    let mut arguments = vec!["evidence", &image, "--plain-http", "--format", "json"];
    let trust = world.trust();
    arguments.extend(trust.iter().map(String::as_str));
    let ended = output(&arguments);
    let report = serde_json::from_slice(&ended.stdout).unwrap();
    (report, ended.status.code())
}

#[test]
fn everything_that_tools_attach() {
    let world = World::new(Registry::start());
    let (index, platform) = push_everything(&world);
    let (report, code) = report(&world);
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(report["complete"], true);
    let mut lines = Vec::new();
    tree(&report["manifest"], 0, &mut lines);
    assert_eq!(
        lines,
        [
            "index",
            " bundle, verified by key",
            " sbom",
            "  bundle, verified by certificate",
            " notation-signature",
            " referrer",
            " sbom",
            " image",
            "  bundle, bundle-malformed",
            " buildkit-attestation",
        ]
    );
    let manifest = &report["manifest"];
    assert_eq!(manifest["digest"], index);
    assert_eq!(manifest["children"][0]["digest"], platform);
    assert_eq!(manifest["children"][0]["platform"], "linux/arm/v7");
    let signed_by = &manifest["attached"][0]["verified"][0]["signedBy"];
    assert_eq!(signed_by["knownAs"], "mine/k");
}

#[test]
fn what_could_not_be_read_is_told_and_exit_2() {
    for path in ["/referrers/", ".att", "/blobs/"] {
        let world = World::new(Registry::start());
        push_everything(&world);
        world.registry.fault(
            move |request| request.path.contains(path),
            Fault::Status(403),
        );
        let (report, code) = report(&world);
        assert_eq!(code, Some(2), "{path}: {report:#}");
        assert_eq!(report["complete"], false);
        let gap = &report["manifest"]["gaps"][0];
        assert_eq!(gap["code"], "registry-denied", "{report:#}");
    }
    let world = World::new(Registry::start());
    let (report, code) = report(&world);
    assert_eq!((code, &report["manifest"]), (Some(2), &Value::Null));
    assert_eq!(report["gaps"][0]["code"], "image-not-found");
}

#[test]
fn hostile_strings_come_out_harmless() {
    let hostile = "x\u{1b}[2J\u{202e}gpj\r\n::error::y";
    let world = World::new(Registry::start());
    let image = world.registry.push_image("app", "v1");
    let subject = json!({"mediaType": OCI_MANIFEST, "digest": image, "size": 1});
    let blob = world.registry.push_blob("app", b"{}");
    let blob = json!({"mediaType": hostile, "digest": blob, "size": 2});
    let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": hostile.repeat(1000),
        "config": blob, "layers": [blob], "subject": subject});
    world.push("", &manifest);
    let forged = world.forge.attestation(&image, hostile, json!({}));
    world
        .registry
        .attach_bundle("app", &image, &forged.keyed(&world.key).bundle());
    world
        .registry
        .attach_bundle("app", &image, hostile.as_bytes());
    let sig = format!("{}.sig", image.replace(':', "-"));
    world
        .registry
        .push_manifest("app", &sig, OCI_MANIFEST, hostile.as_bytes());
    let (image, trust) = (world.image(":v1"), world.trust());
    for format in ["text", "json"] {
        let mut arguments = vec!["evidence", &image, "--plain-http", "--format", format];
        arguments.extend(trust.iter().map(String::as_str));
        let text = String::from_utf8(output(&arguments).stdout).unwrap();
        let obeyed = |it: &char| it.is_control() && *it != '\n' || *it == '\u{202e}';
        assert_eq!(text.chars().filter(obeyed).count(), 0, "{text}");
        assert!(text.contains("u{202e}gpj"), "{text}");
        assert!(text.lines().all(|line| !line.starts_with("::")), "{text}");
        assert!(text.len() < 20_000, "{} bytes", text.len());
    }
}
