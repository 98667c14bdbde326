//! cosign's `.sig` and `.att` layers are bound as tightly as bundles are.

use std::collections::BTreeMap;

use countersign_core::ReasonCode::{
    self, AnnotationsMalformed, CertificateMalformed, KeyUnknown, LogEntryMismatch,
    LogPromiseInvalid, OverLimit, SignatureInvalid, TimeUnproven, TimestampInvalid,
    TimestampUntrusted,
};
use countersign_core::{Content, Format};
use countersign_testkit::forge::{Forge, Forgery, Identity};
use serde_json::json;

use crate::{NOW, accept, att, digest, examine_with, proof, refusal, sig, world};

const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

fn signature() -> Forgery<'static> {
    world()
        .forge
        .simple_signing(&digest())
        .keyless(Identity::default())
}

fn attestation() -> Forgery<'static> {
    world()
        .forge
        .attestation(&digest(), "https://spdx.dev/Document", json!({}))
        .keyless(Identity::default())
}

fn refused(content: Content) -> ReasonCode {
    refusal(&examine_with(content, &world().trust))
}

#[test]
fn s09_layers_that_are_valid() {
    let world = world();
    for content in [
        sig(signature().rekor_v1().sig()),
        sig(signature().timestamp().sig()),
        sig(signature().rekor_v1().timestamp().sig()),
        sig(world
            .forge
            .simple_signing(&digest())
            .keyed(&world.key)
            .sig()),
        sig(world
            .forge
            .simple_signing(&digest())
            .keyed(&world.key)
            .rekor_v1()
            .sig()),
        att(attestation().rekor_v1().att()),
        att(attestation().rekor_v1_as("intoto", "0.0.1").att()),
        att(attestation().rekor_v1_as("intoto", "0.0.2").att()),
        att(attestation().timestamp().att()),
    ] {
        let proof = proof(&examine_with(content, &world.trust));
        assert_eq!(proof.facts().format(), Format::Legacy);
    }
}

/// cosign CVE-2022-36056 and CVE-2026-22703, on the path of the annotations: the SET of another entry.
#[test]
fn s09_an_annotation_of_another_entry() {
    let (payload, mut annotations) = signature().rekor_v1().sig();
    let (_, other) = signature().rekor_v1().sig();
    annotations.insert(BUNDLE.into(), other[BUNDLE].clone());
    assert_eq!(refused(sig((payload, annotations))), LogEntryMismatch);

    for (kind, version) in [("dsse", "0.0.1"), ("intoto", "0.0.1"), ("intoto", "0.0.2")] {
        let (envelope, mut annotations) = attestation().rekor_v1_as(kind, version).att();
        let (_, other) = world()
            .forge
            .attestation(&digest(), "https://example.com/other", json!({}))
            .keyless(Identity::default())
            .rekor_v1_as(kind, version)
            .att();
        annotations.insert(BUNDLE.into(), other[BUNDLE].clone());
        assert_eq!(
            refused(att((envelope, annotations))),
            LogEntryMismatch,
            "{kind}"
        );
    }
    // intoto 0.0.1 holds the hash of the exact envelope: other white space is another envelope
    let (envelope, annotations) = attestation().rekor_v1_as("intoto", "0.0.1").att();
    let spaced = [b" ".as_slice(), &envelope].concat();
    assert_eq!(refused(att((spaced, annotations))), LogEntryMismatch);
}

#[test]
fn s08_annotations_whose_promise_was_changed() {
    let edit = |from: &str, to: &str| {
        let (payload, mut annotations) = signature().rekor_v1().sig();
        let text = annotations[BUNDLE].replace(from, to);
        assert_ne!(text, annotations[BUNDLE]);
        annotations.insert(BUNDLE.into(), text);
        refused(sig((payload, annotations)))
    };
    let time = format!("\"integratedTime\":{}", NOW + 1);
    assert_eq!(
        edit(&time, &format!("\"integratedTime\":{}", NOW + 2)),
        LogPromiseInvalid
    );
    assert_eq!(edit("\"logIndex\":", "\"logIndex\":1"), LogPromiseInvalid);
    assert_eq!(
        edit(
            "\"SignedEntryTimestamp\":\"",
            "\"SignedEntryTimestamp\":\"AAAA"
        ),
        LogPromiseInvalid
    );
    assert_eq!(edit("\"logID\":", "\"logid\":"), AnnotationsMalformed);
    assert_eq!(
        edit("\"Payload\":{", "\"Payload\":{\"body\":\"\","),
        AnnotationsMalformed
    );
}

