//! Steps 6 to 8: logs, checkpoints, proofs and promises.

use countersign_core::ReasonCode::{
    CheckpointInvalid, LogPromiseInvalid, LogProofInvalid, LogUnknown, TimeUnproven,
};
use countersign_core::{Trust, TrustRoot};
use countersign_testkit::forge::{Algorithm, Entry, Generation, Key, NoteSigner, TransparencyLog};
use serde_json::{Value, json};

use crate::{NOW, world};

fn edit_v1(edit: impl Fn(&mut Entry)) -> countersign_core::ReasonCode {
    let world = world();
    world.refused(world.v1().with_entry(edit).bundle())
}

pub(crate) fn edit_json(edit: fn(&mut Value)) -> countersign_core::ReasonCode {
    let world = world();
    let entry = move |json: &mut Value| edit(&mut json["verificationMaterial"]["tlogEntries"][0]);
    world.refused(world.v1().with_json(entry).bundle())
}

#[test]
fn s06_the_log_is_one_that_the_root_knows() {
    let world = world();
    let other = TransparencyLog::new("rekor.example", Generation::V1, Algorithm::P256);
    assert_eq!(
        world.refused(world.keyless().logged_by(&other).bundle()),
        LogUnknown
    );
    // an entry of a known log that names an unknown one, and the reverse
    assert_eq!(edit_v1(|entry| entry.log_id = vec![7; 32]), LogUnknown);
    let known = world.forge.rekor_v1.log_id();
    let code = world.refused(
        world
            .keyless()
            .logged_by(&other)
            .with_entry(move |entry| entry.log_id = known.clone())
            .bundle(),
    );
    assert_eq!(code, LogPromiseInvalid);
    // a proof by one log of the root under the name of another
    let v2 = world.forge.rekor_v2.log_id();
    let code = world.refused(
        world
            .v1()
            .timestamp()
            .with_entry(move |entry| {
                entry.promise = false;
                entry.log_id = v2.clone();
            })
            .bundle(),
    );
    assert_eq!(code, CheckpointInvalid);
}

#[test]
fn s06_the_checkpoint_is_signed_by_that_log() {
    let world = world();
    let v2 = |edit: &dyn Fn(&mut countersign_testkit::forge::Checkpoint)| {
        world.refused(world.v2().with_checkpoint(edit).bundle())
    };
    let stranger = Key::generate(Algorithm::Ed25519);
    assert_eq!(
        v2(&|checkpoint| checkpoint.signers[0].key = stranger.clone()),
        CheckpointInvalid
    );
    assert_eq!(
        v2(&|checkpoint| checkpoint.signers[0].hint = [0; 4]),
        CheckpointInvalid
    );
    assert_eq!(
        v2(&|checkpoint| checkpoint.signers[0].name = "other.example".into()),
        CheckpointInvalid
    );
    assert_eq!(
        v2(&|checkpoint| checkpoint.origin = "other.example".into()),
        CheckpointInvalid
    );
    assert_eq!(
        v2(&|checkpoint| checkpoint.origin = String::new()),
        CheckpointInvalid
    );
    assert_eq!(
        v2(&|checkpoint| checkpoint.signers.clear()),
        CheckpointInvalid
    );
    // only a cosigner's line
    assert_eq!(
        v2(&|checkpoint| {
            checkpoint.signers = vec![NoteSigner {
                name: "witness.example".into(),
                hint: [1, 2, 3, 4],
                key: stranger.clone(),
            }];
        }),
        CheckpointInvalid
    );
    // v1: a name that is not the origin's
    let code = world.refused(
        world
            .v1()
            .with_checkpoint(|checkpoint| checkpoint.signers[0].name = "other.example".into())
            .bundle(),
    );
    assert_eq!(code, CheckpointInvalid);
    // unknown cosigners before and behind are ignored
    world.accepts(
        world
            .v2()
            .with_checkpoint(|checkpoint| {
                checkpoint
                    .lines_before
                    .push("— witness.example AAAAAAAAAAAA\n".into());
                checkpoint
                    .lines_after
                    .push("— witness.example BBBBBBBBBBBB\n".into());
                checkpoint.extensions.push("a line of an extension".into());
            })
            .bundle(),
    );
}

