//! Step 22: trust roots, and that a proof belongs to exactly one.

use countersign_core::ReasonCode::{LogUnknown, TimestampUntrusted};
use countersign_core::{Content, Trust, TrustError, TrustRoot};
use countersign_testkit::forge::{
    Algorithm, BASIC_CONSTRAINTS, Certificate, Forge, KEY_USAGE, Key,
};
use serde_json::{Value, json};

use crate::{NOW, digest, examine_with, public, refusal, world};

fn root(edit: impl Fn(&mut Value)) -> Result<TrustRoot, TrustError> {
    let mut root: Value = serde_json::from_str(&world().forge.trusted_root()).unwrap();
    edit(&mut root);
    TrustRoot::from_json("private", root.to_string().as_bytes())
}

#[test]
fn s22_the_built_in_root_reads() {
    let root = TrustRoot::public_good().unwrap();
    assert_eq!(root.name().name, TrustRoot::PUBLIC_GOOD);
    assert_eq!(root.warnings(), &[] as &[String]);
    assert!(root.log_count() >= 2 && root.ct_log_count() >= 2);
}

#[test]
fn s22_the_staging_root_reads() {
    let root = TrustRoot::staging().unwrap();
    assert_eq!(root.name().name, TrustRoot::STAGING);
    assert_ne!(
        root.name().fingerprint,
        TrustRoot::public_good().unwrap().name().fingerprint
    );
    assert!(root.log_count() >= 1 && root.ct_log_count() >= 1);
}

