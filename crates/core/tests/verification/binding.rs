//! Steps 17 and 18: the signed text is about this image, and says what it is.

use countersign_core::ReasonCode::{self, DigestMismatch, PayloadMalformed, StatementMalformed};
use countersign_core::{Claim, Content};
use serde_json::{Value, json};

use crate::{accept, digest, examine_with, proof, refusal, sig, world};

fn statement(edit: impl Fn(&mut Value)) -> ReasonCode {
    let world = world();
    world.refused(world.keyed().with_statement(edit).bundle())
}

/// sigstore-java CVE-2024-53267, sigstore-ruby CVE-2026-31830: the statement's subject.
#[test]
fn s17_some_subject_is_this_image() {
    let world = world();
    let hex = digest().split_off("sha256:".len());
    assert_eq!(
        statement(|statement| statement["subject"][0]["digest"]["sha256"] = json!("00".repeat(32))),
        DigestMismatch
    );
    let upper = hex.to_uppercase();
    assert_eq!(
        statement(|statement| statement["subject"][0]["digest"]["sha256"] = json!(upper)),
        DigestMismatch
    );
    assert_eq!(
        statement(|statement| statement["subject"][0]["digest"] = json!({"sha1": "00".repeat(20)})),
        DigestMismatch
    );
    // the right hex under another algorithm's name
    assert_eq!(
        statement(|statement| statement["subject"][0]["digest"] = json!({"sha512": hex})),
        DigestMismatch
    );
    for empty in [
        json!([]),
        json!([{}]),
        json!([{"name": "x"}]),
        json!([{"digest": null}]),
    ] {
        assert_eq!(
            statement(|statement| statement["subject"] = empty.clone()),
            DigestMismatch
        );
    }
    // the name proves nothing, and a stronger digest beside the right one must agree
    assert_eq!(
        statement(|statement| {
            statement["subject"][0]["digest"]["sha512"] = json!("00".repeat(64));
        }),
        DigestMismatch
    );
    // not only the first subject is looked at
    let second = world
        .keyed()
        .with_statement(|statement| {
            let other = json!({"name": "other", "digest": {"sha256": "00".repeat(32)}});
            statement["subject"]
                .as_array_mut()
                .unwrap()
                .insert(0, other);
        })
        .bundle();
    let proof = world.proven(second);
    let Claim::Statement(statement) = proof.claim() else {
        panic!("not a statement");
    };
    assert_eq!(statement.subjects.len(), 2);
}

/// cosign CVE-2026-39395: a payload that cannot be read.
#[test]
fn s17_the_statement_is_read_strictly() {
    let world = world();
    assert_eq!(
        statement(|statement| statement["_type"] = json!("https://in-toto.io/Statement/v2")),
        StatementMalformed
    );
    assert_eq!(
        statement(|statement| statement["predicateType"] = json!("")),
        StatementMalformed
    );
    assert_eq!(
        statement(|statement| statement["subject"][0] = Value::Null),
        StatementMalformed
    );
    assert_eq!(
        statement(|statement| drop(statement.as_object_mut().unwrap().remove("predicateType"))),
        StatementMalformed
    );
    for edit in [
        r#"{"predicateType":"x","#,
        r#"{"subject":[],"#,
        r#"{"_type":"https://in-toto.io/Statement/v1","#,
    ] {
        let bundle = world
            .keyed()
            .with_payload(|payload| {
                let text = String::from_utf8(payload.clone()).unwrap();
                *payload = text.replacen('{', edit, 1).into_bytes();
            })
            .bundle();
        assert_eq!(world.refused(bundle), StatementMalformed, "{edit}");
    }
    for junk in ["", "[]", "null", "not json"] {
        let bundle = world
            .keyed()
            .with_payload(|payload| *payload = junk.into())
            .bundle();
        assert_eq!(world.refused(bundle), StatementMalformed, "{junk}");
    }
    // what in-toto adds later is ignored
    world.accepts(
        world
            .keyed()
            .with_statement(|statement| {
                statement["later"] = json!({"a": 1});
                statement["subject"][0]["later"] = json!(1);
                statement["predicate"]["later"] = json!(1);
            })
            .bundle(),
    );
    world.accepts(
        world
            .keyed()
            .with_statement(|statement| {
                statement["_type"] = json!("https://in-toto.io/Statement/v0.1");
            })
            .bundle(),
    );
}

