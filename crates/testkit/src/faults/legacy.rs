//! Steps 9, 10, 15 and 18 for `.sig` and `.att` layers.

use serde_json::{Value, json};

use super::edit::foreign_verifier;
use super::{Case, by_policy, foreign_key, image, managed_key, refused, theirs};
use crate::forge::{Entry, Forge, Forgery};

const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

pub(super) fn cases() -> Vec<Case> {
    let sigs = [payloads(), annotations(), promises()]
        .into_iter()
        .flatten()
        .map(Case::in_sig);
    sigs.chain(attestations().into_iter().map(Case::in_att))
        .collect()
}

fn payloads() -> Vec<Case> {
    vec![
        refused("sig-other-image", 18, |forge| {
            signed(forge, |payload| {
                digest(payload, &crate::sha256_digest(b"other"))
            })
        }),
        refused("sig-digest-without-algorithm", 18, |forge| {
            signed(forge, |payload| {
                digest(payload, image().trim_start_matches("sha256:"))
            })
        }),
        refused("sig-digest-in-capitals", 18, |forge| {
            signed(forge, |payload| digest(payload, &image().to_uppercase()))
        }),
        refused("sig-digest-with-space", 18, |forge| {
            signed(forge, |payload| digest(payload, &format!("{} ", image())))
        }),
        refused("sig-digest-of-other-algorithm", 18, |forge| {
            signed(forge, |payload| {
                digest(payload, &image().replace("sha256", "sha512"))
            })
        }),
        refused("sig-digest-missing", 18, |forge| {
            signed(forge, |payload| payload["critical"]["image"] = json!({}))
        }),
        refused("sig-of-another-type", 18, |forge| {
            signed(forge, |payload| {
                payload["critical"]["type"] = json!("atomic container signature")
            })
        }),
        refused("sig-type-missing", 18, |forge| {
            signed(forge, |payload| {
                super::edit::remove(&mut payload["critical"], "type")
            })
        }),
        refused("sig-critical-missing", 18, |forge| {
            signed(forge, |payload| super::edit::remove(payload, "critical"))
        }),
        refused("sig-critical-twice", 18, |forge| {
            plain(forge).with_payload(|payload| {
                let mut text = String::from_utf8(payload.clone()).expect("JSON is text");
                super::edit::double(&mut text, "critical", "{}");
                *payload = text.into_bytes();
            })
        }),
        refused("sig-payload-not-json", 18, |forge| {
            plain(forge).with_payload(|payload| *payload = image().into_bytes())
        }),
        refused("sig-payload-with-bytes-behind", 18, |forge| {
            plain(forge).with_payload(|payload| payload.extend(b"{}"))
        }),
        refused("sig-payload-is-a-statement", 18, |forge| {
            let statement = forge.image_signature(&image()).payload().to_vec();
            plain(forge).with_payload(|payload| *payload = statement)
        }),
        refused("sig-over-other-bytes", 15, |forge| {
            plain(forge).with_signed_bytes(|bytes| bytes.push(b' '))
        }),
        refused("sig-by-another-key", 15, |forge| {
            plain(forge).signed_by(foreign_key())
        }),
        refused("sig-keyless-by-another-key", 15, |forge| {
            keyless(forge).signed_by(foreign_key())
        }),
        by_policy("sig-key-unknown", 16, |forge| {
            forge.simple_signing(&image()).keyed(foreign_key())
        }),
    ]
}

