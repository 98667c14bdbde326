//! All workflows are what actionlint wants, and what they give to our action are inputs that it has.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_e2e::{Output, Parts, outcome, parts, run, workspace};

const WORKFLOWS: [&str; 5] = [
    ".github/workflows/release.yml",
    "deploy/ci/workflow.yml",
    "docs/examples/github-actions-argocd/app/.github/workflows/release.yml",
    "docs/examples/github-actions-argocd/gitops/.github/workflows/update.yml",
    "docs/examples/github-actions-argocd/gitops/.github/workflows/verify.yml",
];

/// A repository of these workflows that has our action itself, so that what they give to it is compared with `action.yml`.
fn lint(parts: &Parts, change: impl Fn(String) -> String) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    run(std::process::Command::new("git")
        .args(["init", "--quiet"])
        .current_dir(folder.path()))
    .unwrap();
    fs::create_dir_all(path(".github/workflows")).unwrap();
    fs::create_dir_all(path("deploy/ci")).unwrap();
    let action = "deploy/ci/action.yml";
    fs::copy(workspace().join(action), path(action)).unwrap();
    for (number, name) in WORKFLOWS.iter().enumerate() {
        let text = fs::read_to_string(workspace().join(name)).unwrap();
        let (_, commit) = text
            .split_once("countersign-dev/countersign/deploy/ci@")
            .unwrap_or_default();
        let commit = commit.split(' ').next().unwrap_or_default();
        let local = text.replace(
            &format!("countersign-dev/countersign/deploy/ci@{commit}"),
            "./deploy/ci",
        );
        let file = path(&format!(".github/workflows/{number}.yml"));
        fs::write(file, change(local)).unwrap();
    }
    actionlint(parts, folder.path())
}

/// Without the linters of scripts that a machine may have or not.
fn actionlint(parts: &Parts, folder: &Path) -> Output {
    let mut command = parts.command("actionlint");
    command.args(["-no-color", "-oneline", "-shellcheck=", "-pyflakes="]);
    outcome(command.current_dir(folder)).unwrap()
}

#[test]
fn every_workflow_is_clean() {
    let Some(parts) = parts(&["actionlint"]) else {
        return;
    };
    let said = lint(&parts, |text| text);
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (Some(0), ""),
        "{}",
        said.stderr
    );
    // A mistake would be seen: an input that the action has not, one that it must have, and words of a stranger in a script.
    for (from, to, says) in [
        (
            "policy: policies",
            "polcy: policies",
            "input \"polcy\" is not defined in action",
        ),
        (
            "          version: 0.1.0\n",
            "",
            "missing input \"version\"",
        ),
        (
            "run: kubectl kustomize overlays/prod",
            "run: echo ${{ github.head_ref }}",
            "potentially untrusted",
        ),
    ] {
        let said = lint(&parts, |text| text.replace(from, to));
        assert_eq!(said.code, Some(1), "{to}: {}", said.stderr);
        assert!(said.stdout.contains(says), "{to}: {}", said.stdout);
    }
}
