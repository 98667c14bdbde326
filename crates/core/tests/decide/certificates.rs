//! The rule `provenance` beside the signer's certificate: what either of them says, and who ran the build.

use countersign_testkit::forge::Identity;
use serde_json::{Value, json};

use crate::provenance::{CI, COMMIT, OTHER, V1, V02, attested, ci, code, github, judged, with};
use crate::world::{keyless, workflow};

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
