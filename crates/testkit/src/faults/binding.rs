//! Steps 15, 16, 17 and 21: signatures, keys, and what a statement is about.

use serde_json::{Value, json};

use super::edit::remove;
use super::{Case, MANIFEST, by_policy, foreign_key, image, keyed, managed_key, refused, v1, v2};
use crate::forge::{Algorithm, Forge, Forgery, Hash, Key};
use crate::sha256_hex;

pub(super) fn cases() -> Vec<Case> {
    [signatures(), subjects(), statements(), predicates()]
        .into_iter()
        .flatten()
        .collect()
}

fn signatures() -> Vec<Case> {
    vec![
        refused("signature-flipped", 15, |forge| {
            keyed(forge).with_signature(|signature| flip_last(signature))
        }),
        refused("signature-flipped-keyless", 15, |forge| {
            v1(forge).with_signature(|signature| flip_last(signature))
        }),
        refused("signature-flipped-v2", 15, |forge| {
            v2(forge).with_signature(|signature| flip_last(signature))
        }),
        refused("signature-by-another-key", 15, |forge| {
            v1(forge).signed_by(foreign_key())
        }),
        refused("signature-over-the-payload-alone", 15, |forge| {
            let payload = forge.image_signature(&image()).payload().to_vec();
            v1(forge).with_signed_bytes(move |bytes| bytes.clone_from(&payload))
        }),
        refused("signature-over-another-payload-type", 15, |forge| {
            keyed(forge).with_signed_bytes(|bytes| {
                let text = String::from_utf8(bytes.clone()).expect("a statement is text");
                *bytes = text
                    .replacen(
                        "DSSEv1 28 application/vnd.in-toto+json",
                        "DSSEv1 10 text/plain",
                        1,
                    )
                    .into_bytes();
            })
        }),
        refused("signature-with-another-hash", 15, |forge| {
            keyed(forge).hashed_with(Hash::Sha384)
        }),
        refused("signature-by-another-curve", 15, |forge| {
            keyed(forge).signed_by(&Key::generate(Algorithm::P384))
        }),
        refused("signature-with-bytes-behind", 15, |forge| {
            v1(forge).with_signature(|signature| signature.push(0))
        }),
        refused("payload-changed", 15, |forge| {
            keyed(forge).with_json(|bundle| {
                let payload = &mut bundle["dsseEnvelope"]["payload"];
                // `{` to `{ `-like changes keep the meaning; a signature is over bytes.
                let text = decode(payload.as_str().expect("base64 is text"));
                *payload = encode(&text.replacen('{', "{ ", 1)).into();
            })
        }),
        by_policy("key-unknown", 16, |forge| {
            forge.image_signature(&image()).keyed(foreign_key())
        }),
        refused("key-hint-of-the-managed-key", 16, |forge| {
            let hint = managed_key().hint();
            let forgery = forge.image_signature(&image()).keyed(foreign_key());
            forgery.with_json(move |bundle| {
                bundle["verificationMaterial"]["publicKey"]["hint"] = json!(hint)
            })
        }),
    ]
}

