//! Key files as cosign and openssl wrote them (`tests/keys/README.md`), and what is wrong with others.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;

const PASSWORD: &[u8] = b"countersign test key";

macro_rules! key {
    ($name:literal) => {
        include_str!(concat!("../../tests/keys/", $name))
    };
}

const COSIGN3: &str = key!("cosign3.key");
const P256: &str = key!("p256.pem");

#[track_caller]
fn refused(text: &str, password: Option<&[u8]>) -> SigningKeyError {
    let error = SigningKey::from_pem(text, password).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("test key") && shown.len() < 1000, "{shown}");
    error
}

/// `cosign3.key` with its JSON changed.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    let (label, bytes) = pem_rfc7468::decode_vec(COSIGN3.trim().as_bytes()).unwrap();
    let mut json: Value = serde_json::from_slice(&bytes).unwrap();
    change(&mut json);
    let text = json.to_string();
    pem_rfc7468::encode_string(label, LineEnding::LF, text.as_bytes()).unwrap()
}

#[test]
fn keys_of_every_kind_and_file_have_the_public_half_that_cosign_and_openssl_see() {
    for (private, public, algorithm) in [
        (key!("cosign2.key"), key!("cosign2.pub"), "ECDSA P-256"),
        (COSIGN3, key!("cosign3.pub"), "ECDSA P-256"),
        (key!("cosign3-ed25519.key"), key!("ed25519.pub"), "Ed25519"),
        (P256, key!("p256.pub"), "ECDSA P-256"),
        (key!("p256.ec.pem"), key!("p256.pub"), "ECDSA P-256"),
        (key!("p384.ec.pem"), key!("p384.pub"), "ECDSA P-384"),
        (key!("p521.pem"), key!("p521.pub"), "ECDSA P-521"),
        (key!("ed25519.pem"), key!("ed25519.pub"), "Ed25519"),
        (key!("rsa2048.pem"), key!("rsa2048.pub"), "RSA"),
        (key!("rsa2048.rsa.pem"), key!("rsa2048.pub"), "RSA"),
    ] {
        let key = SigningKey::from_pem(private, Some(PASSWORD)).unwrap();
        assert_eq!(key.public_pem(), public, "{algorithm}");
        assert_eq!(key.public_key().algorithm(), algorithm);
    }
}

#[test]
fn the_label_and_the_cost_of_cosign_1_are_taken() {
    let old = key!("cosign1.key");
    assert!(old.starts_with("-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----"));
    let key = SigningKey::from_pem(old, Some(b"hello")).unwrap();
    assert_eq!(key.public_key().algorithm(), "ECDSA P-256");
    let relabelled = COSIGN3.replace("SIGSTORE", "COSIGN");
    let key = SigningKey::from_pem(&relabelled, Some(PASSWORD)).unwrap();
    assert_eq!(key.public_pem(), key!("cosign3.pub"));
}

#[test]
fn a_password_that_is_wrong_or_missing() {
    assert_eq!(refused(COSIGN3, None), SigningKeyError::PasswordNeeded);
    for wrong in [&b""[..], b"countersign test kez", b"countersign test key\n"] {
        assert_eq!(
            refused(COSIGN3, Some(wrong)),
            SigningKeyError::WrongPassword
        );
    }
    // It is not an error to have one that nothing needs: COSIGN_PASSWORD stays set.
    assert!(SigningKey::from_pem(P256, Some(b"x")).is_ok());
}

#[test]
fn a_changed_key_does_not_open() {
    for field in ["/kdf/salt", "/cipher/nonce", "/ciphertext"] {
        let text = changed(|json| {
            let value = json.pointer_mut(field).unwrap();
            let mut bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
            bytes[0] ^= 1;
            *value = json!(STANDARD.encode(bytes));
        });
        let error = refused(&text, Some(PASSWORD));
        assert_eq!(error, SigningKeyError::WrongPassword, "{field}");
    }
    let other_cost = changed(|json| json["kdf"]["params"]["N"] = json!(32768));
    let error = refused(&other_cost, Some(PASSWORD));
    assert_eq!(error, SigningKeyError::WrongPassword);
}

#[test]
fn what_scrypt_would_take_too_long_for_is_refused_before_it_is_asked() {
    for (n, r, p) in [
        (1 << 18, 8, 1),
        (1 << 30, 8, 1),
        (u64::MAX, 8, 1),
        (65537, 8, 1),
        (16384, 8, 1),
        (2, 8, 1),
        (1, 8, 1),
        (0, 8, 1),
        (65536, 1 << 20, 1),
        (65536, 0, 1),
        (65536, 8, 1 << 20),
        (65536, 8, 0),
        (65536, u64::MAX, u64::MAX),
    ] {
        let text = changed(|json| json["kdf"]["params"] = json!({"N": n, "r": r, "p": p}));
        let error = refused(&text, Some(PASSWORD));
        assert_eq!(error, SigningKeyError::Cost { n, r, p });
    }
}

#[test]
fn another_derivation_or_cipher_is_named() {
    let text = changed(|json| json["kdf"]["name"] = json!("argon2id"));
    assert!(matches!(
        refused(&text, Some(PASSWORD)),
        SigningKeyError::Unknown { what: "key derivation", name, .. } if name == "argon2id"
    ));
    let text = changed(|json| json["cipher"]["name"] = json!("\u{1b}[2Jaes".repeat(100)));
    assert!(matches!(
        refused(&text, Some(PASSWORD)),
        SigningKeyError::Unknown { what: "cipher", name, .. } if !name.contains('\u{1b}')
    ));
}