#[test]
fn s22_what_is_malformed_is_refused() {
    assert!(root(|_| ()).is_ok());
    let edits: Vec<fn(&mut Value)> = vec![
        |root| root["mediaType"] = json!("application/json"),
        |root| root["extra"] = json!(1),
        |root| {
            drop(
                root["tlogs"][0]["publicKey"]
                    .as_object_mut()
                    .unwrap()
                    .remove("validFor"),
            )
        },
        |root| root["tlogs"][0]["publicKey"]["validFor"] = json!({"end": "2030-01-01T00:00:00Z"}),
        |root| root["ctlogs"][0]["publicKey"]["validFor"] = json!({}),
        |root| root["certificateAuthorities"][0]["validFor"] = json!({}),
        |root| root["timestampAuthorities"][0]["validFor"] = json!({}),
        |root| {
            root["tlogs"][0]["publicKey"]["validFor"] =
                json!({"start": "2030-01-01T00:00:00Z", "end": "2029-01-01T00:00:00Z"});
        },
        |root| root["tlogs"][0]["publicKey"]["validFor"]["start"] = json!("yesterday"),
        |root| root["tlogs"][1] = root["tlogs"][0].clone(),
        |root| root["tlogs"][0]["logId"]["keyId"] = json!(""),
        |root| root["tlogs"][0]["publicKey"]["rawBytes"] = json!("AAAA"),
        |root| root["tlogs"][0]["publicKey"]["rawBytes"] = json!("not base64"),
        |root| root["certificateAuthorities"][0]["certChain"]["certificates"] = json!([]),
        |root| {
            root["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"] =
                json!("AAAA");
        },
        // a chain out of order
        |root| {
            root["certificateAuthorities"][0]["certChain"]["certificates"]
                .as_array_mut()
                .unwrap()
                .reverse();
        },
    ];
    for (at, edit) in edits.iter().enumerate() {
        assert!(
            matches!(root(edit), Err(TrustError::Malformed { .. })),
            "edit {at}"
        );
    }
    assert!(TrustRoot::from_json("x", b"").is_err());
    let twin = world()
        .forge
        .trusted_root()
        .replacen('{', r#"{"tlogs":[],"#, 1);
    assert!(TrustRoot::from_json("x", twin.as_bytes()).is_err());
}

#[test]
fn s22_what_is_unsupported_is_skipped_and_counted() {
    let secp256k1 = "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEeb5mfvncu6xVoGKVzocLBwKb/NstzijZWfKBWxb4F5hIOtp3JqPEZV2k+/wOEQio/Re0SKaFVBmcR9CP+xDUuA==";
    let skipped = root(|root| {
        root["tlogs"][0]["publicKey"]["rawBytes"] = json!(secp256k1);
    })
    .unwrap();
    assert_eq!((skipped.warnings().len(), skipped.log_count()), (1, 1));
}

/// Step 12's static half: signatures, CA flags, path lengths and KeyUsage of authorities, once.
#[test]
fn s12_authorities_are_authorities() {
    type Edit = fn(&mut Certificate);
    let edits: [Edit; 5] = [
        |ca| ca.remove(BASIC_CONSTRAINTS),
        |ca| {
            ca.remove(BASIC_CONSTRAINTS);
            ca.push_constraints(false, None);
        },
        |ca| ca.remove(KEY_USAGE),
        |ca| {
            ca.remove(KEY_USAGE);
            ca.push_key_usage(0x80);
        },
        |ca| ca.push("1.2.3.4.5", true, vec![5, 0]),
    ];
    for edit in edits {
        for forge in [
            Forge::builder(NOW).with_intermediate(edit).build(),
            Forge::builder(NOW).with_root(edit).build(),
            Forge::builder(NOW)
                .tsa_intermediate()
                .with_tsa_intermediate(edit)
                .build(),
        ] {
            let read = TrustRoot::from_json("private", forge.trusted_root().as_bytes());
            assert!(matches!(read, Err(TrustError::Malformed { .. })));
        }
    }
    // a root that allows no authority beneath it
    let forge = Forge::builder(NOW)
        .with_root(|root| {
            root.remove(BASIC_CONSTRAINTS);
            root.push_constraints(true, Some(0));
        })
        .build();
    assert!(TrustRoot::from_json("private", forge.trusted_root().as_bytes()).is_err());
    // an intermediate that another root issued
    let mut mixed: Value = serde_json::from_str(&world().forge.trusted_root()).unwrap();
    let other: Value = serde_json::from_str(&Forge::new(NOW).trusted_root()).unwrap();
    mixed["certificateAuthorities"][0]["certChain"]["certificates"][1] =
        other["certificateAuthorities"][0]["certChain"]["certificates"][1].clone();
    assert!(TrustRoot::from_json("private", mixed.to_string().as_bytes()).is_err());
}

/// Chain, log entry and timestamp of one proof come from one trust root.
#[test]
fn s20_roots_are_never_mixed() {
    let world = world();
    let other = Forge::builder(NOW).domain("other.example").build();
    let roots = || {
        vec![
            TrustRoot::from_json("private", world.forge.trusted_root().as_bytes()).unwrap(),
            TrustRoot::from_json("other", other.trusted_root().as_bytes()).unwrap(),
        ]
    };
    let trust = Trust::new(roots(), vec![public(&world.key)]).unwrap();
    // each alone verifies, under its own name
    let findings = examine_with(Content::Bundle(world.v1().bundle().into()), &trust);
    assert_eq!(findings.verified().len(), 1);
    assert_eq!(
        findings.verified()[0].facts().root().unwrap().name,
        "private"
    );
    // certificate of one, log or timestamp of the other
    let mixed = world.keyless().logged_by(&other.rekor_v1).bundle();
    assert!(
        examine_with(Content::Bundle(mixed.into()), &trust)
            .verified()
            .is_empty()
    );
    let mixed = world.keyless().rekor_v2().stamped_by(&other.tsa).bundle();
    let findings = examine_with(Content::Bundle(mixed.into()), &trust);
    assert!(matches!(
        refusal(&findings),
        TimestampUntrusted | LogUnknown
    ));
    // a key's signature with the log of one and the timestamp of the other
    let mixed = world.keyed().rekor_v1().stamped_by(&other.tsa).bundle();
    assert!(
        examine_with(Content::Bundle(mixed.into()), &trust)
            .verified()
            .is_empty()
    );
    // two roots of the same name are refused
    let twins = roots().into_iter().map(|_| roots().remove(0)).collect();
    assert!(matches!(
        Trust::new(twins, Vec::new()),
        Err(TrustError::DuplicateName(_))
    ));
    assert!(digest().starts_with("sha256:"));
}

#[test]
fn s22_the_fingerprint_covers_roots_and_keys() {
    let root = || TrustRoot::from_json("a", world().forge.trusted_root().as_bytes()).unwrap();
    let renamed = TrustRoot::from_json("b", world().forge.trusted_root().as_bytes()).unwrap();
    let key = public(&Key::generate(Algorithm::P256));
    let of = |roots, keys| *Trust::new(roots, keys).unwrap().fingerprint();
    let bare = of(vec![root()], vec![]);
    assert_eq!(bare, of(vec![root()], vec![]));
    assert_ne!(bare, of(vec![renamed], vec![]));
    assert_ne!(bare, of(vec![root()], vec![key.clone()]));
    assert_eq!(
        of(vec![root()], vec![key.clone(), key.clone()]),
        of(vec![root()], vec![key])
    );
}
