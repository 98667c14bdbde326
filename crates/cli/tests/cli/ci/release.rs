//! `.ci/release`: what of a release needs neither GitHub nor a signing service. The rest is run in `crates/e2e/tests/pipeline`.

use std::path::Path;
use std::process::{Command, Output};

use super::served::{VERSION, archive, programs, sha256};
use super::workflow::Workflow;
use crate::run::ROOT;

fn script(name: &str, arguments: &[&str]) -> Output {
    Command::new(format!("{ROOT}/.ci/release/{name}"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_tag_is_the_version() {
    let version = env!("CARGO_PKG_VERSION");
    let right = script("version", &[&format!("v{version}")]);
    assert_eq!(
        String::from_utf8(right.stdout).unwrap(),
        format!("{version}\n")
    );
    for wrong in [version, "v0.0.1", "", "v"] {
        let ended = script("version", &[wrong]);
        assert_eq!(
            (ended.status.code(), ended.stdout.len()),
            (Some(1), 0),
            "{wrong}"
        );
    }
}

#[test]
fn an_archive_has_the_same_bytes_again_and_all_that_templates_run() {
    let folder = tempfile::tempdir().unwrap();
    programs(folder.path());
    let target = "x86_64-unknown-linux-gnu";
    let [first, second] = ["one", "two"].map(|out| archive(folder.path(), target, out));
    assert_eq!(sha256(&first), sha256(&second));
    let name = format!("countersign-{VERSION}-{target}.tar.gz");
    assert!(first.ends_with(Path::new(&name)), "{first:?}");
    let listed = Command::new("tar")
        .arg("-tvzf")
        .arg(&first)
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let modes: Vec<(&str, &str)> = listed
        .lines()
        .map(|line| {
            assert!(line.contains(" 0/0 "), "{line}");
            (
                line.split(' ').next().unwrap(),
                line.rsplit(' ').next().unwrap(),
            )
        })
        .filter(|(mode, _)| !mode.starts_with('d'))
        .collect();
    let program = "-rwxr-xr-x";
    assert_eq!(
        modes,
        [
            ("-rw-r--r--", "LICENSE"),
            (program, "ci/action/policy.sh"),
            (program, "ci/action/verify.sh"),
            (program, "ci/gate.sh"),
            (program, "ci/pre-commit.sh"),
            (program, "countersign"),
            (program, "countersign-webhook"),
        ]
    );
    // A folder that lacks a program makes no archive.
    std::fs::remove_file(folder.path().join("countersign-webhook")).unwrap();
    let to = folder.path().join("three");
    let [from, to] = [folder.path(), &to].map(|it| it.to_str().unwrap());
    assert!(
        !script("archive", &[VERSION, target, from, to])
            .status
            .success()
    );
    assert!(!folder.path().join("three").join(name).exists());
}

#[test]
fn the_list_has_every_file_and_the_lines_that_the_action_carries() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("a.tar.gz"), "a").unwrap();
    std::fs::write(path("a.cdx.json"), "b").unwrap();
    let ended = script("checksums", &[folder.path().to_str().unwrap()]);
    let printed = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(
        printed,
        format!("{}  a.tar.gz\n", sha256(&path("a.tar.gz")))
    );
    let list = std::fs::read_to_string(path("SHA256SUMS")).unwrap();
    assert_eq!(list.lines().count(), 2, "{list}");
}

#[test]
fn the_release_is_checked_before_it_is_published() {
    let release = Workflow::read(".github/workflows/release.yml");
    let jobs = release.jobs();
    assert_eq!(
        (&jobs["pack"]["needs"], &jobs["publish"]["needs"]),
        (&"build".into(), &"pack".into())
    );
    // What runs the code of dependencies can neither write nor sign.
    let writes = release.writes();
    assert!(
        writes.iter().all(|it| it.starts_with("publish: ")),
        "{writes:?}"
    );
    let steps = jobs["publish"]["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "push",
            "sign",
            "provenance of the files",
            "provenance of the command's image",
            "provenance of the webhook's image",
            "check",
            "publish"
        ]
    );
    // Only the last step names a tag or makes a release.
    let (last, before) = steps.split_last().unwrap();
    assert!(last["run"].as_str().unwrap().contains("gh release create"));
    for step in before {
        let script = step["run"].as_str().unwrap_or_default();
        assert!(
            !script.contains("gh release") && !script.contains(":$VERSION"),
            "{script}"
        );
    }
    // Every script that it calls is there.
    let text = release.value.to_string();
    for called in text.split(".ci/release/").skip(1) {
        let name = called.split([' ', '"', '\\', ')', '*']).next().unwrap();
        assert!(
            Path::new(&format!("{ROOT}/.ci/release/{name}")).is_file(),
            "{name}"
        );
    }
}
