//! cosign, and Rekor's client in it.

use countersign_core::ReasonCode::{
    CertificateExpired, CertificateMalformed, DigestMismatch, KeyUnknown, LogEntryMalformed,
    LogEntryMismatch, LogPromiseInvalid, PayloadType, SignatureInvalid, StatementMalformed,
};
use countersign_core::{Blob, Limits, ReasonCode, examine_blob};
use countersign_testkit::forge::{Certificate, Forge, Forgery, Identity};
use serde_json::{Value, json};

use super::{ENTRIES, attestation, with_part_of};
use crate::{NOW, World, att, digest, examine_with, refusal, sig, world};

const BUNDLE: &str = "dev.sigstore.cosign/bundle";

fn layer() -> Forgery<'static> {
    let forge = &world().forge;
    forge
        .simple_signing(&digest())
        .keyless(Identity::default())
        .rekor_v1()
}

/// A true promise of the log, for another entry.
#[test]
fn cve_2022_23649_a_promise_is_tied_to_its_signature() {
    let (payload, mut annotations) = layer().sig();
    let (_, other) = layer().sig();
    annotations.insert(BUNDLE.into(), other[BUNDLE].clone());
    let findings = examine_with(sig((payload, annotations)), &world().trust);
    assert_eq!(refusal(&findings), LogEntryMismatch);
    let world = world();
    let promise = "/verificationMaterial/tlogEntries/0/inclusionPromise";
    let swapped = with_part_of(&world.v1().bundle(), &world.v1().bundle(), promise);
    assert_eq!(world.refused(swapped), LogPromiseInvalid);
}

/// Blobs: a foreign log entry, an identity that nobody looked at, a bundle that was invalid and therefore overlooked.
#[test]
fn cve_2022_36056_a_blob_and_its_bundle_belong_together() {
    let world = world();
    let of = |blob: &[u8], bundle: &[u8]| {
        examine_blob(Blob::Bytes(blob), bundle, &world.trust, &Limits::default())
    };
    let ours = world.forge.blob(b"ours").rekor_v1().bundle();
    let theirs = world.forge.blob(b"theirs").rekor_v1().bundle();
    assert_eq!(of(b"ours", &ours).verified().len(), 1);
    // 1: the log entry of another blob
    let foreign = with_part_of(&ours, &theirs, ENTRIES);
    assert_eq!(refusal(&of(b"ours", &foreign)), LogEntryMismatch);
    // 2: another blob than the one that was signed
    assert_eq!(refusal(&of(b"other", &ours)), DigestMismatch);
    // 3: the certificate of somebody else
    let certificate = "/verificationMaterial/certificate";
    let foreign = with_part_of(&ours, &theirs, certificate);
    assert_eq!(refusal(&of(b"ours", &foreign)), SignatureInvalid);
    // 4: a bundle that is invalid is refused, not left out
    let broken = [ours.as_slice(), b"}"].concat();
    assert!(of(b"ours", &broken).verified().is_empty());
    assert_eq!(of(b"ours", &broken).rejected().len(), 1);
}

/// The same attack on each way into verification: signature, key and digest are compared with the entry on all of them.
#[test]
fn cve_2026_22703_every_way_compares_the_entry() {
    let world = world();
    type Way = (&'static str, fn() -> Forgery<'static>);
    let ways: [Way; 6] = [
        ("v0.3", || world_v1()),
        ("v0.2", || world_v1().version("0.2")),
        ("v0.1", || world_v1().version("0.1")),
        ("v2", || crate::world().v2()),
        ("keyed", || crate::world().keyed().rekor_v1()),
        ("intoto", || attestation().rekor_v1_as("intoto", "0.0.2")),
    ];
    for (way, make) in ways {
        world.accepts(make().bundle());
        // signature, key and digest of another signature by the same identity
        let other = crate::world()
            .forge
            .attestation(&digest(), "https://example.com", json!({}));
        let other = match way {
            "keyed" => other.keyed(&world.key).rekor_v1(),
            "v2" => other.rekor_v2().timestamp(),
            "intoto" => other.rekor_v1_as("intoto", "0.0.2"),
            "v0.1" => other.rekor_v1().version("0.1"),
            "v0.2" => other.rekor_v1().version("0.2"),
            _ => other.rekor_v1(),
        };
        let swapped = with_part_of(&make().bundle(), &other.bundle(), ENTRIES);
        assert_eq!(world.refused(swapped), LogEntryMismatch, "{way}");
    }
    for kind in [("dsse", "0.0.1"), ("intoto", "0.0.1"), ("intoto", "0.0.2")] {
        let (envelope, mut annotations) = attestation().rekor_v1_as(kind.0, kind.1).att();
        let (_, other) = attestation().rekor_v1_as(kind.0, kind.1).att();
        annotations.insert(BUNDLE.into(), other[BUNDLE].clone());
        let findings = examine_with(att((envelope, annotations)), &world.trust);
        assert_eq!(refusal(&findings), LogEntryMismatch, "{kind:?}");
    }
}

