//! The rule `provenance`: what it demands, each way to cheat it, and whose word counts for which builder.

use countersign_core::{Outcome, RuleOutcome};
use countersign_testkit::forge::{Forge, Identity};
use serde_json::{Value, json};

use crate::world::{World, keyless, set, workflow};

pub(crate) const V1: &str = "https://slsa.dev/provenance/v1";
pub(crate) const V02: &str = "https://slsa.dev/provenance/v0.2";
pub(crate) const COMMIT: &str = "a3c1f5b2d4e60718293a4b5c6d7e8f9001122334";
pub(crate) const OTHER: &str = "b3c1f5b2d4e60718293a4b5c6d7e8f9001122334";
pub(crate) const CI: &str =
    "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
pub(crate) const GENERATOR: &str = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v2.1.0";

/// As `actions/attest` writes it in the release workflow of acme/app.
pub(crate) fn github() -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {
                "workflow": {"ref": "refs/heads/main", "repository": "https://github.com/acme/app", "path": ".github/workflows/release.yml"}
            },
            "internalParameters": {
                "github": {"event_name": "push", "repository_id": "632596897", "repository_owner_id": "131804563", "runner_environment": "github-hosted"}
            },
            "resolvedDependencies": [
                {"uri": "pkg:docker/library/alpine@3.20", "digest": {"sha256": "ab".repeat(32)}},
                {"uri": "git+https://github.com/acme/app@refs/heads/main", "digest": {"gitCommit": COMMIT}}
            ]
        },
        "runDetails": {
            "builder": {"id": CI},
            "metadata": {"invocationId": "https://github.com/acme/app/actions/runs/1234567890/attempts/1"}
        }
    })
}

/// As slsa-github-generator writes it for acme/app.
pub(crate) fn generator() -> Value {
    json!({
        "builder": {"id": GENERATOR},
        "buildType": "https://github.com/slsa-framework/slsa-github-generator/container@v1",
        "invocation": {
            "configSource": {"uri": "git+https://github.com/acme/app@refs/heads/main", "digest": {"sha1": COMMIT}, "entryPoint": ".github/workflows/release.yml"},
            "parameters": {},
            "environment": {"github_event_name": "push", "github_repository_id": "632596897", "github_repository_owner_id": "131804563", "github_run_id": "1234567890", "github_run_attempt": "1", "github_event_payload": {"x": [1]}}
        },
        "materials": [{"uri": "git+https://github.com/acme/app@refs/heads/main", "digest": {"sha1": COMMIT}}]
    })
}

/// Changes one value, or removes it.
pub(crate) fn with(mut predicate: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = predicate
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap();
    if value.is_null() {
        parent.remove(name);
    } else {
        parent.insert(name.to_owned(), value);
    }
    predicate
}

/// The caller's certificate when the generator's reusable workflow signs.
pub(crate) fn by_generator() -> Identity {
    let mut identity = Identity {
        san: Identity::uri(GENERATOR, "").san,
        ..Identity::default()
    };
    identity.claims.insert(9, GENERATOR.to_owned());
    identity
}

pub(crate) fn attested(identity: &Identity, predicate_type: &str, predicate: &Value) -> World {
    World::new().bundle(|forge: &Forge, digest| {
        let statement = forge.attestation(digest, predicate_type, predicate.clone());
        statement.keyless(identity.clone()).rekor_v1().bundle()
    })
}

pub(crate) fn ci() -> String {
    keyless(
        "ci",
        &workflow("acme/app", "main"),
        "{repositoryId: \"632596897\"}",
    )
}

pub(crate) fn slsa() -> String {
    let subject = "{workflow: {path: slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml, refs: [\"refs/tags/v*\"]}}";
    keyless("ci", subject, "{repository: acme/app}")
}

pub(crate) fn rule(more: &str) -> String {
    let more = if more.is_empty() {
        String::new()
    } else {
        format!(", {more}")
    };
    format!("provenance: {{from: ci{more}}}")
}

pub(crate) fn judged(world: &World, signer: &str, more: &str) -> RuleOutcome {
    world.rule(&set(&[signer.to_owned()], &rule(more)))
}

/// The code of the rule that demands `more` of a predicate by the release workflow.
pub(crate) fn code(predicate: &Value, more: &str) -> &'static str {
    let world = attested(&Identity::default(), V1, predicate);
    judged(&world, &ci(), more)
        .code
        .map_or("pass", |code| code.as_str())
}