#[test]
fn s11_nothing_proves_when() {
    assert_eq!(refused(sig(signature().sig())), TimeUnproven);
    assert_eq!(refused(att(attestation().att())), TimeUnproven);
}

#[test]
fn s10_timestamps_of_layers() {
    let stranger = Forge::new(NOW);
    assert_eq!(
        refused(sig(signature().stamped_by(&stranger.tsa).sig())),
        TimestampUntrusted
    );
    // an `.att` layer's timestamp is over the exact envelope
    let (envelope, annotations) = attestation().timestamp().att();
    let spaced = [b" ".as_slice(), &envelope].concat();
    assert_eq!(refused(att((spaced, annotations))), TimestampInvalid);
    let (payload, mut annotations) = signature().timestamp().sig();
    let (_, other) = signature().timestamp().sig();
    annotations.insert(TIMESTAMP.into(), other[TIMESTAMP].clone());
    assert_eq!(refused(sig((payload, annotations))), TimestampInvalid);
}

#[test]
fn s15_signatures_of_layers() {
    let (mut payload, annotations) = signature().rekor_v1().sig();
    payload.push(b' ');
    assert_eq!(refused(sig((payload, annotations))), SignatureInvalid);
    let world = world();
    let keyed = || world.forge.simple_signing(&digest()).keyed(&world.key);
    let (mut payload, annotations) = keyed().sig();
    payload.push(b' ');
    assert_eq!(refused(sig((payload, annotations))), KeyUnknown);
    // a key's signature under a certificate that is somebody else's
    let (payload, mut annotations) = keyed().sig();
    let (_, other) = signature().rekor_v1().sig();
    annotations.insert(CERTIFICATE.into(), other[CERTIFICATE].clone());
    assert_eq!(refused(sig((payload, annotations))), SignatureInvalid);
}

#[test]
fn s04_annotations_are_read_strictly() {
    let with = |name: &str, value: Option<&str>| {
        let (payload, mut annotations): (Vec<u8>, BTreeMap<String, String>) =
            signature().rekor_v1().sig();
        match value {
            Some(value) => annotations.insert(name.into(), value.into()),
            None => annotations.remove(name),
        };
        refused(sig((payload, annotations)))
    };
    assert_eq!(with(SIGNATURE, None), AnnotationsMalformed);
    assert_eq!(with(SIGNATURE, Some("not base64!")), AnnotationsMalformed);
    assert_eq!(with(CERTIFICATE, Some("not PEM")), CertificateMalformed);
    assert_eq!(with(CHAIN, Some("not PEM")), AnnotationsMalformed);
    assert_eq!(with(BUNDLE, Some("{}")), AnnotationsMalformed);
    assert_eq!(with(TIMESTAMP, Some("{}")), AnnotationsMalformed);
    // without the certificate it is a key's signature, and of no key that we know
    assert_eq!(with(CERTIFICATE, None), KeyUnknown);
    // cosign writes an empty annotation where there is nothing
    let (payload, mut annotations) = signature().rekor_v1().sig();
    annotations.insert(TIMESTAMP.into(), String::new());
    accept(&examine_with(sig((payload, annotations)), &world().trust));
}

#[test]
fn s00_texts_of_layers_are_bounded() {
    let world = world();
    let layer = |length: usize| {
        let layer = world
            .forge
            .simple_signing(&digest())
            .keyed(&world.key)
            .with_statement(move |payload| {
                payload["critical"]["identity"]["docker-reference"] = "x".repeat(length).into();
            });
        world.examine(sig(layer.sig()))
    };
    accept(&layer(2_000));
    assert_eq!(refusal(&layer(3_000)), OverLimit);
    let certificate = |length: usize| {
        let layer = world.forge.simple_signing(&digest()).rekor_v1();
        let layer = layer.with_json(move |annotations| {
            let text = &annotations["dev.sigstore.cosign/certificate"];
            let text = format!("{}{}", text.as_str().unwrap(), "\n".repeat(length));
            annotations["dev.sigstore.cosign/certificate"] = text.into();
        });
        world.examine(sig(layer.sig()))
    };
    accept(&certificate(10));
    assert_eq!(refusal(&certificate(200_000)), OverLimit);
}
