//! The example with provenance by slsa-github-generator.

use serde_json::json;

use crate::case::{Case, Example, image};
use crate::github::{COMMIT, MAIN, Run};

const APP: &str = "ghcr.io/slsa-framework/example-package.v1";
const RULE: &str = "built-by-generator";

const BUILD: Run = Run {
    repository: "slsa-framework/example-package",
    repository_id: "486325809",
    workflow: ".github/workflows/e2e.yml",
    signer: "slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml",
    signer_ref: "refs/tags/v2.0.0",
    ..MAIN
};

/// The provenance that the generator writes (SLSA v0.2) of `told`, signed in `run`.
fn bundle(example: &Example, run: &Run, told: &Run) -> Vec<u8> {
    let source = format!("git+{}@{}", told.url(), told.git_ref);
    let predicate = json!({
        "builder": {"id": told.signer_uri()},
        "buildType": "https://github.com/slsa-framework/slsa-github-generator/container@v1",
        "invocation": {
            "configSource": {"uri": source, "digest": {"sha1": COMMIT}, "entryPoint": told.workflow},
            "parameters": {},
            "environment": {
                "github_event_name": told.event, "github_repository_id": told.repository_id,
                "github_repository_owner_id": told.owner_id, "github_run_id": "1000",
                "github_run_attempt": told.attempt.to_string(),
            },
        },
        "materials": [{"uri": source, "digest": {"sha1": COMMIT}}],
    });
    let kind = "https://slsa.dev/provenance/v0.2";
    let attested = run.attests(&example.forge, &image(), kind, predicate);
    attested.rekor_v2().timestamp().bundle()
}

pub(crate) fn slsa_provenance(example: &Example) {
    let case = |name, why, run: &Run| -> Case<'_> {
        let case = example.case(name, APP, why);
        case.bundles([bundle(example, run, run)])
    };
    case("main", "built from the main branch", &BUILD).write();
    let tag = "refs/tags/v1.0.0";
    let version = Run {
        git_ref: tag,
        workflow_ref: tag,
        event: "workflow_dispatch",
        ..BUILD
    };
    case("version", "built from a version, by hand", &version).write();
    let feature = "refs/heads/feature";
    for (name, why, run, code) in [
        (
            "other-issuer",
            "another issuer vouches for the same words",
            Run {
                issuer: "https://gitlab.com",
                ..BUILD
            },
            "issuer-mismatch",
        ),
        (
            "branch-of-generator",
            "not a version of the generator",
            Run {
                signer_ref: "refs/heads/main",
                ..BUILD
            },
            "subject-mismatch",
        ),
        (
            "other-repository",
            "a build of another repository",
            Run {
                repository: "slsa-framework/example-package-evil",
                ..BUILD
            },
            "source-mismatch",
        ),
        (
            "created-anew",
            "a repository of the same name, made anew",
            Run {
                repository_id: "987654321",
                ..BUILD
            },
            "provenance-source-mismatch",
        ),
        (
            "other-branch",
            "built from another branch",
            Run {
                git_ref: feature,
                workflow_ref: feature,
                ..BUILD
            },
            "provenance-ref-mismatch",
        ),
        (
            "schedule",
            "started by the clock",
            Run {
                event: "schedule",
                ..BUILD
            },
            "provenance-event-mismatch",
        ),
        (
            "self-hosted",
            "on somebody's own machine",
            Run {
                runner: "self-hosted",
                ..BUILD
            },
            "level-too-low",
        ),
    ] {
        case(name, why, &run).fails(RULE, code).write();
    }
    let told = Run {
        repository: "slsa-framework/example-package-evil",
        ..BUILD
    };
    example
        .case(
            "lie",
            APP,
            "the provenance says otherwise than the certificate",
        )
        .bundles([bundle(example, &BUILD, &told)])
        .fails(RULE, "provenance-certificate-mismatch")
        .write();
    example.common(APP, &[RULE], false);
}
