//! Parts of one valid bundle in another.

use std::sync::OnceLock;

use serde_json::json;

use super::document::Document;
use super::json::{Json, Path};
use super::seeds::{forge, key, keyless};
use super::{Mutant, Mutation, Seed, Touches, touches};
use crate::faults::{Evidence, MANIFEST, NOW, image};
use crate::forge::{Forge, Identity, trusted_root_of};

/// Valid bundles to swap parts between: of two artifacts, two identities, two keys, two instances, and of every version. All
/// are to be verified by one trusted root that holds both instances.
#[must_use]
pub fn swap_seeds() -> Vec<Seed> {
    const OTHER: &[u8] = b"another artifact";
    let (ours, theirs) = (forge(), theirs());
    let other = crate::sha256_digest(OTHER);
    let dev = || Identity::email("dev@example.com", "https://accounts.example.com");
    let spdx = "https://spdx.dev/Document";
    let all = [
        (
            "v1",
            keyless(ours).rekor_v1().timestamp().bundle(),
            MANIFEST,
        ),
        (
            "again",
            keyless(ours).rekor_v1().timestamp().bundle(),
            MANIFEST,
        ),
        (
            "other-artifact",
            ours.image_signature(&other).rekor_v1().timestamp().bundle(),
            OTHER,
        ),
        (
            "other-predicate",
            ours.attestation(&image(), spdx, json!({}))
                .rekor_v1()
                .timestamp()
                .bundle(),
            MANIFEST,
        ),
        (
            "other-identity",
            keyless(ours).keyless(dev()).rekor_v1().timestamp().bundle(),
            MANIFEST,
        ),
        (
            "other-instance",
            keyless(theirs).rekor_v1().timestamp().bundle(),
            MANIFEST,
        ),
        (
            "v2",
            keyless(ours).rekor_v2().timestamp().bundle(),
            MANIFEST,
        ),
        (
            "v2-other-instance",
            keyless(theirs).rekor_v2().timestamp().bundle(),
            MANIFEST,
        ),
        (
            "keyed",
            ours.image_signature(&image())
                .keyed(key())
                .rekor_v1()
                .timestamp()
                .bundle(),
            MANIFEST,
        ),
        (
            "keyed-v2",
            ours.image_signature(&image())
                .keyed(key())
                .rekor_v2()
                .timestamp()
                .bundle(),
            MANIFEST,
        ),
        (
            "blob",
            ours.blob(MANIFEST).rekor_v1().timestamp().bundle(),
            MANIFEST,
        ),
        (
            "blob-other-artifact",
            ours.blob(OTHER).rekor_v1().timestamp().bundle(),
            OTHER,
        ),
        (
            "bundle-01",
            keyless(ours).version("0.1").rekor_v1().bundle(),
            MANIFEST,
        ),
        (
            "bundle-02",
            keyless(ours).version("0.2").rekor_v1().bundle(),
            MANIFEST,
        ),
    ];
    let trusted_root = trusted_root_of(&[ours, theirs]).to_string();
    all.into_iter()
        .map(|(name, bundle, artifact)| Seed {
            name: name.to_owned(),
            evidence: Evidence::Bundle(bundle),
            artifact: artifact.to_vec(),
            trusted_root: trusted_root.clone(),
            key_pem: Some(key().public_pem()),
            deep: false,
        })
        .collect()
}

/// An instance with the same names and other keys.
fn theirs() -> &'static Forge {
    static FORGE: OnceLock<Forge> = OnceLock::new();
    FORGE.get_or_init(|| Forge::new(NOW))
}

/// A mutation that is about the artifact of one of the seeds.
#[derive(Debug)]
pub struct Swap<'s> {
    /// The bundle that gets a part of another; its artifact is the one to verify.
    pub into: &'s Seed,
    /// The change.
    pub mutation: Mutation<'s>,
}

/// What is swapped: each part alone, and parts that belong together.
const PARTS: [(&str, &[&str]); 30] = [
    ("media-type", &["mediaType"]),
    ("content", &[CONTENT]),
    ("payload", &["dsseEnvelope.payload"]),
    ("payload-type", &["dsseEnvelope.payloadType"]),
    ("signature", &[SIGNATURE]),
    ("message-digest", &["messageSignature.messageDigest"]),
    ("material", &["verificationMaterial"]),
    ("signer", &[SIGNER]),
    ("entries", &[ENTRIES]),
    ("timestamps", &[TIMESTAMPS]),
    ("log-index", &[INDEX]),
    ("log-id", &[LOG]),
    ("kind", &[KIND]),
    ("integrated-time", &[TIME]),
    ("promise", &[PROMISE]),
    ("proof", &[PROOF]),
    (
        "proof-hashes",
        &["verificationMaterial.tlogEntries[0].inclusionProof.hashes"],
    ),
    (
        "proof-root",
        &["verificationMaterial.tlogEntries[0].inclusionProof.rootHash"],
    ),
    (
        "checkpoint",
        &["verificationMaterial.tlogEntries[0].inclusionProof.checkpoint"],
    ),
    ("body", &[BODY]),
    ("signer-and-signature", &[SIGNER, SIGNATURE]),
    (
        "signature-and-payload",
        &[SIGNATURE, "dsseEnvelope.payload"],
    ),
    ("signature-and-entries", &[SIGNATURE, ENTRIES]),
    ("signature-and-timestamps", &[SIGNATURE, TIMESTAMPS]),
    ("signer-and-entries", &[SIGNER, ENTRIES]),
    (
        "all-but-the-payload",
        &[SIGNATURE, SIGNER, ENTRIES, TIMESTAMPS],
    ),
    ("all-but-the-timestamps", &[CONTENT, SIGNER, ENTRIES]),
    (
        "promise-with-all-it-signs",
        &[PROMISE, TIME, INDEX, LOG, BODY],
    ),
    ("proof-with-its-body", &[PROOF, BODY, LOG, KIND]),
    ("entries-and-timestamps", &[ENTRIES, TIMESTAMPS]),
];

