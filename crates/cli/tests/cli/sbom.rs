//! `countersign sbom`: what the reader sees, and how the rules of a policy judge it.

use std::fs;

use insta::assert_snapshot;

use crate::run::{code, transcript};

const CYCLONEDX: &str = "testdata/predicates/sbom.cdx.json";
const SPDX: &str = "testdata/predicates/sbom.spdx.json";
const POLICY: &[&str] = &["--policy", "policies/sbom-licenses.yaml"];

fn sbom<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["sbom", file], more].concat()
}

#[test]
fn what_is_seen() {
    assert_snapshot!("sbom-cyclonedx", transcript(&sbom(CYCLONEDX, &[])));
    assert_snapshot!("sbom-spdx", transcript(&sbom(SPDX, &[])));
    assert_snapshot!("sbom-judged", transcript(&sbom(CYCLONEDX, POLICY)));
    let json = [POLICY, &["--format", "json"]].concat();
    assert_snapshot!("sbom-json", transcript(&sbom(CYCLONEDX, &json)));
}

#[test]
fn what_is_refused_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let text = fs::read_to_string(format!("{}/{CYCLONEDX}", crate::run::ROOT)).unwrap();
    let denied = write(
        "denied.json",
        &text.replace("\"MIT\"", "\"AGPL-3.0-or-later\""),
    );
    let told = transcript(&sbom(&denied, POLICY)).replace(folder.path().to_str().unwrap(), "DIR");
    assert_snapshot!("sbom-denied", told);
    let hostile = write(
        "hostile.json",
        &text.replace("musl", "\\u001b[31mred\\u202e"),
    );
    let told = transcript(&sbom(&hostile, &[]));
    assert!(
        !told.contains('\u{1b}') && !told.contains('\u{202e}'),
        "{told}"
    );
    let unknown = write("unknown.json", "{\"hello\": 1}");
    let broken = write("broken.json", "{");
    let twice = write(
        "twice.json",
        "{\"bomFormat\": \"CycloneDX\", \"bomFormat\": \"CycloneDX\"}",
    );
    let tag_value = write("tag.spdx", "SPDXVersion: SPDX-2.3\n");
    for file in [&unknown, &broken, &twice, &tag_value] {
        assert_eq!(code(&sbom(file, &[])), Some(1), "{file}");
    }
    assert_eq!(code(&sbom("nowhere.json", &[])), Some(2));
    assert_eq!(
        code(&sbom(CYCLONEDX, &["--policy", "policies/baseline.yaml"])),
        Some(3)
    );
    assert_eq!(
        code(&sbom(CYCLONEDX, &["--policy", "nowhere.yaml"])),
        Some(3)
    );
}
