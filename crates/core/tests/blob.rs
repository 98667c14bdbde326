//! `decide_blob`: what a signature on a blob must have beside being valid. Each case differs from a good one in one thing.
#![allow(clippy::unwrap_used, missing_docs)]

use countersign_core::{
    Blob, BlobDecision, BlobReport, BlobSigner, Digest, Identity, Limits, PublicKey, ReasonCode,
    Trust, TrustRoot, UnixTime, Verdict, decide_blob, examine_blob,
};
use countersign_testkit::forge::{self, Algorithm, Forge, Forgery, Key};
use serde_json::{Value, json};

const SIGNED: i64 = 1_790_000_000;
const NOW: UnixTime = UnixTime::from_seconds(SIGNED + 60);
const BLOB: &[u8] = b"a release\n";
const SUBJECT: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1";
const ISSUER: &str = "https://token.actions.githubusercontent.com";
const SLSA: &str = "https://slsa.dev/provenance/v1";

struct World {
    forge: Forge,
    root: TrustRoot,
    key: Key,
}

impl World {
    fn new() -> Self {
        let forge = Forge::new(SIGNED);
        let root = TrustRoot::from_json("forge", forge.trusted_root().as_bytes()).unwrap();
        let key = Key::generate(Algorithm::P256);
        Self { forge, root, key }
    }

    /// The same with another trusted_root.json.
    fn with_root(edit: impl Fn(&mut Value)) -> Self {
        let mut world = Self::new();
        let mut json: Value = serde_json::from_str(&world.forge.trusted_root()).unwrap();
        edit(&mut json);
        world.root = TrustRoot::from_json("forge", json.to_string().as_bytes()).unwrap();
        world
    }

    fn workflow() -> forge::Identity {
        forge::Identity::github_workflow("acme/app", "release.yml", "refs/tags/v1")
    }

    fn keyless(&self) -> Forgery<'_> {
        self.forge.blob(BLOB).keyless(Self::workflow())
    }

    fn statement(&self) -> Forgery<'_> {
        let digest = Digest::of(BLOB).to_string();
        self.forge
            .attestation(&digest, SLSA, json!({}))
            .keyless(Self::workflow())
            .rekor_v1()
    }

    fn keyed(&self) -> Forgery<'_> {
        self.forge.blob(BLOB).keyed(&self.key)
    }

    fn by_identity(&self) -> BlobSigner {
        BlobSigner::keyless(SUBJECT, ISSUER, &self.root).unwrap()
    }

    fn by_key(&self) -> BlobSigner {
        BlobSigner::key("release.pub", &public(&self.key), &self.root)
    }

    fn decide(&self, forgery: Forgery<'_>, signer: &BlobSigner) -> BlobDecision {
        self.decide_at(forgery, signer, NOW)
    }

    fn decide_at(&self, forgery: Forgery<'_>, signer: &BlobSigner, now: UnixTime) -> BlobDecision {
        let trust = Trust::new(vec![self.root.clone()], vec![public(&self.key)]).unwrap();
        let bundle = forgery.bundle();
        let decide = |blob| {
            let findings = examine_blob(blob, &bundle, &trust, &Limits::default());
            decide_blob(&findings, signer, now)
        };
        let by_bytes = decide(Blob::Bytes(BLOB));
        let by_digest = decide(Blob::Digest(Digest::of(BLOB)));
        assert_eq!(
            BlobReport::new(&by_bytes, "it"),
            BlobReport::new(&by_digest, "it"),
            "a blob and its digest are judged alike"
        );
        by_bytes
    }
}

fn public(key: &Key) -> PublicKey {
    PublicKey::from_pem(&key.public_pem()).unwrap()
}

#[track_caller]
fn allowed(decision: &BlobDecision) {
    assert_eq!(decision.verdict(), Verdict::Allow, "{decision:#?}");
    assert!(decision.proof().is_some() && decision.refusal().is_none());
}

#[track_caller]
fn refused(decision: &BlobDecision, code: ReasonCode) {
    assert_eq!(decision.verdict(), Verdict::Deny, "{decision:#?}");
    assert!(decision.proof().is_none());
    let refusal = decision.refusal().unwrap();
    assert_eq!(refusal.code, code, "{decision:#?}");
    for sentence in [&refusal.message, &refusal.hint] {
        assert!(sentence.ends_with('.'), "{sentence}");
    }
    for sentence in [
        &refusal.message,
        &refusal.hint,
        &refusal.found,
        &refusal.wanted,
    ] {
        for foreign in ["policy", "Signer", "image", "log:"] {
            assert!(!sentence.contains(foreign), "{sentence}");
        }
    }
}

