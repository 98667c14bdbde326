//! Ways to cheat. Each is evidence that verifies, or that belongs to something else, and must not count.

use countersign_core::{
    Content, Evidence, Limits, Outcome, PinnedImage, ReasonCode, Resolution, Verdict, decide,
    examine,
};
use countersign_testkit::forge::{COSIGN_SIGN, Identity};

use crate::world::{
    NOW, SBOM, TEST, World, attestation, ci, keyless, only_rule, request, set, workflow,
};

#[test]
fn an_attestation_is_not_a_signature() {
    // cosign CVE-2022-35929, policy-controller CVE-2022-35930.
    let world =
        World::new().bundle(|forge, digest| attestation(forge, digest, SBOM).rekor_v1().bundle());
    let outcome = world.rule(&set(&[ci()], "signature: {from: ci}"));
    assert_eq!(outcome.code, Some(ReasonCode::NoSignature));
    let nearest = outcome.nearest.unwrap();
    assert_eq!(
        (nearest.code, nearest.found.as_str()),
        (ReasonCode::PredicateTypeMismatch, SBOM)
    );
}

#[test]
fn an_attestation_of_another_type_is_not_the_wanted_one() {
    // cosign CVE-2026-39395.
    let world =
        World::new().bundle(|forge, digest| attestation(forge, digest, SBOM).rekor_v1().bundle());
    let rule = |predicate_type: &str| {
        set(
            &[ci()],
            &format!("statement: {{from: ci, predicateType: {predicate_type}}}"),
        )
    };
    assert_eq!(world.code(&rule(SBOM)), "pass");
    assert_eq!(world.code(&rule(TEST)), "no-statement");
    assert_eq!(world.code(&rule(&format!("{SBOM}/v1.6"))), "no-statement");
}

#[test]
fn an_envelope_at_the_attestation_tag_never_signs() {
    let world = World::new();
    let (envelope, annotations) = attestation(&world.forge, &world.digest(), COSIGN_SIGN)
        .rekor_v1()
        .att();
    let world = world.attach(Content::Attestation {
        envelope: envelope.into(),
        annotations,
    });
    assert_eq!(
        world.code(&set(&[ci()], "signature: {from: ci}")),
        "no-signature"
    );
}

#[test]
fn conditions_are_never_met_by_two_pieces_together() {
    // One signature has the right workflow, another the right repository.
    let mut right_workflow = Identity::default();
    right_workflow.claims.insert(5, "evil/app".to_owned());
    right_workflow
        .claims
        .insert(12, "https://github.com/evil/app".to_owned());
    let right_repository = Identity::github_workflow("acme/app", "test.yml", "refs/heads/main");
    let world = World::new()
        .signed_by(&right_workflow)
        .signed_by(&right_repository);
    let outcome = world.rule(&set(&[ci()], "signature: {from: ci}"));
    assert_eq!(outcome.code, Some(ReasonCode::SourceMismatch));
    let nearest = outcome.nearest.unwrap();
    assert_eq!(nearest.found, "repository https://github.com/evil/app");
}

#[test]
fn a_reusable_workflow_called_by_a_stranger_does_not_count() {
    let mut identity = Identity::default();
    for (claim, value) in [(5, "evil/app"), (12, "https://github.com/evil/app")] {
        identity.claims.insert(claim, value.to_owned());
    }
    let world = World::new().signed_by(&identity);
    assert_eq!(
        world.code(&set(&[ci()], "signature: {from: ci}")),
        "source-mismatch"
    );
    let open = keyless(
        "ci",
        &workflow("acme/app", "main"),
        "{runner: github-hosted}",
    )
    .replace("    source:", "    anyCaller: unsafe\n    source:");
    assert_eq!(world.code(&set(&[open], "signature: {from: ci}")), "pass");
}

#[test]
fn a_signature_of_another_image_does_not_count() {
    let other = countersign_testkit::sha256_digest(b"another image");
    let world = World::new().bundle(|forge, _| {
        forge
            .image_signature(&other)
            .keyless(Identity::default())
            .rekor_v1()
            .bundle()
    });
    let outcome = world.rule(&set(&[ci()], "signature: {from: ci}"));
    assert_eq!(outcome.code, Some(ReasonCode::DigestMismatch));
    assert_eq!(outcome.outcome, Outcome::Fail);
}

#[test]
fn findings_of_another_image_do_not_count() {
    let world = World::new().signed_by(&Identity::default());
    let policies = world.policies(&set(&[ci()], "signature: {from: ci}"));
    let evidence = Evidence {
        items: world.items.clone(),
        gaps: Vec::new(),
        stale: Vec::new(),
    };
    let findings = examine(
        &world.image,
        &evidence,
        policies.trust(),
        &Limits::default(),
    );
    let bytes = [world.image.bytes(), b" "].concat();
    let other = PinnedImage::from_bytes(bytes, None, None, &Limits::default()).unwrap();
    let resolution = Resolution::Examined {
        image: &other,
        findings: &findings,
        children: &[],
    };
    let decision = decide(&policies, &request("ghcr.io/acme/app"), resolution, NOW);
    assert_eq!(only_rule(&decision).code, Some(ReasonCode::DigestMismatch));
}

#[test]
fn an_image_other_than_the_written_one_does_not_count() {
    let world = World::new().signed_by(&Identity::default());
    let rules = ["signature: {from: ci}", "digest: required"];
    let written = format!(
        "ghcr.io/acme/app@{}",
        countersign_testkit::sha256_digest(b"another image")
    );
    for rule in rules {
        let decision = world.decide_at(&set(&[ci()], rule), &written, NOW);
        assert_eq!(
            only_rule(&decision).code,
            Some(ReasonCode::DigestMismatch),
            "{rule}"
        );
        assert_eq!(decision.effect(), Verdict::Deny);
    }
}

#[test]
fn the_nearest_candidate_is_the_most_specific_one() {
    // Refused evidence, another root's issuer, and the right issuer with the wrong subject: the last came farthest.
    let stranger = Identity::email("mallory@evil.example", "https://accounts.google.com");
    let near = Identity::github_workflow("acme/app", "test.yml", "refs/heads/main");
    let world = World::new()
        .signed_by(&stranger)
        .signed_by(&near)
        .bundle(|forge, digest| {
            forge
                .image_signature(digest)
                .keyless(Identity::default())
                .rekor_v1()
                .with_signature(|bytes| bytes[8] ^= 1)
                .bundle()
        });
    let outcome = world.rule(&set(&[ci()], "signature: {from: ci}"));
    assert_eq!(outcome.code, Some(ReasonCode::SubjectMismatch));
    assert_eq!(
        outcome.nearest.unwrap().found,
        "https://github.com/acme/app/.github/workflows/test.yml@refs/heads/main"
    );
}