#[test]
fn an_encrypted_key_that_is_malformed() {
    type Change = fn(&mut Value);
    let changes: [Change; 9] = [
        |json| *json = json!([]),
        |json| json["kdf"] = Value::Null,
        |json| json["kdf"]["params"]["N"] = json!(-1),
        |json| json["kdf"]["params"]["N"] = json!("65536"),
        |json| json["kdf"]["salt"] = json!("!"),
        |json| json["cipher"]["nonce"] = json!(""),
        |json| json["cipher"]["nonce"] = json!(STANDARD.encode([0; 23])),
        |json| json["ciphertext"] = json!("AAA"),
        |json| drop(json.as_object_mut().unwrap().remove("ciphertext")),
    ];
    for (case, change) in changes.into_iter().enumerate() {
        let error = refused(&changed(change), Some(PASSWORD));
        assert!(
            matches!(error, SigningKeyError::Encrypted(_)),
            "{case}: {error}"
        );
    }
    // Shorter than its own authentication.
    let text = changed(|json| json["ciphertext"] = json!(STANDARD.encode([0; 15])));
    let error = refused(&text, Some(PASSWORD));
    assert_eq!(error, SigningKeyError::WrongPassword);
}

#[test]
fn not_exactly_one_block() {
    let two = format!("{P256}{P256}");
    let beside = format!("a key\n{P256}");
    let after = format!("{P256}a key\n");
    let parameters = format!(
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{}",
        key!("p256.ec.pem")
    );
    let half = &P256[..P256.len() / 2];
    let ends_as_another = P256.replace("-----END PRIVATE", "-----END EC PRIVATE");
    for text in [
        "",
        "\0",
        "a key",
        &two,
        &beside,
        &after,
        &parameters,
        half,
        &ends_as_another,
        &P256.replace("MI", "!I"),
    ] {
        let error = refused(text, None);
        assert!(matches!(error, SigningKeyError::Pem(_)), "{text}: {error}");
    }
    let large = " ".repeat(MOST_BYTES + 1);
    assert_eq!(
        refused(&large, None),
        SigningKeyError::TooLarge(MOST_BYTES + 1)
    );
}

#[test]
fn a_key_without_its_end_or_with_more_after_it() {
    for (text, label) in [
        (P256, "PRIVATE KEY"),
        (key!("p256.ec.pem"), "EC PRIVATE KEY"),
        (key!("ed25519.pem"), "PRIVATE KEY"),
        (key!("rsa2048.rsa.pem"), "RSA PRIVATE KEY"),
    ] {
        let (_, der) = pem_rfc7468::decode_vec(text.trim().as_bytes()).unwrap();
        for bytes in [
            &der[..der.len() - 1],
            &[&der[..], b"\0"].concat(),
            b"\0",
            b"\x30",
        ] {
            let text = pem_rfc7468::encode_string(label, LineEnding::LF, bytes).unwrap();
            let error = refused(&text, None);
            assert_eq!(
                error,
                SigningKeyError::Unsupported,
                "{label} {}",
                bytes.len()
            );
        }
    }
}

#[test]
fn a_public_half_that_belongs_to_another_key() {
    let other = SigningKey::from_pem(key!("cosign3.pub"), None).unwrap_err();
    assert!(matches!(other, SigningKeyError::Label(label) if label == "PUBLIC KEY"));
    for (text, label) in [
        (P256, "PRIVATE KEY"),
        (key!("p256.ec.pem"), "EC PRIVATE KEY"),
    ] {
        let (_, mut der) = pem_rfc7468::decode_vec(text.trim().as_bytes()).unwrap();
        let foreign = SigningKey::from_pem(COSIGN3, Some(PASSWORD)).unwrap();
        let point = foreign.public_key().spki().last_chunk::<65>().unwrap();
        let own = SigningKey::from_pem(P256, None).unwrap();
        let own = own.public_key().spki().last_chunk::<65>().unwrap();
        let at = der.windows(65).position(|window| window == own).unwrap();
        der[at..at + 65].copy_from_slice(point);
        let text = pem_rfc7468::encode_string(label, LineEnding::LF, &der).unwrap();
        assert_eq!(
            refused(&text, None),
            SigningKeyError::Unsupported,
            "{label}"
        );
    }
}

#[test]
fn kinds_that_nobody_verifies() {
    for text in [key!("secp256k1.ec.pem"), key!("rsa1024.rsa.pem")] {
        assert_eq!(refused(text, None), SigningKeyError::Unsupported);
    }
    let error = refused(key!("encrypted-pkcs8.pem"), Some(PASSWORD));
    assert!(matches!(error, SigningKeyError::Label(_)), "{error}");
}

#[test]
fn debug_shows_the_public_half_alone() {
    let key = SigningKey::from_pem(P256, None).unwrap();
    let shown = format!("{key:?}");
    assert!(shown.contains(&key.public_key().id().to_string()));
    let words: BTreeSet<&str> = shown.split_whitespace().collect();
    assert!(words.len() < 10, "{shown}");
}
