//! Folders as people and ConfigMaps make them, and as somebody who wants out of them would.
#![allow(clippy::unwrap_used)]
use super::*;
use std::os::unix::fs::symlink;

fn names(files: &PolicyFiles) -> Vec<&str> {
    files
        .sources()
        .iter()
        .map(|source| source.name.rsplit('/').next().unwrap())
        .collect()
}

#[test]
fn a_folder_is_its_visible_policy_files_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("b.yaml", "b");
    write("a.yml", "a");
    write("c.json", r#"{"apiVersion": "countersign.dev/v1alpha1"}"#);
    write(
        "root.json",
        r#"{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#,
    );
    write(".hidden.yaml", "no");
    write("README.md", "no");
    fs::create_dir(folder.path().join("keys")).unwrap();
    write("keys/ci.pub", "key");
    let files = PolicyFiles::open(folder.path()).unwrap();
    assert_eq!(names(&files), ["a.yml", "b.yaml", "c.json"]);
    assert_eq!(files.read_named("keys/ci.pub").unwrap(), b"key");
    write("keys/more.yaml", "no");
    assert!(matches!(
        PolicyFiles::open(folder.path()),
        Err(PolicyFilesError::Nested(_))
    ));
}

#[test]
fn a_mounted_config_map_is_read_through_its_links() {
    let folder = tempfile::tempdir().unwrap();
    let version = folder.path().join("..2026_01_31");
    fs::create_dir(&version).unwrap();
    fs::write(version.join("policy.yaml"), "text").unwrap();
    fs::write(version.join("ci.pub"), "key").unwrap();
    symlink("..2026_01_31", folder.path().join("..data")).unwrap();
    symlink("..data/policy.yaml", folder.path().join("policy.yaml")).unwrap();
    symlink("..data/ci.pub", folder.path().join("ci.pub")).unwrap();
    let files = PolicyFiles::open(folder.path()).unwrap();
    assert_eq!(names(&files), ["policy.yaml"]);
    assert_eq!(files.read_named("ci.pub").unwrap(), b"key");
    let one = PolicyFiles::open(&folder.path().join("policy.yaml")).unwrap();
    assert_eq!(one.read_named("ci.pub").unwrap(), b"key");
}

#[test]
fn nothing_outside_the_folder_is_reached() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("policies");
    fs::create_dir(&folder).unwrap();
    fs::write(outer.path().join("secret"), "secret").unwrap();
    fs::write(folder.join("p.yaml"), "text").unwrap();
    fs::write(folder.join(".key"), "hidden").unwrap();
    symlink("../secret", folder.join("link.pub")).unwrap();
    symlink("..", folder.join("up")).unwrap();
    let files = PolicyFiles::open(&folder).unwrap();
    let absolute = outer.path().join("secret");
    for name in [
        "link.pub",
        "up/secret",
        "../secret",
        ".key",
        "",
        ".",
        "p.yaml/../../secret",
        absolute.to_str().unwrap(),
    ] {
        let error = files.read_named(name).unwrap_err();
        assert!(
            matches!(error, PolicyFilesError::Outside(_)),
            "{name}: {error}"
        );
    }
    symlink("../secret", folder.join("evil.yaml")).unwrap();
    assert!(matches!(
        PolicyFiles::open(&folder),
        Err(PolicyFilesError::Outside(_))
    ));
}

#[test]
fn odd_files_are_refused_not_read() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        PolicyFiles::open(folder.path()),
        Err(PolicyFilesError::Empty(_))
    ));
    let missing = PolicyFiles::open(&folder.path().join("missing.yaml"));
    assert!(matches!(missing, Err(PolicyFilesError::Io { .. })));
    assert!(matches!(
        PolicyFiles::open(Path::new("/dev/zero")),
        Err(PolicyFilesError::NotRegular(_))
    ));
    let file = folder.path().join("p.yaml");
    fs::write(&file, [0xff]).unwrap();
    assert!(matches!(
        PolicyFiles::open(&file),
        Err(PolicyFilesError::NotText(_))
    ));
    fs::write(&file, vec![b' '; 1024 * 1024 + 1]).unwrap();
    assert!(matches!(
        PolicyFiles::open(folder.path()),
        Err(PolicyFilesError::TooLarge(_))
    ));
}

#[test]
fn documents_that_stand_in_no_file_are_one_set_with_files_and_reach_none() {
    let folder = tempfile::tempdir().unwrap();
    let kind = |kind: &str, name: &str, spec: &str| {
        format!(
            "---\napiVersion: countersign.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
        )
    };
    let signer = kind(
        "Signer",
        "ci",
        "{log: off, time: none, keys: [{id: ci, file: ci.pub}]}",
    );
    let policy = kind(
        "Policy",
        "signed",
        "{images: [\"h.io/**\"], rules: [{name: signed, signature: {from: ci}}]}",
    );
    let document = |name: &str, text: &str| Source {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sign/tests/keys/p256.pub");
    fs::copy(key, folder.path().join("ci.pub")).unwrap();
    let write = |text: &str| fs::write(folder.path().join("p.yaml"), text).unwrap();

    let settings = kind("Settings", "acme", "{unmatched: deny}");
    write(&(settings.clone() + &signer));
    let files = PolicyFiles::open(folder.path()).unwrap();
    assert!(files.load(&[]).policies.is_none(), "there is no policy");
    let files = files.with_documents(vec![document("Policy/signed", &policy)]);
    assert_eq!(names(&files), ["p.yaml", "signed"]);
    let loaded = files.load(&[]);
    assert!(loaded.policies.is_some(), "{loaded:?}");

    // The same Signer would read a file, and is none.
    write(&settings);
    let files = PolicyFiles::open(folder.path()).unwrap();
    let both = vec![
        document("Policy/signed", &policy),
        document("Signer/ci", &signer),
    ];
    let loaded = files.with_documents(both).load(&[]);
    assert!(loaded.policies.is_none());
    let error = loaded
        .diagnostics
        .iter()
        .find(|it| it.message.contains("ci.pub"))
        .unwrap();
    assert!(error.message.contains("Signer/ci is no file"), "{error:?}");

    let alone = PolicyFiles::of_documents(vec![
        document("Settings/acme", &settings),
        document("Policy/signed", &policy),
    ]);
    assert!(alone.load(&[]).policies.is_none(), "there is no Signer");
    assert!(
        PolicyFiles::of_documents(Vec::new())
            .load(&[])
            .policies
            .is_none()
    );
}
