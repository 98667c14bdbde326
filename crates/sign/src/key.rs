//! Private keys: read from PEM, used by aws-lc-rs as verification is.

mod encrypted;

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::{KeyError, PublicKey};
use der::Decode as _;
use der::asn1::AnyRef;
use pem_rfc7468::LineEnding;
use zeroize::Zeroizing;

/// An encrypted RSA key of 8192 bits has less than a third of that.
const MOST_BYTES: usize = 64 * 1024;
/// Characters of a label that a message shows.
const MOST_LABEL: usize = 60;
const CURVES: [&EcdsaSigningAlgorithm; 3] = [
    &ECDSA_P256_SHA256_ASN1_SIGNING,
    &ECDSA_P384_SHA384_ASN1_SIGNING,
    &ECDSA_P521_SHA512_ASN1_SIGNING,
];

/// A private key that signs, with the one algorithm that verification takes from its kind (Sigstore's algorithm registry): ECDSA P-256 with
/// SHA-256, P-384 with SHA-384, P-521 with SHA-512, Ed25519, RSA (2048 to 8192 bits) by PKCS#1 v1.5 with SHA-256.
///
/// `Debug` shows the public half alone.
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// Why a private key is refused. No variant holds anything of the key or of its password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// It is larger than any key.
    #[error("the private key's file has {0} bytes, more than {MOST_BYTES}: that is no key")]
    TooLarge(usize),
    /// Not exactly one PEM block.
    #[error(
        "the private key's file is not exactly one PEM block (RFC 7468): {0}; take away whatever stands beside the key"
    )]
    Pem(String),
    /// A PEM block of another kind.
    #[error(
        "the PEM block `{0}` cannot be used to sign; give `PRIVATE KEY` (PKCS#8), `EC PRIVATE KEY`, `RSA PRIVATE KEY`, or cosign's \
         `ENCRYPTED SIGSTORE PRIVATE KEY` (`cosign import-key-pair` makes one of a key)"
    )]
    Label(String),
    /// An encrypted key, and no password.
    #[error("the private key is encrypted, and no password was given")]
    PasswordNeeded,
    /// The password does not open the key, or the key was changed.
    #[error(
        "the encrypted private key does not open: the password is wrong, or the file was changed"
    )]
    WrongPassword,
    /// The encrypted key names a key derivation or a cipher that cosign does not use.
    #[error(
        "the encrypted private key uses the {what} `{name}`; only `{known}` is supported, which is what cosign writes"
    )]
    Unknown {
        /// Which of them.
        what: &'static str,
        /// What stands there.
        name: String,
        /// What is supported.
        known: &'static str,
    },
    /// The encrypted key wants other work from scrypt than cosign ever asked for: it could take all memory and time.
    #[error(
        "the encrypted private key wants scrypt with N={n}, r={r}, p={p}; only N=32768, 65536 or 131072 with r=8, p=1 are taken, \
         so that a key cannot use up memory and time; encrypt it anew with `cosign import-key-pair`"
    )]
    Cost {
        /// Rounds of memory.
        n: u64,
        /// Size of blocks.
        r: u64,
        /// Lanes.
        p: u64,
    },
    /// What is in the PEM block of an encrypted key is not what cosign writes.
    #[error("the encrypted private key is malformed: {0}")]
    Encrypted(String),
    /// It is no private key that aws-lc-rs takes.
    #[error(
        "the private key is malformed, or neither ECDSA P-256, P-384, P-521 nor Ed25519 nor RSA of 2048 to 8192 bits"
    )]
    Unsupported,
    /// Its public half is one that verification would refuse.
    #[error("nobody could verify what this private key signs: {0}")]
    Public(#[from] KeyError),
}