#[test]
fn good_ones_of_every_version_and_log() {
    let world = World::new();
    let signer = world.by_identity();
    for version in ["0.1", "0.2", "0.3"] {
        allowed(&world.decide(world.keyless().rekor_v1().version(version), &signer));
    }
    allowed(&world.decide(world.keyless().rekor_v2().timestamp(), &signer));
    allowed(&world.decide(world.keyed().rekor_v1(), &world.by_key()));
    allowed(&world.decide(world.keyed().rekor_v2().timestamp(), &world.by_key()));
    let decision = world.decide(world.statement(), &signer);
    allowed(&decision);
    let proof = decision.proof().unwrap();
    assert_eq!(proof.predicate_type.as_deref(), Some(SLSA));
    assert_eq!(proof.format, "bundle-v0.3");
    assert_eq!(proof.root.as_deref(), Some("forge"));
    assert_eq!(decision.blob(), &Digest::of(BLOB));
    assert!(matches!(&proof.identity, Identity::Certificate { subject, .. } if subject == SUBJECT));
}

#[test]
fn the_identity_is_compared_whole() {
    let world = World::new();
    let signed = || world.keyless().rekor_v1();
    for subject in [
        "https://github.com/acme/app/.github/workflows/release.yml",
        "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v10",
        "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/.*",
        "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/V1",
    ] {
        let signer = BlobSigner::keyless(subject, ISSUER, &world.root).unwrap();
        refused(
            &world.decide(signed(), &signer),
            ReasonCode::SubjectMismatch,
        );
    }
    let issuer = format!("{ISSUER}/");
    let signer = BlobSigner::keyless(SUBJECT, &issuer, &world.root).unwrap();
    refused(&world.decide(signed(), &signer), ReasonCode::IssuerMismatch);
    assert!(BlobSigner::keyless("", ISSUER, &world.root).is_err());
    assert!(BlobSigner::keyless(SUBJECT, "", &world.root).is_err());
}

#[test]
fn every_kind_of_name_is_compared() {
    let world = World::new();
    let name = "who@acme.example";
    for identity in [
        forge::Identity::email(name, ISSUER),
        forge::Identity::user_name(name, ISSUER),
    ] {
        let signed = || world.forge.blob(BLOB).keyless(identity.clone()).rekor_v1();
        let signer = BlobSigner::keyless(name, ISSUER, &world.root).unwrap();
        allowed(&world.decide(signed(), &signer));
        refused(
            &world.decide(signed(), &world.by_identity()),
            ReasonCode::SubjectMismatch,
        );
    }
}

#[test]
fn patterns_are_anchored_and_never_broad() {
    let world = World::new();
    let by = |pattern: &str| BlobSigner::keyless_by_pattern(pattern, ISSUER, &world.root);
    let good = by(r"https://github\.com/acme/app/\.github/workflows/release\.yml@refs/tags/v\d+");
    allowed(&world.decide(world.keyless().rekor_v1(), &good.unwrap()));
    for inner in [
        r"https://github\.com/acme/app/",
        r"https://github\.com/acme/app/\.github/workflows/release\.yml@refs/tags/v",
    ] {
        let signer = by(inner).unwrap();
        refused(
            &world.decide(world.keyless().rekor_v1(), &signer),
            ReasonCode::SubjectMismatch,
        );
    }
    for (pattern, code) in [
        (".*", ReasonCode::BadPattern),
        (".+", ReasonCode::BroadPattern),
        (r"https://github\.com/acme.*", ReasonCode::BroadPattern),
        ("(", ReasonCode::BadPattern),
        ("", ReasonCode::BadPattern),
        ("a)|(b", ReasonCode::BadPattern),
    ] {
        assert_eq!(by(pattern).err().unwrap().code, code, "{pattern}");
    }
}

#[test]
fn a_key_is_not_an_identity_and_no_other_key() {
    let world = World::new();
    let decision = world.decide(world.keyless().rekor_v1(), &world.by_key());
    refused(&decision, ReasonCode::SignerMismatch);
    let decision = world.decide(world.keyed().rekor_v1(), &world.by_identity());
    refused(&decision, ReasonCode::SignerMismatch);
    let other = Key::generate(Algorithm::P256);
    let by_other = world.forge.blob(BLOB).keyed(&other).rekor_v1();
    let decision = world.decide(by_other, &world.by_key());
    refused(&decision, ReasonCode::KeyUnknown);
    assert_eq!(
        decision.refusal().unwrap().found,
        "a signature by another key"
    );
}

#[test]
fn a_log_is_demanded_where_the_root_lists_one() {
    let world = World::new();
    let stamped = || world.keyless().timestamp();
    let signer = world.by_identity();
    refused(&world.decide(stamped(), &signer), ReasonCode::LogMissing);
    let keyed = || world.keyed().timestamp();
    refused(
        &world.decide(keyed(), &world.by_key()),
        ReasonCode::LogMissing,
    );
    let world = World::with_root(|json| json["tlogs"] = json!([]));
    allowed(&world.decide(world.keyless().timestamp(), &world.by_identity()));
    allowed(&world.decide(world.keyed().timestamp(), &world.by_key()));
    // One that is listed and not supported is still a log that the instance has.
    let world = World::with_root(|json| {
        for log in json["tlogs"].as_array_mut().unwrap() {
            log["hashAlgorithm"] = json!("SHA2_512");
        }
    });
    assert_eq!(world.root.log_count(), 0);
    let signer = world.by_identity();
    let decision = world.decide(world.keyless().timestamp(), &signer);
    refused(&decision, ReasonCode::LogMissing);
}

