//! Steps 0, 4 and 5: bundles and envelopes that must not be read.

use serde_json::{Value, json};

use super::edit::{double, entry, proof, remove, uncanonical};
use super::{Case, by_policy, keyed, refused, v1, v2};

pub(super) fn cases() -> Vec<Case> {
    [limits(), json(), versions(), envelopes()]
        .into_iter()
        .flatten()
        .collect()
}

fn limits() -> Vec<Case> {
    vec![
        refused("33-entries", 0, |forge| {
            v1(forge).with_json(|bundle| {
                let entries = vec![entry(bundle).clone(); 33];
                bundle["verificationMaterial"]["tlogEntries"] = entries.into();
            })
        }),
        refused("33-timestamps", 0, |forge| {
            v2(forge).with_json(|bundle| {
                let stamps = &mut bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"];
                *stamps = vec![stamps[0].clone(); 33].into();
            })
        }),
        refused("1025-subjects", 0, |forge| {
            v1(forge).with_statement(|statement| {
                let subject = statement["subject"][0].clone();
                statement["subject"] = vec![subject; 1025].into();
            })
        }),
        refused("65-proof-hashes", 0, |forge| {
            v1(forge).with_json(|bundle| {
                let hash = proof(bundle)["hashes"][0].clone();
                proof(bundle)["hashes"] = vec![hash; 65].into();
            })
        }),
        refused("17-checkpoint-signatures", 0, |forge| {
            v2(forge).with_checkpoint(|checkpoint| {
                checkpoint.lines_after =
                    vec![crate::forge::signature_line("witness.example", &[7; 76]); 17];
            })
        }),
        refused("checkpoint-of-20-kib", 0, |forge| {
            v2(forge).with_checkpoint(|checkpoint| checkpoint.extensions.push("x".repeat(20_000)))
        }),
        refused("deep-predicate", 0, |forge| {
            v1(forge).with_payload(|payload| {
                let text = String::from_utf8(payload.clone()).expect("JSON is text");
                let deep = format!("\"predicate\":{}{}", "[".repeat(5000), "]".repeat(5000));
                *payload = text.replace("\"predicate\":{}", &deep).into_bytes();
            })
        }),
    ]
}

