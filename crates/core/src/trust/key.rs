//! Public keys: what they are, and how each verifies.

use std::fmt;
use std::sync::OnceLock;

use aws_lc_rs::signature::{self as alg, ParsedPublicKey, VerificationAlgorithm};
use der::{Decode as _, asn1::ObjectIdentifier};
use rustls_pki_types::{AlgorithmIdentifier, alg_id};
use spki::SubjectPublicKeyInfoRef;

use super::message::Message;
use crate::{Digest, pem};

/// A public key for verification. Its algorithm, and the hash that belongs to it, are fixed by the key, never by a message.
#[derive(Clone)]
pub struct PublicKey {
    id: Digest,
    spki: Vec<u8>,
    kind: Kind,
    /// Parsed for the hash that belongs to the key.
    parsed: ParsedPublicKey,
    /// Parsed for other hashes and paddings when they are first asked for, in the order of [`Other::place`].
    others: [OnceLock<Option<ParsedPublicKey>>; 6],
}

/// Another way to sign than the key's own.
#[derive(Debug, Clone, Copy)]
enum Other {
    /// ECDSA, or RSA by PKCS#1 v1.5.
    Hash(Hash),
    /// RSASSA-PSS with a salt as long as the hash.
    Pss(Hash),
}

/// How a certificate is signed (RFC 5280, 4.1.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Ecdsa(Hash),
    RsaPkcs1(Hash),
    RsaPss(Hash),
    Ed25519,
}

/// Why a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not exactly one PEM block of a public key.
    #[error("not exactly one PEM block `PUBLIC KEY`: {0}")]
    Pem(String),
    /// The SubjectPublicKeyInfo cannot be read.
    #[error("the public key is malformed: {0}")]
    Malformed(String),
    /// Neither ECDSA P-256, P-384, P-521 nor Ed25519 nor RSA of 2048 to 8192 bits.
    #[error("the public key's algorithm is not supported: {0}")]
    Unsupported(String),
}

/// The kinds of key that are supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    P256,
    P384,
    P521,
    Ed25519,
    Rsa,
}

/// The hashes that signatures here are made over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// Why a signature does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unverified {
    /// It is not this key's over these bytes.
    BadSignature,
    /// This key's signatures need more of the bytes than their sha256.
    BytesNeeded,
}

