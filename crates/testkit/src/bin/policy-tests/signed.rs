//! Examples with signatures of GitHub Actions.

use crate::case::{Case, Example};
use crate::github::{MAIN, Run};
use crate::keyed::signature;

const APP: &str = "ghcr.io/acme/app";
const DEBUG: &str = "ghcr.io/acme/app/debug";
const LONG_AFTER: &str = "2027-12-31T00:00:00Z";
/// Whom no policy names as issuer.
const GITLAB: &str = "https://gitlab.com";

/// Runs of which one thing is wrong, each a case that is denied.
fn wrong(example: &Example, rule: &str, runs: Vec<(&str, &str, Run, &str)>) {
    for (name, why, run, code) in runs {
        example
            .case(name, APP, why)
            .bundles([run.signs(&example.forge)])
            .fails(rule, code)
            .write();
    }
}

fn too_old<'e>(example: &'e Example, run: &Run, rule: &str) -> Case<'e> {
    let case = example.case("too-old", APP, "signed more than 400 days ago");
    case.bundles([run.signs(&example.forge)])
        .at(LONG_AFTER)
        .fails(rule, "too-old")
}

pub(crate) fn github_actions(example: &Example) {
    let forge = &example.forge;
    example
        .case("main", APP, "pushed to the main branch")
        .bundles([MAIN.signs(forge)])
        .write();
    let release = Run {
        event: "release",
        ..MAIN.on("refs/tags/v1.2.3")
    };
    example
        .case("release", DEBUG, "released as a version")
        .bundles([release.signs(forge)])
        .write();
    let feature = "refs/heads/feature";
    let source = "source-mismatch";
    let runs = vec![
        (
            "other-issuer",
            "another issuer vouches for the same words",
            Run {
                issuer: GITLAB,
                ..MAIN
            },
            "issuer-mismatch",
        ),
        (
            "other-workflow",
            "another workflow of the repository",
            Run {
                signer: "acme/app/.github/workflows/test.yml",
                ..MAIN
            },
            "subject-mismatch",
        ),
        (
            "other-branch",
            "the workflow's file of another branch",
            Run {
                signer_ref: feature,
                ..MAIN
            },
            "subject-mismatch",
        ),
        (
            "other-source-branch",
            "the right file, for another branch",
            Run {
                git_ref: feature,
                ..MAIN
            },
            source,
        ),
        (
            "other-repository",
            "the number was kept, the name was given to somebody else",
            Run {
                repository: "acme/app-old",
                ..MAIN
            },
            source,
        ),
        (
            "created-anew",
            "a repository of the same name, made anew",
            Run {
                repository_id: "987654321",
                ..MAIN
            },
            source,
        ),
        (
            "pull-request",
            "a stranger's code started it",
            Run {
                event: "pull_request_target",
                ..MAIN
            },
            source,
        ),
        (
            "self-hosted",
            "on somebody's own machine",
            Run {
                runner: "self-hosted",
                ..MAIN
            },
            source,
        ),
    ];
    wrong(example, "signed", runs);
    too_old(example, &MAIN, "signed").write();
    example.common(APP, &["signed"], true);
}

