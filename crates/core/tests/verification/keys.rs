//! Steps 15 and 16: the signature itself, by certificate or by managed key.

use countersign_core::ReasonCode::{
    ArtifactNeeded, KeyUnknown, LogEntryMismatch, SignatureInvalid,
};
use countersign_core::{
    Blob, Content, Digest, KeyError, Limits, PublicKey, SignedBy, Trust, examine_blob,
};
use countersign_testkit::forge::{Algorithm, Hash, Identity, Key};

use crate::{accept, digest, examine_with, proof, public, refusal, sig, world};

const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::P256,
    Algorithm::P384,
    Algorithm::P521,
    Algorithm::Ed25519,
    Algorithm::Ed25519ph,
    Algorithm::Rsa(2048),
    Algorithm::RsaPss(2048),
];

#[test]
fn s15_every_kind_of_key_as_certificate_and_as_managed_key() {
    let world = world();
    for algorithm in ALGORITHMS {
        let key = Key::generate(algorithm);
        let bundle = world
            .forge
            .image_signature(&digest())
            .keyless_with(Identity::default(), &key)
            .rekor_v1()
            .bundle();
        world.accepts(bundle);
        let trust = Trust::new(Vec::new(), vec![public(&key)]).unwrap();
        let bundle = world.forge.image_signature(&digest()).keyed(&key).bundle();
        let proof = proof(&examine_with(Content::Bundle(bundle.into()), &trust));
        assert!(matches!(proof.facts().signer(), SignedBy::Key(id) if *id == *public(&key).id()));
    }
}

#[test]
fn s15_the_signature_covers_these_bytes() {
    let world = world();
    assert_eq!(
        world.refused(world.v1().with_signed_bytes(|bytes| bytes[9] ^= 1).bundle()),
        SignatureInvalid
    );
    assert_eq!(
        world.refused(world.v1().with_signature(|bytes| bytes[9] ^= 1).bundle()),
        SignatureInvalid
    );
    assert_eq!(
        world.refused(world.v1().with_signature(Vec::clear).bundle()),
        SignatureInvalid
    );
    // another key than the certificate's
    let other = Key::generate(Algorithm::P256);
    assert_eq!(
        world.refused(world.v1().signed_by(&other).bundle()),
        SignatureInvalid
    );
}

/// The hash belongs to the key; a bundle cannot choose another.
#[test]
fn s15_the_hash_is_the_keys() {
    let world = world();
    for (algorithm, hash) in [
        (Algorithm::P256, Hash::Sha384),
        (Algorithm::P384, Hash::Sha256),
        (Algorithm::P521, Hash::Sha256),
        (Algorithm::Rsa(2048), Hash::Sha512),
    ] {
        let key = Key::generate(algorithm);
        let bundle = world
            .forge
            .image_signature(&digest())
            .keyless_with(Identity::default(), &key)
            .hashed_with(hash)
            .rekor_v1()
            .bundle();
        assert_eq!(
            world.refused(bundle),
            SignatureInvalid,
            "{algorithm:?} {hash:?}"
        );
    }
    // cosign 2 signs `.sig` with SHA-256 whatever the curve: there alone it counts
    let key = Key::generate(Algorithm::P384);
    let trust = Trust::new(Vec::new(), vec![public(&key)]).unwrap();
    let layer = || world.forge.simple_signing(&digest()).keyed(&key);
    accept(&examine_with(
        sig(layer().hashed_with(Hash::Sha256).sig()),
        &trust,
    ));
    accept(&examine_with(sig(layer().sig()), &trust));
    let findings = examine_with(sig(layer().hashed_with(Hash::Sha512).sig()), &trust);
    assert_eq!(refusal(&findings), KeyUnknown);
}

