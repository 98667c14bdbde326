//! cosign's encrypted private keys (go-securesystemslib, package `encrypted`): scrypt (RFC 7914) makes a key of the password, and NaCl's
//! secretbox (XSalsa20-Poly1305) with that key holds PKCS#8.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::Aead as _;
use crypto_secretbox::{Key, KeyInit as _, Nonce, XSalsa20Poly1305};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::SigningKeyError;

const SCRYPT: &str = "scrypt";
const SECRETBOX: &str = "nacl/secretbox";
/// The exponents of the costs that go-securesystemslib takes and has ever written (`Legacy`, `Standard`, `OWASP`); the last needs 128 MiB
/// and below a second.
const LOG_N: [u8; 3] = [15, 16, 17];
const R: u32 = 8;
const P: u32 = 1;
const NONCE: usize = 24;
/// Characters of a name that a message shows.
const MOST_NAME: usize = 40;

/// What is in the PEM block. Fields that nobody knows are let be, as Go does.
#[derive(Deserialize)]
struct Wire {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: Cost,
    salt: String,
}

#[derive(Deserialize)]
struct Cost {
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// The PKCS#8 within. Everything is checked before the password is put to work.
pub(super) fn open(json: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
    // serde_json's own words could hold any text of the file.
    let wire: Wire = serde_json::from_slice(json).map_err(|error| {
        SigningKeyError::Encrypted(format!(
            "its content is not the JSON that cosign writes (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    known("key derivation", &wire.kdf.name, SCRYPT)?;
    known("cipher", &wire.cipher.name, SECRETBOX)?;
    let cost = wire.kdf.params.checked()?;
    let salt = decode("salt", &wire.kdf.salt)?;
    let ciphertext = decode("ciphertext", &wire.ciphertext)?;
    let nonce: [u8; NONCE] = decode("nonce", &wire.cipher.nonce)?
        .try_into()
        .map_err(|_| SigningKeyError::Encrypted(format!("its nonce has not {NONCE} bytes")))?;

    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password, &salt, &cost, &mut *key)
        .map_err(|error| SigningKeyError::Encrypted(error.to_string()))?;
    XSalsa20Poly1305::new(Key::from_slice(&*key))
        .decrypt(Nonce::from_slice(&nonce), ciphertext.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| SigningKeyError::WrongPassword)
}

impl Cost {
    fn checked(&self) -> Result<scrypt::Params, SigningKeyError> {
        let Self { n, r, p } = *self;
        let refused = SigningKeyError::Cost { n, r, p };
        let log_n = LOG_N.into_iter().find(|log_n| n == 1 << log_n);
        match log_n {
            Some(log_n) if r == u64::from(R) && p == u64::from(P) => {
                scrypt::Params::new(log_n, R, P).map_err(|_| refused)
            }
            _ => Err(refused),
        }
    }
}

fn known(what: &'static str, name: &str, known: &'static str) -> Result<(), SigningKeyError> {
    if name == known {
        return Ok(());
    }
    let name = name.chars().take(MOST_NAME).collect::<String>();
    Err(SigningKeyError::Unknown {
        what,
        name: name.escape_debug().to_string(),
        known,
    })
}

fn decode(what: &str, text: &str) -> Result<Vec<u8>, SigningKeyError> {
    STANDARD
        .decode(text)
        .map_err(|_| SigningKeyError::Encrypted(format!("its {what} is not base64")))
}
