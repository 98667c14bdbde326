//! Valid evidence of every kind that the Forge makes.

use std::sync::OnceLock;

use serde_json::json;

use super::Seed;
use crate::faults::{Evidence, MANIFEST, NOW, image};
use crate::forge::{Algorithm, Forge, Forgery, Identity, Key};

type Recipe = (&'static str, for<'f> fn(&'f Forge) -> Forgery<'f>);

const BUNDLES: [Recipe; 16] = [
    ("v1", |forge| keyless(forge).rekor_v1()),
    ("v1-stamped", |forge| keyless(forge).rekor_v1().timestamp()),
    ("v2", |forge| keyless(forge).rekor_v2().timestamp()),
    ("v1-and-v2", |forge| {
        keyless(forge).rekor_v1().rekor_v2().timestamp()
    }),
    ("intoto", |forge| {
        keyless(forge).rekor_v1_as("intoto", "0.0.2")
    }),
    ("blob", |forge| forge.blob(MANIFEST).rekor_v1()),
    ("blob-v2", |forge| {
        forge.blob(MANIFEST).rekor_v2().timestamp()
    }),
    ("keyed", |forge| keyed(forge)),
    ("keyed-v1", |forge| keyed(forge).rekor_v1()),
    ("keyed-v2", |forge| keyed(forge).rekor_v2().timestamp()),
    ("keyed-blob", |forge| {
        forge.blob(MANIFEST).keyed(key()).rekor_v1().timestamp()
    }),
    ("bundle-01", |forge| {
        keyless(forge).version("0.1").rekor_v1()
    }),
    ("bundle-02", |forge| {
        keyless(forge).version("0.2").rekor_v1()
    }),
    ("leaf-p384", |forge| by(forge, Algorithm::P384)),
    ("leaf-rsa", |forge| by(forge, Algorithm::Rsa(2048))),
    ("leaf-ed25519", |forge| by(forge, Algorithm::Ed25519)),
];

const SIGS: [Recipe; 3] = [
    ("sig-keyed", |forge| {
        forge.simple_signing(&image()).keyed(key())
    }),
    ("sig", |forge| forge.simple_signing(&image()).rekor_v1()),
    ("sig-stamped", |forge| {
        forge.simple_signing(&image()).rekor_v1().timestamp()
    }),
];

const ATTS: [Recipe; 4] = [
    ("att-keyed", |forge| attested(forge).keyed(key())),
    ("att", |forge| attested(forge).rekor_v1()),
    ("att-intoto-001", |forge| {
        attested(forge).rekor_v1_as("intoto", "0.0.1").timestamp()
    }),
    ("att-intoto-002", |forge| {
        attested(forge).rekor_v1_as("intoto", "0.0.2")
    }),
];

/// Whose DER is changed element by element: one certificate and one timestamp are enough.
const DEEP: [&str; 1] = ["v1-stamped"];

/// Bundles and layers, keyed and keyless, of every version, log and key.
#[must_use]
pub fn seeds() -> Vec<Seed> {
    let bundles = BUNDLES.map(|(name, make)| made(name, Evidence::Bundle(make(forge()).bundle())));
    let sigs = SIGS.map(|(name, make)| {
        let (payload, annotations) = make(forge()).sig();
        made(name, Evidence::Sig(payload, annotations))
    });
    let atts = ATTS.map(|(name, make)| {
        let (envelope, annotations) = make(forge()).att();
        made(name, Evidence::Att(envelope, annotations))
    });
    bundles.into_iter().chain(sigs).chain(atts).collect()
}

/// One of the [`seeds`].
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn seed(name: &str) -> Seed {
    let mut all = seeds().into_iter();
    all.find(|seed| seed.name == name)
        .expect("a seed of that name")
}

fn made(name: &str, evidence: Evidence) -> Seed {
    Seed {
        name: name.to_owned(),
        evidence,
        artifact: MANIFEST.to_vec(),
        trusted_root: forge().trusted_root(),
        key_pem: Some(key().public_pem()),
        deep: DEEP.contains(&name),
    }
}

/// The instance of all seeds.
pub(super) fn forge() -> &'static Forge {
    static FORGE: OnceLock<Forge> = OnceLock::new();
    FORGE.get_or_init(|| Forge::new(NOW))
}

pub(super) fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::generate(Algorithm::P256))
}

pub(super) fn keyless(forge: &Forge) -> Forgery<'_> {
    forge.image_signature(&image()).keyless(Identity::default())
}

fn keyed(forge: &Forge) -> Forgery<'_> {
    forge.image_signature(&image()).keyed(key())
}

fn by(forge: &Forge, algorithm: Algorithm) -> Forgery<'_> {
    forge
        .image_signature(&image())
        .keyless_with(Identity::default(), &Key::generate(algorithm))
        .rekor_v1()
}

fn attested(forge: &Forge) -> Forgery<'_> {
    forge.attestation(
        &image(),
        "https://slsa.dev/provenance/v1",
        json!({"buildDefinition": {}}),
    )
}
