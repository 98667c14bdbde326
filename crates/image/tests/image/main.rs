//! Images are the same bytes each time, have what their programs need and nothing of the machine else, or are not made.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod machine;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use countersign_image::{About, Debian, Written, write};
use flate2::read::GzDecoder;
use machine::{AMD64, ARM64, LINKER, debian, elf, static_elf};
use serde_json::Value;
use tempfile::TempDir;

const NAME: &str = "registry.example/acme/app:v1";

/// A folder with a Debian, and programs in it.
struct Scene {
    folder: TempDir,
    debian: Debian,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let debian = Debian::at(&debian(&folder.path().join("debian")));
        Self { folder, debian }
    }

    fn program(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn write(&self, out: &str, programs: &[PathBuf]) -> anyhow::Result<Written> {
        let about = About::new(NAME, "1.2.3", "0123abc", 1_790_000_000).unwrap();
        let out = self.folder.path().join(out);
        fs::create_dir_all(&out).unwrap();
        write(&about, programs, &self.debian, &out)
    }

    #[track_caller]
    fn refused(&self, programs: &[PathBuf]) -> String {
        let error = self.write("refused", programs).unwrap_err();
        format!("{error:#}")
    }
}

fn json(layout: &Path, digest: &str) -> Value {
    let blob = layout.join("blobs").join(digest.replacen(':', "/", 1));
    serde_json::from_slice(&fs::read(blob).unwrap()).unwrap()
}

/// All files of an image's layers with their modes, owners and times.
fn files(layout: &Path, digest: &str) -> BTreeMap<String, (Vec<u8>, u32, u64, u64)> {
    let mut files = BTreeMap::new();
    for layer in json(layout, digest)["layers"].as_array().unwrap() {
        let path = layer["digest"].as_str().unwrap().replacen(':', "/", 1);
        let blob = fs::File::open(layout.join("blobs").join(path)).unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(blob));
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            let head = entry.header();
            let (mode, owner, time) = (head.mode(), head.uid(), head.mtime());
            let kept = (bytes, mode.unwrap(), owner.unwrap(), time.unwrap());
            files.insert(path, kept);
        }
    }
    files
}

#[test]
fn the_same_programs_make_the_same_bytes_wherever_and_whenever() {
    let scene = Scene::new();
    let bytes = elf(AMD64, Some(LINKER), &["libgcc_s.so.1"], true);
    let one = scene
        .write("one", &[scene.program("a/app", &bytes)])
        .unwrap();
    // Another folder, another machine's own certificates, later.
    fs::write(
        scene
            .folder
            .path()
            .join("debian/etc/ssl/certs/ca-certificates.crt"),
        "OTHER",
    )
    .unwrap();
    let two = scene
        .write("two/deeper", &[scene.program("b/longer/app", &bytes)])
        .unwrap();
    assert_eq!(one.digest, two.digest);
    assert_eq!(
        fs::read(&one.archive).unwrap(),
        fs::read(&two.archive).unwrap()
    );
    let archive = fs::File::open(&one.archive).unwrap();
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let path = one.layout.join(entry.path().unwrap());
        assert_eq!(fs::read(&path).unwrap(), bytes, "{}", path.display());
    }
    // What is of Debian stays from version to version.
    let other = scene.program("c/app", &[&bytes[..], b"more"].concat());
    let other = scene.write("three", &[other]).unwrap();
    let layers = |written: &Written| json(&written.layout, &written.digest)["layers"].clone();
    assert_eq!(layers(&one)[0], layers(&other)[0]);
    assert_ne!(layers(&one)[1], layers(&other)[1]);
}

#[test]
fn an_image_has_what_its_program_needs_and_nothing_of_the_machine_else() {
    let scene = Scene::new();
    let bytes = elf(AMD64, Some(LINKER), &["libgcc_s.so.1", "libc.so.6"], true);
    let written = scene.write("out", &[scene.program("app", &bytes)]).unwrap();
    let files = files(&written.layout, &written.digest);
    let names: Vec<&str> = files
        .keys()
        .map(String::as_str)
        .filter(|path| !path.ends_with('/'))
        .collect();
    assert_eq!(
        names,
        [
            "etc/group",
            "etc/nsswitch.conf",
            "etc/os-release",
            "etc/passwd",
            "etc/ssl/certs/ca-certificates.crt",
            "lib/x86_64-linux-gnu/libc.so.6",
            "lib/x86_64-linux-gnu/libgcc_s.so.1",
            "lib/x86_64-linux-gnu/libm.so.6", // what a library needs
            "lib64/ld-linux-x86-64.so.2",
            "usr/bin/app",
            "usr/share/doc/ca-certificates/copyright",
            "usr/share/doc/countersign/LICENSE",
            "usr/share/doc/libc6/copyright",
            "usr/share/doc/libgcc-s1/copyright",
            "var/lib/dpkg/status.d/ca-certificates",
            "var/lib/dpkg/status.d/libc6",
            "var/lib/dpkg/status.d/libgcc-s1",
        ]
    );
    let bundle = String::from_utf8(files["etc/ssl/certs/ca-certificates.crt"].0.clone()).unwrap();
    assert!(
        bundle.contains("\nA\n") && !bundle.contains("LOCAL"),
        "{bundle}"
    );
    assert!(bundle.find("\nA\n") < bundle.find("\nZ\n"), "{bundle}");
    let status = String::from_utf8(files["var/lib/dpkg/status.d/libc6"].0.clone()).unwrap();
    assert!(
        status.contains("Architecture: amd64\n") && !status.contains("i386"),
        "{status}"
    );
    for (path, (_, mode, owner, time)) in &files {
        let expected = match path.as_str() {
            "tmp/" => (0o1777, 0),
            "home/nonroot/" => (0o700, 65532),
            path if path.ends_with('/') || path.contains("bin/") || path.contains(".so.") => {
                (0o755, 0)
            }
            _ => (0o644, 0),
        };
        assert_eq!((*mode, *owner), expected, "{path}");
        assert!([0, 1_790_000_000].contains(time), "{path}: {time}");
    }
    let manifest = json(&written.layout, &written.digest);
    let config = json(
        &written.layout,
        manifest["config"]["digest"].as_str().unwrap(),
    );
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"][0], "/usr/bin/app");
    assert_eq!(config["architecture"], "amd64");
    for (label, value) in [
        ("revision", "0123abc"),
        ("version", "1.2.3"),
        ("created", "2026-09-21T14:13:20Z"),
        ("licenses", "Apache-2.0"),
        ("title", "app"),
    ] {
        let label = format!("org.opencontainers.image.{label}");
        assert_eq!(config["config"]["Labels"][&label], value, "{label}");
        assert_eq!(manifest["annotations"][&label], value, "{label}");
    }
}