fn subjects() -> Vec<Case> {
    vec![
        refused("other-image", 17, |forge| {
            forge
                .image_signature(&crate::sha256_digest(b"other"))
                .rekor_v1()
        }),
        refused("other-image-keyed", 17, |forge| {
            forge
                .image_signature(&crate::sha256_digest(b"other"))
                .keyed(managed_key())
        }),
        refused("no-subjects", 17, |forge| {
            with(forge, |statement| statement["subject"] = json!([]))
        }),
        refused("subject-missing", 17, |forge| {
            with(forge, |statement| remove(statement, "subject"))
        }),
        refused("subject-null", 17, |forge| {
            with(forge, |statement| statement["subject"] = json!([null]))
        }),
        refused("subject-null-beside-ours", 17, |forge| {
            with(forge, |statement| {
                statement["subject"]
                    .as_array_mut()
                    .expect("an array")
                    .insert(0, Value::Null)
            })
        }),
        refused("subject-not-a-list", 17, |forge| {
            with(forge, |statement| {
                statement["subject"] = statement["subject"][0].clone()
            })
        }),
        refused("subject-without-digest", 17, |forge| {
            with(forge, |statement| {
                remove(&mut statement["subject"][0], "digest")
            })
        }),
        refused("subject-by-sha1", 17, |forge| {
            with(forge, |statement| {
                digest(
                    statement,
                    &json!({"sha1": crate::digest::hex(&Hash::Sha1.of(MANIFEST))}),
                )
            })
        }),
        refused("subject-by-sha512-alone", 17, |forge| {
            with(forge, |statement| {
                digest(
                    statement,
                    &json!({"sha512": crate::digest::hex(&Hash::Sha512.of(MANIFEST))}),
                )
            })
        }),
        refused("subject-sha256-under-sha512", 17, |forge| {
            with(forge, |statement| {
                digest(statement, &json!({"sha512": sha256_hex(MANIFEST)}))
            })
        }),
        refused("subject-in-capitals", 17, |forge| {
            with(forge, |statement| {
                digest(
                    statement,
                    &json!({"sha256": sha256_hex(MANIFEST).to_uppercase()}),
                )
            })
        }),
        refused("subject-algorithm-in-capitals", 17, |forge| {
            with(forge, |statement| {
                digest(statement, &json!({"SHA256": sha256_hex(MANIFEST)}))
            })
        }),
        refused("subject-with-prefix", 17, |forge| {
            with(forge, |statement| {
                digest(statement, &json!({"sha256": image()}))
            })
        }),
        refused("subject-truncated", 17, |forge| {
            with(forge, |statement| {
                digest(statement, &json!({"sha256": &sha256_hex(MANIFEST)[..32]}))
            })
        }),
        refused("subject-number", 17, |forge| {
            with(forge, |statement| digest(statement, &json!({"sha256": 7})))
        }),
        refused("subject-by-name", 17, |forge| {
            with(forge, |statement| {
                statement["subject"] =
                    json!([{"name": image(), "digest": {"sha256": "00".repeat(32)}}]);
            })
        }),
        refused("sha512-beside-disagrees", 17, |forge| {
            with(forge, |statement| {
                digest(
                    statement,
                    &json!({"sha256": sha256_hex(MANIFEST), "sha512": "00".repeat(64)}),
                );
            })
        }),
    ]
}

fn statements() -> Vec<Case> {
    vec![
        refused("statement-type-unknown", 17, |forge| {
            with(forge, |statement| {
                statement["_type"] = json!("https://in-toto.io/Statement/v2")
            })
        }),
        refused("statement-type-missing", 17, |forge| {
            with(forge, |statement| remove(statement, "_type"))
        }),
        refused("statement-not-json", 17, |forge| {
            v1(forge).with_payload(|payload| *payload = b"statement".to_vec())
        }),
        refused("statement-a-list", 17, |forge| {
            v1(forge).with_payload(|payload| *payload = b"[]".to_vec())
        }),
        refused("statement-empty", 17, |forge| {
            v1(forge).with_payload(Vec::clear)
        }),
        refused("statement-with-bytes-behind", 17, |forge| {
            v1(forge).with_payload(|payload| payload.push(b'x'))
        }),
        refused("statement-not-utf8", 17, |forge| {
            v1(forge).with_payload(|payload| {
                let place = payload.len() - 3;
                payload[place] = 0xff;
            })
        }),
        refused("predicate-type-missing", 21, |forge| {
            with(forge, |statement| remove(statement, "predicateType"))
        }),
        refused("predicate-type-a-number", 21, |forge| {
            with(forge, |statement| statement["predicateType"] = json!(7))
        }),
    ]
}

fn predicates() -> Vec<Case> {
    vec![
        // CVE-2022-35929: any attestation satisfied any wish.
        by_policy("attestation-for-a-signature", 21, |forge| {
            let vulnerabilities = forge.attestation(
                &image(),
                "https://cosign.sigstore.dev/attestation/vuln/v1",
                json!({}),
            );
            vulnerabilities.rekor_v1()
        }),
        by_policy("predicate-type-in-capitals", 21, |forge| {
            with(forge, |statement| {
                statement["predicateType"] = json!("https://sigstore.dev/cosign/SIGN/v1")
            })
        }),
    ]
}

fn with<'f>(forge: &'f Forge, edit: impl FnOnce(&mut Value)) -> Forgery<'f> {
    v1(forge).with_statement(edit)
}

fn digest(statement: &mut Value, digests: &Value) {
    statement["subject"][0]["digest"] = digests.clone();
}

/// The last byte of an ECDSA signature belongs to its second number.
fn flip_last(signature: &mut [u8]) {
    let last = signature.last_mut().expect("a signature is not empty");
    *last ^= 1;
}

fn encode(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn decode(text: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .expect("we wrote it");
    String::from_utf8(bytes).expect("a statement is text")
}
