//! Step 14: signed certificate timestamps.

use countersign_core::ReasonCode::{self, SctInvalid, SctMissing};
use countersign_core::{Content, Trust, TrustRoot, UnixTime};
use countersign_testkit::forge::{Algorithm, CtLog, SCT_LIST, Sct};
use serde_json::{Value, json};

use crate::{NOW, examine_with, world};

fn scts(edit: impl Fn(&mut Vec<Sct>)) -> ReasonCode {
    let world = world();
    world.refused(world.keyless().with_scts(edit).rekor_v1().bundle())
}

#[test]
fn s14_a_known_log_vouches_for_this_certificate() {
    assert_eq!(scts(Vec::clear), SctMissing);
    let stranger = CtLog::new(Algorithm::P256);
    assert_eq!(
        scts(|scts| {
            scts[0].log = stranger.clone();
            scts[0].log_id = stranger.log_id();
        }),
        SctMissing
    );
    // a stranger in a known log's name
    assert_eq!(scts(|scts| scts[0].log = stranger.clone()), SctInvalid);
    // sigstore-rust#154: the issuer is named by the hash of the key that really issued
    assert_eq!(
        scts(|scts| scts[0].issuer_key_hash = vec![3; 32]),
        SctInvalid
    );
    // over another certificate
    assert_eq!(
        scts(|scts| {
            let last = scts[0].to_be_signed.len() - 1;
            scts[0].to_be_signed[last] ^= 1;
        }),
        SctInvalid
    );
    // one of a known log that does not verify is not saved by one that does
    assert_eq!(
        scts(|scts| {
            let mut bad = scts[0].clone();
            bad.issuer_key_hash = vec![3; 32];
            scts.push(bad);
        }),
        SctInvalid
    );
}

#[test]
fn s14_several_and_with_extensions() {
    let world = world();
    let stranger = CtLog::new(Algorithm::P256);
    let both = world.proven(
        world
            .keyless()
            .with_scts(move |scts| {
                let mut unknown = scts[0].clone();
                unknown.log = stranger.clone();
                unknown.log_id = stranger.log_id();
                scts.insert(0, unknown);
                scts[1].extensions = vec![1, 2, 3];
                let again = scts[1].clone();
                scts.push(again);
            })
            .rekor_v1()
            .bundle(),
    );
    // two of one log are one log
    assert_eq!(both.facts().sct_logs(), 1);
}

#[test]
fn s14_the_logs_key_was_valid_then() {
    let world = world();
    for (start, end, good) in [(0, 0, true), (-9, 0, true), (1, 9, false), (-9, -1, false)] {
        let mut root: Value = serde_json::from_str(&world.forge.trusted_root()).unwrap();
        let at = |seconds: i64| UnixTime::from_seconds(NOW + seconds).to_string();
        root["ctlogs"][0]["publicKey"]["validFor"] = json!({"start": at(start), "end": at(end)});
        let root = TrustRoot::from_json("private", root.to_string().as_bytes()).unwrap();
        let trust = Trust::new(vec![root], Vec::new()).unwrap();
        let findings = examine_with(Content::Bundle(world.v1().bundle().into()), &trust);
        assert_eq!(!findings.verified().is_empty(), good, "{start}..{end}");
        if !good {
            assert_eq!(crate::refusal(&findings), SctInvalid);
        }
    }
}

/// A root without certificate transparency: nothing vouches, and the count says so; whether that is enough is the policy's word.
#[test]
fn s14_a_root_without_ct_logs() {
    let world = world();
    let mut root: Value = serde_json::from_str(&world.forge.trusted_root()).unwrap();
    root["ctlogs"] = json!([]);
    let judged = |root: &Value| {
        let root = TrustRoot::from_json("private", root.to_string().as_bytes()).unwrap();
        let trust = Trust::new(vec![root], Vec::new()).unwrap();
        examine_with(Content::Bundle(world.v1().bundle().into()), &trust)
    };
    assert_eq!(crate::proof(&judged(&root)).facts().sct_logs(), 0);
    // a log that is listed, and that nobody here can check, is not the absence of one
    root = serde_json::from_str(&world.forge.trusted_root()).unwrap();
    root["ctlogs"][0]["hashAlgorithm"] = "SHA2_512".into();
    assert_eq!(crate::refusal(&judged(&root)), SctMissing);
}

#[test]
fn s14_a_malformed_list_is_refused() {
    let world = world();
    for list in [
        vec![4, 1, 0],
        vec![4, 2, 0, 9],
        vec![4, 4, 0, 2, 0, 0],
        vec![4, 3, 0, 0, 7],
    ] {
        let bundle = world
            .keyless()
            .with_scts(Vec::clear)
            .with_leaf(|leaf| leaf.push(SCT_LIST, false, list.clone()))
            .rekor_v1()
            .bundle();
        assert_eq!(world.refused(bundle), SctInvalid, "{list:?}");
    }
}