#[test]
fn a_time_is_demanded_and_none_in_the_future() {
    let world = World::new();
    let bare = world.decide(world.keyed(), &world.by_key());
    refused(&bare, ReasonCode::LogMissing);
    let without = World::with_root(|json| json["tlogs"] = json!([]));
    let bare = without.decide(without.keyed(), &without.by_key());
    refused(&bare, ReasonCode::TimeMissing);
    let keyless: fn(&World) -> Forgery<'_> = |world| world.keyless().rekor_v1();
    let keyed: fn(&World) -> Forgery<'_> = |world| world.keyed().rekor_v1();
    for (make, signer) in [(keyless, world.by_identity()), (keyed, world.by_key())] {
        // The log's time is a second after the signature's.
        let decision = world.decide_at(make(&world), &signer, UnixTime::from_seconds(SIGNED));
        refused(&decision, ReasonCode::TimeInFuture);
        allowed(&world.decide_at(make(&world), &signer, UnixTime::from_seconds(SIGNED + 1)));
    }
}

#[test]
fn a_key_alone_counts_only_where_that_is_said() {
    let world = World::new();
    let alone = world.by_key().key_alone_unsafe();
    allowed(&world.decide(world.keyed(), &alone));
    allowed(&world.decide(world.keyed().timestamp(), &alone));
    let broken = world
        .keyed()
        .rekor_v1()
        .with_entry(|entry| entry.log_id = vec![7; 32]);
    refused(&world.decide(broken, &alone), ReasonCode::LogUnknown);
    let future = UnixTime::from_seconds(SIGNED);
    let decision = world.decide_at(world.keyed().rekor_v1(), &alone, future);
    refused(&decision, ReasonCode::TimeInFuture);
    let certificate = world.by_identity().key_alone_unsafe();
    refused(
        &world.decide(world.keyless().timestamp(), &certificate),
        ReasonCode::LogMissing,
    );
}

#[test]
fn certificate_transparency_is_demanded_where_the_root_lists_it() {
    let bare = |world: &World| {
        let forgery = world.keyless().rekor_v1().with_scts(Vec::clear);
        world.decide(forgery, &world.by_identity())
    };
    refused(&bare(&World::new()), ReasonCode::SctMissing);
    let unsupported = World::with_root(|json| {
        json["ctlogs"][0]["hashAlgorithm"] = json!("SHA2_512");
    });
    refused(&bare(&unsupported), ReasonCode::SctMissing);
    allowed(&bare(&World::with_root(|json| json["ctlogs"] = json!([]))));
}

#[test]
fn cve_2026_39395_one_type_never_stands_for_another() {
    let world = World::new();
    let wanting = |predicate_type: &str| world.by_identity().predicate_type(predicate_type);
    allowed(&world.decide(world.statement(), &wanting(SLSA)));
    for other in [
        "https://slsa.dev/provenance",
        "https://spdx.dev/Document",
        "",
    ] {
        let decision = world.decide(world.statement(), &wanting(other));
        refused(&decision, ReasonCode::PredicateTypeMismatch);
    }
    let decision = world.decide(world.keyless().rekor_v1(), &wanting(SLSA));
    refused(&decision, ReasonCode::PredicateTypeMismatch);
    let refusal = decision.refusal().unwrap();
    assert_eq!(refusal.found, "a signature over the blob itself");
    assert_eq!(refusal.wanted, SLSA);
}

#[test]
fn another_artifact_is_refused() {
    let world = World::new();
    let other = Digest::of(b"another").to_string();
    for forgery in [
        world
            .forge
            .blob(b"another")
            .keyless(World::workflow())
            .rekor_v1(),
        world
            .forge
            .attestation(&other, SLSA, json!({}))
            .keyless(World::workflow())
            .rekor_v1(),
    ] {
        let decision = world.decide(forgery, &world.by_identity());
        refused(&decision, ReasonCode::DigestMismatch);
    }
}

/// Findings are bound to their blob, and nothing at all is a refusal too.
#[test]
fn nothing_passes_by_emptiness() {
    let world = World::new();
    let trust = Trust::new(vec![world.root.clone()], Vec::new()).unwrap();
    let findings = examine_blob(Blob::Bytes(BLOB), b"{}", &trust, &Limits::default());
    let decision = decide_blob(&findings, &world.by_identity(), NOW);
    refused(&decision, ReasonCode::BundleMalformed);
    assert_eq!(decision.refused().len(), 1);
}

/// The names of a statement's subjects prove nothing; those of our blob are shown, escaped.
#[test]
fn subjects_are_shown() {
    let world = World::new();
    let forgery = world.statement().with_statement(|statement| {
        let subject = statement["subject"][0].clone();
        let other = json!({"name": "other", "digest": {"sha256": "00".repeat(32)}});
        statement["subject"] = json!([other, subject, subject]);
        statement["subject"][1]["name"] = json!("app\u{1b}[2J.tar");
    });
    let decision = world.decide(forgery, &world.by_identity());
    allowed(&decision);
    assert_eq!(decision.subjects()[0], r"app\u{1b}[2J.tar");
    assert!(decision.subjects().len() <= 2, "{:?}", decision.subjects());
}