fn json() -> Vec<Case> {
    vec![
        refused("not-json", 4, |forge| {
            v1(forge).with_text(|text| text.insert(0, '!'))
        }),
        refused("empty-bundle", 4, |forge| {
            v1(forge).with_text(String::clear)
        }),
        refused("trailing-object", 4, |forge| {
            v1(forge).with_text(|text| text.push_str("{}"))
        }),
        refused("double-content", 4, |forge| {
            v1(forge).with_text(|text| double(text, "dsseEnvelope", "{}"))
        }),
        refused("double-certificate", 4, |forge| {
            v1(forge).with_text(|text| double(text, "rawBytes", "\"AA==\""))
        }),
        refused("double-log-index", 4, |forge| {
            v1(forge).with_text(|text| double(text, "logIndex", "\"2\""))
        }),
        refused("double-predicate-type", 4, |forge| {
            v1(forge).with_payload(|payload| {
                double_bytes(payload, "predicateType", "\"https://example.com\"")
            })
        }),
        refused("double-subject-digest", 4, |forge| {
            v1(forge).with_payload(|payload| {
                double_bytes(payload, "sha256", &format!("\"{}\"", "00".repeat(32)))
            })
        }),
        refused("double-body-kind", 4, |forge| {
            v1(forge).with_entry(|entry| {
                let mut body = entry.body.to_string().into_bytes();
                double_bytes(&mut body, "kind", "\"dsse\"");
                entry.raw_body = Some(body);
            })
        }),
        refused("both-contents", 4, |forge| {
            v1(forge).with_json(|bundle| {
                bundle["messageSignature"] = json!({
                    "messageDigest": {"algorithm": "SHA2_256", "digest": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
                    "signature": "MEUC",
                });
            })
        }),
        refused("no-content", 4, |forge| {
            v1(forge).with_json(|bundle| remove(bundle, "dsseEnvelope"))
        }),
        refused("both-signers", 4, |forge| {
            v1(forge).with_json(|bundle| {
                bundle["verificationMaterial"]["publicKey"] = json!({"hint": "x"})
            })
        }),
        refused("no-signer", 4, |forge| {
            keyed(forge)
                .with_json(|bundle| remove(&mut bundle["verificationMaterial"], "publicKey"))
        }),
        refused("no-material", 4, |forge| {
            keyed(forge).with_json(|bundle| remove(bundle, "verificationMaterial"))
        }),
        refused("unknown-field", 4, |forge| {
            v1(forge).with_json(|bundle| bundle["comment"] = json!("hello"))
        }),
        refused("unknown-entry-field", 4, |forge| {
            v1(forge).with_json(|bundle| entry(bundle)["verified"] = json!(true))
        }),
        refused("null-payload", 4, |forge| {
            keyed(forge).with_json(|bundle| bundle["dsseEnvelope"]["payload"] = Value::Null)
        }),
        refused("null-entry", 4, |forge| {
            v1(forge).with_json(|bundle| *entry(bundle) = Value::Null)
        }),
        refused("entries-object", 4, |forge| {
            v1(forge).with_json(|bundle| bundle["verificationMaterial"]["tlogEntries"] = json!({}))
        }),
        refused("index-negative", 4, |forge| {
            v1(forge).with_json(|bundle| entry(bundle)["logIndex"] = json!("-1"))
        }),
        refused("index-overflow", 4, |forge| {
            v1(forge).with_json(|bundle| entry(bundle)["logIndex"] = json!("9223372036854775808"))
        }),
        refused("index-fraction", 4, |forge| {
            v1(forge).with_json(|bundle| entry(bundle)["logIndex"] = json!("2.5"))
        }),
        refused("index-spaced", 4, |forge| {
            v1(forge).with_json(|bundle| entry(bundle)["logIndex"] = json!(" 2"))
        }),
        refused("proof-index-negative", 4, |forge| {
            v1(forge).with_json(|bundle| proof(bundle)["logIndex"] = json!("-2"))
        }),
        refused("time-negative", 4, |forge| {
            v1(forge).with_entry(|entry| entry.integrated_time = -1)
        }),
        refused("log-id-uncanonical", 4, |forge| {
            v1(forge).with_json(|bundle| uncanonical(&mut entry(bundle)["logId"]["keyId"]))
        }),
        refused("root-hash-uncanonical", 4, |forge| {
            v1(forge).with_json(|bundle| uncanonical(&mut proof(bundle)["rootHash"]))
        }),
        refused("signature-not-base64", 4, |forge| {
            keyed(forge)
                .with_json(|bundle| bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!("!!!"))
        }),
        refused("payload-with-line-break", 4, |forge| {
            keyed(forge).with_json(|bundle| {
                let payload = &mut bundle["dsseEnvelope"]["payload"];
                *payload = format!("{}\n", payload.as_str().expect("base64 is text")).into();
            })
        }),
        refused("body-not-json", 4, |forge| {
            v1(forge).with_entry(|entry| entry.raw_body = Some(b"body".to_vec()))
        }),
        refused("body-is-a-number", 4, |forge| {
            v1(forge).with_entry(|entry| entry.raw_body = Some(b"7".to_vec()))
        }),
        refused("body-empty", 4, |forge| {
            v1(forge).with_entry(|entry| entry.raw_body = Some(Vec::new()))
        }),
    ]
}

fn versions() -> Vec<Case> {
    vec![
        refused("version-04", 4, |forge| v1(forge).version("0.4")),
        refused("media-type-missing", 4, |forge| {
            v1(forge).with_json(|bundle| remove(bundle, "mediaType"))
        }),
        refused("media-type-of-something", 4, |forge| {
            v1(forge).with_json(|bundle| bundle["mediaType"] = json!("application/json"))
        }),
        by_policy("version-02", 4, |forge| v1(forge).version("0.2")),
        by_policy("version-01", 4, |forge| v1(forge).version("0.1")),
        refused("version-03-with-chain", 4, |forge| {
            v1(forge).carrying_chain()
        }),
        refused("version-02-without-proof", 4, |forge| {
            v1(forge)
                .version("0.2")
                .with_entry(|entry| entry.proof = false)
        }),
        refused("version-03-without-proof", 4, |forge| {
            v1(forge).with_entry(|entry| entry.proof = false)
        }),
        refused("without-checkpoint", 4, |forge| {
            v1(forge).with_entry(|entry| entry.checkpoint = false)
        }),
        refused("v2-without-proof", 4, |forge| {
            v2(forge).with_entry(|entry| entry.proof = false)
        }),
        refused("v2-without-checkpoint", 4, |forge| {
            v2(forge).with_entry(|entry| entry.checkpoint = false)
        }),
        refused("entry-of-another-kind", 4, |forge| {
            v1(forge)
                .with_json(|bundle| entry(bundle)["kindVersion"]["kind"] = json!("hashedrekord"))
        }),
        refused("entry-of-another-version", 4, |forge| {
            v1(forge).with_json(|bundle| entry(bundle)["kindVersion"]["version"] = json!("0.0.2"))
        }),
        refused("no-certificate-bytes", 4, |forge| {
            v1(forge).with_certificates(|chain| chain[0].clear())
        }),
        refused("empty-chain", 4, |forge| {
            v1(forge).version("0.2").with_certificates(Vec::clear)
        }),
        refused("chain-with-root", 12, |forge| {
            let root = forge.root.0.der.clone();
            v1(forge)
                .version("0.2")
                .with_certificates(move |chain| chain.push(root.clone()))
        }),
        refused("root-for-leaf", 13, |forge| {
            let root = forge.root.0.der.clone();
            v1(forge).with_certificates(move |chain| chain[0].clone_from(&root))
        }),
    ]
}

fn envelopes() -> Vec<Case> {
    vec![
        refused("two-signatures", 5, |forge| {
            keyed(forge).with_json(|bundle| {
                let signatures = &mut bundle["dsseEnvelope"]["signatures"];
                *signatures = vec![signatures[0].clone(); 2].into();
            })
        }),
        refused("foreign-signature-first", 5, |forge| {
            keyed(forge).with_json(|bundle| {
                let signatures = &mut bundle["dsseEnvelope"]["signatures"];
                *signatures = json!([{"sig": "MEUC"}, signatures[0]]);
            })
        }),
        refused("no-signatures", 5, |forge| {
            keyed(forge).with_json(|bundle| bundle["dsseEnvelope"]["signatures"] = json!([]))
        }),
        refused("empty-signature", 5, |forge| {
            keyed(forge)
                .with_json(|bundle| bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!(""))
        }),
        refused("payload-type-text", 5, |forge| {
            keyed(forge).payload_type("text/plain")
        }),
        refused("payload-type-case", 5, |forge| {
            keyed(forge).payload_type("application/vnd.In-Toto+json")
        }),
        refused("payload-type-swapped", 5, |forge| {
            keyed(forge)
                .payload_type("application/json")
                .with_json(|bundle| {
                    bundle["dsseEnvelope"]["payloadType"] = json!(crate::forge::IN_TOTO)
                })
        }),
    ]
}

fn double_bytes(bytes: &mut Vec<u8>, member: &str, value: &str) {
    let mut text = String::from_utf8(bytes.clone()).expect("JSON is text");
    double(&mut text, member, value);
    *bytes = text.into_bytes();
}
