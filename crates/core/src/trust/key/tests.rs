//! A signature counts by the scheme that is named and the key's own kind, and by no other.
#![allow(clippy::unwrap_used)]

use countersign_testkit::forge::{Algorithm, Hash as ForgedHash, Key};

use super::*;

const TBS: &[u8] = b"to be signed";

#[test]
fn s12_a_certificate_is_signed_by_the_scheme_that_it_names() {
    let all = [
        Scheme::Ecdsa(Hash::Sha256),
        Scheme::Ecdsa(Hash::Sha384),
        Scheme::Ecdsa(Hash::Sha512),
        Scheme::RsaPkcs1(Hash::Sha256),
        Scheme::RsaPkcs1(Hash::Sha384),
        Scheme::RsaPkcs1(Hash::Sha512),
        Scheme::RsaPss(Hash::Sha256),
        Scheme::RsaPss(Hash::Sha384),
        Scheme::RsaPss(Hash::Sha512),
        Scheme::Ed25519,
    ];
    let hashes = [
        (ForgedHash::Sha256, Hash::Sha256),
        (ForgedHash::Sha384, Hash::Sha384),
        (ForgedHash::Sha512, Hash::Sha512),
    ];
    type Named = fn(Hash) -> Scheme;
    let kinds: [(Algorithm, Named); 6] = [
        (Algorithm::P256, Scheme::Ecdsa),
        (Algorithm::P384, Scheme::Ecdsa),
        (Algorithm::P521, Scheme::Ecdsa),
        (Algorithm::Rsa(2048), Scheme::RsaPkcs1),
        (Algorithm::RsaPss(2048), Scheme::RsaPss),
        (Algorithm::Ed25519, |_| Scheme::Ed25519),
    ];
    for (algorithm, named) in kinds {
        let forged = Key::generate(algorithm);
        let key = PublicKey::from_spki(&forged.public_der()).unwrap();
        for (forged_hash, hash) in hashes {
            let signature = forged.sign_with(forged_hash, TBS);
            for scheme in all {
                let verified = key.verify_scheme(scheme, TBS, &signature).is_ok();
                assert_eq!(verified, scheme == named(hash), "{algorithm:?} {scheme:?}");
            }
            let other = key.verify_scheme(named(hash), b"other bytes", &signature);
            assert_eq!(other, Err(Unverified::BadSignature), "{algorithm:?}");
        }
    }
}

/// Where a key's own kind would verify whatever scheme is named, naming another one must not.
#[test]
fn s12_a_key_of_another_kind_does_not_verify() {
    let forged = Key::generate(Algorithm::P256);
    let key = PublicKey::from_spki(&forged.public_der()).unwrap();
    let signature = forged.sign(TBS);
    assert!(key.verify(TBS, &signature).is_ok());
    for scheme in [Scheme::Ed25519, Scheme::RsaPkcs1(Hash::Sha256)] {
        assert!(key.verify_scheme(scheme, TBS, &signature).is_err());
    }
}
