//! Every claim of a CI provider that a Signer can demand: it decides, one that is lacking matches nothing.

use countersign_testkit::forge::{GITHUB_ISSUER, Identity};

use crate::world::{World, keyless, set, workflow};

const SIGNATURE: &str = "signature: {from: s}";
const COMMIT: &str = "a3c1f5b2d4e60718293a4b5c6d7e8f9001122334";
const OTHER: &str = "b3c1f5b2d4e60718293a4b5c6d7e8f9001122334";
const CI: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";

/// The forge's default identity, with the claims that only some runs have.
fn identity() -> Identity {
    let mut identity = Identity::default();
    identity.claims.insert(23, "production eu".to_owned());
    identity
        .claims
        .insert(24, "repo:acme/app:ref:refs/heads/main".to_owned());
    identity
}

/// A Signer of that identity that demands one claim besides the repository's number.
fn demands(group: &str, claim: &str) -> String {
    let (source, more) = match group {
        "source" => (
            format!("{{repositoryId: \"632596897\", {claim}}}"),
            String::new(),
        ),
        "" => (
            "{repositoryId: \"632596897\"}".to_owned(),
            format!("    {claim}\n"),
        ),
        group => (
            "{repositoryId: \"632596897\"}".to_owned(),
            format!("    {group}: {{{claim}}}\n"),
        ),
    };
    let signer = keyless("s", &workflow("acme/app", "main"), &source);
    set(&[format!("{signer}{more}")], SIGNATURE)
}

/// Group, extensions, what fits, and what does not.
type Row = (&'static str, &'static [u8], Vec<String>, Vec<String>);