impl PublicKey {
    /// Reads one PEM block `PUBLIC KEY`; several blocks or anything beside it are refused.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let spki = pem::one(text, "PUBLIC KEY").map_err(KeyError::Pem)?;
        Self::from_spki(&spki)
    }

    /// Reads a DER SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_spki(spki: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoRef::from_der(spki)
            .map_err(|error| KeyError::Malformed(error.to_string()))?;
        let kind = Kind::of(&info)?;
        let parsed = ParsedPublicKey::new(kind.natural(), spki)
            .map_err(|error| KeyError::Malformed(error.to_string()))?;
        Ok(Self {
            id: Digest::of(spki),
            spki: spki.to_vec(),
            kind,
            parsed,
            others: Default::default(),
        })
    }

    /// sha256 of the SubjectPublicKeyInfo.
    #[must_use]
    pub const fn id(&self) -> &Digest {
        &self.id
    }

    /// The DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Its algorithm, as people call it.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self.kind {
            Kind::P256 => "ECDSA P-256",
            Kind::P384 => "ECDSA P-384",
            Kind::P521 => "ECDSA P-521",
            Kind::Ed25519 => "Ed25519",
            Kind::Rsa => "RSA",
        }
    }

    /// Step 15: the signature over `message` by the algorithms that belong to the key (Sigstore's algorithm registry):
    /// P-256 with SHA-256, P-384 with SHA-384, P-521 with SHA-512, RSA with SHA-256 (PKCS#1 v1.5 or PSS), Ed25519 over
    /// the bytes or, as Ed25519ph, over their SHA-512. Never what the message says.
    pub(crate) fn verify_message(
        &self,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), Unverified> {
        if self.kind == Kind::Ed25519 {
            let whole = message.whole().ok_or(Unverified::BytesNeeded)?;
            return self
                .verify(&whole, signature)
                .or_else(|_| self.verify_prehashed(message, signature));
        }
        let natural = self.verify_digest(self.kind.hash(), message, signature);
        match (natural, self.kind) {
            (Err(Unverified::BadSignature), Kind::Rsa) => {
                self.verify_other(Other::Pss(Hash::Sha256), message, signature)
            }
            (outcome, _) => outcome,
        }
    }

    /// Step 15 for cosign's `.sig` and `.att`: cosign 2 signs with SHA-256 whatever the curve.
    pub(crate) fn verify_legacy(
        &self,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), Unverified> {
        match self.kind {
            Kind::P384 | Kind::P521 => self
                .verify_message(message, signature)
                .or_else(|_| self.verify_digest(Hash::Sha256, message, signature)),
            Kind::P256 | Kind::Ed25519 | Kind::Rsa => self.verify_message(message, signature),
        }
    }

    /// A log's signature over `message`, with the hash that belongs to the key; RSA is PKCS#1 v1.5.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Unverified> {
        self.parsed
            .verify_sig(message, signature)
            .map_err(|_| Unverified::BadSignature)
    }

    /// The signature over `message` where a protocol (CMS, CT) names the hash. RSA is PKCS#1 v1.5.
    pub(crate) fn verify_with(
        &self,
        hash: Hash,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Unverified> {
        if self.kind == Kind::Ed25519 {
            return self.verify(message, signature);
        }
        let message = Message::new(String::new(), message);
        self.verify_digest(hash, &message, signature)
    }

    /// Step 12: a certificate authority's signature over `tbs`, by the scheme that the certificate names; the key must be of its kind.
    pub(crate) fn verify_scheme(
        &self,
        scheme: Scheme,
        tbs: &[u8],
        signature: &[u8],
    ) -> Result<(), Unverified> {
        match (scheme, self.kind) {
            (Scheme::Ecdsa(hash), Kind::P256 | Kind::P384 | Kind::P521)
            | (Scheme::RsaPkcs1(hash), Kind::Rsa) => self.verify_with(hash, tbs, signature),
            (Scheme::RsaPss(hash), Kind::Rsa) => {
                let message = Message::new(String::new(), tbs);
                self.verify_other(Other::Pss(hash), &message, signature)
            }
            (Scheme::Ed25519, Kind::Ed25519) => self.verify(tbs, signature),
            _ => Err(Unverified::BadSignature),
        }
    }

    fn verify_digest(
        &self,
        hash: Hash,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), Unverified> {
        if hash != self.kind.hash() {
            return self.verify_other(Other::Hash(hash), message, signature);
        }
        let digest = message.digest(hash).ok_or(Unverified::BytesNeeded)?;
        self.parsed
            .verify_digest_sig(digest, signature)
            .map_err(|_| Unverified::BadSignature)
    }

    fn verify_other(
        &self,
        other: Other,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), Unverified> {
        let digest = message
            .digest(other.hash())
            .ok_or(Unverified::BytesNeeded)?;
        let algorithm = other.algorithm(self.kind).ok_or(Unverified::BadSignature)?;
        self.others
            .get(other.place())
            .and_then(|cell| {
                cell.get_or_init(|| ParsedPublicKey::new(algorithm, &self.spki).ok())
                    .as_ref()
            })
            .ok_or(Unverified::BadSignature)?
            .verify_digest_sig(digest, signature)
            .map_err(|_| Unverified::BadSignature)
    }

    /// Ed25519ph (RFC 8032, 5.1) with an empty context, as cosign signs with Ed25519 keys what a log is to take by its
    /// hash. Its domain separation keeps it apart from Ed25519, so that one signature never counts as the other's.
    fn verify_prehashed(&self, message: &Message<'_>, signature: &[u8]) -> Result<(), Unverified> {
        let prehash = message.prehash().ok_or(Unverified::BytesNeeded)?;
        let key = <&[u8; 32]>::try_from(self.raw())
            .ok()
            .and_then(|raw| ed25519_dalek::VerifyingKey::from_bytes(raw).ok())
            .ok_or(Unverified::BadSignature)?;
        let signature = ed25519_dalek::Signature::from_slice(signature)
            .map_err(|_| Unverified::BadSignature)?;
        key.verify_prehashed_strict(prehash, None, &signature)
            .map_err(|_| Unverified::BadSignature)
    }

    /// The bit string of the key, without the algorithm.
    pub(crate) fn raw(&self) -> &[u8] {
        SubjectPublicKeyInfoRef::from_der(&self.spki)
            .map(|info| info.subject_public_key.raw_bytes())
            .unwrap_or_default()
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }
}

