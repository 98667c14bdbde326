//! Step 9: the entry is about this signature; and step 11, as far as logs count.

use countersign_core::ReasonCode::{
    LogEntryMalformed, LogEntryMismatch, LogProofMissing, LogUnknown,
};
use countersign_testkit::forge::{Forge, Identity};
use serde_json::{Value, json};

use crate::logs::edit_json;
use crate::{NOW, World, digest, world};

/// cosign CVE-2022-36056 and CVE-2026-22703: a valid entry of something else.
#[test]
fn s09_the_entry_is_about_this_signature() {
    let world = world();
    let forge = &world.forge;
    // for every kind of entry: body of another signature by the same identity, of another digest, of another key
    for (kind, version) in [
        ("dsse", "0.0.1"),
        ("intoto", "0.0.2"),
        ("hashedrekord", "0.0.1"),
    ] {
        let forgery = || world.keyless().rekor_v1_as(kind, version);
        world.accepts(forgery().bundle());
        let foreign: Value = serde_json::from_slice(
            &forge
                .attestation(&digest(), "https://example.com/other", json!({}))
                .keyless(Identity::default())
                .rekor_v1_as(kind, version)
                .bundle(),
        )
        .unwrap();
        let foreign = foreign["verificationMaterial"]["tlogEntries"].clone();
        let swapped = forgery()
            .with_json(move |json| json["verificationMaterial"]["tlogEntries"] = foreign.clone())
            .bundle();
        assert_eq!(world.refused(swapped), LogEntryMismatch, "{kind}");
    }
    let other_v2: Value = serde_json::from_slice(&world.v2().bundle()).unwrap();
    let other_v2 = other_v2["verificationMaterial"]["tlogEntries"].clone();
    let swapped = world
        .v2()
        .with_json(move |json| json["verificationMaterial"]["tlogEntries"] = other_v2.clone())
        .bundle();
    assert_eq!(world.refused(swapped), LogEntryMismatch);
}

/// Each part of each kind of body is compared: a body with one part of another signature is refused.
#[test]
fn s09_every_part_of_the_body_is_compared() {
    let world = world();
    let certificate = world.forge.root.0.pem();
    let cases: Vec<(&str, &str, &str, Value)> = vec![
        (
            "hashedrekord",
            "0.0.1",
            "/spec/data/hash/value",
            json!("00".repeat(32)),
        ),
        (
            "hashedrekord",
            "0.0.1",
            "/spec/signature/content",
            json!("AAAA"),
        ),
        (
            "hashedrekord",
            "0.0.1",
            "/spec/signature/publicKey/content",
            json!(encode(&certificate)),
        ),
        (
            "dsse",
            "0.0.1",
            "/spec/payloadHash/value",
            json!("00".repeat(32)),
        ),
        (
            "dsse",
            "0.0.1",
            "/spec/payloadHash/algorithm",
            json!("sha512"),
        ),
        (
            "dsse",
            "0.0.1",
            "/spec/signatures/0/signature",
            json!("AAAA"),
        ),
        (
            "dsse",
            "0.0.1",
            "/spec/signatures/0/verifier",
            json!(encode(&certificate)),
        ),
        (
            "intoto",
            "0.0.2",
            "/spec/content/payloadHash/value",
            json!("00".repeat(32)),
        ),
        (
            "intoto",
            "0.0.2",
            "/spec/content/envelope/payloadType",
            json!("text/plain"),
        ),
        (
            "intoto",
            "0.0.2",
            "/spec/content/envelope/signatures/0/sig",
            json!("QUFBQQ=="),
        ),
        (
            "intoto",
            "0.0.2",
            "/spec/content/envelope/signatures/0/publicKey",
            json!(encode(&certificate)),
        ),
    ];
    for (kind, version, pointer, value) in cases {
        let bundle = world
            .keyless()
            .rekor_v1_as(kind, version)
            .with_entry(|entry| *entry.body.pointer_mut(pointer).expect(pointer) = value.clone())
            .bundle();
        assert_eq!(world.refused(bundle), LogEntryMismatch, "{kind} {pointer}");
    }
    for (pointer, value) in [
        (
            "/spec/hashedRekordV002/data/digest",
            json!("A".repeat(43) + "="),
        ),
        ("/spec/hashedRekordV002/signature/content", json!("AAAA")),
        (
            "/spec/hashedRekordV002/signature/verifier/x509Certificate/rawBytes",
            json!("AAAA"),
        ),
    ] {
        let bundle = world.v2().with_entry(|_| ()).with_json(|_| ()).bundle();
        world.accepts(bundle);
        let bundle = world
            .keyless()
            .rekor_v2()
            .with_entry(|entry| *entry.body.pointer_mut(pointer).expect(pointer) = value.clone())
            .timestamp()
            .bundle();
        assert_eq!(world.refused(bundle), LogEntryMismatch, "{pointer}");
    }
}

#[test]
fn s09_kinds_that_nobody_can_check_are_refused() {
    let world = world();
    // what the bundle declares differs from the body
    assert_eq!(
        edit_json(|entry| entry["kindVersion"]["kind"] = json!("hashedrekord")),
        LogEntryMismatch
    );
    assert_eq!(
        edit_json(|entry| entry["kindVersion"]["version"] = json!("0.0.2")),
        LogEntryMismatch
    );
    for raw in [
        r#"{"kind":"rekord","apiVersion":"0.0.1","spec":{}}"#,
        r#"{"kind":"dsse","apiVersion":"0.0.1","kind":"dsse","spec":{}}"#,
        "not json",
        "",
    ] {
        let bundle = world
            .keyless()
            .rekor_v1()
            .with_entry(|entry| {
                entry.raw_body = Some(raw.into());
                entry.kind = "rekord".into();
            })
            .bundle();
        assert!(
            matches!(world.refused(bundle), LogEntryMalformed | LogEntryMismatch),
            "{raw}"
        );
    }
    // intoto 0.0.1 says nothing about the signature, so it needs the exact envelope
    let bundle = world.keyless().rekor_v1_as("intoto", "0.0.1").bundle();
    assert_eq!(world.refused(bundle), LogEntryMalformed);
    // a log entry of an image signature beside a blob
    let neither = world
        .keyed()
        .rekor_v1()
        .version("0.1")
        .with_entry(|entry| {
            entry.promise = false;
            entry.proof = false;
        })
        .bundle();
    assert_eq!(world.refused(neither), LogProofMissing);
}

/// Two entries of one log are one log (sigstore-go CVE-2026-49834).
#[test]
fn s11_logs_and_times_count_by_authority() {
    let world = world();
    let twice = world.proven(world.v1().rekor_v1().bundle());
    assert_eq!(twice.facts().logs().len(), 1);
    let two = world.proven(world.v1().rekor_v2().timestamp().bundle());
    assert_eq!(two.facts().logs().len(), 2);
    // one entry of several that does not verify spoils the whole
    let spoiled = world
        .v1()
        .rekor_v1()
        .with_entry(|entry| entry.log_id = vec![7; 32])
        .bundle();
    assert_eq!(world.refused(spoiled), LogUnknown);
    let other = World::of(Forge::new(NOW));
    assert_eq!(
        world.refused(world.v1().logged_by(&other.forge.rekor_v1).bundle()),
        LogUnknown
    );
}

fn encode(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
