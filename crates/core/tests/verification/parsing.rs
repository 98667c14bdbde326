//! Limits and steps 4 and 5: strict reading.

use countersign_core::ReasonCode::{
    BundleMalformed, BundleVersion, EnvelopeMalformed, LogProofMissing, OverLimit, PayloadType,
};
use countersign_core::{Blob, Content, Limits, examine, examine_blob};
use serde_json::{Value, json};

use crate::{evidence_of, image, world};

/// cosign CVE-2023-46737, sigstore-go CVE-2024-45395: counts are bounded before any cryptography.
#[test]
fn s00_limits_come_first() {
    let world = world();
    let repeat = |path: &'static [&'static str], count: usize| {
        world.v2().with_json(move |json: &mut Value| {
            let list = path.iter().fold(json, |value, key| &mut value[*key]);
            *list = Value::Array(vec![list[0].clone(); count]);
        })
    };
    let entries = repeat(&["verificationMaterial", "tlogEntries"], 33).bundle();
    assert_eq!(world.refused(entries), OverLimit);
    let stamps = repeat(
        &[
            "verificationMaterial",
            "timestampVerificationData",
            "rfc3161Timestamps",
        ],
        33,
    );
    assert_eq!(world.refused(stamps.bundle()), OverLimit);
    let subjects = world
        .v1()
        .with_statement(|statement| {
            let subject = statement["subject"][0].clone();
            statement["subject"] = Value::Array(vec![subject; 1025]);
        })
        .bundle();
    assert_eq!(world.refused(subjects), OverLimit);
    let digests = world
        .v1()
        .with_statement(|statement| {
            for at in 0..40 {
                statement["subject"][0]["digest"][format!("x{at}")] = json!("00");
            }
        })
        .bundle();
    assert_eq!(world.refused(digests), OverLimit);
    let hashes = world
        .v2()
        .with_json(|json| {
            let hash = json!("AAAA");
            json["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["hashes"] =
                Value::Array(vec![hash; 65]);
        })
        .bundle();
    assert_eq!(world.refused(hashes), OverLimit);
    let checkpoint = world
        .v2()
        .with_checkpoint(|checkpoint| checkpoint.extensions.push("x".repeat(17_000)))
        .bundle();
    assert_eq!(world.refused(checkpoint), OverLimit);
    let lines = world
        .v2()
        .with_checkpoint(|checkpoint| {
            checkpoint.lines_after = vec!["— other AAAAAAAAAA==\n".to_owned(); 16];
        })
        .bundle();
    assert_eq!(world.refused(lines), OverLimit);
    let mut limits = Limits::default();
    limits.bundle_bytes = 100;
    let findings = examine_blob(
        Blob::Bytes(b""),
        &world.v1().bundle(),
        &world.trust,
        &limits,
    );
    assert_eq!(findings.rejected()[0].code, OverLimit);
    let mut limits = Limits::default();
    limits.payload_bytes = 10;
    let findings = examine_blob(
        Blob::Bytes(b""),
        &world.v1().bundle(),
        &world.trust,
        &limits,
    );
    assert_eq!(findings.rejected()[0].code, OverLimit);
    let chain = world
        .v1()
        .version("0.2")
        .carrying_chain()
        .with_certificates(|certificates| {
            let leaf = certificates[0].clone();
            certificates.resize(9, leaf);
        })
        .bundle();
    assert_eq!(world.refused(chain), OverLimit);
}

