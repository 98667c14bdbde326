//! The rule `provenance`: which builder it was, and for which level builder and signer are trusted together.

use countersign_testkit::forge::{Algorithm, Identity, Key};
use serde_json::{Value, json};

use crate::provenance::{
    GENERATOR, V1, V02, attested, by_generator, ci, generator, github, judged, rule, slsa, with,
};
use crate::world::{BARE, World, keyed, set};

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