pub(crate) fn reusable_workflow(example: &Example) {
    let forge = &example.forge;
    let build = ".github/workflows/build.yml";
    let app = Run {
        workflow: build,
        signer: "acme/ci/.github/workflows/release.yml",
        signer_ref: "refs/tags/v2.0.0",
        ..MAIN
    };
    let lib = Run {
        repository: "acme/lib",
        repository_id: "987654321",
        visibility: "internal",
        ..app.clone()
    };
    example
        .case("app", APP, "acme/app called it")
        .bundles([app.signs(forge)])
        .write();
    example
        .case("lib", "ghcr.io/acme/lib", "acme/lib called it")
        .bundles([lib.signs(forge)])
        .write();
    let source = "source-mismatch";
    let feature = "refs/heads/feature";
    let runs = vec![
        (
            "other-issuer",
            "another issuer vouches for the same words",
            Run {
                issuer: GITLAB,
                ..app.clone()
            },
            "issuer-mismatch",
        ),
        (
            "branch-of-ci",
            "not a version of the workflow",
            Run {
                signer_ref: "refs/heads/main",
                ..app.clone()
            },
            "subject-mismatch",
        ),
        (
            "other-caller",
            "another repository called it",
            Run {
                repository: "acme/site",
                ..app.clone()
            },
            source,
        ),
        (
            "other-owner",
            "an owner of the same name, made anew",
            Run {
                owner_id: "7654321",
                ..app.clone()
            },
            source,
        ),
        (
            "other-source-branch",
            "for another branch",
            Run {
                git_ref: feature,
                ..app.clone()
            },
            source,
        ),
        (
            "public",
            "a repository that everybody can read",
            Run {
                visibility: "public",
                ..app.clone()
            },
            source,
        ),
        (
            "self-hosted",
            "on somebody's own machine",
            Run {
                runner: "self-hosted",
                ..app.clone()
            },
            source,
        ),
        (
            "other-workflow",
            "another workflow of the repository called it",
            Run {
                workflow: ".github/workflows/test.yml",
                ..app.clone()
            },
            source,
        ),
        (
            "second-attempt",
            "somebody ran it again",
            Run {
                attempt: 2,
                ..app.clone()
            },
            source,
        ),
    ];
    wrong(example, "signed", runs);
    let signed = || {
        forge
            .image_signature(&crate::case::image())
            .keyless(app.identity())
    };
    example
        .case("unlogged", APP, "no log holds the signature")
        .bundles([signed().timestamp().bundle()])
        .fails("signed", "log-missing")
        .write();
    example
        .case("old-format", APP, "a bundle of an older version")
        .bundles([signed().version("0.2").rekor_v1().timestamp().bundle()])
        .fails("signed", "format-not-allowed")
        .write();
    too_old(example, &app, "signed").write();
    example.common(APP, &["signed"], true);
}

pub(crate) fn two_signers(example: &Example) {
    let forge = &example.forge;
    let [team] = example.keys.as_slice() else {
        unreachable!("the team has one key");
    };
    let rule = "countersigned";
    let by_team = || signature(forge, team).rekor_v2().timestamp().bundle();
    let both = |run: &Run| [run.signs(forge), by_team()];
    example
        .case("both", APP, "CI and the team signed")
        .bundles(both(&MAIN))
        .write();
    example
        .case("both-debug", DEBUG, "CI and the team signed")
        .bundles(both(&MAIN))
        .write();
    example
        .case("ci-alone", APP, "the team did not sign")
        .bundles([MAIN.signs(forge)])
        .fails(rule, "threshold-not-met")
        .write();
    example
        .case("team-alone", APP, "CI did not sign")
        .bundles([by_team()])
        .fails(rule, "threshold-not-met")
        .write();
    example
        .case("team-unlogged", APP, "no log holds the team's signature")
        .bundles([
            MAIN.signs(forge),
            signature(forge, team).timestamp().bundle(),
        ])
        .fails(rule, "threshold-not-met")
        .write();
    let feature = "refs/heads/feature";
    for (name, why, run) in [
        (
            "other-issuer",
            "another issuer vouches for the same words",
            Run {
                issuer: GITLAB,
                ..MAIN
            },
        ),
        (
            "other-branch",
            "the workflow's file of another branch",
            Run {
                signer_ref: feature,
                ..MAIN
            },
        ),
        (
            "other-source-branch",
            "the right file, for another branch",
            Run {
                git_ref: feature,
                ..MAIN
            },
        ),
        (
            "other-repository",
            "another repository called it",
            Run {
                repository: "acme/app-old",
                ..MAIN
            },
        ),
        (
            "self-hosted",
            "on somebody's own machine",
            Run {
                runner: "self-hosted",
                ..MAIN
            },
        ),
    ] {
        example
            .case(name, APP, why)
            .bundles(both(&run))
            .fails(rule, "threshold-not-met")
            .write();
    }
    example.common(APP, &[rule], true);
}
