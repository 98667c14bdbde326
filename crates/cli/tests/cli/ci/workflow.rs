//! What a workflow of GitHub Actions must be, whoever wrote it: pinned, with no more rights than it needs, and without words of others in its scripts.

use std::path::Path;

use serde_json::{Map, Value};

use crate::run::ROOT;
use crate::world::files;

/// A workflow of the workspace, by its path.
pub(super) struct Workflow {
    pub(super) name: String,
    pub(super) value: Value,
    text: String,
}

impl Workflow {
    pub(super) fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(format!("{ROOT}/{name}")).unwrap();
        let value = serde_saphyr::from_str(&text).unwrap();
        Self {
            name: name.to_owned(),
            value,
            text,
        }
    }

    pub(super) fn jobs(&self) -> &Map<String, Value> {
        self.value["jobs"].as_object().unwrap()
    }

    /// The rights of each job that may write, as `job: right`.
    pub(super) fn writes(&self) -> Vec<String> {
        let jobs = self.jobs().iter();
        jobs.flat_map(|(name, job)| {
            let rights = job["permissions"].as_object().unwrap().iter();
            rights
                .filter(|(_, value)| *value != "read")
                .map(move |(right, value)| {
                    assert_eq!(value, "write", "{name}: {right}");
                    format!("{name}: {right}")
                })
        })
        .collect()
    }

    /// What is wrong with it.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.value["permissions"]
            .as_object()
            .is_none_or(|it| !it.is_empty())
        {
            faults.push("the workflow has rights: permissions: {} and rights by job".to_owned());
        }
        if self.value["on"].get("pull_request_target").is_some() {
            faults.push("it runs with the base's rights on a stranger's code".to_owned());
        }
        for (name, job) in self.jobs() {
            if !job["permissions"].is_object() {
                faults.push(format!("{name} does not say which rights it needs"));
            }
            if !job["timeout-minutes"].is_u64() {
                faults.push(format!("{name} may run for six hours"));
            }
            for step in job["steps"].as_array().into_iter().flatten() {
                faults.extend(of_step(step).map(|fault| format!("{name}: {fault}")));
            }
        }
        for line in self
            .text
            .lines()
            .filter(|line| line.contains(" uses: ") || line.contains("- uses: "))
        {
            if !line.contains(" # ") {
                faults.push(format!("no comment says which version it is:{line}"));
            }
        }
        if self.text.contains("secrets.") {
            faults.push("it needs a secret that somebody keeps".to_owned());
        }
        faults
    }
}

fn of_step(step: &Value) -> Option<String> {
    if let Some(uses) = step["uses"].as_str() {
        let (_, commit) = uses.split_once('@').unwrap_or_default();
        if commit.len() != 40 || !commit.bytes().all(|it| it.is_ascii_hexdigit()) {
            return Some(format!("{uses} is not pinned by a commit"));
        }
    }
    let script = step["run"].as_str()?;
    script
        .contains("${{")
        .then(|| format!("words of others are run by the shell: {script}"))
}

/// All workflows of the workspace, ours and those that others copy.
pub(super) fn all() -> Vec<Workflow> {
    let mut names = vec!["deploy/ci/workflow.yml".to_owned()];
    let root = std::fs::canonicalize(ROOT).unwrap();
    for folder in [".github/workflows", "docs/examples"] {
        for (path, _) in files(&root.join(folder)) {
            let is_workflow = path
                .parent()
                .is_some_and(|it| it.ends_with(Path::new(".github/workflows")));
            if is_workflow {
                names.push(path.strip_prefix(&root).unwrap().display().to_string());
            }
        }
    }
    names.iter().map(|name| Workflow::read(name)).collect()
}

#[test]
fn every_workflow_is_pinned_and_has_the_rights_that_it_needs() {
    let all = all();
    assert_eq!(all.len(), 5);
    for workflow in all {
        assert_eq!(workflow.faults(), [""; 0], "{}", workflow.name);
    }
}

#[test]
fn each_fault_is_seen() {
    let good = Workflow::read("deploy/ci/workflow.yml");
    for (from, to, says) in [
        (
            "permissions: {}",
            "permissions: {contents: write}",
            "the workflow has rights",
        ),
        (
            "permissions: {}",
            "permissions: write-all",
            "the workflow has rights",
        ),
        (
            "  pull_request:",
            "  pull_request_target:",
            "a stranger's code",
        ),
        ("    timeout-minutes: 10\n", "", "six hours"),
        (
            "3d3c42e5aac5ba805825da76410c181273ba90b1",
            "v7",
            "is not pinned",
        ),
        (" # v7.0.1", "", "which version"),
        ("fetch-depth: 0", "token: ${{ secrets.PAT }}", "a secret"),
        (
            "      - if: always()",
            "      - run: echo ${{ github.head_ref }}\n      - if: always()",
            "run by the shell",
        ),
    ] {
        assert!(good.text.contains(from), "{from}");
        let text = good.text.replacen(from, to, 1);
        let value = serde_saphyr::from_str(&text).unwrap();
        let bad = Workflow {
            name: String::new(),
            value,
            text,
        };
        let faults = bad.faults();
        assert!(
            faults.len() == 1 && faults[0].contains(says),
            "{to}: {faults:?}"
        );
    }
}