/// Stands for the envelope or the message signature, whichever a bundle has.
const CONTENT: &str = "content";
const SIGNATURE: &str = "signature";
/// Stands for certificate, chain or key.
const SIGNER: &str = "signer";
const ENTRIES: &str = "verificationMaterial.tlogEntries";
const TIMESTAMPS: &str = "verificationMaterial.timestampVerificationData";
const INDEX: &str = "verificationMaterial.tlogEntries[0].logIndex";
const LOG: &str = "verificationMaterial.tlogEntries[0].logId";
const KIND: &str = "verificationMaterial.tlogEntries[0].kindVersion";
const TIME: &str = "verificationMaterial.tlogEntries[0].integratedTime";
const PROMISE: &str = "verificationMaterial.tlogEntries[0].inclusionPromise";
const PROOF: &str = "verificationMaterial.tlogEntries[0].inclusionProof";
const BODY: &str = "verificationMaterial.tlogEntries[0].canonicalizedBody";

/// Each part of each seed in each other seed, where both have it.
///
/// # Panics
/// When a seed is no bundle.
#[must_use]
pub fn swaps(seeds: &[Seed]) -> Vec<Swap<'_>> {
    let mut swaps = Vec::new();
    for into in seeds {
        for from in seeds.iter().filter(|from| from.name != into.name) {
            for (what, parts) in PARTS {
                swaps.push(Swap {
                    into,
                    mutation: swap(into, from, what, parts),
                });
            }
        }
    }
    swaps
}

fn swap<'s>(
    into: &'s Seed,
    from: &'s Seed,
    what: &str,
    parts: &'static [&'static str],
) -> Mutation<'s> {
    let make = move || {
        let before = Document::of(&into.evidence).expect("a seed is evidence");
        let other = Document::of(&from.evidence).expect("a seed is evidence");
        let mut after = before.clone();
        for part in parts {
            put(&mut after.json, &other.json, part)?;
        }
        // Not a mixture any more if nothing signed is left of one of the two.
        let is_other = touches::between(&other, &after) == Touches::Unsigned;
        let touches = match is_other && into.artifact == from.artifact {
            true => Touches::Unsigned,
            false if is_other => Touches::Signed,
            false => touches::between(&before, &after),
        };
        (after != before)
            .then(|| after.evidence())
            .flatten()
            .map(|evidence| Mutant { evidence, touches })
    };
    Mutation {
        name: format!("{}-with-{}/swap/{what}", into.name, from.name),
        make: Box::new(make),
    }
}

/// Puts the other's part in the place of ours; `None` where one of both has none.
fn put(ours: &mut Json, other: &Json, part: &str) -> Option<()> {
    let from = place(other, part)?;
    let value = other.at(&from)?.clone();
    let to = place(ours, part)?;
    if from == to || part == SIGNATURE {
        *ours.at_mut(&to)? = value;
        return Some(());
    }
    // Another member of a oneof takes the place of ours.
    let (parent, _) = to.split()?;
    let Json::Object(members) = ours.at_mut(&parent)? else {
        return None;
    };
    let (old, new) = (to.name(), from.name());
    let member = members.iter_mut().find(|(name, _)| name == old)?;
    *member = (new.to_owned(), value);
    Some(())
}

fn place(bundle: &Json, part: &str) -> Option<Path> {
    let candidates: &[&str] = match part {
        CONTENT => &["dsseEnvelope", "messageSignature"],
        SIGNATURE => &[
            "dsseEnvelope.signatures[0].sig",
            "messageSignature.signature",
        ],
        SIGNER => &[
            "verificationMaterial.certificate",
            "verificationMaterial.x509CertificateChain",
            "verificationMaterial.publicKey",
        ],
        other => return Some(Path::of(other)).filter(|path| bundle.at(path).is_some()),
    };
    candidates
        .iter()
        .map(|candidate| Path::of(candidate))
        .find(|path| bundle.at(path).is_some())
}