impl SigningKey {
    /// Reads one PEM block: `PRIVATE KEY` (PKCS#8, RFC 5958), `EC PRIVATE KEY` (RFC 5915), `RSA PRIVATE KEY` (RFC 8017, A.1.2), or
    /// cosign's `ENCRYPTED SIGSTORE PRIVATE KEY` and `ENCRYPTED COSIGN PRIVATE KEY`, which need the password. A password for a key that is
    /// not encrypted is left alone, as cosign does with `COSIGN_PASSWORD`.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn from_pem(text: &str, password: Option<&[u8]>) -> Result<Self, SigningKeyError> {
        if text.len() > MOST_BYTES {
            return Err(SigningKeyError::TooLarge(text.len()));
        }
        let text = text.trim();
        if text.matches("-----BEGIN ").count() != 1 || !text.starts_with("-----BEGIN ") {
            return Err(SigningKeyError::Pem(
                "there is none, or more than one, or text before it".to_owned(),
            ));
        }
        let (label, bytes) = pem_rfc7468::decode_vec(text.as_bytes())
            .map_err(|error| SigningKeyError::Pem(error.to_string()))?;
        let bytes = Zeroizing::new(bytes);
        let pair = match label {
            "PRIVATE KEY" => Pair::from_pkcs8(&bytes),
            "EC PRIVATE KEY" => whole(&bytes).and_then(Pair::from_sec1),
            "RSA PRIVATE KEY" => whole(&bytes).and_then(Pair::from_pkcs1),
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                let password = password.ok_or(SigningKeyError::PasswordNeeded)?;
                Pair::from_pkcs8(&encrypted::open(&bytes, password)?)
            }
            other => {
                let label = other.chars().take(MOST_LABEL).collect();
                return Err(SigningKeyError::Label(label));
            }
        };
        let pair = pair.ok_or(SigningKeyError::Unsupported)?;
        let spki = pair
            .public_der()
            .map_err(|Unspecified| SigningKeyError::Unsupported)?;
        let public = PublicKey::from_spki(&spki)?;
        Ok(Self { pair, public })
    }

    /// The public half, as policies name it.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The public half as one PEM block `PUBLIC KEY`, for a policy or for `cosign verify --key`.
    #[must_use]
    pub fn public_pem(&self) -> String {
        pem_rfc7468::encode_string("PUBLIC KEY", LineEnding::LF, self.public.spki())
            .expect("the label is valid and a string grows")
    }

    /// What cosign writes as `publicKey.hint`: base64 of the sha256 of the SubjectPublicKeyInfo.
    pub(crate) fn hint(&self) -> String {
        STANDARD.encode(self.public.id().as_bytes())
    }

    /// A new P-256 key, which exists in memory alone.
    pub(crate) fn ephemeral() -> Result<Self, Unspecified> {
        let pair = Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?);
        let public = PublicKey::from_spki(&pair.public_der()?).map_err(|_| Unspecified)?;
        Ok(Self { pair, public })
    }

    /// How Rekor v2 calls the key's algorithm (protobuf-specs, `PublicKeyDetails`), and the hash that it logs for it. Nothing where
    /// it logs no hash of what such keys sign: Ed25519 over the message, and RSA of other sizes.
    pub(crate) fn details(&self) -> Option<(&'static str, &'static digest::Algorithm)> {
        match &self.pair {
            Pair::Ecdsa(pair) if pair.algorithm() == &ECDSA_P256_SHA256_ASN1_SIGNING => {
                Some(("PKIX_ECDSA_P256_SHA_256", &digest::SHA256))
            }
            Pair::Ecdsa(pair) if pair.algorithm() == &ECDSA_P384_SHA384_ASN1_SIGNING => {
                Some(("PKIX_ECDSA_P384_SHA_384", &digest::SHA384))
            }
            Pair::Ecdsa(_) => Some(("PKIX_ECDSA_P521_SHA_512", &digest::SHA512)),
            Pair::Ed25519(_) => None,
            Pair::Rsa(pair) => {
                let details = match pair.public_modulus_len() {
                    256 => "PKIX_RSA_PKCS1V15_2048_SHA256",
                    384 => "PKIX_RSA_PKCS1V15_3072_SHA256",
                    512 => "PKIX_RSA_PKCS1V15_4096_SHA256",
                    _ => return None,
                };
                Some((details, &digest::SHA256))
            }
        }
    }

    /// The signature over a message, by the key's own algorithm.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.public.algorithm())
            .field("id", self.public.id())
            .finish_non_exhaustive()
    }
}

impl Pair {
    /// The key says itself what it is: each reader takes its own kind alone.
    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let der = whole(der)?;
        CURVES
            .iter()
            .find_map(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok())
            .map(Self::Ecdsa)
            .or_else(|| Ed25519KeyPair::from_pkcs8(der).ok().map(Self::Ed25519))
            .or_else(|| RsaKeyPair::from_pkcs8(der).ok().map(Self::Rsa))
    }

    fn from_sec1(der: &[u8]) -> Option<Self> {
        CURVES
            .iter()
            .find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok())
            .map(Self::Ecdsa)
    }

    fn from_pkcs1(der: &[u8]) -> Option<Self> {
        RsaKeyPair::from_der(der).ok().map(Self::Rsa)
    }

    /// Its SubjectPublicKeyInfo.
    fn public_der(&self) -> Result<Vec<u8>, Unspecified> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Ecdsa(pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
            Self::Rsa(pair) => pair.public_key().as_der(),
        }?;
        Ok(der.as_ref().to_vec())
    }
}

/// The bytes, if they are one DER value: aws-lc-rs does not look at what follows it.
fn whole(der: &[u8]) -> Option<&[u8]> {
    AnyRef::from_der(der).ok().map(|_| der)
}

#[cfg(test)]
mod tests;