#[test]
fn s06_the_checkpoint_is_read_strictly() {
    let world = world();
    let edited = |edit: fn(&str) -> String| {
        let bundle =
            world.v2().with_json(move |json| {
                let envelope = &mut json["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
                    ["checkpoint"]["envelope"];
                *envelope = json!(edit(envelope.as_str().unwrap()));
            });
        world.refused(bundle.bundle())
    };
    assert_eq!(edited(|_| String::new()), CheckpointInvalid);
    assert_eq!(edited(|text| text.replace("\n\n", "\n")), CheckpointInvalid);
    assert_eq!(edited(|text| text.trim_end().to_owned()), CheckpointInvalid);
    assert_eq!(edited(|text| text.replace('—', "-")), CheckpointInvalid);
    assert_eq!(edited(|text| format!("{text}\n")), CheckpointInvalid);
    assert_eq!(
        edited(|text| text.replacen('\n', "\n+", 1)),
        CheckpointInvalid
    );
    assert_eq!(
        edited(|text| text.replacen('\n', "\n0", 1)),
        CheckpointInvalid
    );
    assert_eq!(
        edited(|text| text.replacen('\n', "\n1", 1)),
        CheckpointInvalid
    );
}

#[test]
fn s07_the_proof_leads_to_the_checkpoint() {
    let world = world();
    assert_eq!(
        edit_json(|entry| entry["inclusionProof"]["rootHash"] = json!("A".repeat(43) + "=")),
        LogProofInvalid
    );
    assert_eq!(
        edit_json(|entry| entry["inclusionProof"]["treeSize"] = json!("1")),
        LogProofInvalid
    );
    assert_eq!(
        edit_json(|entry| entry["inclusionProof"]["hashes"][0] = json!("A".repeat(43) + "=")),
        LogProofInvalid
    );
    assert_eq!(
        edit_json(|entry| drop(
            entry["inclusionProof"]["hashes"]
                .as_array_mut()
                .unwrap()
                .pop()
        )),
        LogProofInvalid
    );
    assert_eq!(
        edit_json(|entry| entry["inclusionProof"]["logIndex"] = json!("0")),
        LogProofInvalid
    );
    assert_eq!(
        edit_json(|entry| entry["inclusionProof"]["logIndex"] = json!("99999999")),
        LogProofInvalid
    );
    // a checkpoint of the same log for another tree
    let code = world.refused(
        world
            .v2()
            .with_checkpoint(|checkpoint| checkpoint.root = vec![9; 32])
            .bundle(),
    );
    assert_eq!(code, LogProofInvalid);
    let code = world.refused(
        world
            .v2()
            .with_checkpoint(|checkpoint| checkpoint.size += 1)
            .bundle(),
    );
    assert_eq!(code, LogProofInvalid);
}

/// Nobody signs the index of a v2 entry, so it must be the one that the proof proves.
#[test]
fn s07_the_index_of_a_v2_entry_is_its_leafs() {
    let world = world();
    for index in ["0", "3", "121904264", "9223372036854775807"] {
        let edited = world.v2().with_json(move |json| {
            json["verificationMaterial"]["tlogEntries"][0]["logIndex"] = json!(index);
        });
        assert_eq!(world.refused(edited.bundle()), LogProofInvalid, "{index}");
    }
}

/// cosign CVE-2022-23649: a promise that is not tied to what it promises.
#[test]
fn s08_the_promise_is_signed_over_this_entry() {
    let world = world();
    let promise =
        |json: &Value| json["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"].clone();
    let other = world.v1().bundle();
    let other: Value = serde_json::from_slice(&other).unwrap();
    let other = promise(&other);
    let code = world.refused(
        world
            .v1()
            .with_json(move |json| {
                json["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"] = other.clone();
            })
            .bundle(),
    );
    assert_eq!(code, LogPromiseInvalid);
    for field in ["integratedTime", "logIndex"] {
        let code = world.refused(
            world
                .v1()
                .with_json(move |json| {
                    let value = &mut json["verificationMaterial"]["tlogEntries"][0][field];
                    let number: i64 = value.as_str().unwrap().parse().unwrap();
                    *value = json!((number + 1).to_string());
                })
                .bundle(),
        );
        assert_eq!(code, LogPromiseInvalid, "{field}");
    }
    assert_eq!(
        edit_json(|entry| entry["integratedTime"] = json!("0")),
        LogPromiseInvalid
    );
}

/// sigstore-python CVE-2024-55655, sigstore-rust TOB-SIGSTORE-3, sigstore-ruby#307: a time that nobody signed.
#[test]
fn s08_an_integrated_time_without_a_promise_is_no_time() {
    assert_eq!(edit_v1(|entry| entry.promise = false), TimeUnproven);
    assert_eq!(
        edit_json(|entry| drop(entry.as_object_mut().unwrap().remove("inclusionPromise"))),
        TimeUnproven
    );
}

#[test]
fn s08_the_logs_key_was_valid_then() {
    let world = world();
    for (start, end, good) in [
        (0, 10, true),
        (-10, 1, true), // closed at both ends: it was logged one second after NOW
        (1, 10, true),
        (2, 10, false),
        (-10, 0, false),
    ] {
        let mut root: Value = serde_json::from_str(&world.forge.trusted_root()).unwrap();
        let window =
            |seconds: i64| countersign_core::UnixTime::from_seconds(NOW + seconds).to_string();
        root["tlogs"][0]["publicKey"]["validFor"] =
            json!({"start": window(start), "end": window(end)});
        let root = TrustRoot::from_json("private", root.to_string().as_bytes()).unwrap();
        let trust = Trust::new(vec![root], Vec::new()).unwrap();
        let findings = crate::examine_with(
            countersign_core::Content::Bundle(world.v1().bundle().into()),
            &trust,
        );
        assert_eq!(!findings.verified().is_empty(), good, "{start}..{end}");
        // a timestamp within the window does not help a promise outside it
        let stamped = world.v1().timestamp().bundle();
        let findings =
            crate::examine_with(countersign_core::Content::Bundle(stamped.into()), &trust);
        assert_eq!(!findings.verified().is_empty(), good, "{start}..{end}");
    }
}

/// A v2 log proves no time, so its key's window is judged at the timestamps.
#[test]
fn s08_a_v2_logs_key_was_valid_when_it_was_stamped() {
    let world = world();
    let mut root: Value = serde_json::from_str(&world.forge.trusted_root()).unwrap();
    root["tlogs"][1]["publicKey"]["validFor"] = json!({"start": "2030-01-01T00:00:00Z"});
    let root = TrustRoot::from_json("private", root.to_string().as_bytes()).unwrap();
    let trust = Trust::new(vec![root], vec![crate::public(&world.key)]).unwrap();
    let findings = crate::examine_with(
        countersign_core::Content::Bundle(world.v2().bundle().into()),
        &trust,
    );
    assert_eq!(crate::refusal(&findings), LogUnknown);
    // keyed, without any time: the entry verifies but does not count as a log
    let bare = world.proven(world.keyed().rekor_v2().bundle());
    assert!(bare.facts().logs().is_empty());
}