fn table() -> Vec<Row> {
    let texts = |all: &[&str]| {
        all.iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    let digests = |name: &str| {
        let good = [
            format!("{name}: \"{COMMIT}\""),
            format!("{name}: \"sha1:{COMMIT}\""),
            format!("{name}: [\"{OTHER}\", \"{COMMIT}\"]"),
        ];
        let sha256 = "ab".repeat(32);
        (
            good.to_vec(),
            vec![
                format!("{name}: \"{OTHER}\""),
                format!("{name}: \"{sha256}\""),
            ],
        )
    };
    let uris = |name: &str| {
        let stem = CI.strip_suffix("main").unwrap();
        (
            vec![
                format!("{name}: \"{CI}\""),
                format!("{name}: \"{stem}*\""),
                format!("{name}: [\"{CI}2\", \"{CI}\"]"),
                format!("{name}: \"{}@refs/**\"", CI.split_once('@').unwrap().0),
            ],
            vec![
                format!("{name}: \"{CI}2\""),
                format!("{name}: \"{stem}mai\""),
                format!("{name}: \"{stem}v*\""),
                format!("{name}: \"https://github.com/acme/app/.github/workflows/releas.yml@**\""),
                format!(
                    "{name}: \"https://github.com/acme/ap/.github/workflows/release.yml@refs/heads/*\""
                ),
            ],
        )
    };
    let row = |group, extensions, (good, bad)| (group, extensions, good, bad);
    vec![
        row(
            "source",
            &[5, 12][..],
            (
                texts(&[
                    "repository: acme/app",
                    "repository: [acme/other, acme/app]",
                    "repository: https://github.com/acme/app.git",
                ]),
                texts(&[
                    "repository: acme/other",
                    "repository: [acme/ap, acme/app2]",
                    "repository: gitlab.com/acme/app",
                ]),
            ),
        ),
        row(
            "source",
            &[16],
            (
                texts(&[
                    "owner: acme",
                    "owner: https://github.com/acme",
                    "owner: [beta, github.com/acme]",
                ]),
                texts(&[
                    "owner: acm",
                    "owner: acme2",
                    "owner: Acme",
                    "owner: gitlab.com/acme",
                    "owner: [beta, gamma]",
                ]),
            ),
        ),
        row(
            "source",
            &[17],
            (
                texts(&["ownerId: \"131804563\"", "ownerId: [\"1\", \"131804563\"]"]),
                texts(&["ownerId: \"13180456\"", "ownerId: \"1318045630\""]),
            ),
        ),
        row(
            "source",
            &[6, 14],
            (
                texts(&[
                    "refs: [refs/heads/main]",
                    "refs: [\"refs/heads/*\"]",
                    "refs: [refs/tags/v1, \"refs/**\"]",
                ]),
                texts(&[
                    "refs: [refs/heads/mai]",
                    "refs: [\"refs/tags/*\"]",
                    "refs: [\"refs/*\"]",
                ]),
            ),
        ),
        row("source", &[3, 13], digests("commit")),
        row(
            "source",
            &[22],
            (
                texts(&["visibility: public", "visibility: [internal, public]"]),
                texts(&["visibility: private", "visibility: [internal, private]"]),
            ),
        ),
        row(
            "source",
            &[2, 20],
            (
                texts(&["events: [push]", "events: [release, push]"]),
                texts(&["events: [release]", "events: [pus]"]),
            ),
        ),
        row(
            "source",
            &[11],
            (
                texts(&[
                    "runner: github-hosted",
                    "runner: [self-hosted, github-hosted]",
                ]),
                texts(&["runner: self-hosted"]),
            ),
        ),
        row(
            "source",
            &[23],
            (
                texts(&[
                    "environment: production eu",
                    "environment: [staging, production eu]",
                ]),
                texts(&["environment: production", "environment: staging"]),
            ),
        ),
        row("build", &[9], uris("signerUri")),
        row("build", &[10], digests("signerDigest")),
        row("build", &[18], uris("configUri")),
        row("build", &[19], digests("configDigest")),
        row(
            "build",
            &[21],
            (
                texts(&[
                    "runInvocationUri: https://github.com/acme/app/actions/runs/1234567890/attempts/1",
                    "runInvocationUri: \"https://github.com/acme/app/actions/runs/*/attempts/1\"",
                    "runInvocationUri: \"https://github.com/acme/**\"",
                ]),
                texts(&[
                    "runInvocationUri: https://github.com/acme/app/actions/runs/123456789/attempts/1",
                    "runInvocationUri: \"https://github.com/acme/app/actions/runs/*\"",
                    "runInvocationUri: \"https://github.com/acm/**\"",
                ]),
            ),
        ),
        row(
            "build",
            &[4],
            (
                texts(&[
                    "workflowName: Release",
                    "workflowName: [Build and test, Release]",
                ]),
                texts(&["workflowName: release", "workflowName: Build and test"]),
            ),
        ),
        row(
            "",
            &[24],
            (
                texts(&[
                    "tokenSubject: \"repo:acme/app:ref:refs/heads/main\"",
                    "tokenSubject: [x, \"repo:acme/app:ref:refs/heads/main\"]",
                ]),
                texts(&[
                    "tokenSubject: \"repo:acme/app:ref:refs/heads/mai\"",
                    "tokenSubject: main",
                ]),
            ),
        ),
    ]
}

#[test]
fn each_claim_decides_and_one_that_is_lacking_matches_nothing() {
    let world = World::new().signed_by(&identity());
    for (group, extensions, good, bad) in table() {
        let mut lacking = identity();
        for extension in extensions {
            assert!(lacking.claims.remove(extension).is_some(), "{extension}");
        }
        let lacking = World::new().signed_by(&lacking);
        for claim in good {
            assert_eq!(world.code(&demands(group, &claim)), "pass", "{claim}");
            let outcome = lacking.rule(&demands(group, &claim));
            assert_eq!(
                outcome.code.unwrap().as_str(),
                "source-mismatch",
                "{claim} of nothing"
            );
            let name = claim.split_once(':').unwrap().0.trim_end_matches('s');
            assert_eq!(
                outcome.nearest.unwrap().found,
                format!("the certificate states no {name}")
            );
        }
        for claim in bad {
            assert_eq!(
                world.code(&demands(group, &claim)),
                "source-mismatch",
                "{claim}"
            );
        }
    }
}

#[test]
fn old_and_new_extensions_must_agree() {
    for (new, old, value, group, claim) in [
        (
            12,
            5,
            "acme/other",
            "source",
            "repository: [acme/app, acme/other]",
        ),
        (
            14,
            6,
            "refs/heads/dev",
            "source",
            "refs: [refs/heads/main, refs/heads/dev]",
        ),
        (
            13,
            3,
            OTHER,
            "source",
            &format!("commit: [\"{COMMIT}\", \"{OTHER}\"]"),
        ),
        (20, 2, "release", "source", "events: [push, release]"),
    ] {
        let text = demands(group, claim);
        let mut identity = identity();
        assert_eq!(
            World::new().signed_by(&identity).code(&text),
            "pass",
            "{claim}"
        );
        // Each for itself would fit.
        identity.claims.insert(old, value.to_owned());
        let outcome = World::new().signed_by(&identity).rule(&text);
        assert_eq!(outcome.code.unwrap().as_str(), "source-mismatch", "{claim}");
        let found = outcome.nearest.unwrap().found;
        assert!(
            found.ends_with(&format!("in one extension and {value} in the other")),
            "{found}"
        );
        // Either alone decides.
        for alone in [new, old] {
            let mut identity = identity.clone();
            identity.claims.remove(&alone);
            assert_eq!(
                World::new().signed_by(&identity).code(&text),
                "pass",
                "{claim} without .1.{alone}"
            );
        }
    }
}

#[test]
fn a_commit_may_name_its_algorithm_in_one_extension_only() {
    let mut identity = identity();
    identity.claims.insert(13, format!("sha1:{COMMIT}"));
    let world = World::new().signed_by(&identity);
    assert_eq!(
        world.code(&demands("source", &format!("commit: \"{COMMIT}\""))),
        "pass"
    );
    for wrong in [
        COMMIT.to_uppercase(),
        COMMIT[..39].to_owned(),
        format!("sha256:{COMMIT}"),
    ] {
        identity.claims.insert(13, wrong);
        identity.claims.remove(&3);
        let world = World::new().signed_by(&identity);
        assert_eq!(
            world.code(&demands("source", &format!("commit: \"{COMMIT}\""))),
            "source-mismatch"
        );
    }
}

#[test]
fn a_repository_of_another_host_keeps_its_host() {
    let mut identity = identity();
    identity
        .claims
        .insert(12, "https://git.acme.example/acme/app".to_owned());
    let world = World::new().signed_by(&identity);
    let both = |repository: &str| {
        demands("source", &format!("repository: {repository}"))
            .replace("repositoryId: \"632596897\", ", "")
    };
    assert_eq!(world.code(&both("git.acme.example/acme/app")), "pass");
    assert_eq!(world.code(&both("acme/app")), "source-mismatch");
    identity.claims.remove(&12);
    let world = World::new().signed_by(&identity);
    assert_eq!(
        world.code(&both("git.acme.example/acme/app")),
        "source-mismatch"
    );
    assert_eq!(world.code(&both("acme/app")), "pass");
}

#[test]
fn other_providers_have_words_of_their_own() {
    let mut identity = Identity::uri("https://ci.example/acme/app/release", "https://ci.example");
    for (extension, value) in [(11, "ci-hosted"), (22, "internal-only"), (24, "job 7")] {
        identity.claims.insert(extension, value.to_owned());
    }
    let world = World::new().signed_by(&identity);
    for (source, expected) in [
        ("{runner: ci-hosted, visibility: internal-only}", "pass"),
        ("{runner: ci-host}", "source-mismatch"),
        ("{visibility: internal}", "source-mismatch"),
    ] {
        let signer = keyless("s", "{uri: https://ci.example/acme/app/release}", source)
            .replace(GITHUB_ISSUER, "https://ci.example");
        assert_eq!(world.code(&set(&[signer], SIGNATURE)), expected, "{source}");
    }
}
