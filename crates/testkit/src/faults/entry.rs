//! Step 9: entries that the log took in, about something else than the evidence.

use serde_json::{Value, json};

use super::edit::foreign_verifier;
use super::{Case, MANIFEST, image, managed_key, refused, v1, v2};
use crate::forge::{Entry, Forge, Forgery};

pub(super) fn cases() -> Vec<Case> {
    [dsse(), intoto(), hashed_rekord(), hashed_rekord_v2()]
        .into_iter()
        .flatten()
        .collect()
}

fn dsse() -> Vec<Case> {
    vec![
        refused("dsse-other-signature", 9, |forge| {
            v1(forge).with_entry(|entry| set(entry, SIGNATURE, foreign_signature()))
        }),
        refused("dsse-other-verifier", 9, |forge| {
            v1(forge).with_entry(|entry| set(entry, VERIFIER, foreign_verifier()))
        }),
        refused("dsse-other-payload-hash", 9, |forge| {
            v1(forge).with_entry(|entry| set(entry, "/spec/payloadHash/value", "00".repeat(32)))
        }),
        refused("dsse-payload-hash-of-another-kind", 9, |forge| {
            v1(forge).with_entry(|entry| set(entry, "/spec/payloadHash/algorithm", "sha512".into()))
        }),
        refused("dsse-two-signatures", 9, |forge| {
            v1(forge).with_entry(|entry| {
                let own = entry.body["spec"]["signatures"][0].clone();
                let other =
                    json!({"signature": foreign_signature(), "verifier": foreign_verifier()});
                entry.body["spec"]["signatures"] = json!([own, other]);
            })
        }),
        refused("dsse-no-signatures", 9, |forge| {
            v1(forge).with_entry(|entry| entry.body["spec"]["signatures"] = json!([]))
        }),
        refused("whole-entry-of-another-bundle", 9, |forge| {
            let other = body_of(forge);
            v1(forge).with_entry(move |entry| entry.body.clone_from(&other))
        }),
        refused("whole-entry-of-another-bundle-v2", 9, |forge| {
            let other = body_of_v2(forge);
            v2(forge).with_entry(move |entry| entry.body.clone_from(&other))
        }),
        refused("entry-of-kind-rekord", 9, |forge| {
            v1(forge).with_entry(|entry| {
                entry.kind = "rekord".into();
                entry.body["kind"] = json!("rekord");
            })
        }),
        refused("entry-of-a-future-version", 9, |forge| {
            v1(forge).with_entry(|entry| {
                entry.version = "0.0.9".into();
                entry.body["apiVersion"] = json!("0.0.9");
            })
        }),
        refused("dsse-entry-for-a-message", 9, |forge| {
            let dsse = body_of(forge);
            blob(forge).rekor_v1().with_entry(move |entry| {
                (entry.kind, entry.version) = ("dsse".into(), "0.0.1".into());
                entry.body.clone_from(&dsse);
            })
        }),
    ]
}

fn intoto() -> Vec<Case> {
    vec![
        refused("intoto-other-signature", 9, |forge| {
            intoto_002(forge, |entry| {
                set(
                    entry,
                    "/spec/content/envelope/signatures/0/sig",
                    "TUVVQw==".into(),
                )
            })
        }),
        refused("intoto-signature-encoded-once", 9, |forge| {
            intoto_002(forge, |entry| {
                let twice =
                    entry.body["spec"]["content"]["envelope"]["signatures"][0]["sig"].clone();
                let once = decoded(twice.as_str().expect("base64 is text"));
                set(entry, "/spec/content/envelope/signatures/0/sig", once);
            })
        }),
        refused("intoto-other-verifier", 9, |forge| {
            intoto_002(forge, |entry| {
                set(
                    entry,
                    "/spec/content/envelope/signatures/0/publicKey",
                    foreign_verifier(),
                );
            })
        }),
        refused("intoto-other-payload-hash", 9, |forge| {
            intoto_002(forge, |entry| {
                set(entry, "/spec/content/payloadHash/value", "00".repeat(32))
            })
        }),
        refused("intoto-other-payload-type", 9, |forge| {
            intoto_002(forge, |entry| {
                set(
                    entry,
                    "/spec/content/envelope/payloadType",
                    "text/plain".into(),
                )
            })
        }),
    ]
}