/// Each limit refuses a bundle that is larger in that one way.
#[test]
fn s00_each_limit_is_one_of_its_own() {
    let world = world();
    let judged = |bundle: &[u8], limits: &Limits| {
        let findings = examine(
            &image(),
            &evidence_of(Content::Bundle(bundle.into())),
            &world.trust,
            limits,
        );
        findings.rejected().first().map(|refused| refused.code)
    };
    let both = world.v1().rekor_v2().timestamp().bundle();
    assert_eq!(judged(&both, &Limits::default()), None);
    type Lower = fn(&mut Limits);
    let lowered: [(&str, Lower); 16] = [
        ("bundle", |limits| limits.bundle_bytes = 1000),
        ("payload", |limits| limits.payload_bytes = 100),
        ("entries", |limits| limits.log_entries = 1),
        ("timestamps", |limits| limits.timestamps = 0),
        ("subjects", |limits| limits.subjects = 0),
        ("digests", |limits| limits.digests_per_subject = 0),
        ("hashes", |limits| limits.proof_hashes = 0),
        ("checkpoint", |limits| limits.checkpoint_bytes = 50),
        ("lines", |limits| limits.checkpoint_signatures = 0),
        ("depth", |limits| limits.json_depth = 3),
        ("keys", |limits| limits.json_keys = 20),
        ("bodies", |limits| limits.log_entry_bytes = 1000),
        ("token", |limits| limits.timestamp_bytes = 300),
        ("certificate", |limits| limits.certificate_bytes = 500),
        ("signature", |limits| limits.signature_bytes = 30),
        ("texts", |limits| limits.text_bytes = 10),
    ];
    for (name, lower) in lowered {
        let mut limits = Limits::default();
        lower(&mut limits);
        assert_eq!(judged(&both, &limits), Some(OverLimit), "{name}");
    }
    let wordy = world
        .v1()
        .with_statement(|statement| statement["predicateType"] = json!("x".repeat(3_000)));
    assert_eq!(judged(&wordy.bundle(), &Limits::default()), Some(OverLimit));
    let texts = [
        "/verificationMaterial/publicKey/hint",
        "/verificationMaterial/tlogEntries/0/kindVersion/kind",
        "/verificationMaterial/tlogEntries/0/kindVersion/version",
        "/messageSignature/messageDigest/algorithm",
    ];
    for text in texts {
        let bundle = world
            .forge
            .blob(b"blob")
            .keyed(&world.key)
            .rekor_v1()
            .with_json(move |json| *json.pointer_mut(text).unwrap() = json!("x".repeat(3_000)));
        assert_eq!(
            judged(&bundle.bundle(), &Limits::default()),
            Some(OverLimit),
            "{text}"
        );
    }
    // bodies count together
    let mut limits = Limits::default();
    limits.log_entry_bytes = 5_000;
    assert_eq!(judged(&world.v1().bundle(), &limits), None);
    assert_eq!(
        judged(&world.v1().rekor_v1().bundle(), &limits),
        Some(OverLimit)
    );
}

