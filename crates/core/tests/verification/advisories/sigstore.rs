//! The verifiers of the Sigstore project in Go, Python, Java, Ruby, JavaScript and Rust.

use countersign_core::ReasonCode::{
    CertificateExpired, CertificateUntrusted, CertificateUsage, DigestMismatch, EnvelopeMalformed,
    LogEntryMismatch, LogProofMissing, OverLimit, TimeUnproven, TimestampInvalid,
    TimestampUntrusted,
};
use countersign_core::{Blob, Content, Limits, Trust, TrustRoot, UnixTime, examine_blob};
use countersign_testkit::forge::{Forge, Identity, KEY_USAGE};
use serde_json::{Value, json};

use super::{ENTRIES, with_part_of};
use crate::{NOW, World, digest, examine_with, refusal, world};

#[test]
fn cve_2024_45395_entries_timestamps_and_subjects_are_bounded() {
    let world = world();
    let many = |path: &'static str, count: usize| {
        let bundle = world.v2().with_json(move |json| {
            let list = json.pointer_mut(path).unwrap();
            *list = vec![list[0].clone(); count].into();
        });
        world.refused(bundle.bundle())
    };
    let stamps = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
    for count in [33, 10_000] {
        assert_eq!(many(ENTRIES, count), OverLimit);
        assert_eq!(many(stamps, count), OverLimit);
    }
    let subjects = world.v1().with_statement(|statement| {
        statement["subject"] = vec![statement["subject"][0].clone(); 1025].into();
    });
    assert_eq!(world.refused(subjects.bundle()), OverLimit);
}

/// Thresholds are policy; what they count is here.
#[test]
fn cve_2026_49834_two_entries_of_one_log_are_one_log() {
    let world = world();
    let twice = world.proven(world.v1().rekor_v1().bundle());
    assert_eq!(twice.facts().logs().len(), 1);
    let same = world.v2().with_json(|json| {
        let entries = json.pointer_mut(ENTRIES).unwrap();
        *entries = vec![entries[0].clone(); 3].into();
    });
    assert_eq!(world.proven(same.bundle()).facts().logs().len(), 1);
    let scts = world.v1().with_scts(|scts| scts.push(scts[0].clone()));
    let scts = world.proven(scts.bundle());
    assert_eq!(scts.facts().sct_logs(), 1);
}

/// A message's digest is compared with the artifact.
#[test]
fn sigstore_go_600_the_message_digest_is_compared() {
    let world = world();
    let bundle = world.forge.blob(b"blob").rekor_v1().bundle();
    let limits = Limits::default();
    let of = |blob: &[u8], bundle: &[u8]| {
        refusal(&examine_blob(
            Blob::Bytes(blob),
            bundle,
            &world.trust,
            &limits,
        ))
    };
    assert_eq!(of(b"other", &bundle), DigestMismatch);
    let lie = world.forge.blob(b"blob").rekor_v1().with_json(|json| {
        json["messageSignature"]["messageDigest"]["digest"] = json!("A".repeat(43) + "=");
    });
    assert_eq!(of(b"blob", &lie.bundle()), DigestMismatch);
}