#[test]
fn s16_the_key_comes_from_the_policy_set() {
    let world = world();
    let foreign = Key::generate(Algorithm::P256);
    let signed = world
        .forge
        .image_signature(&digest())
        .keyed(&foreign)
        .bundle();
    assert_eq!(world.refused(signed), KeyUnknown);
    // the hint names our key, the signature is the stranger's: changed bytes or a lie
    assert_eq!(
        world.refused(world.keyed().signed_by(&foreign).bundle()),
        SignatureInvalid
    );
    // a hint that names nobody's key does not stop the right key
    world.accepts(
        world
            .keyed()
            .with_json(|json| json["verificationMaterial"]["publicKey"]["hint"] = "x".into())
            .bundle(),
    );
    // an entry by another key
    let spki = foreign.public_pem();
    let bundle = world
        .keyed()
        .rekor_v1()
        .with_entry(move |entry| {
            use base64::Engine as _;
            let pem = base64::engine::general_purpose::STANDARD.encode(&spki);
            entry.body["spec"]["signatures"][0]["verifier"] = pem.into();
        })
        .bundle();
    assert_eq!(world.refused(bundle), LogEntryMismatch);
}

#[test]
fn s16_one_pem_block_of_a_strong_key() {
    let pem = Key::generate(Algorithm::P256).public_pem();
    assert!(PublicKey::from_pem(&pem).is_ok());
    assert!(PublicKey::from_pem(&format!("\n{pem}\n")).is_ok());
    for bad in [
        format!("{pem}{pem}"),
        format!("{pem}x"),
        format!("# comment\n{pem}"),
        pem.replace("PUBLIC KEY", "CERTIFICATE"),
        String::new(),
    ] {
        assert!(
            matches!(PublicKey::from_pem(&bad), Err(KeyError::Pem(_))),
            "{bad}"
        );
    }
    let weak = Key::generate(Algorithm::P256).public_der();
    assert!(PublicKey::from_spki(&weak[..weak.len() - 1]).is_err());
    // a point in its compressed form: another encoding of the same key would be another id
    let der = Key::generate(Algorithm::P256).public_der();
    let parity = 2 + (der[90] & 1);
    let compressed: Vec<u8> = [
        &[0x30, 0x39],
        &der[2..23],
        &[3, 0x22, 0, parity],
        &der[27..59],
    ]
    .concat();
    assert!(matches!(
        PublicKey::from_spki(&compressed),
        Err(KeyError::Unsupported(_))
    ));
    // RSA of 1024 bits
    let rsa_1024 = concat!(
        "30819f300d06092a864886f70d010101050003818d0030818902818100",
        "c0000000000000000000000000000000000000000000000000000000000000000000000000000000",
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000001",
        "0203010001"
    );
    let der: Vec<u8> = (0..rsa_1024.len() / 2)
        .map(|at| u8::from_str_radix(&rsa_1024[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    assert!(matches!(
        PublicKey::from_spki(&der),
        Err(KeyError::Unsupported(_))
    ));
}

#[test]
fn s15_blobs() {
    let world = world();
    let blob = b"some artifact".as_slice();
    for algorithm in ALGORITHMS {
        let key = Key::generate(algorithm);
        let trust = Trust::new(Vec::new(), vec![public(&key)]).unwrap();
        let bundle = world.forge.blob(blob).keyed(&key).bundle();
        let limits = Limits::default();
        assert_eq!(
            examine_blob(Blob::Bytes(blob), &bundle, &trust, &limits)
                .verified()
                .len(),
            1
        );
        let other = examine_blob(Blob::Bytes(b"another artifact"), &bundle, &trust, &limits);
        assert!(other.verified().is_empty());
    }
}

/// By its sha256 alone, a blob's signature verifies where that is what the key signs; a statement about it always does.
#[test]
fn s15_blobs_by_digest() {
    let world = world();
    let blob = b"some artifact".as_slice();
    let by_digest = |bundle: &[u8], trust: &Trust, digest: Digest| {
        examine_blob(Blob::Digest(digest), bundle, trust, &Limits::default())
    };
    for algorithm in ALGORITHMS {
        let key = Key::generate(algorithm);
        let trust = Trust::new(Vec::new(), vec![public(&key)]).unwrap();
        let signs_sha256 = matches!(
            algorithm,
            Algorithm::P256 | Algorithm::Rsa(_) | Algorithm::RsaPss(_)
        );
        let bundle = world.forge.blob(blob).keyed(&key).bundle();
        let findings = by_digest(&bundle, &trust, Digest::of(blob));
        if signs_sha256 {
            accept_blob(&findings);
        } else {
            assert_eq!(refusal(&findings), ArtifactNeeded, "{algorithm:?}");
        }
        let other = by_digest(&bundle, &trust, Digest::of(b"another"));
        assert!(other.verified().is_empty(), "{algorithm:?}");

        let about = Digest::of(blob).to_string();
        let statement = world.forge.image_signature(&about).keyed(&key).bundle();
        accept_blob(&by_digest(&statement, &trust, Digest::of(blob)));
        let other = by_digest(&statement, &trust, Digest::of(b"another"));
        assert!(other.verified().is_empty(), "{algorithm:?}");
    }
    // the same by certificate, and by every kind of log entry
    for forgery in [
        world.forge.blob(blob).rekor_v1(),
        world.forge.blob(blob).rekor_v2().timestamp(),
    ] {
        accept_blob(&by_digest(
            &forgery.bundle(),
            &world.trust,
            Digest::of(blob),
        ));
    }
}

#[track_caller]
fn accept_blob(findings: &countersign_core::Findings) {
    assert!(findings.rejected().is_empty(), "{:?}", findings.rejected());
    assert_eq!(findings.verified().len(), 1);
}

/// RSA from 2048 to 8192 bits, by both paddings. The large keys take long to make.
#[test]
fn s15_rsa_up_to_8192_bits() {
    let sizes: &[u16] = if countersign_testkit::gate::full() {
        &[3072, 4096, 8192]
    } else {
        &[3072]
    };
    for size in sizes {
        for algorithm in [Algorithm::Rsa(*size), Algorithm::RsaPss(*size)] {
            let key = Key::generate(algorithm);
            let trust = Trust::new(Vec::new(), vec![public(&key)]).unwrap();
            let signed = || world().forge.image_signature(&digest()).keyed(&key);
            accept(&examine_with(
                Content::Bundle(signed().bundle().into()),
                &trust,
            ));
            let changed = signed().with_signature(|bytes| bytes[9] ^= 1).bundle();
            let findings = examine_with(Content::Bundle(changed.into()), &trust);
            assert_eq!(refusal(&findings), SignatureInvalid);
        }
    }
}

/// One signature is never both: an Ed25519 signature over the SHA-512 is no Ed25519ph signature, nor the reverse.
#[test]
fn s15_a_prehashed_signature_is_of_its_own_kind() {
    let world = world();
    let key = Key::generate(Algorithm::Ed25519);
    let trust = Trust::new(Vec::new(), vec![public(&key)]).unwrap();
    let bundle = world
        .forge
        .image_signature(&digest())
        .keyed(&key)
        .with_signed_bytes(|bytes| *bytes = Hash::Sha512.of(bytes))
        .bundle();
    let findings = examine_with(Content::Bundle(bundle.into()), &trust);
    assert_eq!(refusal(&findings), SignatureInvalid);
    // a log's promise is never prehashed
    let prehashed = Key::generate(Algorithm::Ed25519ph);
    let forge = countersign_testkit::forge::Forge::builder(crate::NOW).build();
    let mut log = forge.rekor_v1.clone();
    log.key = prehashed;
    let mut altered = forge.clone();
    altered.rekor_v1 = log;
    let world = crate::World::of(altered);
    assert!(matches!(
        world.refused(world.v1().bundle()),
        countersign_core::ReasonCode::LogPromiseInvalid
            | countersign_core::ReasonCode::CheckpointInvalid
    ));
}