#[test]
fn s18_simple_signing_names_this_digest() {
    let world = world();
    let layer = |edit: fn(&mut Value)| {
        let forgery = world
            .forge
            .simple_signing(&digest())
            .keyed(&world.key)
            .with_payload(move |payload| {
                let mut json: Value = serde_json::from_slice(payload).unwrap();
                edit(&mut json);
                *payload = json.to_string().into_bytes();
            });
        examine_with(sig(forgery.sig()), &world.trust)
    };
    assert!(proof(&layer(|_| ())).claim().is_image_signature());
    let refused = |edit| refusal(&layer(edit));
    assert_eq!(
        refused(|json| {
            json["critical"]["image"]["docker-manifest-digest"] =
                json!(format!("sha256:{}", "00".repeat(32)));
        }),
        DigestMismatch
    );
    // the hex alone, or another algorithm's name before it
    assert_eq!(
        refused(|json| {
            let digest = &mut json["critical"]["image"]["docker-manifest-digest"];
            *digest = json!(digest.as_str().unwrap().trim_start_matches("sha256:"));
        }),
        DigestMismatch
    );
    assert_eq!(
        refused(|json| json["critical"]["type"] = json!("atomic container signature")),
        PayloadMalformed
    );
    assert_eq!(
        refused(|json| drop(json["critical"].as_object_mut().unwrap().remove("type"))),
        PayloadMalformed
    );
    assert_eq!(
        refused(|json| json["critical"] = Value::Null),
        PayloadMalformed
    );
    let twin = world
        .forge
        .simple_signing(&digest())
        .keyed(&world.key)
        .with_payload(|payload| {
            let text = String::from_utf8(payload.clone()).unwrap();
            *payload = text.replacen('{', r#"{"critical":{},"#, 1).into_bytes();
        });
    assert_eq!(
        refusal(&examine_with(sig(twin.sig()), &world.trust)),
        PayloadMalformed
    );
    // the docker-reference is the signer's word and proves nothing
    accept(&layer(|json| {
        json["critical"]["identity"]["docker-reference"] = json!("evil.example/other");
    }));
}

/// cosign CVE-2022-35929, policy-controller CVE-2022-35930: an attestation is not a signature.
#[test]
fn s18_only_a_signature_is_a_signature() {
    let world = world();
    let attestation = |predicate_type: &str| {
        let bundle = world
            .forge
            .attestation(&digest(), predicate_type, json!({}))
            .keyed(&world.key)
            .bundle();
        world.proven(bundle).claim().is_image_signature()
    };
    assert!(attestation("https://sigstore.dev/cosign/sign/v1"));
    assert!(!attestation("https://spdx.dev/Document"));
    assert!(!attestation("https://sigstore.dev/cosign/sign/v1/"));
    // a signature over the manifest's bytes says nothing of an image
    let manifest = crate::image().bytes().to_vec();
    let message = world.forge.blob(&manifest).keyed(&world.key).bundle();
    let findings = examine_with(Content::Bundle(message.into()), &world.trust);
    assert!(!proof(&findings).claim().is_image_signature());
    // and a messageDigest of other bytes is refused
    let lie = world
        .forge
        .blob(&manifest)
        .keyed(&world.key)
        .with_json(|json| {
            json["messageSignature"]["messageDigest"]["digest"] = json!("A".repeat(43) + "=");
        })
        .bundle();
    assert_eq!(world.refused(lie), DigestMismatch);
}
