//! Adapters for what GitHub Actions builds: `actions/attest` and slsa-github-generator.

use std::collections::BTreeMap;

use super::wire::Environment;
use super::{BuildFacts, Family};

/// github.com/actions/buildtypes and github.com/slsa-framework/github-actions-buildtypes: one format under two names.
pub(super) const WORKFLOW: [&str; 2] = [
    "https://actions.github.io/buildtypes/workflow/v1",
    "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
];
/// github.com/slsa-framework/slsa-github-generator.
pub(super) const GENERATOR: [&str; 3] = [
    "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
    "https://github.com/slsa-framework/slsa-github-generator/go@v1",
    "https://github.com/slsa-framework/slsa-github-generator/container@v1",
];
const EXPLAINED: &[&str] = &["workflow.ref", "workflow.repository", "workflow.path"];

/// The workflow is an external parameter; the commit is that of the dependency which is the source.
pub(super) fn workflow(facts: &mut BuildFacts, internal: &BTreeMap<String, String>) {
    let parameter = |name: &str| facts.parameters.get(name).cloned();
    let github = |name: &str| internal.get(&format!("github.{name}")).cloned();
    let (repository, git_ref) = (parameter("workflow.repository"), parameter("workflow.ref"));
    facts.workflow = parameter("workflow.path");
    facts.event = github("event_name");
    facts.runner = github("runner_environment");
    facts.repository_id = github("repository_id");
    facts.owner_id = github("repository_owner_id");
    if let (Some(repository), Some(git_ref)) = (&repository, &git_ref) {
        let source = format!("git+{repository}@{git_ref}");
        let mut commits = facts
            .dependencies
            .iter()
            .filter(|it| it.uri == source)
            .filter_map(|it| it.digests.get("gitCommit").or(it.digests.get("sha1")));
        let first = commits.next().cloned();
        // Two commits of one source would let a reader choose.
        facts.commit = first.filter(|first| commits.all(|other| other == first));
    }
    (facts.repository, facts.git_ref) = (repository, git_ref);
    facts.family = Family::GithubWorkflow;
    facts.explained = EXPLAINED;
}

/// Repository, ref, commit and workflow are SLSA's `configSource`; the rest is the run's environment. What was chosen for a run by hand
/// stands there as well, among what GitHub sent with the event, and is a parameter like any other.
pub(super) fn generator(facts: &mut BuildFacts, environment: Environment) {
    facts.event = environment.github_event_name;
    facts.repository_id = environment.github_repository_id;
    facts.owner_id = environment.github_repository_owner_id;
    facts.invocation = facts
        .repository
        .as_deref()
        .map(|repository| repository.trim_start_matches("git+"))
        .zip(environment.github_run_id)
        .zip(environment.github_run_attempt)
        .map(|((repository, run), attempt)| {
            format!("{repository}/actions/runs/{run}/attempts/{attempt}")
        });
    facts.family = Family::GithubGenerator;
}

/// `git+https://github.com/acme/app@refs/heads/main`: repository and ref.
pub(super) fn split(uri: Option<&str>) -> (Option<String>, Option<String>) {
    match uri {
        None => (None, None),
        Some(uri) => match uri.split_once('@') {
            Some((repository, git_ref)) => (Some(repository.to_owned()), Some(git_ref.to_owned())),
            None => (Some(uri.to_owned()), None),
        },
    }
}
