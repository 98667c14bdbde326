//! What `docs/policy-tools.md` says of cases is true of them.

use countersign_testkit::page::blocks;

use crate::run::{ROOT, code};

/// The example with what it names replaced by what is there.
#[test]
fn the_documented_case_has_the_fields_that_there_are() {
    let page = include_str!("../../../../docs/policy-tools.md");
    let (_, cases) = page.split_once("\n## test\n").unwrap();
    let example = blocks(cases, "yaml").next().unwrap();
    let images = format!("{ROOT}/testdata/images");
    let policy = format!("{ROOT}/policies/testdata-keyed.yaml");
    let root = format!("{ROOT}/testdata/trust/private-trusted_root.json");
    let example = example
        .replace("../../production", &policy)
        .replace("../images/app", &format!("{images}/unsigned"))
        .replace("../private-trusted_root.json", &root)
        .replace("ghcr.io/acme/app:v1", "registry.example/acme/app:v1")
        .replace("signed: too-old", "signed: no-evidence")
        .replace("private:", "extra:")
        .replace("diagnostics: [no-effect]", "diagnostics: []");
    let judged = |case: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("case.yaml"), case).unwrap();
        code(&["policy", "test", folder.path().to_str().unwrap()])
    };
    let is_root = |line: &&str| line.starts_with("trustRoots:");
    let without: Vec<&str> = example.lines().filter(|line| !is_root(line)).collect();
    assert_eq!(judged(&without.join("\n")), Some(0));
    // It can be read; but a trust root that no Signer names is an error of its own.
    assert_eq!(judged(&example), Some(1));
}
