//! Key pairs of every kind that Sigstore knows.

use std::sync::Arc;

use aws_lc_rs::digest::{self, Digest, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair,
};

use super::der;

/// A kind of key, and of signature by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256, with SHA-256.
    P256,
    /// ECDSA on P-384, with SHA-384.
    P384,
    /// ECDSA on P-521, with SHA-512.
    P521,
    /// RSA with so many bits (2048, 3072, 4096 or 8192), PKCS#1 v1.5 with SHA-256.
    Rsa(u16),
    /// RSA with so many bits, PSS with SHA-256.
    RsaPss(u16),
    /// Ed25519 over the message itself.
    Ed25519,
    /// Ed25519ph: over the message's SHA-512, with an empty context (RFC 8032, 5.1). The key is like any Ed25519 key.
    Ed25519ph,
}

/// A hash of the SHA-2 family, and one that nobody should use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// A key pair; clones are the same key.
#[derive(Clone)]
pub struct Key {
    algorithm: Algorithm,
    pair: Arc<Pair>,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Ed25519ph(ed25519_dalek::SigningKey),
}

impl Key {
    /// A new random key.
    ///
    /// # Panics
    /// For RSA sizes other than 2048, 3072, 4096 and 8192.
    #[must_use]
    pub fn generate(algorithm: Algorithm) -> Self {
        const MADE: &str = "the provider makes keys of this kind";
        let pair = match algorithm {
            Algorithm::P256 => {
                Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect(MADE))
            }
            Algorithm::P384 => {
                Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).expect(MADE))
            }
            Algorithm::P521 => {
                Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P521_SHA512_ASN1_SIGNING).expect(MADE))
            }
            Algorithm::Rsa(size) | Algorithm::RsaPss(size) => {
                let size = match size {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    4096 => KeySize::Rsa4096,
                    8192 => KeySize::Rsa8192,
                    other => panic!("no RSA keys of {other} bits are made here"),
                };
                Pair::Rsa(RsaKeyPair::generate(size).expect(MADE))
            }
            Algorithm::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().expect(MADE)),
            Algorithm::Ed25519ph => {
                let mut seed = [0; 32];
                aws_lc_rs::rand::fill(&mut seed).expect(MADE);
                Pair::Ed25519ph(ed25519_dalek::SigningKey::from_bytes(&seed))
            }
        };
        Self {
            algorithm,
            pair: Arc::new(pair),
        }
    }

    /// The same RSA key for PKCS#1 v1.5 and PSS: what kind of signature it makes.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key as a DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn public_der(&self) -> Vec<u8> {
        const WRITTEN: &str = "the provider writes its own keys";
        match &*self.pair {
            Pair::Ecdsa(pair) => pair.public_key().as_der().expect(WRITTEN).as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_der().expect(WRITTEN).as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_der().expect(WRITTEN).as_ref().to_vec(),
            Pair::Ed25519ph(_) => {
                let bits = [&[0], self.public_raw().as_slice()].concat();
                der::sequence(&[
                    der::sequence(&[der::oid("1.3.101.112")]),
                    der::tlv(3, &bits),
                ])
            }
        }
    }

    /// The public key as PEM, `PUBLIC KEY`.
    #[must_use]
    pub fn public_pem(&self) -> String {
        der::pem("PUBLIC KEY", &self.public_der())
    }

    /// Base64 of the SHA-256 of the public key's DER: the hint that cosign puts into bundles.
    #[must_use]
    pub fn hint(&self) -> String {
        super::base64(&Hash::Sha256.of(&self.public_der()))
    }

    /// The raw public key: an uncompressed point, a DER RSAPublicKey, or 32 bytes.
    #[must_use]
    pub fn public_raw(&self) -> Vec<u8> {
        match &*self.pair {
            Pair::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519ph(key) => key.verifying_key().as_bytes().to_vec(),
        }
    }

    /// A signature with the key's own hash.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.sign_with(self.hash(), message)
    }

    /// A signature with another hash than the key's own, as cosign 2 (always SHA-256) and the timestamp authority do.
    /// Ed25519 has no choice and takes the message itself.
    #[must_use]
    pub fn sign_with(&self, hash: Hash, message: &[u8]) -> Vec<u8> {
        const SIGNED: &str = "signing with a sound key does not fail";
        match (&*self.pair, self.algorithm) {
            (Pair::Ed25519(pair), _) => pair.sign(message).as_ref().to_vec(),
            (Pair::Ed25519ph(key), _) => {
                let prehash = <sha2::Sha512 as sha2::Digest>::new_with_prefix(message);
                let signature = key.sign_prehashed(prehash, None).expect(SIGNED);
                signature.to_bytes().to_vec()
            }
            (Pair::Ecdsa(pair), _) => {
                let digest = self.as_own_digest(&hash.of(message));
                pair.sign_digest(&digest).expect(SIGNED).as_ref().to_vec()
            }
            (Pair::Rsa(pair), algorithm) => {
                let pss = matches!(algorithm, Algorithm::RsaPss(_));
                let padding: &'static dyn aws_lc_rs::signature::RsaEncoding = match (hash, pss) {
                    (Hash::Sha384, false) => &RSA_PKCS1_SHA384,
                    (Hash::Sha512, false) => &RSA_PKCS1_SHA512,
                    (_, false) => &RSA_PKCS1_SHA256,
                    (Hash::Sha384, true) => &RSA_PSS_SHA384,
                    (Hash::Sha512, true) => &RSA_PSS_SHA512,
                    (_, true) => &RSA_PSS_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), message, &mut signature)
                    .expect(SIGNED);
                signature
            }
        }
    }

    /// The hash that belongs to the key.
    #[must_use]
    pub fn hash(&self) -> Hash {
        match self.algorithm {
            Algorithm::P384 => Hash::Sha384,
            Algorithm::P521 | Algorithm::Ed25519 | Algorithm::Ed25519ph => Hash::Sha512,
            Algorithm::P256 | Algorithm::Rsa(_) | Algorithm::RsaPss(_) => Hash::Sha256,
        }
    }

    /// The name of the kind in protobuf-specs' `PublicKeyDetails`.
    #[must_use]
    pub fn details(&self) -> String {
        match self.algorithm {
            Algorithm::P256 => "PKIX_ECDSA_P256_SHA_256".into(),
            Algorithm::P384 => "PKIX_ECDSA_P384_SHA_384".into(),
            Algorithm::P521 => "PKIX_ECDSA_P521_SHA_512".into(),
            Algorithm::Rsa(size) => format!("PKIX_RSA_PKCS1V15_{size}_SHA256"),
            Algorithm::RsaPss(size) => format!("PKIX_RSA_PSS_{size}_SHA256"),
            Algorithm::Ed25519 => "PKIX_ED25519".into(),
            Algorithm::Ed25519ph => "PKIX_ED25519_PH".into(),
        }
    }

    /// AlgorithmIdentifier of its signatures with `hash`.
    pub(crate) fn signature_algorithm(&self, hash: Hash) -> Vec<u8> {
        match (self.algorithm, hash) {
            (Algorithm::Ed25519 | Algorithm::Ed25519ph, _) => {
                der::sequence(&[der::oid("1.3.101.112")])
            }
            (Algorithm::Rsa(_) | Algorithm::RsaPss(_), hash) => {
                let arc = match hash {
                    Hash::Sha384 => 12,
                    Hash::Sha512 => 13,
                    Hash::Sha1 | Hash::Sha256 => 11,
                };
                der::sequence(&[der::oid(&format!("1.2.840.113549.1.1.{arc}")), der::null()])
            }
            (_, hash) => {
                let arc = match hash {
                    Hash::Sha384 => 3,
                    Hash::Sha512 => 4,
                    Hash::Sha1 | Hash::Sha256 => 2,
                };
                der::sequence(&[der::oid(&format!("1.2.840.10045.4.3.{arc}"))])
            }
        }
    }

    /// ECDSA takes as many bits of a hash as the curve's order has (SEC 1, 4.1.3), and a shorter hash as a smaller
    /// number. So every hash can be given to the provider, which knows one per curve, in the length it wants.
    fn as_own_digest(&self, hash: &[u8]) -> Digest {
        let (algorithm, length) = match self.algorithm {
            Algorithm::P384 => (&digest::SHA384, 48),
            Algorithm::P521 => (&digest::SHA512, 64),
            _ => (&digest::SHA256, 32),
        };
        let taken = &hash[..hash.len().min(length)];
        let padded = [vec![0; length - taken.len()], taken.to_vec()].concat();
        Digest::import_less_safe(&padded, algorithm).expect("the length is the algorithm's")
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Key").field(&self.algorithm).finish()
    }
}

