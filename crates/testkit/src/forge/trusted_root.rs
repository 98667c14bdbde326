//! What a verifier is told to trust (protobuf-specs `TrustedRoot`, version 0.1).

use serde_json::{Value, json};

use super::certificate::Issued;
use super::key::Key;
use super::{Forge, YEAR, base64};

/// One trusted root of several instances, for thresholds and for confusion.
#[must_use]
pub fn trusted_root_of(forges: &[&Forge]) -> Value {
    let all = |part: fn(&Forge) -> Vec<Value>| {
        forges
            .iter()
            .flat_map(|forge| part(forge))
            .collect::<Vec<_>>()
    };
    json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": all(logs),
        "certificateAuthorities": all(certificate_authorities),
        "ctlogs": all(ct_logs),
        "timestampAuthorities": all(timestamp_authorities),
    })
}

fn logs(forge: &Forge) -> Vec<Value> {
    [&forge.rekor_v1, &forge.rekor_v2]
        .map(|log| {
            instance(
                forge,
                &format!("https://{}", log.host),
                &log.key,
                &log.log_id(),
            )
        })
        .to_vec()
}

fn ct_logs(forge: &Forge) -> Vec<Value> {
    let url = format!("https://ctfe.{}/test", forge.domain);
    vec![instance(
        forge,
        &url,
        &forge.ct_log.key,
        &forge.ct_log.log_id(),
    )]
}

fn certificate_authorities(forge: &Forge) -> Vec<Value> {
    vec![authority(forge, &forge.ca_uri, &forge.ca_chain())]
}

fn timestamp_authorities(forge: &Forge) -> Vec<Value> {
    let chain = forge.tsa.chain();
    let url = format!("https://timestamp.{}/api/v1/timestamp", forge.domain);
    vec![authority(forge, &url, &chain.iter().collect::<Vec<_>>())]
}

/// A `TransparencyLogInstance`.
fn instance(forge: &Forge, url: &str, key: &Key, log_id: &[u8]) -> Value {
    json!({
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": base64(&key.public_der()), "keyDetails": key.details(), "validFor": {"start": start(forge)},
        },
        "logId": {"keyId": base64(log_id)},
    })
}

/// A `CertificateAuthority`.
fn authority(forge: &Forge, uri: &str, chain: &[&Issued]) -> Value {
    let certificates: Vec<_> = chain
        .iter()
        .map(|issued| json!({"rawBytes": base64(&issued.der)}))
        .collect();
    let root = chain
        .last()
        .map(|issued| issued.certificate.subject.clone())
        .unwrap_or_default();
    json!({
        "subject": {"organization": root.organization, "commonName": root.common_name},
        "uri": uri,
        "certChain": {"certificates": certificates},
        "validFor": {"start": start(forge)},
    })
}

fn start(forge: &Forge) -> String {
    jiff::Timestamp::from_second(forge.now - 3 * YEAR)
        .expect("tests use times within the calendar")
        .to_string()
}
