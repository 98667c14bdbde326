//! Step 10: RFC 3161 timestamps, and step 11: the set of proven times.

use countersign_core::ReasonCode::{
    CertificateExpired, TimeUnproven, TimestampInvalid, TimestampUntrusted,
};
use countersign_core::{Content, ReasonCode, Trust, TrustRoot, UnixTime};
use countersign_testkit::forge::{
    Algorithm, CODE_SIGNING, EXTENDED_KEY_USAGE, Forge, Hash, Key, TIME_STAMPING, Timestamp,
};
use serde_json::{Value, json};

use crate::{NOW, World, examine_with, refusal, world};

fn stamped(edit: impl Fn(&mut Timestamp)) -> ReasonCode {
    let world = world();
    world.refused(
        world
            .keyless()
            .rekor_v2()
            .timestamp()
            .with_timestamp(edit)
            .bundle(),
    )
}

#[test]
fn s10_the_token_is_granted_and_of_this_signature() {
    assert_eq!(stamped(|stamp| stamp.status = 2), TimestampInvalid);
    assert_eq!(
        stamped(|stamp| stamp.imprint = Hash::Sha256.of(b"else")),
        TimestampInvalid
    );
    assert_eq!(
        stamped(|stamp| stamp.content_type = "1.2.840.113549.1.7.1".into()),
        TimestampInvalid
    );
    assert_eq!(stamped(|stamp| stamp.trailing = vec![0]), TimestampInvalid);
    // a refusal that carries a token all the same: PKIStatus is the first integer of the response
    let world = world();
    let refused = world
        .v2()
        .with_json(|json| {
            use base64::Engine as _;
            use base64::engine::general_purpose::STANDARD;
            let token = &mut json["verificationMaterial"]["timestampVerificationData"]
                ["rfc3161Timestamps"][0]["signedTimestamp"];
            let mut der = STANDARD.decode(token.as_str().unwrap()).unwrap();
            assert_eq!(der[4..9], [0x30, 3, 2, 1, 0]);
            der[8] = 2;
            *token = json!(STANDARD.encode(der));
        })
        .bundle();
    assert_eq!(world.refused(refused), TimestampInvalid);
    for raw in ["AAAA", "MAA=", ""] {
        let bundle = world
            .v2()
            .with_json(move |json| {
                json["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]
                    ["signedTimestamp"] = json!(raw);
            })
            .bundle();
        assert_eq!(world.refused(bundle), TimestampInvalid, "{raw}");
    }
}

/// PKIStatusInfo: a number, perhaps words and a reason, and nothing else.
#[test]
fn s10_the_status_is_read_to_its_end() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let world = world();
    let with_status = |status: &'static [u8]| {
        let edited = world.v2().with_json(move |json| {
            let token = &mut json["verificationMaterial"]["timestampVerificationData"]
                ["rfc3161Timestamps"][0]["signedTimestamp"];
            let der = STANDARD.decode(token.as_str().unwrap()).unwrap();
            assert_eq!((der[1], &der[4..9]), (0x82, &[0x30, 3, 2, 1, 0][..]));
            let content = [status, &der[9..]].concat();
            let length = u16::try_from(content.len()).unwrap().to_be_bytes();
            *token = json!(STANDARD.encode([&[0x30, 0x82], &length[..], &content].concat()));
        });
        world.examine(Content::Bundle(edited.bundle().into()))
    };
    for fine in [
        &[0x30, 3, 2, 1, 0][..],
        &[0x30, 3, 2, 1, 1],
        &[0x30, 8, 2, 1, 0, 0x30, 3, 0x0c, 1, b'x'],
    ] {
        crate::accept(&with_status(fine));
    }
    for odd in [
        &[0x30, 4, 2, 1, 0, 0][..],
        &[0x30, 6, 2, 1, 0, 2, 1, 0],
        &[0x31, 3, 2, 1, 0],
        &[0x30, 0],
    ] {
        assert_eq!(refusal(&with_status(odd)), TimestampInvalid, "{odd:?}");
    }
}

#[test]
fn s10_the_signed_attributes_bind_the_content() {
    assert_eq!(
        stamped(|stamp| stamp.content_type_attribute = None),
        TimestampInvalid
    );
    assert_eq!(
        stamped(|stamp| stamp.content_type_attribute = Some("1.2.840.113549.1.7.1".into())),
        TimestampInvalid
    );
    assert_eq!(
        stamped(|stamp| stamp.has_message_digest = false),
        TimestampInvalid
    );
    assert_eq!(
        stamped(|stamp| stamp.message_digest = Some(vec![1; 32])),
        TimestampInvalid
    );
    let other = world().forge.root.0.der.clone();
    assert_eq!(
        stamped(move |stamp| stamp.signing_certificate = Some(other.clone())),
        TimestampInvalid
    );
}

/// timestamp-authority CVE-2026-39984: the signer is the pinned leaf, whatever the token carries.
#[test]
fn s10_the_signer_is_the_pinned_leaf() {
    let world = world();
    let stranger = Forge::new(NOW);
    assert_eq!(
        world.refused(
            world
                .keyless()
                .rekor_v2()
                .stamped_by(&stranger.tsa)
                .bundle()
        ),
        TimestampUntrusted
    );
    // a stranger's certificate first in the bag changes nothing, and its key signs nothing
    let foreign = stranger.tsa.leaf.der.clone();
    world.accepts(
        world
            .keyless()
            .rekor_v2()
            .timestamp()
            .with_timestamp(move |stamp| stamp.certificates.insert(0, foreign.clone()))
            .bundle(),
    );
    world.accepts(
        world
            .keyless()
            .rekor_v2()
            .timestamp()
            .with_timestamp(|stamp| stamp.certificates.clear())
            .bundle(),
    );
    let key = Key::generate(Algorithm::P384);
    assert_eq!(
        stamped(move |stamp| stamp.key = key.clone()),
        TimestampInvalid
    );
    assert_eq!(stamped(|stamp| stamp.signer_infos = 2), TimestampInvalid);
    assert_eq!(stamped(|stamp| stamp.signer_infos = 0), TimestampInvalid);
}