impl Hash {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest(algorithm, bytes).as_ref().to_vec()
    }

    /// Its name in protobuf-specs' `HashAlgorithm`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA2_256",
            Self::Sha384 => "SHA2_384",
            Self::Sha512 => "SHA2_512",
        }
    }

    /// Its name in Rekor v1 entries and in-toto subjects.
    #[must_use]
    pub fn lower_name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    pub(crate) fn algorithm_identifier(self) -> Vec<u8> {
        let oid = match self {
            Self::Sha1 => "1.3.14.3.2.26",
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        };
        der::sequence(&[der::oid(oid)])
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1,
        ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA512_ASN1, ED25519,
        RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
        VerificationAlgorithm,
    };

    use super::*;

    #[test]
    fn signatures_verify_with_their_algorithm() {
        let cases: [(Algorithm, Hash, &'static dyn VerificationAlgorithm); 9] = [
            (Algorithm::P256, Hash::Sha256, &ECDSA_P256_SHA256_ASN1),
            (Algorithm::P256, Hash::Sha384, &ECDSA_P256_SHA384_ASN1),
            (Algorithm::P384, Hash::Sha384, &ECDSA_P384_SHA384_ASN1),
            (Algorithm::P384, Hash::Sha256, &ECDSA_P384_SHA256_ASN1),
            (Algorithm::P521, Hash::Sha512, &ECDSA_P521_SHA512_ASN1),
            (Algorithm::P521, Hash::Sha256, &ECDSA_P521_SHA256_ASN1),
            (
                Algorithm::Rsa(2048),
                Hash::Sha256,
                &RSA_PKCS1_2048_8192_SHA256,
            ),
            (
                Algorithm::RsaPss(2048),
                Hash::Sha256,
                &RSA_PSS_2048_8192_SHA256,
            ),
            (Algorithm::Ed25519, Hash::Sha512, &ED25519),
        ];
        for (algorithm, hash, verifier) in cases {
            let key = Key::generate(algorithm);
            let public = UnparsedPublicKey::new(verifier, key.public_raw());
            assert!(
                public
                    .verify(b"message", &key.sign_with(hash, b"message"))
                    .is_ok(),
                "{algorithm:?} {hash:?}"
            );
            assert!(
                public
                    .verify(b"another", &key.sign_with(hash, b"message"))
                    .is_err(),
                "{algorithm:?} {hash:?}"
            );
        }
    }
}