fn annotations() -> Vec<Case> {
    vec![
        refused("sig-signature-missing", 18, |forge| {
            plain(forge).with_json(|annotations| super::edit::remove(annotations, SIGNATURE))
        }),
        refused("sig-signature-empty", 18, |forge| {
            plain(forge).with_json(|annotations| annotations[SIGNATURE] = json!(""))
        }),
        refused("sig-signature-not-base64", 18, |forge| {
            plain(forge).with_json(|annotations| annotations[SIGNATURE] = json!("!"))
        }),
        refused("sig-certificate-empty", 13, |forge| {
            keyless(forge)
                .with_json(|annotations| annotations["dev.sigstore.cosign/certificate"] = json!(""))
        }),
        refused("sig-certificate-empty-pem", 13, |forge| {
            let empty = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
            keyless(forge).with_json(move |annotations| {
                annotations["dev.sigstore.cosign/certificate"] = json!(empty)
            })
        }),
        refused("sig-two-certificates", 13, |forge| {
            keyless(forge).with_json(|annotations| {
                let pem = &mut annotations["dev.sigstore.cosign/certificate"];
                let twice = pem.as_str().expect("PEM is text").repeat(2);
                *pem = twice.into();
            })
        }),
        refused("sig-bundle-not-json", 8, |forge| {
            keyless(forge).with_json(|annotations| annotations[BUNDLE] = json!("bundle"))
        }),
        refused("sig-timestamp-not-json", 10, |forge| {
            keyless(forge).timestamp().with_json(|annotations| {
                annotations["dev.sigstore.cosign/rfc3161timestamp"] = json!("timestamp");
            })
        }),
        refused("sig-ca-unknown", 12, |forge| {
            theirs().simple_signing(&image()).logged_by(&forge.rekor_v1)
        }),
        refused("sig-two-names", 19, |forge| {
            keyless(forge).with_leaf(|leaf| {
                leaf.remove(crate::forge::SUBJECT_ALT_NAME);
                let names = ["a@example.com", "b@example.com"]
                    .map(|name| crate::forge::San::Email(name.into()));
                leaf.push_names(&names);
            })
        }),
        by_policy("sig-sct-missing", 14, |forge| {
            keyless(forge).with_scts(Vec::clear)
        }),
    ]
}

fn promises() -> Vec<Case> {
    vec![
        refused("sig-without-time", 11, |forge| {
            forge.simple_signing(&image())
        }),
        refused("sig-promise-missing", 8, |forge| {
            keyless(forge).with_entry(|entry| entry.promise = false)
        }),
        refused("sig-promise-flipped", 8, |forge| {
            keyless(forge).with_json(|annotations| {
                edit(annotations, |bundle| {
                    super::edit::flip(&mut bundle["SignedEntryTimestamp"])
                })
            })
        }),
        refused("sig-promised-time-changed", 8, |forge| {
            keyless(forge).with_json(|annotations| {
                edit(annotations, |bundle| {
                    bundle["Payload"]["integratedTime"] = json!(super::NOW + 7)
                });
            })
        }),
        refused("sig-promised-index-changed", 8, |forge| {
            keyless(forge).with_json(|annotations| {
                edit(annotations, |bundle| {
                    bundle["Payload"]["logIndex"] = json!(7)
                })
            })
        }),
        refused("sig-log-unknown", 6, |forge| {
            forge.simple_signing(&image()).logged_by(&theirs().rekor_v1)
        }),
        // CVE-2022-23649, CVE-2026-22703: a true promise, for something else.
        refused("sig-promise-of-another-entry", 9, |forge| {
            let other = annotation_of(
                forge
                    .simple_signing(&crate::sha256_digest(b"other"))
                    .rekor_v1(),
            );
            keyless(forge).with_json(move |annotations| annotations[BUNDLE] = json!(other))
        }),
        refused("sig-keyed-promise-of-another-entry", 9, |forge| {
            let other = annotation_of(
                forge
                    .simple_signing(&crate::sha256_digest(b"other"))
                    .keyed(managed_key())
                    .rekor_v1(),
            );
            let own = forge
                .simple_signing(&image())
                .keyed(managed_key())
                .rekor_v1();
            own.with_json(move |annotations| annotations[BUNDLE] = json!(other))
        }),
        refused("sig-promise-body-not-text", 9, |forge| {
            keyless(forge).with_json(|annotations| {
                edit(annotations, |bundle| {
                    bundle["Payload"]["body"] = json!({"a": 1})
                })
            })
        }),
        refused("sig-entry-of-kind-rekord", 9, |forge| {
            keyless(forge).with_entry(|entry| entry.body["kind"] = json!("rekord"))
        }),
        refused("sig-logged-late", 12, |forge| {
            keyless(forge).with_entry(|entry| entry.integrated_time = super::NOW + 601)
        }),
        refused("sig-stamped-late", 12, |forge| {
            keyless(forge)
                .timestamp()
                .with_timestamp(|stamp| stamp.time = super::NOW + 601)
        }),
        refused("sig-timestamp-of-something-else", 10, |forge| {
            keyless(forge)
                .timestamp()
                .with_timestamp(|stamp| stamp.imprint = vec![7; 32])
        }),
    ]
}

