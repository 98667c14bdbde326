//! sigstore-rust's own verifier accepts what the Forge makes. How it judges what is wrong is compared with our own verdict
//! by `crates/core/tests/oracle.rs`.
#![allow(clippy::unwrap_used)]

use countersign_testkit::forge::{
    Algorithm, Forge, Forgery, GITHUB_ISSUER, Identity, Key, trusted_root_of,
};
use countersign_testkit::sha256_digest;
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Bundle, DerPublicKey};
use sigstore_verify::{Policy, PublicKeyVerificationPolicy, VerificationPolicy};

const NOW: i64 = 1_790_000_000;
const MANIFEST: &[u8] = b"manifest";

fn verified(forge: &Forge, bundle: &[u8], policy: &dyn Policy) -> Result<(), String> {
    let root =
        TrustedRoot::from_json(&forge.trusted_root()).map_err(|error| format!("root: {error}"))?;
    let text = std::str::from_utf8(bundle).unwrap();
    let bundle = Bundle::from_json(text).map_err(|error| format!("bundle: {error}"))?;
    sigstore_verify::verify(MANIFEST, &bundle, policy, &root)
        .map(drop)
        .map_err(|error| format!("{error:?}\n{text}"))
}

fn workflow() -> VerificationPolicy {
    VerificationPolicy::new(
        "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main",
        GITHUB_ISSUER,
    )
}

fn public_key(key: &Key) -> PublicKeyVerificationPolicy {
    PublicKeyVerificationPolicy::new(DerPublicKey::from_bytes(&key.public_der()))
}

fn image(forge: &Forge) -> Forgery<'_> {
    forge
        .image_signature(&sha256_digest(MANIFEST))
        .keyless(Identity::default())
}

#[test]
fn keyless_bundles_are_accepted() {
    let forge = Forge::new(NOW);
    let cases = [
        ("v1", image(&forge).rekor_v1()),
        ("v1 with timestamp", image(&forge).rekor_v1().timestamp()),
        ("v1 intoto", image(&forge).rekor_v1_as("intoto", "0.0.2")),
        ("v2", image(&forge).rekor_v2().timestamp()),
        ("blob v1", forge.blob(MANIFEST).rekor_v1()),
        ("blob v2", forge.blob(MANIFEST).rekor_v2().timestamp()),
        ("bundle 0.1", forge.blob(MANIFEST).version("0.1").rekor_v1()),
        ("bundle 0.2", forge.blob(MANIFEST).version("0.2").rekor_v1()),
    ];
    for (name, forgery) in cases {
        assert_eq!(
            verified(&forge, &forgery.bundle(), &workflow()),
            Ok(()),
            "{name}"
        );
    }
}

#[test]
fn keyed_bundles_are_accepted() {
    let forge = Forge::new(NOW);
    let key = Key::generate(Algorithm::P256);
    for (name, forgery) in [
        ("v1", forge.blob(MANIFEST).keyed(&key).rekor_v1()),
        (
            "v2",
            forge.blob(MANIFEST).keyed(&key).rekor_v2().timestamp(),
        ),
    ] {
        let bundle = forgery.bundle();
        assert_eq!(
            verified(&forge, &bundle, &public_key(&key)),
            Ok(()),
            "{name}"
        );
        let other = Key::generate(Algorithm::P256);
        assert!(
            verified(&forge, &bundle, &public_key(&other)).is_err(),
            "{name}"
        );
    }
}

#[test]
fn keys_of_every_kind_the_oracle_knows_are_accepted() {
    let forge = Forge::new(NOW);
    for algorithm in [
        Algorithm::P256,
        Algorithm::P384,
        Algorithm::Rsa(2048),
        Algorithm::Ed25519,
    ] {
        let key = Key::generate(algorithm);
        let bundle = image(&forge).keyed(&key).rekor_v1().timestamp().bundle();
        assert_eq!(
            verified(&forge, &bundle, &public_key(&key)),
            Ok(()),
            "{algorithm:?}"
        );
        let bundle = image(&forge)
            .keyless_with(Identity::default(), &key)
            .rekor_v1()
            .bundle();
        assert_eq!(
            verified(&forge, &bundle, &workflow()),
            Ok(()),
            "{algorithm:?} certified"
        );
    }
}

#[test]
fn identities_are_written_as_fulcio_does() {
    let forge = Forge::new(NOW);
    let email = Identity::email("dev@example.com", "https://accounts.example.com");
    let policy = VerificationPolicy::new("dev@example.com", "https://accounts.example.com");
    let bundle = forge.blob(MANIFEST).keyless(email).rekor_v1().bundle();
    assert_eq!(verified(&forge, &bundle, &policy), Ok(()));
    assert!(verified(&forge, &bundle, &workflow()).is_err());
}

#[test]
fn other_shapes_of_an_instance_work() {
    let forges = [
        Forge::builder(NOW).without_intermediate().build(),
        Forge::builder(NOW).tsa_intermediate().build(),
        Forge::builder(NOW)
            .ca_algorithm(Algorithm::P256)
            .tsa_algorithm(Algorithm::P256)
            .build(),
    ];
    for forge in &forges {
        let bundle = image(forge).rekor_v2().timestamp().bundle();
        assert_eq!(verified(forge, &bundle, &workflow()), Ok(()));
    }
    let both = trusted_root_of(&[&forges[0], &forges[1]]);
    assert_eq!(both["tlogs"].as_array().unwrap().len(), 4);
}
