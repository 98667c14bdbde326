//! Advisories of other verifiers about what a policy says, each as a test named for it.

use countersign_core::{Content, Outcome, ReasonCode, UnixTime};
use countersign_testkit::forge::{Algorithm, COSIGN_SIGN, Identity, Key};

use crate::world::{
    BARE, SBOM, SIGNED, TEST, World, attestation, ci, keyed, keyless, set, workflow,
};

const SIGNATURE: &str = "signature: {from: ci}";

/// cosign: any attestation satisfied `--type`.
#[test]
fn cve_2022_35929_an_attestation_of_another_type_is_not_the_wanted_one() {
    let vulnerabilities = "https://cosign.sigstore.dev/attestation/vuln/v1";
    let world = World::new().bundle(|forge, digest| {
        attestation(forge, digest, vulnerabilities)
            .rekor_v1()
            .bundle()
    });
    let wants = |kind: &str| {
        set(
            &[ci()],
            &format!("statement: {{from: ci, predicateType: {kind}}}"),
        )
    };
    assert_eq!(world.code(&wants(vulnerabilities)), "pass");
    assert_eq!(
        world.code(&wants("https://spdx.dev/Document")),
        "no-statement"
    );
}

/// policy-controller: any attestation counted as a signature.
#[test]
fn cve_2022_35930_an_attestation_is_not_a_signature() {
    let world = World::new();
    let (envelope, annotations) = attestation(&world.forge, &world.digest(), COSIGN_SIGN)
        .rekor_v1()
        .att();
    let world = world
        .attach(Content::Attestation {
            envelope: envelope.into(),
            annotations,
        })
        .bundle(|forge, digest| attestation(forge, digest, SBOM).rekor_v1().bundle());
    assert_eq!(world.code(&set(&[ci()], SIGNATURE)), "no-signature");
}

/// cosign: the predicate type was not compared.
#[test]
fn cve_2026_39395_the_predicate_type_is_compared_whole() {
    let world =
        World::new().bundle(|forge, digest| attestation(forge, digest, SBOM).rekor_v1().bundle());
    for other in [TEST.to_owned(), format!("{SBOM}/v1.6"), format!("{SBOM}x")] {
        let rule = format!("statement: {{from: ci, predicateType: {other}}}");
        assert_eq!(world.code(&set(&[ci()], &rule)), "no-statement", "{other}");
    }
}

/// sigstore-go: a key was trusted beyond its window.
#[test]
fn cve_2026_54787_a_key_counts_within_its_window_only() {
    let key = Key::generate(Algorithm::P256);
    let world = World::new().bundle(|forge, digest| {
        forge
            .image_signature(digest)
            .keyed(&key)
            .timestamp()
            .bundle()
    });
    let at = |seconds: i64| UnixTime::from_seconds(SIGNED + seconds);
    for (until, passes) in [(3600, true), (-3600, false)] {
        let window = format!(
            "      validFrom: {}\n      validUntil: {}\n",
            at(-7200),
            at(until)
        );
        let signer = keyed(
            "ci",
            &key.public_pem(),
            &window,
            "  trust: private\n  log: off\n  time: timestamp\n",
        );
        let outcome = world.rule(&set(&[signer], SIGNATURE));
        assert_eq!(
            outcome.outcome == Outcome::Pass,
            passes,
            "{until}: {outcome:?}"
        );
    }
}

/// sigstore-js: an identity was an expression without anchors.
#[test]
fn sigstore_js_1656_an_expression_fits_the_whole_identity() {
    let identity = Identity::github_workflow("org/repo-evil", "release.yml", "refs/heads/main");
    let world = World::new().signed_by(&identity);
    for regex in [
        r"https://github\\.com/org/repo",
        r"org/repo",
        r"https://github\\.com/org/repo/.*",
    ] {
        let signer = keyless(
            "ci",
            &format!("{{regex: \"{regex}\"}}"),
            "{repository: org/repo-evil}",
        );
        assert_eq!(
            world.code(&set(&[signer], SIGNATURE)),
            "subject-mismatch",
            "{regex}"
        );
    }
}

/// fulcio: an issuer was matched by an expression without anchors. Ours is compared whole.
#[test]
fn cve_2026_22772_an_issuer_is_compared_whole() {
    for issuer in [
        "https://token.actions.githubusercontent.com.evil.example",
        "https://evil.example/https://token.actions.githubusercontent.com",
        "https://token.actions.githubusercontent.com/",
    ] {
        let identity = Identity {
            issuer: issuer.to_owned(),
            ..Identity::default()
        };
        let world = World::new().signed_by(&identity);
        assert_eq!(
            world.code(&set(&[ci()], SIGNATURE)),
            "issuer-mismatch",
            "{issuer}"
        );
    }
}

/// tough: one key under two names counted twice; connaisseur#2150 likewise.
#[test]
fn rustsec_2020_0024_one_key_counts_once() {
    let key = Key::generate(Algorithm::P256);
    let other = Key::generate(Algorithm::P256);
    let sign = |forge: &countersign_testkit::forge::Forge, digest: &str| {
        forge.image_signature(digest).keyed(&key).bundle()
    };
    let world = World::new().bundle(sign).bundle(sign);
    let signers = [
        keyed("a", &key.public_pem(), "", BARE),
        keyed("b", &other.public_pem(), "", BARE),
    ];
    let text = set(&signers, "signature: {from: {all: [a, b]}}");
    let outcome = world.rule(&text);
    assert_eq!(outcome.code, Some(ReasonCode::ThresholdNotMet));
}

/// in-toto-golang, also GHSA-pmwq-pjrm-6p5r: patterns that cross path elements, and negations.
#[test]
fn cve_2021_41087_a_star_stays_within_one_element() {
    let world = World::new().signed_by(&Identity::github_workflow(
        "acme/app",
        "release.yml",
        "refs/heads/feature/evil",
    ));
    let signer = |branch: &str| {
        keyless(
            "ci",
            &workflow("acme/app", branch),
            "{repository: acme/app}",
        )
    };
    assert_eq!(
        world.code(&set(&[signer("*")], SIGNATURE)),
        "subject-mismatch"
    );
    assert_eq!(world.code(&set(&[signer("**")], SIGNATURE)), "pass");
}
