//! Three images that GitHub Actions built and slsa-github-generator attested, as `cosign save` wrote them: public-good,
//! keyless, `.att`, with log entries `intoto` 0.0.1 and `dsse` 0.0.1, certificates old and new. Nothing is asked of a network.
//!
//! They are public data outside this repository, so the test runs where `COUNTERSIGN_CORPUS` says where they are.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use countersign::{Checker, Image, PolicySet, UnixTime, Verdict};
use countersign_core::{ImageRef, NoFiles, Outcome, ReasonCode, Source};
use countersign_testkit::gate;

const POLICY: &str = include_str!("../../../policies/slsa-provenance.yaml");
const NAME: &str =
    "ghcr.io/slsa-framework/example-package.verifier-e2e.all.tag.main.default.slsa3:v1";
const VERSIONS: [&str; 3] = ["v1.4.0", "v1.9.0", "v2.1.0"];
const AT: &str = "2026-12-01T00:00:00Z";

#[test]
fn the_true_workflow_and_the_calling_repository_allow_each() {
    let Some(corpus) = gate::corpus() else { return };
    for version in VERSIONS {
        assert_eq!(
            judge(&corpus, version, POLICY),
            (Verdict::Allow, None),
            "{version}"
        );
    }
}

#[test]
fn each_wrong_demand_denies_each_with_its_own_reason() {
    let Some(corpus) = gate::corpus() else { return };
    for (from, to, reason) in [
        (
            "repository: slsa-framework/example-package",
            "repository: slsa-framework/example-package-evil",
            ReasonCode::SourceMismatch,
        ),
        (
            "repository: slsa-framework/example-package",
            "repository: slsa-framework/slsa-github-generator",
            ReasonCode::SourceMismatch,
        ),
        (
            "issuer: https://token.actions.githubusercontent.com",
            "issuer: https://gitlab.com",
            ReasonCode::IssuerMismatch,
        ),
        ("refs/tags/v*", "refs/tags/w*", ReasonCode::SubjectMismatch),
        ("refs/tags/v*", "refs/heads/**", ReasonCode::SubjectMismatch),
        (
            "generator_container_slsa3.yml",
            "generator_generic_slsa3.yml",
            ReasonCode::SubjectMismatch,
        ),
        (
            "builders: [slsa-github-container]",
            "builders: [slsa-github-generic]",
            ReasonCode::BuilderMismatch,
        ),
        (
            "builders: [slsa-github-container]\n        minLevel: 3",
            "builders: [github-attest]\n        minLevel: 2",
            ReasonCode::BuilderMismatch,
        ),
        (
            "repository: slsa-framework/example-package\n          repositoryId: \"486325809\" # survives renaming",
            "repository: slsa-framework/example-package-evil",
            ReasonCode::ProvenanceSourceMismatch,
        ),
        (
            "repositoryId: \"486325809\"",
            "repositoryId: \"48632580\"",
            ReasonCode::ProvenanceSourceMismatch,
        ),
        (
            "refs: [refs/heads/main, \"refs/tags/v*\"]",
            "refs: [refs/heads/release]",
            ReasonCode::ProvenanceRefMismatch,
        ),
        (
            "events: [push, workflow_dispatch]",
            "events: [release]",
            ReasonCode::ProvenanceEventMismatch,
        ),
        (
            "events: [push, workflow_dispatch]",
            "commit: \"0000000000000000000000000000000000000000\"",
            ReasonCode::ProvenanceCommitMismatch,
        ),
        (
            "        source:\n          repository: slsa-framework/example-package\n          repositoryId",
            "        workflow: .github/workflows/other.yml\n        source:\n          repositoryId",
            ReasonCode::ProvenanceWorkflowMismatch,
        ),
        (
            "events: [push, workflow_dispatch]",
            "runner: self-hosted",
            ReasonCode::ProvenanceRunnerMismatch,
        ),
        (
            "        source:\n          repository: slsa-framework/example-package\n          repositoryId",
            "        parameters: {values: {inputs.debug: [\"true\"]}}\n        source:\n          repositoryId",
            ReasonCode::ProvenanceParameterMismatch,
        ),
        (
            "        source:\n          repository: slsa-framework/example-package\n          repositoryId",
            "        dependencies: [{uri: \"pkg:docker/alpine\"}]\n        source:\n          repositoryId",
            ReasonCode::ProvenanceDependencyMissing,
        ),
    ] {
        let policy = POLICY.replace(from, to);
        assert_ne!(policy, POLICY, "the example still says `{from}`");
        for version in VERSIONS {
            let expected = (Verdict::Deny, Some(reason));
            assert_eq!(
                judge(&corpus, version, &policy),
                expected,
                "{version}: {to}"
            );
        }
    }
}

/// The one that was built from a tag has a version; those of a branch have none.
#[test]
fn a_range_of_tags_lets_the_tagged_build_pass() {
    let Some(corpus) = gate::corpus() else { return };
    let refs = "refs: [refs/heads/main, \"refs/tags/v*\"]";
    for (range, expected) in [(">=13.0.30, <14", "v1.9.0"), (">=14", "")] {
        let policy = POLICY.replace(refs, &format!("tags: \"{range}\""));
        for version in VERSIONS {
            let expected = if version == expected {
                (Verdict::Allow, None)
            } else {
                (Verdict::Deny, Some(ReasonCode::ProvenanceRefMismatch))
            };
            assert_eq!(
                judge(&corpus, version, &policy),
                expected,
                "{version} {range}"
            );
        }
    }
}

/// Judged before they were signed, they are refused: certificates and logs speak of another time.
#[test]
fn before_their_time_they_are_denied() {
    let Some(corpus) = gate::corpus() else { return };
    for version in VERSIONS {
        let at = UnixTime::parse("2022-01-01T00:00:00Z").unwrap();
        let decision = check(&corpus, version, POLICY, at);
        assert_eq!(
            decision,
            (Verdict::Deny, Some(ReasonCode::TimeInFuture)),
            "{version}"
        );
    }
}

fn judge(corpus: &Path, version: &str, policy: &str) -> (Verdict, Option<ReasonCode>) {
    check(corpus, version, policy, UnixTime::parse(AT).unwrap())
}

fn check(
    corpus: &Path,
    version: &str,
    policy: &str,
    at: UnixTime,
) -> (Verdict, Option<ReasonCode>) {
    let layout = corpus
        .join("slsa-verifier/gha_generic_container")
        .join(version)
        .join("container_workflow_dispatch");
    let image = Image::parse(&format!("oci:{}", layout.display()))
        .and_then(|image| image.judged_as(&ImageRef::parse(NAME).unwrap()))
        .unwrap();
    let decision = Checker::new(load(policy))
        .check_blocking(&image, at)
        .unwrap();
    let [policy] = decision.policies() else {
        panic!("one policy names the image")
    };
    let [rule] = policy.rules.as_slice() else {
        panic!("it has one rule")
    };
    assert_eq!(
        rule.outcome == Outcome::Pass,
        decision.effect() == Verdict::Allow
    );
    (decision.effect(), rule.code)
}

fn load(policy: &str) -> PolicySet {
    let source = Source {
        name: "policy.yaml".to_owned(),
        text: policy.to_owned(),
    };
    let sources = [source];
    let loaded = PolicySet::load(&sources, &NoFiles, &[]);
    let texts: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|it| it.render(&sources, false))
        .collect();
    loaded
        .policies
        .unwrap_or_else(|| panic!("{}", texts.join("\n")))
}