#[test]
fn programs_for_two_machines_make_one_index() {
    let scene = Scene::new();
    let programs = [("arm", ARM64), ("amd", AMD64)]
        .map(|(folder, machine)| scene.program(&format!("{folder}/app"), &static_elf(machine)));
    let written = scene.write("out", &programs).unwrap();
    let outer: Value =
        serde_json::from_slice(&fs::read(written.layout.join("index.json")).unwrap()).unwrap();
    assert_eq!(outer["manifests"].as_array().unwrap().len(), 1);
    let named = &outer["manifests"][0];
    assert_eq!(named["digest"], written.digest);
    assert_eq!(
        named["mediaType"],
        "application/vnd.oci.image.index.v1+json"
    );
    assert_eq!(named["annotations"]["io.containerd.image.name"], NAME);
    assert_eq!(
        named["annotations"]["org.opencontainers.image.ref.name"],
        "v1"
    );
    let index = json(&written.layout, &written.digest);
    let platforms: Vec<&Value> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|manifest| &manifest["platform"]["architecture"])
        .collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    for manifest in index["manifests"].as_array().unwrap() {
        let digest = manifest["digest"].as_str().unwrap();
        let config = json(&written.layout, digest)["config"]["digest"].clone();
        let config = json(&written.layout, config.as_str().unwrap());
        assert_eq!(config["architecture"], manifest["platform"]["architecture"]);
        // A static program gets no libraries.
        assert!(
            !files(&written.layout, digest)
                .keys()
                .any(|path| path.contains(".so"))
        );
    }
}

#[test]
fn what_cannot_be_an_image_is_said() {
    let scene = Scene::new();
    let dynamic = |machine, linker, library, has_sections| {
        elf(machine, Some(linker), &[library], has_sections)
    };
    for (bytes, says) in [
        (b"#!/bin/sh\n".to_vec(), "no program that an image can have"),
        (static_elf(40), "it is for the ELF machine 40"),
        (
            dynamic(AMD64, LINKER, "libssl.so.3", true),
            "it needs libssl.so.3, which is of none of the packages libc6, libgcc-s1",
        ),
        (
            dynamic(AMD64, LINKER, "libforeign.so.1", true),
            "libforeign.so.1 is for arm64, and the program for amd64",
        ),
        (
            dynamic(AMD64, "/lib/ld-musl.so.1", "libc.so.6", true),
            "its dynamic linker /lib/ld-musl.so.1 is of none",
        ),
        (
            dynamic(AMD64, LINKER, "libc.so.6", false),
            "no section that tells what is in it",
        ),
        (
            dynamic(ARM64, LINKER, "libc.so.6", true),
            "the Debian package libc6 (arm64) is not installed",
        ),
    ] {
        let error = scene.refused(&[scene.program("app", &bytes)]);
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(scene.refused(&[]), "an image needs a program");
    let app = scene.program("app", &static_elf(AMD64));
    let error = scene.refused(&[app.clone(), app.clone()]);
    assert!(
        error.ends_with("usr/bin/app would be in the layer twice"),
        "{error}"
    );
    let other = scene.program("other", &static_elf(ARM64));
    let error = scene.refused(&[app, other]);
    assert_eq!(error, "the first program for arm64 is not app");
}

#[test]
fn only_a_layout_is_replaced() {
    let scene = Scene::new();
    let app = [scene.program("app", &static_elf(AMD64))];
    scene.write("out", &app).unwrap();
    let written = scene.write("out", &app).unwrap();
    assert!(written.layout.join("index.json").is_file());
    fs::remove_file(written.layout.join("oci-layout")).unwrap();
    let error = scene.write("out", &app).unwrap_err().to_string();
    assert!(
        error.ends_with("is there and is no OCI layout: it is not replaced"),
        "{error}"
    );
    assert!(written.layout.join("index.json").is_file());
}