fn hashed_rekord() -> Vec<Case> {
    vec![
        refused("hashedrekord-other-hash", 9, |forge| {
            sig(forge).with_entry(|entry| set(entry, "/spec/data/hash/value", "00".repeat(32)))
        })
        .in_sig(),
        refused("hashedrekord-other-algorithm", 9, |forge| {
            sig(forge).with_entry(|entry| set(entry, "/spec/data/hash/algorithm", "sha512".into()))
        })
        .in_sig(),
        refused("hashedrekord-other-signature", 9, |forge| {
            sig(forge)
                .with_entry(|entry| set(entry, "/spec/signature/content", foreign_signature()))
        })
        .in_sig(),
        refused("hashedrekord-other-verifier", 9, |forge| {
            sig(forge).with_entry(|entry| {
                set(
                    entry,
                    "/spec/signature/publicKey/content",
                    foreign_verifier(),
                )
            })
        })
        .in_sig(),
    ]
}

fn hashed_rekord_v2() -> Vec<Case> {
    const SPEC: &str = "/spec/hashedRekordV002";
    vec![
        refused("hashedrekord-002-other-digest", 9, |forge| {
            v2(forge).with_entry(|entry| set(entry, &format!("{SPEC}/data/digest"), ZEROS.into()))
        }),
        refused("hashedrekord-002-other-algorithm", 9, |forge| {
            v2(forge).with_entry(|entry| {
                set(entry, &format!("{SPEC}/data/algorithm"), "SHA2_512".into())
            })
        }),
        refused("hashedrekord-002-other-signature", 9, |forge| {
            v2(forge).with_entry(|entry| {
                set(
                    entry,
                    &format!("{SPEC}/signature/content"),
                    foreign_signature(),
                )
            })
        }),
        refused("hashedrekord-002-other-certificate", 9, |forge| {
            let path = "/spec/hashedRekordV002/signature/verifier/x509Certificate/rawBytes";
            v2(forge).with_entry(move |entry| set(entry, path, ZEROS.into()))
        }),
        refused("hashedrekord-002-key-for-certificate", 9, |forge| {
            v2(forge).with_entry(|entry| {
                let verifier = &mut entry.body["spec"]["hashedRekordV002"]["signature"]["verifier"];
                *verifier = json!({"keyDetails": "PKIX_ECDSA_P256_SHA_256", "publicKey": {"rawBytes": ZEROS}});
            })
        }),
        refused("hashedrekord-002-key-and-certificate", 9, |forge| {
            v2(forge).with_entry(|entry| {
                let verifier = &mut entry.body["spec"]["hashedRekordV002"]["signature"]["verifier"];
                verifier["publicKey"] = json!({"rawBytes": ZEROS});
            })
        }),
        refused("keyed-entry-with-another-key", 9, |forge| {
            let keyed = forge
                .image_signature(&image())
                .keyed(managed_key())
                .rekor_v2()
                .timestamp();
            let path = "/spec/hashedRekordV002/signature/verifier/publicKey/rawBytes";
            keyed.with_entry(move |entry| set(entry, path, foreign_key_bytes()))
        }),
    ]
}

const SIGNATURE: &str = "/spec/signatures/0/signature";
const VERIFIER: &str = "/spec/signatures/0/verifier";
const ZEROS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn set(entry: &mut Entry, pointer: &str, value: String) {
    let place = entry
        .body
        .pointer_mut(pointer)
        .expect("the body has such a place");
    *place = value.into();
}

/// A signature over the same statement by a key of nobody.
fn foreign_signature() -> String {
    encoded(&super::foreign_key().sign(b"something else"))
}

fn foreign_key_bytes() -> String {
    encoded(&super::foreign_key().public_der())
}

fn encoded(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn decoded(text: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .expect("we wrote it");
    String::from_utf8(bytes).expect("base64 inside base64")
}

fn intoto_002<'f>(forge: &'f Forge, edit: impl Fn(&mut Entry) + 'f) -> Forgery<'f> {
    forge
        .image_signature(&image())
        .rekor_v1_as("intoto", "0.0.2")
        .with_entry(edit)
}

fn sig(forge: &Forge) -> Forgery<'_> {
    forge.simple_signing(&image()).rekor_v1()
}

fn blob(forge: &Forge) -> Forgery<'_> {
    forge.blob(MANIFEST)
}

/// The body of the entry of a sound bundle by another key.
fn body_of(forge: &Forge) -> Value {
    body_in(&v1(forge).bundle())
}

fn body_of_v2(forge: &Forge) -> Value {
    body_in(&v2(forge).bundle())
}

fn body_in(bundle: &[u8]) -> Value {
    let bundle: Value = serde_json::from_slice(bundle).expect("we wrote it");
    let body = bundle["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"].as_str();
    serde_json::from_str(&decoded(body.expect("every entry has a body"))).expect("we wrote it")
}
