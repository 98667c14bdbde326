//! Bodies of log entries, as Rekor makes them.

use serde_json::{Value, json};

use super::base64;
use super::key::{Hash, Key};
use crate::digest::sha256_hex;

/// What was signed, and how.
pub(crate) struct Signed {
    /// The very bytes under the signature: a DSSE pre-authentication encoding, or a message.
    pub(crate) bytes: Vec<u8>,
    /// The payload of a DSSE envelope, or the message.
    pub(crate) payload: Vec<u8>,
    pub(crate) payload_type: String,
    pub(crate) signature: Vec<u8>,
    pub(crate) hash: Hash,
    /// The whole DSSE envelope.
    pub(crate) envelope: Vec<u8>,
    /// The signer's key.
    pub(crate) key: Key,
    /// The signer's certificate, when there is one.
    pub(crate) certificate: Option<Vec<u8>>,
}

impl Signed {
    /// The body of an entry of that kind and version.
    ///
    /// # Panics
    /// When Rekor has no such kind.
    pub(crate) fn body(&self, kind: &str, version: &str) -> Value {
        let spec = match (kind, version) {
            ("hashedrekord", "0.0.1") => self.hashed_rekord(),
            ("hashedrekord", "0.0.2") => self.hashed_rekord_v2(),
            ("dsse", "0.0.1") => self.dsse(),
            ("intoto", "0.0.1") => self.intoto_v1(),
            ("intoto", "0.0.2") => self.intoto_v2(),
            other => panic!("no entries of kind {other:?} are made here"),
        };
        json!({"apiVersion": version, "kind": kind, "spec": spec})
    }

    fn hashed_rekord(&self) -> Value {
        json!({
            "data": {"hash": {"algorithm": self.hash.lower_name(), "value": crate::digest::hex(&self.hash.of(&self.bytes))}},
            "signature": {"content": base64(&self.signature), "publicKey": {"content": self.verifier()}},
        })
    }

    fn hashed_rekord_v2(&self) -> Value {
        let mut verifier = json!({"keyDetails": self.key.details()});
        match &self.certificate {
            Some(certificate) => {
                verifier["x509Certificate"] = json!({"rawBytes": base64(certificate)})
            }
            None => verifier["publicKey"] = json!({"rawBytes": base64(&self.key.public_der())}),
        }
        json!({"hashedRekordV002": {
            "data": {"algorithm": self.hash.name(), "digest": base64(&self.hash.of(&self.bytes))},
            "signature": {"content": base64(&self.signature), "verifier": verifier},
        }})
    }

    fn dsse(&self) -> Value {
        json!({
            "envelopeHash": sha256(&self.envelope),
            "payloadHash": sha256(&self.payload),
            "signatures": [{"signature": base64(&self.signature), "verifier": self.verifier()}],
        })
    }

    fn intoto_v1(&self) -> Value {
        json!({
            "content": {"hash": sha256(&self.envelope), "payloadHash": sha256(&self.payload)},
            "publicKey": self.verifier(),
        })
    }

    fn intoto_v2(&self) -> Value {
        // Rekor encodes the signature twice here.
        let signature = base64(base64(&self.signature).as_bytes());
        json!({"content": {
            "envelope": {
                "payloadType": self.payload_type,
                "signatures": [{"publicKey": self.verifier(), "sig": signature}],
            },
            "hash": sha256(&self.envelope),
            "payloadHash": sha256(&self.payload),
        }})
    }

    /// Base64 of PEM of certificate or key.
    fn verifier(&self) -> String {
        let pem = match &self.certificate {
            Some(certificate) => super::der::pem("CERTIFICATE", certificate),
            None => self.key.public_pem(),
        };
        base64(pem.as_bytes())
    }
}

fn sha256(bytes: &[u8]) -> Value {
    json!({"algorithm": "sha256", "value": sha256_hex(bytes)})
}