fn attestations() -> Vec<Case> {
    vec![
        refused("att-other-image", 17, |forge| {
            forge
                .attestation(&crate::sha256_digest(b"other"), SLSA, json!({}))
                .rekor_v1()
        }),
        refused("att-by-another-key", 15, |forge| {
            attested(forge)
                .keyed(managed_key())
                .signed_by(foreign_key())
        }),
        refused("att-signature-flipped", 15, |forge| {
            let flipped = attested(forge).rekor_v1();
            flipped.with_signature(|signature| {
                let last = signature.len() - 1;
                signature[last] ^= 1;
            })
        }),
        refused("att-payload-type-text", 5, |forge| {
            attested(forge).payload_type("text/plain").rekor_v1()
        }),
        refused("att-without-time", 11, attested),
        refused("att-promise-of-another-entry", 9, |forge| {
            let (_, other) = forge
                .attestation(&crate::sha256_digest(b"other"), SLSA, json!({}))
                .rekor_v1()
                .att();
            let other = other[BUNDLE].clone();
            attested(forge)
                .rekor_v1()
                .with_json(move |annotations| annotations[BUNDLE] = json!(other))
        }),
        refused("att-intoto-001-other-envelope", 9, |forge| {
            intoto_001(forge, |entry| {
                entry.body["spec"]["content"]["hash"]["value"] = "00".repeat(32).into()
            })
        }),
        refused("att-intoto-001-other-payload", 9, |forge| {
            intoto_001(forge, |entry| {
                entry.body["spec"]["content"]["payloadHash"]["value"] = "00".repeat(32).into()
            })
        }),
        refused("att-intoto-001-other-verifier", 9, |forge| {
            intoto_001(forge, |entry| {
                entry.body["spec"]["publicKey"] = foreign_verifier().into()
            })
        }),
        refused("att-dsse-other-signature", 9, |forge| {
            attested(forge).rekor_v1().with_entry(|entry| {
                super::edit::body_signature(entry)["signature"] = "MEUC".into();
            })
        }),
        refused("att-timestamp-of-the-signature", 10, |forge| {
            // Right for a bundle; a layer's timestamp is over the whole envelope.
            attested(forge)
                .rekor_v1()
                .timestamp()
                .with_timestamp(|stamp| stamp.imprint = vec![7; 32])
        }),
    ]
}

const SLSA: &str = "https://slsa.dev/provenance/v1";

fn plain(forge: &Forge) -> Forgery<'_> {
    forge.simple_signing(&image()).keyed(managed_key())
}

fn keyless(forge: &Forge) -> Forgery<'_> {
    forge.simple_signing(&image()).rekor_v1()
}

fn attested(forge: &Forge) -> Forgery<'_> {
    forge.attestation(&image(), SLSA, json!({"buildDefinition": {}}))
}

fn intoto_001<'f>(forge: &'f Forge, edit: impl Fn(&mut Entry) + 'f) -> Forgery<'f> {
    attested(forge)
        .rekor_v1_as("intoto", "0.0.1")
        .with_entry(edit)
}

fn signed<'f>(forge: &'f Forge, edit: impl FnOnce(&mut Value)) -> Forgery<'f> {
    plain(forge).with_statement(edit)
}

fn digest(payload: &mut Value, digest: &str) {
    payload["critical"]["image"]["docker-manifest-digest"] = json!(digest);
}

fn annotation_of(forgery: Forgery<'_>) -> String {
    forgery.sig().1[BUNDLE].clone()
}

/// Changes the JSON inside the annotation that holds the log's promise.
fn edit(annotations: &mut Value, edit: impl Fn(&mut Value)) {
    let text = annotations[BUNDLE].as_str().expect("an annotation is text");
    let mut bundle: Value = serde_json::from_str(text).expect("we wrote it");
    edit(&mut bundle);
    annotations[BUNDLE] = json!(bundle.to_string());
}