#[test]
fn each_demand_decides_with_its_own_reason() {
    let alpine = "ab".repeat(32);
    let digest = format!("sha256:{alpine}");
    let wrong = format!("sha256:{}", "cd".repeat(32));
    for (good, bad, expected) in [
        (
            "builders: [github-attest]".to_owned(),
            "builders: [slsa-github-container]".to_owned(),
            "builder-mismatch",
        ),
        (
            "builders: [slsa-github-go, github-attest]".into(),
            "builders: [github-attest-reusable]".into(),
            "builder-mismatch",
        ),
        (
            "builders: [github-attest], minLevel: 2".into(),
            "builders: [buildkit]".into(),
            "builder-mismatch",
        ),
        (
            "source: {repository: acme/app}".into(),
            "source: {repository: acme/app-evil}".into(),
            "provenance-source-mismatch",
        ),
        (
            "source: {repository: \"https://GitHub.com/acme/app.git\"}".into(),
            "source: {repository: acme/ap}".into(),
            "provenance-source-mismatch",
        ),
        (
            "source: {repository: [acme/lib, acme/app]}".into(),
            "source: {repository: Acme/app}".into(),
            "provenance-source-mismatch",
        ),
        (
            "source: {repositoryId: \"632596897\"}".into(),
            "source: {repositoryId: \"632596898\"}".into(),
            "provenance-source-mismatch",
        ),
        (
            "source: {ownerId: \"131804563\"}".into(),
            "source: {ownerId: \"13180456\"}".into(),
            "provenance-source-mismatch",
        ),
        (
            "source: {refs: [refs/heads/main]}".into(),
            "source: {refs: [\"refs/tags/**\"]}".into(),
            "provenance-ref-mismatch",
        ),
        (
            "source: {refs: [\"refs/heads/*\"]}".into(),
            "source: {tags: \">=1\"}".into(),
            "provenance-ref-mismatch",
        ),
        (
            format!("source: {{commit: \"{COMMIT}\"}}"),
            format!("source: {{commit: \"{OTHER}\"}}"),
            "provenance-commit-mismatch",
        ),
        (
            "source: {events: [push, release]}".into(),
            "source: {events: [release]}".into(),
            "provenance-event-mismatch",
        ),
        (
            "source: {runner: github-hosted}".into(),
            "source: {runner: self-hosted}".into(),
            "provenance-runner-mismatch",
        ),
        (
            "workflow: .github/workflows/release.yml".into(),
            "workflow: .github/workflows/release.yaml".into(),
            "provenance-workflow-mismatch",
        ),
        (
            "parameters: {values: {workflow.path: [.github/workflows/release.yml]}}".into(),
            "parameters: {values: {workflow.path: [other]}}".into(),
            "provenance-parameter-mismatch",
        ),
        (
            "parameters: {others: deny}".into(),
            "parameters: {values: {inputs.debug: [\"false\"]}}".into(),
            "provenance-parameter-mismatch",
        ),
        (
            format!("dependencies: [{{digest: \"{digest}\"}}]"),
            format!("dependencies: [{{digest: \"{wrong}\"}}]"),
            "provenance-dependency-missing",
        ),
        (
            format!(
                "dependencies: [{{uri: \"pkg:docker/library/alpine@3.20\", digest: \"{digest}\"}}]"
            ),
            format!(
                "dependencies: [{{uri: \"pkg:docker/library/alpine@3.21\", digest: \"{digest}\"}}]"
            ),
            "provenance-dependency-missing",
        ),
        // One dependency has the URI and another the digest: no mix.
        (
            "dependencies: [{uri: \"pkg:docker/library/alpine@3.20\"}]".into(),
            format!(
                "dependencies: [{{uri: \"git+https://github.com/acme/app@refs/heads/main\", digest: \"{digest}\"}}]"
            ),
            "provenance-dependency-missing",
        ),
        ("maxAge: 1d".into(), "maxAge: 1s".into(), "too-old"),
        (
            "match: newest".into(),
            "match: newest, source: {repository: acme/lib}".into(),
            "provenance-source-mismatch",
        ),
    ] {
        assert_eq!(code(&github(), &good), "pass", "{good}");
        assert_eq!(code(&github(), &bad), expected, "{bad}");
    }
    assert_eq!(code(&github(), ""), "pass");
    assert_eq!(World::new().code(&set(&[ci()], &rule(""))), "no-evidence");
}

