//! Rekor, slsa-verifier, gitsign, and the libraries beneath.

use std::fs;
use std::path::Path;

use countersign_core::ReasonCode::{
    BundleMalformed, CheckpointInvalid, DigestMismatch, KeyUnknown, LogEntryMalformed,
    LogEntryMismatch, LogUnknown, SignatureInvalid,
};
use countersign_testkit::forge::{Algorithm, Generation, Key, TransparencyLog};
use serde_json::json;

use crate::{digest, world};

/// Rekor's origin names host and tree, the signature line the host alone: both must be this log's.
#[test]
fn rekor_2069_origin_and_name_are_this_logs() {
    let world = world();
    let host = world.forge.rekor_v1.host.clone();
    world.accepts(world.v1().bundle());
    for (origin, name) in [
        (format!("{host} - 1"), "rekor.evil.example".to_owned()),
        (format!("rekor.evil.example - {host}"), host.clone()),
        ("rekor.evil.example".to_owned(), host.clone()),
        (format!("{host}.evil.example - 1"), host.clone()),
    ] {
        let edited = world.v1().with_checkpoint(|checkpoint| {
            checkpoint.origin.clone_from(&origin);
            checkpoint.signers[0].name.clone_from(&name);
        });
        assert_eq!(
            world.refused(edited.bundle()),
            CheckpointInvalid,
            "{origin} {name}"
        );
    }
}

/// Also CVE-2023-33199, CVE-2026-23831, -24117 and -48702: entries that made the log itself fail. Nothing is unpacked, no address in an
/// entry is fetched (this crate cannot: `rooms.rs`), and what is missing is refused.
#[test]
fn cve_2023_30551_entries_are_neither_unpacked_nor_fetched() {
    let world = world();
    let gzip: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let bodies: [&[u8]; 7] = [
        gzip,
        br#"{"apiVersion":"0.0.1","kind":"alpine","spec":{"package":{"url":"http://127.0.0.1/"}}}"#,
        br#"{"apiVersion":"0.0.1","kind":"dsse","spec":null}"#,
        br#"{"apiVersion":"0.0.1","kind":"dsse","spec":{"signatures":[null]}}"#,
        br#"{"apiVersion":"0.0.1","kind":"dsse"}"#,
        br#"{"apiVersion":"0.0.1","kind":"dsse","spec":{"payloadHash":{"algorithm":"sha256","value":""},"signatures":[{"signature":"","verifier":"aHR0cDovLzEyNy4wLjAuMS8="}]}}"#,
        b"null",
    ];
    for body in bodies {
        let edited = world
            .v1()
            .with_entry(|entry| entry.raw_body = Some(body.to_vec()));
        let code = world.refused(edited.bundle());
        assert!(
            matches!(code, LogEntryMalformed | LogEntryMismatch),
            "{code}"
        );
    }
    let url = world.v1().with_json(|json| {
        json["verificationMaterial"]["tlogEntries"][0]["publicKeyUrl"] = json!("http://127.0.0.1/");
    });
    assert_eq!(world.refused(url.bundle()), BundleMalformed);
}

/// The subject is compared by digest, never by name, and the key is the policy's, whatever the hint says.
#[test]
fn ghsa_r2xv_vpr2_42m9_neither_a_name_nor_a_hint_vouches() {
    let world = world();
    let named = world.keyed().with_statement(|statement| {
        statement["subject"] = json!([{"name": format!("pkg:npm/app@1.0.0#{}", digest()), "digest": {"sha256": "00".repeat(32)}}]);
    });
    assert_eq!(world.refused(named.bundle()), DigestMismatch);
    let stranger = Key::generate(Algorithm::P256);
    let foreign = || world.forge.image_signature(&digest()).keyed(&stranger);
    assert_eq!(world.refused(foreign().bundle()), KeyUnknown);
    let hint = world.key.hint();
    let hinted = foreign()
        .with_json(move |json| json["verificationMaterial"]["publicKey"]["hint"] = json!(hint));
    assert_eq!(world.refused(hinted.bundle()), SignatureInvalid);
}

/// The log's key comes from the trust root: an entry by a key that came with the evidence is by an unknown log.
#[test]
fn cve_2023_47122_the_logs_key_is_the_roots() {
    let world = world();
    let own = TransparencyLog::new(&world.forge.rekor_v1.host, Generation::V1, Algorithm::P256);
    assert_eq!(
        world.refused(world.keyless().logged_by(&own).bundle()),
        LogUnknown
    );
    let id = world.forge.rekor_v1.log_id();
    let under_a_known_id = world
        .keyless()
        .logged_by(&own)
        .with_entry(move |entry| entry.log_id.clone_from(&id))
        .bundle();
    let code = world.refused(under_a_known_id);
    assert_eq!(code, countersign_core::ReasonCode::LogPromiseInvalid);
}

/// RUSTSEC-2023-0053, -2026-0098, -0099 and -0104 of webpki, RUSTSEC-2026-0044 to -0048 of aws-lc, RUSTSEC-2023-0071 of rsa: the lock file
/// holds what is mended, and `deny.toml` keeps the rest away; CI asks the advisory database.
#[test]
fn rustsec_2023_0053_the_libraries_are_mended() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let lock = fs::read_to_string(repository.join("Cargo.lock")).unwrap();
    let version = |name: &str| -> Option<Vec<u64>> {
        let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        let (version, _) = rest.split_once('"')?;
        Some(
            version
                .split('.')
                .map(|part| part.parse().unwrap())
                .collect(),
        )
    };
    assert!(version("rustls-webpki").unwrap() >= vec![0, 103, 17]);
    assert_eq!(version("webpki"), None);
    assert_eq!(version("tough"), None);
    assert_eq!(version("rsa"), None);
    let deny = fs::read_to_string(repository.join("deny.toml")).unwrap();
    assert!(deny.contains("\"rsa\""), "deny.toml bans rsa");
}