impl Kind {
    fn of(info: &SubjectPublicKeyInfoRef<'_>) -> Result<Self, KeyError> {
        const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
        const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
        const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
        const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
        const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
        const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
        let point = info
            .subject_public_key
            .as_bytes()
            .ok_or_else(|| KeyError::Malformed("the key's bit string has unused bits".into()))?;
        match info.algorithm.oid {
            EC if point.first() != Some(&4) => Err(KeyError::Unsupported(
                "an elliptic-curve point that is not uncompressed".into(),
            )),
            EC => match info.algorithm.parameters_oid() {
                Ok(P256) => Ok(Self::P256),
                Ok(P384) => Ok(Self::P384),
                Ok(P521) => Ok(Self::P521),
                _ => Err(KeyError::Unsupported("an unknown elliptic curve".into())),
            },
            ED25519 => Ok(Self::Ed25519),
            RSA => match rsa_bits(point) {
                Some(2048..=8192) => Ok(Self::Rsa),
                Some(bits) => Err(KeyError::Unsupported(format!("RSA of {bits} bits"))),
                None => Err(KeyError::Malformed("not an RSA key".into())),
            },
            other => Err(KeyError::Unsupported(other.to_string())),
        }
    }

    /// The hash that belongs to it; Ed25519 hashes for itself (Ed25519ph by SHA-512).
    const fn hash(self) -> Hash {
        match self {
            Self::P256 | Self::Rsa => Hash::Sha256,
            Self::P384 => Hash::Sha384,
            Self::P521 | Self::Ed25519 => Hash::Sha512,
        }
    }

    fn natural(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::P256 => &alg::ECDSA_P256_SHA256_ASN1,
            Self::P384 => &alg::ECDSA_P384_SHA384_ASN1,
            Self::P521 => &alg::ECDSA_P521_SHA512_ASN1,
            Self::Ed25519 => &alg::ED25519,
            Self::Rsa => &alg::RSA_PKCS1_2048_8192_SHA256,
        }
    }
}

impl Scheme {
    /// By the content of a certificate's `AlgorithmIdentifier`, parameters included (RFC 5758, 4055, 8410).
    pub(crate) fn of(algorithm: &[u8]) -> Option<Self> {
        const KNOWN: [(AlgorithmIdentifier, Scheme); 10] = [
            (alg_id::ECDSA_SHA256, Scheme::Ecdsa(Hash::Sha256)),
            (alg_id::ECDSA_SHA384, Scheme::Ecdsa(Hash::Sha384)),
            (alg_id::ECDSA_SHA512, Scheme::Ecdsa(Hash::Sha512)),
            (alg_id::RSA_PKCS1_SHA256, Scheme::RsaPkcs1(Hash::Sha256)),
            (alg_id::RSA_PKCS1_SHA384, Scheme::RsaPkcs1(Hash::Sha384)),
            (alg_id::RSA_PKCS1_SHA512, Scheme::RsaPkcs1(Hash::Sha512)),
            (alg_id::RSA_PSS_SHA256, Scheme::RsaPss(Hash::Sha256)),
            (alg_id::RSA_PSS_SHA384, Scheme::RsaPss(Hash::Sha384)),
            (alg_id::RSA_PSS_SHA512, Scheme::RsaPss(Hash::Sha512)),
            (alg_id::ED25519, Scheme::Ed25519),
        ];
        KNOWN
            .iter()
            .find(|(known, _)| known.as_ref() == algorithm)
            .map(|(_, scheme)| *scheme)
    }
}