#[test]
fn tags_are_versions_of_tags() {
    let tagged = |git_ref: &str, range: &str| {
        let mut identity = Identity::github_workflow("acme/app", "release.yml", git_ref);
        let uri = identity.claims[&9].clone();
        let workflow = "/buildDefinition/externalParameters/workflow";
        let predicate = with(github(), &format!("{workflow}/ref"), json!(git_ref));
        let dependency = json!([{"uri": format!("git+https://github.com/acme/app@{git_ref}"), "digest": {"gitCommit": COMMIT}}]);
        let predicate = with(
            predicate,
            "/buildDefinition/resolvedDependencies",
            dependency,
        );
        let predicate = with(predicate, "/runDetails/builder/id", json!(uri));
        identity.claims.insert(18, uri);
        let subject =
            "{workflow: {path: acme/app/.github/workflows/release.yml, refs: [\"refs/**\"]}}";
        let signer = keyless("ci", subject, "{repository: acme/app}");
        let world = attested(&identity, V1, &predicate);
        let rule = judged(&world, &signer, &format!("source: {{tags: \"{range}\"}}"));
        rule.code.map_or("pass", |code| code.as_str())
    };
    for (git_ref, range, expected) in [
        ("refs/tags/v1.2.3", ">=1.2, <2", "pass"),
        ("refs/tags/1.2.3", ">=1.2, <2", "pass"),
        ("refs/tags/v2.0.0", ">=1.2, <2", "provenance-ref-mismatch"),
        ("refs/tags/v1.1.9", ">=1.2, <2", "provenance-ref-mismatch"),
        (
            "refs/tags/v1.3.0-rc1",
            ">=1.2, <2",
            "provenance-ref-mismatch",
        ),
        ("refs/tags/v1.3", ">=1.2, <2", "provenance-ref-mismatch"),
        ("refs/heads/v1.2.3", ">=1.2, <2", "provenance-ref-mismatch"),
        // A branch that is named like a tag.
        (
            "refs/heads/refs/tags/v1.2.3",
            ">=1.2, <2",
            "provenance-ref-mismatch",
        ),
    ] {
        assert_eq!(tagged(git_ref, range), expected, "{git_ref} {range}");
    }
}

#[test]
fn every_comparison_is_told() {
    let world = attested(&Identity::default(), V1, &github());
    let outcome = judged(
        &world,
        &ci(),
        "builders: [github-attest], source: {repository: acme/app}",
    );
    let [candidate] = outcome.candidates.as_slice() else {
        panic!("{:?}", outcome.candidates)
    };
    let told: Vec<&str> = candidate
        .comparisons
        .iter()
        .map(|it| it.what.as_str())
        .collect();
    for what in [
        "buildTypes",
        "builders",
        "minLevel",
        "certificate.repository",
        "certificate.ref",
        "certificate.commit",
        "certificate.repositoryId",
        "certificate.ownerId",
        "certificate.event",
        "certificate.runner",
        "certificate.runInvocationUri",
        "certificate.configUri",
        "certificate.signerUri",
        "source.repository",
        "source.events",
        "parameters.others",
    ] {
        assert!(told.contains(&what), "{what}: {told:?}");
    }
    assert!(
        candidate
            .comparisons
            .iter()
            .all(|it| it.outcome == Outcome::Pass)
    );
}

#[test]
fn parameters_that_nobody_lists_deny() {
    let inputs = |value: Value| {
        with(
            github(),
            "/buildDefinition/externalParameters/inputs",
            value,
        )
    };
    for (predicate, more, expected) in [
        (
            inputs(json!({"debug": true})),
            "",
            "provenance-parameter-mismatch",
        ),
        (
            inputs(json!({"debug": true})),
            "parameters: {values: {inputs.debug: [\"false\"]}}",
            "provenance-parameter-mismatch",
        ),
        (
            inputs(json!({"debug": false})),
            "parameters: {values: {inputs.debug: [\"false\"]}}",
            "pass",
        ),
        (
            inputs(json!({"debug": "false", "x": 1})),
            "parameters: {values: {inputs.debug: [\"false\"]}}",
            "provenance-parameter-mismatch",
        ),
        (
            inputs(json!({"debug": "false", "x": 1})),
            "parameters: {values: {inputs.debug: [\"false\"]}, others: allow-unsafe}",
            "pass",
        ),
        (
            inputs(json!({"x": 1})),
            "parameters: {others: allow-unsafe}",
            "pass",
        ),
        (
            inputs(json!({"list": ["a"]})),
            "parameters: {values: {inputs.list.0: [a]}}",
            "pass",
        ),
        (inputs(json!({})), "", "pass"),
        (inputs(Value::Null), "", "pass"),
        (
            with(
                github(),
                "/buildDefinition/externalParameters/workflow/extra",
                json!("x"),
            ),
            "",
            "provenance-parameter-mismatch",
        ),
        (
            with(
                inputs(json!({"a": 1})),
                "/buildDefinition/externalParameters/inputs.a",
                json!(2),
            ),
            "parameters: {others: allow-unsafe}",
            "provenance-malformed",
        ),
    ] {
        assert_eq!(code(&predicate, more), expected, "{more} {predicate}");
    }
}

