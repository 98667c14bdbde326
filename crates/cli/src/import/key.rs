//! Keys and trust roots, from what the originals hold inline.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::{PublicKey, TrustRoot};
use serde_json::{Value, json};

use super::model::Maker;
use super::node::Node;
use super::report::Log;

/// A public key: its PEM, and the sha256 of its SubjectPublicKeyInfo.
pub(super) type Key = (String, String);

/// Every key of a text with PEM blocks.
///
/// # Errors
/// What is wrong with it.
pub(super) fn keys(text: &str) -> Result<Vec<Key>, String> {
    const END: &str = "-----END PUBLIC KEY-----";
    let mut keys = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(END).ok_or("it holds no public key as PEM")?;
        let (block, behind) = rest.split_at(end + END.len());
        let lines: Vec<&str> = block
            .lines()
            .map(str::trim)
            .filter(|it| !it.is_empty())
            .collect();
        let pem = format!("{}\n", lines.join("\n"));
        let key = PublicKey::from_pem(&pem).map_err(|error| error.to_string())?;
        keys.push((pem, key.id().to_string()));
        rest = behind.trim();
    }
    if keys.is_empty() {
        return Err("it holds no public key".to_owned());
    }
    Ok(keys)
}

/// What a Sigstore instance is known by, as PEM.
#[derive(Debug, Default)]
pub(super) struct Instance {
    /// Certificate authorities, each as a chain, with the place where it can be asked.
    pub(super) authorities: Vec<(String, String)>,
    pub(super) timestamps: Vec<(String, String)>,
    pub(super) logs: Vec<(String, String)>,
    pub(super) ct_logs: Vec<(String, String)>,
}

impl Instance {
    /// The `trusted_root.json` that lists it. Nothing in it says since when its keys are good, so they are at any time.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn trusted_root(&self) -> Result<String, String> {
        let logs = |all: &[(String, String)]| all.iter().map(log).collect::<Result<Vec<_>, _>>();
        let authorities =
            |all: &[(String, String)]| all.iter().map(authority).collect::<Result<Vec<_>, _>>();
        let root = json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": logs(&self.logs)?,
            "certificateAuthorities": authorities(&self.authorities)?,
            "ctlogs": logs(&self.ct_logs)?,
            "timestampAuthorities": authorities(&self.timestamps)?,
        });
        let text = serde_json::to_string_pretty(&root).map_err(|error| error.to_string())?;
        TrustRoot::from_json("imported", text.as_bytes()).map_err(|error| error.to_string())?;
        Ok(text)
    }
}

fn log((url, pem): &(String, String)) -> Result<Value, String> {
    let all = keys(pem)?;
    let [(pem, id)] = all.as_slice() else {
        return Err("a log has one key".to_owned());
    };
    let key = PublicKey::from_pem(pem).map_err(|error| error.to_string())?;
    let details = match key.algorithm() {
        "ECDSA P-256" => "PKIX_ECDSA_P256_SHA_256",
        "ECDSA P-384" => "PKIX_ECDSA_P384_SHA_384",
        "ECDSA P-521" => "PKIX_ECDSA_P521_SHA_512",
        "Ed25519" => "PKIX_ED25519",
        other => return Err(format!("a log with a key of the kind {other}")),
    };
    let hex = id.strip_prefix("sha256:").unwrap_or(id);
    Ok(json!({
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": body(pem, "PUBLIC KEY").concat(),
            "keyDetails": details,
            "validFor": {"start": "1970-01-01T00:00:00Z"},
        },
        "logId": {"keyId": base64_of_hex(hex)?},
    }))
}

fn authority((url, pem): &(String, String)) -> Result<Value, String> {
    let certificates = body(pem, "CERTIFICATE");
    if certificates.is_empty() {
        return Err("a chain holds no certificate as PEM".to_owned());
    }
    let all: Vec<Value> = certificates
        .iter()
        .map(|it| json!({"rawBytes": it}))
        .collect();
    Ok(json!({
        "subject": {"organization": "", "commonName": ""},
        "uri": url,
        "certChain": {"certificates": all},
        "validFor": {"start": "1970-01-01T00:00:00Z"},
    }))
}

/// What stands in each PEM block of a kind, on one line.
fn body(pem: &str, kind: &str) -> Vec<String> {
    let (begin, end) = (
        format!("-----BEGIN {kind}-----"),
        format!("-----END {kind}-----"),
    );
    pem.split(&begin)
        .skip(1)
        .filter_map(|rest| rest.split_once(&end))
        .map(|(body, _)| body.split_whitespace().collect())
        .collect()
}

fn base64_of_hex(hex: &str) -> Result<String, String> {
    let pairs = hex.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    bytes
        .map(|it| STANDARD.encode(it))
        .ok_or_else(|| "a digest is not hexadecimal".to_owned())
}

/// What a field of bytes holds, which Kubernetes writes as base64.
///
/// # Errors
/// That it is no base64.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let whole: String = text.split_whitespace().collect();
    STANDARD
        .decode(whole)
        .map_err(|_| "it is not base64".to_owned())
}

/// The same, of text.
///
/// # Errors
/// That it is no base64, or that it is no text.
pub(super) fn text(encoded: &str) -> Result<String, String> {
    String::from_utf8(bytes(encoded)?).map_err(|_| "it is not text".to_owned())
}

/// The one key that stands here, of an authority or whatever the original calls it (`unit`).
pub(super) fn one(data: &Node<'_>, unit: &str, log: &mut Log<'_>) -> Option<Vec<Maker>> {
    match keys(data.text().unwrap_or_default()) {
        Ok(keys) if keys.len() == 1 => {
            log.carried(data, "Signer.keys");
            let makers = keys.into_iter().map(|(pem, id)| Maker::Key { pem, id });
            Some(makers.collect())
        }
        Ok(_) => {
            let next = format!("write one {unit} for each key");
            log.refused(data, "it is not one key", &next);
            None
        }
        Err(why) => {
            log.refused(data, &why, "write the public key as PEM");
            None
        }
    }
}