/// sigstore-rust TOB-SIGSTORE-11: the window of this authority, not of another.
#[test]
fn s10_within_the_authoritys_windows() {
    let world = world();
    // the stamp is made two seconds after NOW
    for (start, end, good) in [(0, 2, true), (2, 9, true), (3, 9, false), (-9, 1, false)] {
        let mut root: Value = serde_json::from_str(&world.forge.trusted_root()).unwrap();
        let at = |seconds: i64| UnixTime::from_seconds(NOW + seconds).to_string();
        root["timestampAuthorities"][0]["validFor"] = json!({"start": at(start), "end": at(end)});
        // another authority whose window would fit
        let other: Value = serde_json::from_str(&Forge::new(NOW).trusted_root()).unwrap();
        let other = other["timestampAuthorities"][0].clone();
        root["timestampAuthorities"]
            .as_array_mut()
            .unwrap()
            .push(other);
        let root = TrustRoot::from_json("private", root.to_string().as_bytes()).unwrap();
        let trust = Trust::new(vec![root], Vec::new()).unwrap();
        let findings = examine_with(Content::Bundle(world.v2().bundle().into()), &trust);
        assert_eq!(!findings.verified().is_empty(), good, "{start}..{end}");
    }
    // leaf, intermediate and root of the authority, each expired when it stamped
    type Edit = fn(&mut countersign_testkit::forge::Certificate);
    let expire: Edit = |certificate| certificate.not_after = NOW;
    let forges = [
        Forge::builder(NOW).with_tsa_leaf(expire).build(),
        Forge::builder(NOW)
            .tsa_intermediate()
            .with_tsa_intermediate(expire)
            .build(),
        Forge::builder(NOW).with_tsa_root(expire).build(),
    ];
    for forge in forges {
        let world = World::of(forge);
        assert_eq!(world.refused(world.v2().bundle()), TimestampUntrusted);
    }
}

#[test]
fn s10_an_authority_is_made_for_timestamps_only() {
    type Edit = fn(&mut countersign_testkit::forge::Certificate);
    let edits: [Edit; 4] = [
        |leaf| leaf.remove(EXTENDED_KEY_USAGE),
        |leaf| leaf.extension(EXTENDED_KEY_USAGE).critical = false,
        |leaf| {
            leaf.remove(EXTENDED_KEY_USAGE);
            leaf.push_purposes(true, &[CODE_SIGNING]);
        },
        |leaf| {
            leaf.remove(EXTENDED_KEY_USAGE);
            leaf.push_purposes(true, &[TIME_STAMPING, CODE_SIGNING]);
        },
    ];
    for edit in edits {
        let world = World::of(Forge::builder(NOW).with_tsa_leaf(edit).build());
        assert_eq!(world.trust.roots()[0].warnings().len(), 1);
        assert_eq!(world.refused(world.v2().bundle()), TimestampUntrusted);
        // the rest of the root still serves
        world.accepts(world.v1().bundle());
    }
}

#[test]
fn s10_algorithms_of_authorities() {
    for algorithm in [Algorithm::P256, Algorithm::P384, Algorithm::Rsa(2048)] {
        let world = World::of(Forge::builder(NOW).tsa_algorithm(algorithm).build());
        world.accepts(world.v2().bundle());
    }
    for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
        let world = world();
        world.accepts(
            world
                .keyless()
                .rekor_v2()
                .timestamp()
                .with_timestamp(move |stamp| stamp.digest = hash)
                .bundle(),
        );
    }
}

/// Step 11: nothing passes by emptiness, and every proven time counts, not only the earliest (sigstore-rust TOB-SIGSTORE-4).
#[test]
fn s11_every_proven_time_is_judged() {
    let world = world();
    assert_eq!(world.refused(world.keyless().bundle()), TimeUnproven);
    assert_eq!(
        world.refused(world.keyless().rekor_v2().bundle()),
        TimeUnproven
    );
    // a timestamp within the leaf's life beside a promise outside it, and the reverse
    let late = |entry: &mut countersign_testkit::forge::Entry| entry.integrated_time = NOW + 3600;
    assert_eq!(
        world.refused(world.v1().with_entry(late).timestamp().bundle()),
        CertificateExpired
    );
    let late = |stamp: &mut Timestamp| stamp.time = NOW + 3600;
    assert_eq!(
        world.refused(world.v1().timestamp().with_timestamp(late).bundle()),
        CertificateExpired
    );
    // sigstore-python#1488: an invalid timestamp is not overlooked because another is valid
    let stranger = Forge::new(NOW);
    assert_eq!(
        world.refused(world.v2().stamped_by(&stranger.tsa).bundle()),
        TimestampUntrusted
    );
    let findings = examine_with(
        Content::Bundle(world.keyed().stamped_by(&stranger.tsa).bundle().into()),
        &world.trust,
    );
    assert_eq!(refusal(&findings), TimestampUntrusted);
}