impl Other {
    const fn place(self) -> usize {
        match self {
            Self::Hash(Hash::Sha256) => 0,
            Self::Hash(Hash::Sha384) => 1,
            Self::Hash(Hash::Sha512) => 2,
            Self::Pss(Hash::Sha256) => 3,
            Self::Pss(Hash::Sha384) => 4,
            Self::Pss(Hash::Sha512) => 5,
        }
    }

    const fn hash(self) -> Hash {
        match self {
            Self::Hash(hash) | Self::Pss(hash) => hash,
        }
    }

    fn algorithm(self, kind: Kind) -> Option<&'static dyn VerificationAlgorithm> {
        match (kind, self) {
            (Kind::P256, Self::Hash(Hash::Sha384)) => Some(&alg::ECDSA_P256_SHA384_ASN1),
            (Kind::P256, Self::Hash(Hash::Sha512)) => Some(&alg::ECDSA_P256_SHA512_ASN1),
            (Kind::P384, Self::Hash(Hash::Sha256)) => Some(&alg::ECDSA_P384_SHA256_ASN1),
            (Kind::P384, Self::Hash(Hash::Sha512)) => Some(&alg::ECDSA_P384_SHA512_ASN1),
            (Kind::P521, Self::Hash(Hash::Sha256)) => Some(&alg::ECDSA_P521_SHA256_ASN1),
            (Kind::P521, Self::Hash(Hash::Sha384)) => Some(&alg::ECDSA_P521_SHA384_ASN1),
            (Kind::Rsa, Self::Hash(Hash::Sha384)) => Some(&alg::RSA_PKCS1_2048_8192_SHA384),
            (Kind::Rsa, Self::Hash(Hash::Sha512)) => Some(&alg::RSA_PKCS1_2048_8192_SHA512),
            (Kind::Rsa, Self::Pss(Hash::Sha256)) => Some(&alg::RSA_PSS_2048_8192_SHA256),
            (Kind::Rsa, Self::Pss(Hash::Sha384)) => Some(&alg::RSA_PSS_2048_8192_SHA384),
            (Kind::Rsa, Self::Pss(Hash::Sha512)) => Some(&alg::RSA_PSS_2048_8192_SHA512),
            _ => None,
        }
    }
}

/// The size of an RSA modulus (PKCS#1 `RSAPublicKey`).
fn rsa_bits(key: &[u8]) -> Option<usize> {
    #[derive(der::Sequence)]
    struct RsaPublicKey<'a> {
        modulus: der::asn1::UintRef<'a>,
        exponent: der::asn1::UintRef<'a>,
    }
    let key = RsaPublicKey::from_der(key).ok()?;
    let modulus = key.modulus.as_bytes();
    let zeros = usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    (!key.exponent.as_bytes().is_empty()).then(|| modulus.len() * 8 - zeros)
}

impl Hash {
    /// The digest of `bytes` by this hash.
    pub(crate) fn of(self, bytes: &[u8]) -> aws_lc_rs::digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &aws_lc_rs::digest::SHA256,
            Self::Sha384 => &aws_lc_rs::digest::SHA384,
            Self::Sha512 => &aws_lc_rs::digest::SHA512,
        };
        aws_lc_rs::digest::digest(algorithm, bytes)
    }

    /// By its name in protobuf-specs' `HashAlgorithm`; anything but SHA-2 is `None`.
    pub(crate) fn by_proto_name(name: &str) -> Option<Self> {
        match name {
            "SHA2_256" => Some(Self::Sha256),
            "SHA2_384" => Some(Self::Sha384),
            "SHA2_512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// By its OID (RFC 5754); anything but SHA-2 is `None`.
    pub(crate) fn by_oid(oid: &ObjectIdentifier) -> Option<Self> {
        use const_oid::db::rfc5912::{ID_SHA_256, ID_SHA_384, ID_SHA_512};
        match *oid {
            ID_SHA_256 => Some(Self::Sha256),
            ID_SHA_384 => Some(Self::Sha384),
            ID_SHA_512 => Some(Self::Sha512),
            _ => None,
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm(), self.id)
    }
}

#[cfg(test)]
mod tests;
