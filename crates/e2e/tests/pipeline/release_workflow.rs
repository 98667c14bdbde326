//! `.github/workflows/release.yml` itself: its jobs `pack` and `publish`, step by step, for both machines.
//!
//! The job `build` compiles in release for each machine, on a machine of that kind: `.ci/image`, which `just image-reproducible` runs, and `.ci/release/version`. The
//! fresh Debian that `.ci/release/root` makes comes over the network and is this machine's own here.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use countersign_e2e::{run, workspace};
use serde_json::Value;

use crate::job::Run;
use crate::lab::Lab;
use crate::program::{auditable, auditable_arm64};
use crate::release::{IDENTITY, POLICY};

const WORKFLOW: &str = ".github/workflows/release.yml";
const PROGRAMS: [&str; 2] = ["countersign", "countersign-webhook"];
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];
/// More than the released policy wants to be inside.
const CRATES: usize = 120;

/// A checkout, and in it the programs that the job `build` hands on.
fn checkout(lab: &Lab) {
    let folder = lab.path("checkout");
    fs::create_dir(&folder).unwrap();
    for name in [".ci", "Cargo.toml", "CHANGELOG.md", "LICENSE", "deploy"] {
        symlink(workspace().join(name), folder.join(name)).unwrap();
    }
    for target in TARGETS {
        let programs = folder.join("programs").join(format!("programs-{target}"));
        fs::create_dir_all(&programs).unwrap();
        for name in PROGRAMS {
            let program = programs.join(name);
            match target {
                // The command is what is released: the job runs it.
                "x86_64-unknown-linux-gnu" if name == "countersign" => {
                    auditable(&lab.countersign, &program, CRATES);
                }
                "x86_64-unknown-linux-gnu" => auditable(Path::new("/bin/true"), &program, CRATES),
                _ => auditable_arm64(&program, CRATES),
            }
        }
    }
    // Programs that steps call and that stand for something else: what GitHub is asked is kept; root has this machine's Debian in place of a fresh one.
    lab.program(
        "gh",
        &format!("echo \"$*\" >>'{}'", lab.path("gh.log").display()),
    );
    lab.program(
        "sudo",
        "case $1 in apt-get) ;; .ci/release/root) ln -s / \"$2\" ;; *) echo \"sudo $*\" >&2; exit 1 ;; esac",
    );
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let home = std::env::var("HOME").unwrap();
    lab.program(
        "cargo",
        &format!(
            "cd '{}' && HOME='{home}' exec '{cargo}' \"$@\"",
            workspace().display()
        ),
    );
}

fn run_of<'l>(lab: &'l Lab, identity: &str) -> Run<'l> {
    let own = lab.path("policies");
    fs::create_dir_all(&own).unwrap();
    let policy = own.join("policy.yaml");
    let text = fs::read_to_string(workspace().join(POLICY)).unwrap();
    lab.policy(&text, "ghcr.io", &policy);
    let replaced = [
        (
            "ghcr.io/countersign-dev",
            format!("{}/countersign-dev", lab.registry.host()),
        ),
        (POLICY, policy.display().to_string()),
        // The registry has no TLS, which no option of the released workflow allows.
        (
            "program/countersign copy",
            "program/countersign copy --registries \"$COUNTERSIGN_REGISTRIES\"".to_owned(),
        ),
    ];
    let replaced: Vec<(&str, &str)> = replaced
        .iter()
        .map(|(from, to)| (*from, to.as_str()))
        .collect();
    let workflow = workspace().join(WORKFLOW);
    let mut run = Run::new(lab, &workflow, &replaced, identity, &lab.path("checkout"))
        .with("github.ref_name", "v0.1.0");
    lab.sign_as(&run.identity);
    let target = std::env::var("CARGO_TARGET_DIR")
        .unwrap_or_else(|_| workspace().join("target").display().to_string());
    run.environment = [
        ("CARGO_TARGET_DIR", target.as_str()),
        (
            "COUNTERSIGN_IMAGE_REVISION",
            "5c0ffee5c0ffee5c0ffee5c0ffee5c0ffee5c0ff",
        ),
        ("SOURCE_DATE_EPOCH", "1790000000"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    run
}

fn tags(lab: &Lab, name: &str) -> Vec<String> {
    let repository = format!("{}/countersign-dev/{name}", lab.registry.host());
    let listed = run(lab.parts.command("crane").args(["ls", &repository])).unwrap();
    let own = listed
        .stdout
        .lines()
        .filter(|it| !it.starts_with("sha256-"));
    own.map(str::to_owned).collect()
}

#[test]
fn the_workflow_packs_pushes_signs_checks_and_only_then_publishes() {
    let Some(lab) = Lab::set() else {
        return;
    };
    checkout(&lab);
    run_of(&lab, IDENTITY).job("pack");
    let out = lab.path("checkout/out");
    for target in TARGETS {
        let list = fs::read_to_string(out.join("SHA256SUMS")).unwrap();
        for file in ["tar.gz", "cdx.json"] {
            let name = format!("countersign-0.1.0-{target}.{file}");
            assert!(list.contains(&format!("  {name}\n")), "{list}");
            assert!(out.join(&name).is_file(), "{name}");
        }
    }

    // Signed by another workflow, it is pushed and signed, and goes no further: no tag, no release.
    let other = IDENTITY.replace("release.yml", "nightly.yml");
    let (step, ended) = run_of(&lab, &other).until_failure("publish");
    assert_eq!(
        (step.as_str(), ended.code),
        ("check", Some(1)),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    for name in PROGRAMS {
        assert_eq!(tags(&lab, name), [""; 0], "{name}");
    }
    assert!(!lab.path("gh.log").exists());
    fs::remove_dir_all(lab.path("checkout/program")).unwrap();

    let mut publish = run_of(&lab, IDENTITY);
    publish.job("publish");
    for name in PROGRAMS {
        assert_eq!(tags(&lab, name), ["0.1.0"], "{name}");
        let image = format!("{}/countersign-dev/{name}:0.1.0", lab.registry.host());
        let digest = run(lab.parts.command("crane").args(["digest", &image])).unwrap();
        assert_eq!(
            digest.stdout.trim(),
            publish.values[&format!("steps.push.outputs.{name}")]
        );
        // One index for both machines.
        let index = run(lab.parts.command("crane").args(["manifest", &image])).unwrap();
        let index: Value = serde_json::from_str(&index.stdout).unwrap();
        assert_eq!(
            index["mediaType"],
            "application/vnd.oci.image.index.v1+json"
        );
        let machines: Vec<&Value> = index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["platform"]["architecture"])
            .collect();
        assert_eq!(machines, ["amd64", "arm64"], "{name}");
    }
    // What GitHub is asked for, once: the release of this tag with every file and its bundle.
    let asked = fs::read_to_string(lab.path("gh.log")).unwrap();
    assert_eq!(asked.lines().count(), 1, "{asked}");
    assert!(
        asked.starts_with("release create v0.1.0 --verify-tag --title 0.1.0 "),
        "{asked}"
    );
    let files: Vec<&str> = asked
        .split_whitespace()
        .filter(|it| it.starts_with("out/"))
        .collect();
    let (bundles, signed): (Vec<&str>, Vec<&str>) =
        files.iter().partition(|it| it.ends_with(".sigstore.json"));
    assert_eq!((signed.len(), bundles.len()), (5, 5), "{asked}");
}