/// #611: what is parsed is bounded; #562 and #630: a v2 entry that cannot be read is refused, not left out.
#[test]
fn sigstore_go_611_what_cannot_be_read_is_no_absence() {
    let world = world();
    let edits: [fn(&mut Value); 5] = [
        |entry| entry["canonicalizedBody"] = json!("bm90IEpTT04="),
        |entry| entry["inclusionProof"] = json!({}),
        |entry| entry["kindVersion"]["version"] = json!("0.0.9"),
        |entry| drop(entry.as_object_mut().unwrap().remove("canonicalizedBody")),
        |entry| drop(entry.as_object_mut().unwrap().remove("inclusionProof")),
    ];
    for edit in edits {
        // a keyed signature would verify without the entry
        let keyed = world.keyed().rekor_v2().timestamp();
        let bundle = keyed
            .with_json(move |json| edit(json.pointer_mut(ENTRIES).unwrap().get_mut(0).unwrap()));
        let findings = world.examine(Content::Bundle(bundle.bundle().into()));
        assert!(findings.verified().is_empty());
        assert_eq!(findings.rejected().len(), 1);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(world.refused(deep.into_bytes()), OverLimit);
}

/// A time that the bundle states and nobody signed.
#[test]
fn cve_2024_55655_an_integrated_time_needs_its_promise() {
    let world = world();
    let stripped = world.v1().with_json(|json| {
        let entry = json.pointer_mut(ENTRIES).unwrap().get_mut(0).unwrap();
        drop(entry.as_object_mut().unwrap().remove("inclusionPromise"));
    });
    assert_eq!(world.refused(stripped.bundle()), TimeUnproven);
    let old = world.v1().version("0.1").with_json(|json| {
        let entry = json.pointer_mut(ENTRIES).unwrap().get_mut(0).unwrap();
        drop(entry.as_object_mut().unwrap().remove("inclusionPromise"));
    });
    assert_eq!(world.refused(old.bundle()), LogProofMissing);
}

/// The same in Ruby: a time on an entry of a log that promises nothing.
#[test]
fn sigstore_ruby_307_no_time_without_a_promise() {
    let world = world();
    let timed = world.keyless().rekor_v2().with_json(|json| {
        json.pointer_mut(ENTRIES).unwrap()[0]["integratedTime"] = json!(NOW.to_string());
    });
    assert_eq!(world.refused(timed.bundle()), TimeUnproven);
}

/// Taking an invalid timestamp away turned a refusal into an acceptance there. Here one that is there is verified, and evidence
/// with more in it never proves more by being invalid.
#[test]
fn sigstore_python_1488_an_invalid_timestamp_is_not_overlooked() {
    let world = world();
    let stranger = Forge::new(NOW);
    for (with, without) in [
        (
            world.v2().stamped_by(&stranger.tsa).bundle(),
            world.v2().bundle(),
        ),
        (
            world.v1().stamped_by(&stranger.tsa).bundle(),
            world.v1().bundle(),
        ),
        (
            world.keyed().stamped_by(&stranger.tsa).bundle(),
            world.keyed().bundle(),
        ),
    ] {
        assert_eq!(world.refused(with), TimestampUntrusted);
        world.accepts(without);
    }
    // and what does not verify verifies no better with one more that does
    let unproven = world.keyless().rekor_v2();
    assert_eq!(
        world.refused(unproven.stamped_by(&stranger.tsa).bundle()),
        TimestampUntrusted
    );
}

#[test]
fn cve_2024_53267_the_statement_is_about_this_artifact() {
    let world = world();
    let other = countersign_testkit::sha256_digest(b"other");
    for forgery in [
        world.forge.image_signature(&other).rekor_v1(),
        world.forge.image_signature(&other).keyed(&world.key),
    ] {
        assert_eq!(world.refused(forgery.bundle()), DigestMismatch);
    }
}

#[test]
fn cve_2024_54140_the_entry_is_about_this_bundle() {
    let world = world();
    for (ours, other) in [
        (world.v1().bundle(), world.v1().bundle()),
        (world.v2().bundle(), world.v2().bundle()),
    ] {
        let swapped = with_part_of(&ours, &other, ENTRIES);
        assert_eq!(world.refused(swapped), LogEntryMismatch);
    }
}

/// The outcome of comparing the subject was thrown away.
#[test]
fn cve_2026_31830_a_wrong_subject_is_a_refusal() {
    let world = world();
    for subject in [
        json!([{"name": digest(), "digest": {"sha256": "00".repeat(32)}}]),
        json!([]),
    ] {
        let edited = world
            .v1()
            .with_statement(|statement| statement["subject"] = subject);
        assert_eq!(world.refused(edited.bundle()), DigestMismatch);
    }
}

/// TOB-SIGSTORE-3: a time that nobody signed.
#[test]
fn tob_sigstore_3_a_time_is_signed() {
    let world = world();
    for later in [1, 60, -60] {
        let edited = world.v1().with_json(move |json| {
            json.pointer_mut(ENTRIES).unwrap()[0]["integratedTime"] =
                json!((NOW + 1 + later).to_string());
        });
        assert_eq!(
            world.refused(edited.bundle()),
            countersign_core::ReasonCode::LogPromiseInvalid
        );
    }
}

/// TOB-SIGSTORE-4: each proven time is judged, not the earliest alone.
#[test]
fn tob_sigstore_4_every_time_is_judged() {
    let world = world();
    let late = world
        .v1()
        .timestamp()
        .with_timestamp(|stamp| stamp.time = NOW + 3600);
    assert_eq!(world.refused(late.bundle()), CertificateExpired);
    let late = world
        .v1()
        .with_entry(|entry| entry.integrated_time = NOW + 3600)
        .timestamp();
    assert_eq!(world.refused(late.bundle()), CertificateExpired);
}

/// TOB-SIGSTORE-9: an envelope with several signatures.
#[test]
fn tob_sigstore_9_one_signature() {
    let world = world();
    for foreign_first in [true, false] {
        let edited = world.keyed().with_json(move |json| {
            let signatures = &mut json["dsseEnvelope"]["signatures"];
            let (own, foreign) = (signatures[0].clone(), json!({"sig": "MEUC"}));
            *signatures = if foreign_first {
                json!([foreign, own])
            } else {
                json!([own, foreign])
            };
        });
        assert_eq!(world.refused(edited.bundle()), EnvelopeMalformed);
    }
}

/// TOB-SIGSTORE-11: the window of the authority that signed, though another's would fit.
#[test]
fn tob_sigstore_11_the_window_is_the_authoritys_own() {
    let world = world();
    let mut root: Value = serde_json::from_str(&world.forge.trusted_root()).unwrap();
    let other: Value = serde_json::from_str(&Forge::new(NOW).trusted_root()).unwrap();
    let authorities = root["timestampAuthorities"].as_array_mut().unwrap();
    authorities[0]["validFor"]["end"] = json!(UnixTime::from_seconds(NOW - 60).to_string());
    authorities.push(other["timestampAuthorities"][0].clone());
    let root = TrustRoot::from_json("private", root.to_string().as_bytes()).unwrap();
    let trust = Trust::new(vec![root], Vec::new()).unwrap();
    let findings = examine_with(Content::Bundle(world.v2().bundle().into()), &trust);
    assert_eq!(refusal(&findings), TimestampUntrusted);
}

/// The issuer whose key an SCT covers is the one that signed, not one of the same name.
#[test]
fn sigstore_rust_154_the_issuer_is_not_found_by_its_name() {
    let world = world();
    let mut twin = Forge::new(NOW);
    twin.ct_log = world.forge.ct_log.clone();
    let bundle = twin
        .image_signature(&digest())
        .keyless(Identity::default())
        .logged_by(&world.forge.rekor_v1)
        .bundle();
    assert_eq!(world.refused(bundle), CertificateUntrusted);
    let key_of_the_twin = world
        .v1()
        .with_scts(|scts| scts[0].issuer_key_hash = vec![7; 32]);
    let code = world.refused(key_of_the_twin.bundle());
    assert_eq!(code, countersign_core::ReasonCode::SctInvalid);
}

/// Its bundle verifier looked at neither promise nor proof, and not at the key usage; `tests/oracle.rs` compares the rest.
#[test]
fn sigstore_rs_0_15_promise_proof_and_key_usage_count() {
    let world = world();
    let promise = world.v1().with_json(|json| {
        json.pointer_mut(ENTRIES).unwrap()[0]["inclusionPromise"]["signedEntryTimestamp"] =
            json!("MEUC");
    });
    assert!(
        world
            .examine(Content::Bundle(promise.bundle().into()))
            .verified()
            .is_empty()
    );
    let proof = world.v2().with_json(|json| {
        json.pointer_mut(ENTRIES).unwrap()[0]["inclusionProof"]["hashes"] = json!([]);
    });
    assert!(
        world
            .examine(Content::Bundle(proof.bundle().into()))
            .verified()
            .is_empty()
    );
    let usage = world.v1().with_leaf(|leaf| leaf.remove(KEY_USAGE));
    assert_eq!(world.refused(usage.bundle()), CertificateUsage);
}

/// The leaf of a timestamp is the root's, whatever the token carries.
#[test]
fn cve_2026_39984_the_timestamps_signer_is_pinned() {
    let world = world();
    let stranger = Forge::new(NOW);
    let forged = stranger.tsa.leaf.der.clone();
    let stamped = world.v2().with_timestamp(move |stamp| {
        stamp.certificates.insert(0, forged.clone());
        stamp.signing_certificate = Some(forged.clone());
        stamp.key = stranger.tsa.key.clone();
    });
    assert_eq!(world.refused(stamped.bundle()), TimestampInvalid);
    let own = World::of(Forge::new(NOW));
    assert_eq!(
        world.refused(own.v2().bundle()),
        countersign_core::ReasonCode::LogUnknown
    );
}

/// Also timestamp-authority CVE-2026-49835: a token is bounded before it is read.
#[test]
fn cve_2025_66564_a_huge_token_is_refused() {
    let world = world();
    let huge = world.v2().with_timestamp(|stamp| {
        let certificate = stamp.certificates[0].clone();
        stamp.certificates = vec![certificate; 5_000];
        stamp.imprint = vec![7; 32];
    });
    assert_eq!(world.refused(huge.bundle()), OverLimit);
    let lengths = world.v2().with_json(|json| {
        // a SEQUENCE of 4 GiB, and a SEQUENCE without end
        json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"] =
            json!("MIT/////AgEA");
    });
    assert_eq!(world.refused(lengths.bundle()), TimestampInvalid);
}
