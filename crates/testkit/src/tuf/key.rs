//! Keys as TUF writes them, and the bytes that they sign.

use serde_json::{Value, json};

use crate::forge::{Algorithm, Key};
use crate::sha256_hex;

/// A key with the id that metadata calls it by.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The id; it may be anything.
    pub id: String,
    key: Key,
}

impl Signer {
    /// A new random key (Ed25519, P-256, P-384 or RSA-PSS), with the id that securesystemslib would give it.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        let key = Key::generate(algorithm);
        let mut signer = Self {
            id: String::new(),
            key,
        };
        signer.id = sha256_hex(&canonical(&signer.public()));
        signer
    }

    /// The same key by another id.
    #[must_use]
    pub fn called(&self, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            key: self.key.clone(),
        }
    }

    /// The kind of key.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// The key object.
    ///
    /// # Panics
    /// For kinds that TUF has no scheme for.
    #[must_use]
    pub fn public(&self) -> Value {
        let (kind, scheme, public) = match self.key.algorithm() {
            Algorithm::Ed25519 => ("ed25519", "ed25519", hex(&self.key.public_raw())),
            Algorithm::P256 => ("ecdsa", "ecdsa-sha2-nistp256", self.key.public_pem()),
            Algorithm::P384 => ("ecdsa", "ecdsa-sha2-nistp384", self.key.public_pem()),
            Algorithm::RsaPss(_) => ("rsa", "rsassa-pss-sha256", self.key.public_pem()),
            other => panic!("TUF has no scheme for {other:?}"),
        };
        json!({"keytype": kind, "scheme": scheme, "keyval": {"public": public}})
    }

    /// A signature in hexadecimal.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> String {
        hex(&self.key.sign(message))
    }
}

/// Canonical JSON as TUF signs it (OLPC): keys sorted, no white space, and in strings only `"` and `\` are escaped.
///
/// # Panics
/// For numbers that are not whole.
#[must_use]
pub fn canonical(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null | Value::Bool(_) => out.extend(value.to_string().bytes()),
        Value::Number(number) => {
            assert!(number.is_i64() || number.is_u64(), "{number} is not whole");
            out.extend(number.to_string().bytes());
        }
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            out.push(b'{');
            for (place, (key, item)) in entries.into_iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write_text(key, out);
                out.push(b':');
                write(item, out);
            }
            out.push(b'}');
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_is_sorted_and_escapes_two_characters() {
        let value = json!({"b": [1, -2, null, true], "a": "q\"\\\n\u{e9}", "B": {}});
        let expected = "{\"B\":{},\"a\":\"q\\\"\\\\\n\u{e9}\",\"b\":[1,-2,null,true]}";
        assert_eq!(canonical(&value), expected.as_bytes());
    }
}
