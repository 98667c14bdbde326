//! sigstore-rust's own verifier accepts what the Forge makes, and refuses it with one thing wrong.
#![allow(clippy::unwrap_used)]

use countersign_testkit::faults::{self, Forged, Outcome};
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

/// Sound, and refused by the oracle: what it lacks.
const SOUND_BUT_REFUSED: &[(&str, &[&str])] = &[
    (
        "wants a log entry of every bundle",
        &["keyed-alone", "keyed-timestamp-alone"],
    ),
    ("knows no P-521", &["leaf-p521"]),
    (
        "knows no RSA timestamps, and one hash per curve in them",
        &["tsa-rsa", "timestamp-sha512"],
    ),
    (
        "knows no name constraints on e-mail addresses",
        &["name-constraint-kept"],
    ),
    (
        "wants exactly one SCT",
        &["two-scts-of-one-log", "sct-of-unknown-log-beside-a-known"],
    ),
];

/// Wrong, and accepted by the oracle: what it does not look at. (It also shows that nothing else is wrong with these.)
const REFUSED_BUT_ACCEPTED: &[(&str, &[&str])] = &[
    (
        "has no such limits",
        &[
            "33-entries",
            "33-timestamps",
            "1025-subjects",
            "17-checkpoint-signatures",
            "checkpoint-of-20-kib",
        ],
    ),
    (
        "reads JSON leniently",
        &[
            "double-body-kind",
            "both-contents",
            "unknown-field",
            "unknown-entry-field",
            "media-type-missing",
            "hashedrekord-002-key-and-certificate",
            "statement-type-unknown",
            "root-log-without-window",
            "root-of-another-type",
            "root-of-a-future-version",
        ],
    ),
    (
        "does not bind a checkpoint to the log that the entry names",
        &[
            "log-id-of-another-known-log",
            "log-id-short",
            "checkpoint-of-another-known-log",
            "checkpoint-name-wrong",
            "checkpoint-origin-wrong",
            "checkpoint-origin-wrong-v1",
            "proof-size-wrong",
        ],
    ),
    (
        "reads only what it needs of a timestamp",
        &[
            "timestamp-two-signers",
            "timestamp-without-content-type-attribute",
            "timestamp-with-other-content-type-attribute",
            "timestamp-names-another-certificate",
            "authority-purpose-not-critical",
            "authority-with-two-purposes",
        ],
    ),
    (
        "takes every certificate of a trusted chain for an anchor",
        &[
            "authority-root-expired",
            "chain-with-root",
            "intermediate-expired",
            "intermediate-expires-before-the-proven-time",
            "intermediate-not-yet-valid",
            "root-expired",
            "root-not-yet-valid",
            "intermediate-is-no-ca",
            "intermediate-without-constraints",
            "intermediate-must-not-sign",
            "root-path-length-zero",
            "intermediate-for-other-purposes",
            "intermediate-with-unknown-critical-extension",
        ],
    ),
    (
        "does not look at the leaf's key usage",
        &[
            "leaf-without-key-usage",
            "leaf-key-usage-signs-certificates",
            "leaf-key-usage-encrypts",
        ],
    ),
    (
        "looks at the identity only where a policy names one",
        &[
            "no-name",
            "no-names-in-extension",
            "two-names",
            "name-empty",
            "name-with-nul",
            "no-issuer",
            "issuer-twice",
            "old-issuer-twice",
            "claim-twice",
            "claim-malformed",
        ],
    ),
    (
        "compares digests of subjects otherwise",
        &[
            "subject-by-sha512-alone",
            "subject-in-capitals",
            "sha512-beside-disagrees",
        ],
    ),
];

#[test]
fn the_catalogue_is_judged_alike() {
    let mut wrong = Vec::new();
    for case in faults::all() {
        let forged = case.forge();
        let faults::Evidence::Bundle(bundle) = &forged.evidence else {
            continue;
        };
        let outcome = judged(&forged, bundle);
        let expected = match case.outcome {
            Outcome::Sound => !listed(SOUND_BUT_REFUSED, case.name),
            Outcome::Refused | Outcome::Root => listed(REFUSED_BUT_ACCEPTED, case.name),
            Outcome::Policy => continue,
        };
        if outcome.is_ok() != expected {
            wrong.push(format!(
                "{case:?}: {:?} {:.200}",
                case.outcome,
                format!("{outcome:?}")
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn listed(list: &[(&str, &[&str])], name: &str) -> bool {
    list.iter().any(|(_why, names)| names.contains(&name))
}

/// Keyed or keyless as the bundle is, any identity.
fn judged(forged: &Forged, bundle: &[u8]) -> Result<(), String> {
    let root =
        TrustedRoot::from_json(&forged.trusted_root).map_err(|error| format!("root: {error}"))?;
    let text = std::str::from_utf8(bundle).unwrap();
    let bundle = Bundle::from_json(text).map_err(|error| format!("bundle: {error}"))?;
    let key = DerPublicKey::from_pem(&forged.key_pem).unwrap();
    let keyed = PublicKeyVerificationPolicy::new(key);
    let keyless = VerificationPolicy::any_identity();
    let policy: &dyn Policy = if text.contains("\"publicKey\":{\"hint\"") {
        &keyed
    } else {
        &keyless
    };
    sigstore_verify::verify(faults::MANIFEST, &bundle, policy, &root)
        .map(drop)
        .map_err(|error| format!("{error:?}"))
}