#[test]
fn unknown_build_types_count_only_where_the_rule_lists_them() {
    let own = "https://build.acme.example/type";
    let predicate = with(github(), "/buildDefinition/buildType", json!(own));
    let listed = format!("buildTypes: [\"{own}\"]");
    assert_eq!(code(&predicate, ""), "unknown-build-type");
    // What SLSA itself defines is all that is known of it: a source is not among it, and parameters are its own.
    assert_eq!(code(&predicate, &listed), "provenance-parameter-mismatch");
    let bare = with(predicate, "/buildDefinition/externalParameters", json!({}));
    assert_eq!(code(&bare, &listed), "pass");
    assert_eq!(
        code(&bare, "buildTypes: [\"https://build.acme.example/typ\"]"),
        "unknown-build-type"
    );
    let with_source = format!("{listed}, source: {{commit: \"{OTHER}\"}}");
    assert_eq!(code(&bare, &with_source), "provenance-commit-mismatch");
    // What it states beside is held against the certificate all the same.
    let lying = with(generator(), "/buildType", json!(own));
    let lying = with(
        lying,
        "/invocation/configSource/uri",
        json!("git+https://github.com/acme/lib@refs/heads/main"),
    );
    let world = attested(&by_generator(), V02, &lying);
    let found = judged(&world, &slsa(), &listed).code.map(|it| it.as_str());
    assert_eq!(found, Some("provenance-certificate-mismatch"));
    // BuildKit's own provenance is unknown too, though it is well-formed.
    let buildkit = with(
        generator(),
        "/buildType",
        json!("https://mobyproject.org/buildkit@v1"),
    );
    let world = attested(&by_generator(), V02, &buildkit);
    let found = judged(&world, &slsa(), "").code.map(|it| it.as_str());
    assert_eq!(found, Some("unknown-build-type"));
}

#[test]
fn malformed_provenance_is_refused_and_unknown_fields_are_not() {
    for (pointer, value) in [
        ("/buildDefinition", Value::Null),
        ("/buildDefinition/buildType", json!(1)),
        ("/buildDefinition/buildType", json!("")),
        ("/buildDefinition/externalParameters", json!([])),
        ("/buildDefinition/externalParameters", Value::Null),
        ("/runDetails", Value::Null),
        ("/runDetails/builder", json!({"ID": "x"})),
        ("/buildDefinition/resolvedDependencies", json!({})),
    ] {
        assert_eq!(
            code(&with(github(), pointer, value.clone()), ""),
            "provenance-malformed",
            "{pointer} {value}"
        );
    }
    assert_eq!(code(&json!("text"), ""), "provenance-malformed");
    assert_eq!(code(&Value::Null, ""), "provenance-malformed");
    let more = with(github(), "/runDetails/byproducts", json!([{"uri": "x"}]));
    assert_eq!(code(&with(more, "/added", json!(1)), ""), "pass");
    // v0.2's shape under v1's type, and the reverse.
    assert_eq!(code(&generator(), ""), "provenance-malformed");
    let world = attested(&Identity::default(), V02, &github());
    assert_eq!(
        judged(&world, &ci(), "").code.map(|it| it.as_str()),
        Some("provenance-malformed")
    );
}

/// All demands hold on one piece of evidence: what two attestations have between them is nobody's.
#[test]
fn different_attestations_do_not_add_up() {
    let other = with(
        github(),
        "/buildDefinition/externalParameters/inputs",
        json!({"debug": "false"}),
    );
    let world = attested(&Identity::default(), V1, &github()).bundle(|forge, digest| {
        let statement = forge.attestation(digest, V1, other.clone());
        statement.keyless(Identity::default()).rekor_v1().bundle()
    });
    let text = |more: &str| set(&[ci()], &rule(more));
    assert_eq!(world.code(&text("")), "pass");
    let both = "parameters: {values: {inputs.debug: [\"false\"]}}, dependencies: [{uri: \"https://nowhere.example\"}]";
    assert_eq!(world.code(&text(both)), "provenance-dependency-missing");
    // With `match: all` the worse one decides.
    assert_eq!(
        world.code(&text("match: all")),
        "provenance-parameter-mismatch"
    );
}
