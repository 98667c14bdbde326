//! The rule `provenance`: what it demands, each way to cheat it, and whose word counts for which builder.

use countersign_core::{Outcome, RuleOutcome};
use countersign_testkit::forge::{Algorithm, Forge, Identity, Key};
use serde_json::{Value, json};

use crate::world::{BARE, World, keyed, keyless, set, workflow};

pub(crate) const V1: &str = "https://slsa.dev/provenance/v1";
const V02: &str = "https://slsa.dev/provenance/v0.2";
const COMMIT: &str = "a3c1f5b2d4e60718293a4b5c6d7e8f9001122334";
const OTHER: &str = "b3c1f5b2d4e60718293a4b5c6d7e8f9001122334";
const CI: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
const GENERATOR: &str = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v2.1.0";

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
fn generator() -> Value {
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
fn by_generator() -> Identity {
    let mut identity = Identity {
        san: Identity::uri(GENERATOR, "").san,
        ..Identity::default()
    };
    identity.claims.insert(9, GENERATOR.to_owned());
    identity
}

fn attested(identity: &Identity, predicate_type: &str, predicate: &Value) -> World {
    World::new().bundle(|forge: &Forge, digest| {
        let statement = forge.attestation(digest, predicate_type, predicate.clone());
        statement.keyless(identity.clone()).rekor_v1().bundle()
    })
}

fn ci() -> String {
    keyless(
        "ci",
        &workflow("acme/app", "main"),
        "{repositoryId: \"632596897\"}",
    )
}

fn slsa() -> String {
    let subject = "{workflow: {path: slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml, refs: [\"refs/tags/v*\"]}}";
    keyless("ci", subject, "{repository: acme/app}")
}

fn rule(more: &str) -> String {
    let more = if more.is_empty() {
        String::new()
    } else {
        format!(", {more}")
    };
    format!("provenance: {{from: ci{more}}}")
}

fn judged(world: &World, signer: &str, more: &str) -> RuleOutcome {
    world.rule(&set(&[signer.to_owned()], &rule(more)))
}

/// The code of the rule that demands `more` of a predicate by the release workflow.
fn code(predicate: &Value, more: &str) -> &'static str {
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

/// Whoever signs says truly who it is; what it says of the build is compared with that, claim by claim.
#[test]
fn what_the_certificate_says_otherwise_is_a_lie() {
    let external = "/buildDefinition/externalParameters/workflow";
    let internal = "/buildDefinition/internalParameters/github";
    let lie = "provenance-certificate-mismatch";
    for (pointer, value) in [
        (
            format!("{external}/repository"),
            json!("https://github.com/acme/other"),
        ),
        (format!("{external}/ref"), json!("refs/heads/other")),
        (
            format!("{external}/path"),
            json!(".github/workflows/other.yml"),
        ),
        (format!("{external}/repository"), Value::Null),
        (format!("{external}/ref"), Value::Null),
        (format!("{external}/path"), Value::Null),
        (format!("{internal}/event_name"), json!("release")),
        (format!("{internal}/repository_id"), json!("1")),
        (format!("{internal}/repository_owner_id"), json!("1")),
        (
            format!("{internal}/runner_environment"),
            json!("self-hosted"),
        ),
        (
            "/buildDefinition/resolvedDependencies".to_owned(),
            json!([]),
        ),
        (
            "/buildDefinition/resolvedDependencies".to_owned(),
            json!([{"uri": "git+https://github.com/acme/app@refs/heads/main", "digest": {"gitCommit": OTHER}}]),
        ),
        // Two commits of one source would let a reader choose.
        (
            "/buildDefinition/resolvedDependencies".to_owned(),
            json!([
                {"uri": "git+https://github.com/acme/app@refs/heads/main", "digest": {"gitCommit": COMMIT}},
                {"uri": "git+https://github.com/acme/app@refs/heads/main", "digest": {"gitCommit": OTHER}},
            ]),
        ),
        (
            "/runDetails/builder/id".to_owned(),
            json!("https://github.com/acme/app/.github/workflows/other.yml@refs/heads/main"),
        ),
        (
            "/runDetails/metadata/invocationId".to_owned(),
            json!("https://github.com/acme/app/actions/runs/1/attempts/1"),
        ),
    ] {
        assert_eq!(
            code(&with(github(), &pointer, value.clone()), ""),
            lie,
            "{pointer} {value}"
        );
    }
    // Older builders said less of the run.
    for pointer in [
        format!("{internal}/event_name"),
        format!("{internal}/runner_environment"),
        "/runDetails/metadata".to_owned(),
    ] {
        assert_eq!(
            code(&with(github(), &pointer, Value::Null), ""),
            "pass",
            "{pointer}"
        );
    }
    // And what they do not say, the certificate does.
    let silent = with(github(), &format!("{internal}/event_name"), Value::Null);
    assert_eq!(code(&silent, "source: {events: [push]}"), "pass");
    assert_eq!(
        code(&silent, "source: {events: [release]}"),
        "provenance-event-mismatch"
    );
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
fn strangers_code_is_built_only_where_the_rule_says_so() {
    for event in [
        "pull_request",
        "pull_request_target",
        "pull_request_review",
        "pull_request_review_comment",
    ] {
        let mut identity = Identity::default();
        identity.claims.insert(2, event.to_owned());
        identity.claims.insert(20, event.to_owned());
        let predicate = with(
            github(),
            "/buildDefinition/internalParameters/github/event_name",
            json!(event),
        );
        let world = attested(&identity, V1, &predicate);
        let code = |more: &str| {
            judged(&world, &ci(), more)
                .code
                .map_or("pass", |it| it.as_str())
        };
        assert_eq!(code(""), "provenance-event-mismatch");
        assert_eq!(
            code("source: {repository: acme/app}"),
            "provenance-event-mismatch"
        );
        assert_eq!(code(&format!("source: {{events: [{event}]}}")), "pass");
    }
}

#[test]
fn a_self_hosted_runner_is_trusted_for_level_1_only() {
    let mut identity = Identity::default();
    identity.claims.insert(11, "self-hosted".to_owned());
    let hosted = "/buildDefinition/internalParameters/github/runner_environment";
    for predicate in [
        with(github(), hosted, json!("self-hosted")),
        with(github(), hosted, Value::Null),
    ] {
        let world = attested(&identity, V1, &predicate);
        let code = |more: &str| {
            judged(&world, &ci(), more)
                .code
                .map_or("pass", |it| it.as_str())
        };
        assert_eq!(code("builders: [github-attest]"), "pass");
        assert_eq!(
            code("builders: [github-attest], minLevel: 2"),
            "level-too-low"
        );
    }
}

/// A builder's name in a provenance is anybody's word; who may speak for it is a matter of certificates.
#[test]
fn a_trusted_builder_that_another_signer_claims_does_not_count() {
    let own = |world: &World, signer: &str, more: &str| {
        judged(world, signer, more)
            .code
            .map_or("pass", |it| it.as_str())
    };
    let container =
        "builders: [slsa-github-container], minLevel: 3, source: {repository: acme/app}";
    let true_one = attested(&by_generator(), V02, &generator());
    assert_eq!(own(&true_one, &slsa(), container), "pass");
    // acme's own workflow claims that the generator built.
    let claimed = attested(&Identity::default(), V02, &generator());
    assert_eq!(own(&claimed, &ci(), container), "builder-signer-mismatch");
    // A key claims it.
    let key = Key::generate(Algorithm::P256);
    let by_key = World::new().bundle(|forge, digest| {
        forge
            .attestation(digest, V02, generator())
            .keyed(&key)
            .bundle()
    });
    let keyed_signer = keyed("ci", &key.public_pem(), "", BARE);
    assert_eq!(
        own(&by_key, &keyed_signer, container),
        "builder-signer-mismatch"
    );
    // Where the set says that this key may speak for a builder, it may.
    let builder = |signers: &str| {
        format!(
            "apiVersion: countersign.dev/v1alpha1\nkind: Builder\nmetadata: {{name: own}}\nspec: {{id: {{exact: \"{GENERATOR}\"}}, {signers}, level: 2}}\n"
        )
    };
    for (signers, rule, expected) in [
        ("signers: [ci]", "builders: [own], minLevel: 2", None),
        (
            "signers: [other]",
            "builders: [own], minLevel: 2",
            Some("builder-signer-mismatch"),
        ),
        (
            "identity: builder",
            "builders: [own], minLevel: 2",
            Some("builder-signer-mismatch"),
        ),
        (
            "signers: [ci], buildTypes: [\"https://other.example\"]",
            "builders: [own]",
            Some("builder-mismatch"),
        ),
    ] {
        let second = keyed(
            "other",
            &Key::generate(Algorithm::P256).public_pem(),
            "",
            BARE,
        );
        let text = set(
            &[keyed_signer.clone(), second, builder(signers)],
            &self::rule(rule),
        );
        assert_eq!(
            by_key.rule(&text).code.map(|it| it.as_str()),
            expected,
            "{signers}"
        );
    }
}

#[test]
fn builds_by_the_generator_are_read() {
    for (more, expected) in [
        (
            "source: {repository: acme/app, refs: [refs/heads/main], events: [push], repositoryId: \"632596897\", ownerId: \"131804563\"}",
            "pass",
        ),
        ("workflow: .github/workflows/release.yml", "pass"),
        (
            "source: {repository: acme/lib}",
            "provenance-source-mismatch",
        ),
        (
            "source: {refs: [\"refs/tags/*\"]}",
            "provenance-ref-mismatch",
        ),
        (
            "workflow: .github/workflows/other.yml",
            "provenance-workflow-mismatch",
        ),
        // The certificate alone says where it ran.
        ("source: {runner: github-hosted}", "pass"),
    ] {
        let world = attested(&by_generator(), V02, &generator());
        let found = judged(&world, &slsa(), more)
            .code
            .map_or("pass", |it| it.as_str());
        assert_eq!(found, expected, "{more}");
    }
    let lie = with(
        generator(),
        "/invocation/environment/github_run_id",
        json!("1"),
    );
    let world = attested(&by_generator(), V02, &lie);
    let found = judged(&world, &slsa(), "").code.map(|it| it.as_str());
    assert_eq!(found, Some("provenance-certificate-mismatch"));
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

#[test]
fn reproduction_needs_different_builders_as_well_as_signers() {
    let keys = [
        Key::generate(Algorithm::P256),
        Key::generate(Algorithm::P256),
        Key::generate(Algorithm::P256),
    ];
    let by = |id: &str| with(github(), "/runDetails/builder/id", json!(id));
    let world = |builds: &[(usize, &str)]| {
        builds.iter().fold(World::new(), |world, (key, id)| {
            world.bundle(|forge, digest| {
                forge
                    .attestation(digest, V1, by(id))
                    .keyed(&keys[*key])
                    .bundle()
            })
        })
    };
    let signers: Vec<String> = ["a", "b", "c"]
        .iter()
        .zip(&keys)
        .map(|(name, key)| keyed(name, &key.public_pem(), "", BARE))
        .collect();
    for (builds, from, expected) in [
        (&[(0, "x"), (1, "y")][..], "{all: [a, b]}", "pass"),
        (&[(0, "x"), (1, "x")], "{all: [a, b]}", "threshold-not-met"),
        (&[(0, "x"), (1, "x"), (1, "y")], "{all: [a, b]}", "pass"),
        (&[(0, "x"), (0, "y"), (1, "x")], "{all: [a, b]}", "pass"),
        (
            &[(0, "x"), (1, "x"), (2, "y")],
            "{atLeast: 2, of: [a, b, c]}",
            "pass",
        ),
        (
            &[(0, "x"), (1, "x"), (2, "x")],
            "{atLeast: 2, of: [a, b, c]}",
            "threshold-not-met",
        ),
        (
            &[(0, "x"), (0, "y")],
            "{atLeast: 2, of: [a, b, c]}",
            "threshold-not-met",
        ),
        (&[(0, "x"), (1, "x")], "{any: [a, b]}", "pass"),
    ] {
        let rule = format!("provenance: {{from: {from}}}");
        assert_eq!(
            world(builds).code(&set(&signers, &rule)),
            expected,
            "{builds:?} {from}"
        );
    }
}

/// What says where the source is stands in every certificate of GitHub: one that is silent leaves the builder's word alone.
#[test]
fn a_certificate_that_is_silent_confirms_nothing() {
    for pair in [[5, 12], [6, 14], [3, 13]] {
        let mut identity = Identity::default();
        for claim in pair {
            identity.claims.remove(&claim);
        }
        let world = attested(&identity, V1, &github());
        let code = judged(&world, &ci(), "").code.map(|it| it.as_str());
        assert_eq!(code, Some("provenance-certificate-mismatch"), "{pair:?}");
    }
    // Also where it is a tag by the provenance's word alone, of a build type that only the rule knows.
    let tagged = json!({
        "buildType": "https://build.acme.example/type",
        "builder": {"id": CI},
        "invocation": {"configSource": {"uri": "git+https://github.com/acme/app@refs/tags/v1.2.3", "digest": {"sha1": COMMIT}}}
    });
    let more = "buildTypes: [\"https://build.acme.example/type\"], source: {tags: \">=1\"}";
    let workflow =
        "{workflow: {path: acme/app/.github/workflows/release.yml, refs: [\"refs/**\"]}}";
    let signer = keyless("ci", workflow, "{repositoryId: \"632596897\"}");
    for (git_ref, expected) in [
        (Some("refs/tags/v1.2.3"), None),
        (
            Some("refs/heads/v1.2.3"),
            Some("provenance-certificate-mismatch"),
        ),
        (
            Some("refs/tags/v1.2.4"),
            Some("provenance-certificate-mismatch"),
        ),
        (None, Some("provenance-certificate-mismatch")),
    ] {
        let mut identity = Identity::default();
        identity.claims.remove(&18);
        for claim in [6, 14] {
            match git_ref {
                Some(git_ref) => identity.claims.insert(claim, git_ref.to_owned()),
                None => identity.claims.remove(&claim),
            };
        }
        let world = attested(&identity, V02, &tagged);
        let code = judged(&world, &signer, more).code.map(|it| it.as_str());
        assert_eq!(code, expected, "{git_ref:?}");
    }
    // And where the provenance is silent, the certificate's ref must be such a tag.
    let silent = with(tagged, "/invocation/configSource", json!({}));
    for (git_ref, expected) in [
        ("refs/tags/v1.2.3", None),
        ("refs/tags/v0.9.0", Some("provenance-ref-mismatch")),
        ("refs/heads/v1.2.3", Some("provenance-ref-mismatch")),
        (
            "refs/heads/refs/tags/v1.2.3",
            Some("provenance-ref-mismatch"),
        ),
    ] {
        for claims in [&[6][..], &[14], &[6, 14]] {
            let mut identity = Identity::default();
            for claim in [6, 14, 18] {
                identity.claims.remove(&claim);
            }
            for claim in claims {
                identity.claims.insert(*claim, git_ref.to_owned());
            }
            let world = attested(&identity, V02, &silent);
            let code = judged(&world, &signer, more).code.map(|it| it.as_str());
            assert_eq!(code, expected, "{git_ref} in {claims:?}");
        }
    }
}

/// Certificates of 2022 have only Fulcio's old extensions; where both are there, both hold.
#[test]
fn old_extensions_count_as_those_of_today() {
    let old_only = |edits: &[(u8, &str)]| {
        let mut identity = Identity::default();
        identity.claims.retain(|claim, _| *claim < 9);
        for (claim, value) in edits {
            identity.claims.insert(*claim, (*value).to_owned());
        }
        identity
    };
    let signer = keyless(
        "ci",
        &workflow("acme/app", "main"),
        "{repository: acme/app}",
    );
    let silent = with(
        github(),
        "/buildDefinition/internalParameters/github/event_name",
        Value::Null,
    );
    let code = |identity: &Identity, predicate: &Value, more: &str| {
        let world = attested(identity, V1, predicate);
        judged(&world, &signer, more)
            .code
            .map_or("pass", |it| it.as_str())
    };
    let lie = "provenance-certificate-mismatch";
    let target = "pull_request_target";
    assert_eq!(code(&old_only(&[]), &github(), ""), "pass");
    assert_eq!(code(&old_only(&[(3, OTHER)]), &github(), ""), lie);
    assert_eq!(
        code(&old_only(&[(6, "refs/heads/other")]), &github(), ""),
        lie
    );
    assert_eq!(code(&old_only(&[(2, target)]), &github(), ""), lie);
    // A stranger's event that only the old extension tells.
    let strangers = old_only(&[(2, target)]);
    assert_eq!(code(&strangers, &silent, ""), "provenance-event-mismatch");
    assert_eq!(
        code(&strangers, &silent, "source: {events: [push]}"),
        "provenance-event-mismatch"
    );
    let named = "source: {events: [pull_request_target]}";
    assert_eq!(code(&strangers, &silent, named), "pass");
    // The two tell different things, and the provenance nothing.
    let mut both = Identity::default();
    both.claims.insert(2, target.to_owned());
    assert_eq!(code(&both, &silent, ""), lie);
    assert_eq!(code(&both, &silent, named), lie);
    // A repository without its host is GitHub's.
    let own = json!({"buildType": "https://build.acme.example/type", "builder": {"id": CI}});
    let listed = |repository: &str| {
        format!(
            "buildTypes: [\"https://build.acme.example/type\"], source: {{repository: {repository}}}"
        )
    };
    let world = attested(&old_only(&[]), V02, &own);
    for (repository, expected) in [
        ("acme/app", None),
        ("gitlab.com/acme/app", Some("provenance-source-mismatch")),
        ("acme/ap", Some("provenance-source-mismatch")),
    ] {
        let found = judged(&world, &signer, &listed(repository)).code;
        assert_eq!(found.map(|it| it.as_str()), expected, "{repository}");
    }
    // There it is the path itself, and no address that could be spelt in several ways.
    let open = keyless("ci", &workflow("acme/app", "main"), "{events: [push]}")
        .replace("    source:", "    anyCaller: unsafe\n    source:");
    let world = attested(&old_only(&[(5, "acme/app.git")]), V02, &own);
    let found = judged(&world, &open, &listed("acme/app")).code;
    assert_eq!(
        found.map(|it| it.as_str()),
        Some("provenance-source-mismatch")
    );
}

/// By its own provenance a workflow could pass for one that its callers cannot change, which is trusted for more.
#[test]
fn that_a_workflow_is_reusable_is_the_certificates_word() {
    let claimed = with(
        github(),
        "/buildDefinition/externalParameters/workflow/path",
        json!(".github/workflows/other.yml"),
    );
    let mut silent = Identity::default();
    silent.claims.remove(&18);
    let code = |identity: &Identity, predicate: &Value, builder: &str| {
        let world = attested(identity, V1, predicate);
        judged(&world, &ci(), &format!("builders: [{builder}]"))
            .code
            .map_or("pass", |it| it.as_str())
    };
    let (own, reusable) = ("github-attest", "github-attest-reusable");
    assert_eq!(code(&Identity::default(), &github(), own), "pass");
    assert_eq!(code(&silent, &claimed, reusable), "builder-signer-mismatch");
    assert_eq!(code(&silent, &github(), own), "builder-signer-mismatch");
    assert_eq!(
        code(&Identity::default(), &claimed, reusable),
        "builder-signer-mismatch"
    );
    let mut called = Identity::default();
    let top = "https://github.com/acme/app/.github/workflows/other.yml@refs/heads/main";
    called.claims.insert(18, top.to_owned());
    assert_eq!(code(&called, &claimed, reusable), "pass");
    assert_eq!(code(&called, &github(), own), "builder-signer-mismatch");
}

/// The order in which a rule names its Builders decides nothing, and neither does a wider one that is trusted for more.
#[test]
fn of_several_builders_that_are_meant_the_least_trusted_counts() {
    let key = Key::generate(Algorithm::P256);
    let world = World::new().bundle(|forge, digest| {
        forge
            .attestation(digest, V02, generator())
            .keyed(&key)
            .bundle()
    });
    let builder = |name: &str, more: &str, level: u8| {
        format!(
            "apiVersion: countersign.dev/v1alpha1\nkind: Builder\nmetadata: {{name: {name}}}\nspec: {{id: {{exact: \"{GENERATOR}\"}}, {more}, level: {level}}}\n"
        )
    };
    let types =
        "buildTypes: [\"https://github.com/slsa-framework/slsa-github-generator/container@v1\"]";
    let signers = [
        keyed("ci", &key.public_pem(), "", BARE),
        keyed(
            "other",
            &Key::generate(Algorithm::P256).public_pem(),
            "",
            BARE,
        ),
        builder("high", "signers: [ci]", 3),
        builder("low", &format!("signers: [ci], {types}"), 1),
        builder("others", "signers: [other]", 0),
    ];
    for (names, min_level, expected) in [
        ("[high]", 3, "pass"),
        ("[low, high]", 1, "pass"),
        ("[low, high]", 2, "level-too-low"),
        ("[high, low]", 2, "level-too-low"),
        // One for which somebody else speaks says nothing about this build.
        ("[others, high]", 3, "pass"),
        ("[high, others]", 3, "pass"),
    ] {
        let text = set(
            &signers,
            &rule(&format!("builders: {names}, minLevel: {min_level}")),
        );
        assert_eq!(world.code(&text), expected, "{names} {min_level}");
    }
}

/// What somebody chose who started the run by hand, which the generator writes into the environment.
#[test]
fn what_was_chosen_for_a_run_of_the_generator_is_a_parameter() {
    let payload = "/invocation/environment/github_event_payload";
    let chosen = |inputs: Value| with(generator(), payload, json!({"inputs": inputs}));
    let listed = "parameters: {values: {inputs.target: [release]}}";
    for (predicate, more, expected) in [
        (chosen(Value::Null), "", "pass"),
        (chosen(json!({})), "", "pass"),
        (with(generator(), payload, Value::Null), "", "pass"),
        (
            chosen(json!({"target": "release"})),
            "",
            "provenance-parameter-mismatch",
        ),
        (chosen(json!({"target": "release"})), listed, "pass"),
        (
            chosen(json!({"target": "debug"})),
            listed,
            "provenance-parameter-mismatch",
        ),
        (
            with(
                chosen(json!({"target": "release"})),
                "/invocation/parameters",
                json!({"inputs.target": "debug"}),
            ),
            listed,
            "provenance-malformed",
        ),
    ] {
        let world = attested(&by_generator(), V02, &predicate);
        let found = judged(&world, &slsa(), more).code;
        assert_eq!(
            found.map_or("pass", |it| it.as_str()),
            expected,
            "{predicate}"
        );
    }
}