fn world_v1() -> Forgery<'static> {
    world().v1()
}

/// An intermediate that had expired when the leaf was used, though not yet when the leaf was issued.
#[test]
fn cve_2026_24122_no_authority_had_expired() {
    type Edit = fn(&mut Certificate);
    let expires_at_issue: Edit = |certificate| certificate.not_after = NOW;
    for forge in [
        Forge::builder(NOW)
            .with_intermediate(expires_at_issue)
            .build(),
        Forge::builder(NOW).with_root(expires_at_issue).build(),
    ] {
        let world = World::of(forge);
        assert_eq!(world.refused(world.v1().bundle()), CertificateExpired);
        assert_eq!(world.refused(world.v2().bundle()), CertificateExpired);
    }
}

/// Payloads that cannot be read, and of another kind than their type says. That the predicate type is the wanted one is
/// policy: `tests/decide/advisories.rs`.
#[test]
fn cve_2026_39395_a_payload_is_read_or_refused() {
    let world = world();
    for payload in ["", "{}", "[]", "not JSON", "{\"predicateType\":7}"] {
        let bundle = world
            .keyed()
            .with_payload(|bytes| *bytes = payload.into())
            .bundle();
        assert_eq!(world.refused(bundle), StatementMalformed, "{payload}");
    }
    let text = world.keyed().payload_type("text/plain").bundle();
    assert_eq!(world.refused(text), PayloadType);
}

/// cosign #4648 to #4653, #4998 and #5016: a body that is no text, a certificate without bytes, a subject that is null.
#[test]
fn cosign_4648_what_made_it_panic_is_refused() {
    let world = world();
    let body = |body: Value| {
        let (payload, mut annotations) = layer().sig();
        let mut promise: Value = serde_json::from_str(&annotations[BUNDLE]).unwrap();
        promise["Payload"]["body"] = body;
        annotations.insert(BUNDLE.into(), promise.to_string());
        refusal(&examine_with(sig((payload, annotations)), &world.trust))
    };
    for odd in [json!({"a": 1}), json!(7), Value::Null, json!([])] {
        assert_eq!(body(odd), ReasonCode::AnnotationsMalformed);
    }
    let raw = |raw: &'static [u8]| {
        let edited = world
            .v1()
            .with_entry(|entry| entry.raw_body = Some(raw.to_vec()));
        world.refused(edited.bundle())
    };
    assert_eq!(raw(b"7"), LogEntryMalformed);
    assert_eq!(raw(b""), LogEntryMalformed);
    for pem in [
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----",
    ] {
        let (payload, mut annotations) = layer().sig();
        annotations.insert("dev.sigstore.cosign/certificate".into(), pem.into());
        let findings = examine_with(sig((payload, annotations)), &world.trust);
        assert_eq!(refusal(&findings), CertificateMalformed);
    }
    let empty = world.v1().with_certificates(|chain| chain[0].clear());
    assert_eq!(world.refused(empty.bundle()), CertificateMalformed);
    let subject = |subject: Value| {
        let edited = world
            .keyed()
            .with_statement(|statement| statement["subject"] = subject);
        world.refused(edited.bundle())
    };
    assert_eq!(subject(json!([null])), StatementMalformed);
    assert_eq!(subject(json!([{"digest": null}])), DigestMismatch);
    assert_eq!(subject(Value::Null), StatementMalformed);
}

/// gitsign CVE-2024-51746 has the same root: a search in the log found another entry than the signature's.
#[test]
fn cve_2024_51746_the_entry_is_this_signatures() {
    let world = world();
    let twin = |_| world.keyed().rekor_v1().bundle();
    let [ours, other] = [0, 1].map(twin);
    // the same key over the same statement, another signature
    let swapped = with_part_of(&ours, &other, ENTRIES);
    assert_eq!(world.refused(swapped), LogEntryMismatch);
}

/// gitsign CVE-2026-44309: the very bytes are verified, never a form of them that was made to look right.
#[test]
fn cve_2026_44309_no_byte_is_made_to_fit() {
    let world = world();
    for edit in [" ", "\n", "\r\n", "\u{feff}"] {
        let (payload, annotations) = world
            .forge
            .simple_signing(&digest())
            .keyed(&world.key)
            .sig();
        for spaced in [
            [edit.as_bytes(), &payload].concat(),
            [&payload, edit.as_bytes()].concat(),
        ] {
            let findings = examine_with(sig((spaced, annotations.clone())), &world.trust);
            let code = refusal(&findings);
            assert!(
                matches!(code, KeyUnknown | ReasonCode::PayloadMalformed),
                "{code}"
            );
        }
        let blob = world.forge.blob(b"line\n").keyed(&world.key).bundle();
        let other = ["line", edit].concat();
        if other != "line\n" {
            let limits = Limits::default();
            let findings =
                examine_blob(Blob::Bytes(other.as_bytes()), &blob, &world.trust, &limits);
            assert_eq!(refusal(&findings), DigestMismatch);
        }
    }
}