#[test]
fn s04_bundles_are_read_strictly() {
    let world = world();
    let material = |edit: fn(&mut Value)| {
        world.refused(
            world
                .v1()
                .with_json(move |json| edit(&mut json["verificationMaterial"]))
                .bundle(),
        )
    };
    let text = |edit: fn(&mut String)| world.refused(world.v1().with_text(edit).bundle());

    // a duplicate key, also with an escape
    assert_eq!(
        text(|text| text.insert_str(1, r#""mediaType":"x","#)),
        BundleMalformed
    );
    assert_eq!(
        text(|text| text.insert_str(1, r#""\u006dediaType":"x","#)),
        BundleMalformed
    );
    // data behind it, a cut, depth
    assert_eq!(text(|text| text.push_str("{}")), BundleMalformed);
    assert_eq!(text(|text| text.truncate(text.len() - 1)), BundleMalformed);
    assert_eq!(
        text(|text| text.insert_str(
            1,
            &format!(r#""x":{}{},"#, "[".repeat(100), "]".repeat(100))
        )),
        OverLimit
    );
    // an unknown field
    assert_eq!(material(|json| json["extra"] = json!(1)), BundleMalformed);
    // two members of a oneof, and none
    assert_eq!(
        material(|json| json["publicKey"] = json!({"hint": "x"})),
        BundleMalformed
    );
    assert_eq!(
        world.refused(
            world
                .v1()
                .with_json(|json| json["messageSignature"] = json!({"signature": "AAAA"}))
                .bundle()
        ),
        BundleMalformed
    );
    assert_eq!(
        material(|json| drop(json.as_object_mut().unwrap().remove("certificate"))),
        BundleMalformed
    );
    assert_eq!(
        world.refused(
            world
                .v1()
                .with_json(|json| drop(json.as_object_mut().unwrap().remove("dsseEnvelope")))
                .bundle()
        ),
        BundleMalformed
    );
    // null where something is required
    assert_eq!(
        material(|json| json["tlogEntries"][0]["logId"] = Value::Null),
        BundleMalformed
    );
    // numbers
    for number in [
        json!("-1"),
        json!("+1"),
        json!("01"),
        json!(-1),
        json!("18446744073709551616"),
        json!("1x"),
        json!(1.5),
    ] {
        let bundle = world
            .v1()
            .with_json(move |json| {
                json["verificationMaterial"]["tlogEntries"][0]["logIndex"] = number.clone();
            })
            .bundle();
        assert_eq!(world.refused(bundle), BundleMalformed);
    }
    // base64 that is not canonical: white space, missing padding, stray bits
    for edit in [" ", "\n", "=="] {
        let bundle = world
            .v1()
            .with_json(move |json| {
                let body = &mut json["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"];
                *body = json!(format!("{}{edit}", body.as_str().unwrap()));
            })
            .bundle();
        assert_eq!(world.refused(bundle), BundleMalformed, "{edit:?}");
    }
    assert_eq!(
        material(|json| json["certificate"]["rawBytes"] = json!("AB==")),
        BundleMalformed
    );
    // not a bundle at all
    for junk in ["", "null", "[]", "\"x\"", "{}", "\u{0}"] {
        assert_eq!(world.refused(junk.into()), BundleMalformed, "{junk:?}");
    }
}

/// serde's derived readers take a list of values for an object; no other reader does.
#[test]
fn s04_a_list_is_no_object() {
    let world = world();
    for pointer in [
        "/verificationMaterial",
        "/verificationMaterial/certificate",
        "/verificationMaterial/tlogEntries/0/logId",
        "/verificationMaterial/tlogEntries/0/inclusionPromise",
        "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint",
        "/dsseEnvelope/signatures/0",
    ] {
        let listed = world.v1().with_json(move |json| {
            let object = json.pointer_mut(pointer).unwrap();
            *object = object.as_object().unwrap().values().cloned().collect();
        });
        let code = world.refused(listed.bundle());
        assert!(
            matches!(code, BundleMalformed | EnvelopeMalformed),
            "{pointer}: {code}"
        );
    }
    // and inside what was signed and logged
    let statement = world.keyed().with_statement(|statement| {
        let digest = statement["subject"][0]["digest"].clone();
        statement["subject"][0] = json!([null, digest]);
    });
    assert_eq!(
        world.refused(statement.bundle()),
        countersign_core::ReasonCode::StatementMalformed
    );
    let body = world.v1().with_entry(|entry| {
        let hash = &mut entry.body["spec"]["payloadHash"];
        *hash = json!([hash["algorithm"], hash["value"]]);
    });
    assert_eq!(
        world.refused(body.bundle()),
        countersign_core::ReasonCode::LogEntryMalformed
    );
}

#[test]
fn s04_versions_say_what_they_must() {
    let world = world();
    assert_eq!(
        world.refused(
            world
                .v1()
                .with_json(|json| {
                    json["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.4+json");
                })
                .bundle()
        ),
        BundleVersion
    );
    // v0.3 with a chain (cosign#4614)
    assert_eq!(
        world.refused(world.v1().carrying_chain().bundle()),
        BundleMalformed
    );
    // v0.2 and v0.3 need a proof, and its checkpoint
    for version in ["0.2", "0.3"] {
        let old = version == "0.2";
        let forgery = || {
            let forgery = world.v1().version(version);
            if old {
                forgery.carrying_chain()
            } else {
                forgery
            }
        };
        world.accepts(forgery().bundle());
        assert_eq!(
            world.refused(forgery().with_entry(|entry| entry.proof = false).bundle()),
            LogProofMissing
        );
        assert_eq!(
            world.refused(
                forgery()
                    .with_entry(|entry| entry.checkpoint = false)
                    .bundle()
            ),
            LogProofMissing
        );
    }
    // v0.1 lives by the promise
    world.accepts(world.v1().version("0.1").carrying_chain().bundle());
    assert_eq!(
        world.refused(
            world
                .v1()
                .version("0.1")
                .carrying_chain()
                .with_entry(|entry| {
                    entry.promise = false;
                    entry.proof = true;
                })
                .bundle()
        ),
        LogProofMissing
    );
}

/// sigstore-rust TOB-SIGSTORE-9: an envelope with several signatures.
#[test]
fn s05_one_signature_and_the_right_payload_type() {
    let world = world();
    let signatures = |count: usize| {
        world
            .v1()
            .with_json(move |json| {
                let list = &mut json["dsseEnvelope"]["signatures"];
                *list = Value::Array(vec![list[0].clone(); count]);
            })
            .bundle()
    };
    assert_eq!(world.refused(signatures(0)), EnvelopeMalformed);
    assert_eq!(world.refused(signatures(2)), EnvelopeMalformed);
    assert_eq!(
        world.refused(world.v1().payload_type("application/json").bundle()),
        PayloadType
    );
    // the envelope of an `.att` layer is as strict
    let (envelope, annotations) = world.keyed().att();
    for edit in [r#"{"payload":"","#, r#"{"extra":1,"#] {
        let text = String::from_utf8(envelope.clone())
            .unwrap()
            .replacen('{', edit, 1);
        let findings = world.examine(Content::Attestation {
            envelope: text.into_bytes().into(),
            annotations: annotations.clone(),
        });
        assert_eq!(findings.rejected()[0].code, EnvelopeMalformed);
    }
}
