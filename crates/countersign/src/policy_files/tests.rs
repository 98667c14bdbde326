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
