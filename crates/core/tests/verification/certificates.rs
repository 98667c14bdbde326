//! Steps 12, 13 and 19: the chain at every time, the leaf, and the identity in it.

use countersign_core::ReasonCode::{
    self, CertificateExpired, CertificateMalformed, CertificateUntrusted, CertificateUsage,
    IdentityMalformed,
};
use countersign_core::{San, SignedBy};
use countersign_testkit::forge::{
    BASIC_CONSTRAINTS, Certificate, EXTENDED_KEY_USAGE, Extension, FULCIO, Forge, Identity,
    KEY_USAGE, SUBJECT_ALT_NAME, San as ForgedSan, TIME_STAMPING,
};

use crate::{NOW, World, digest, world};

fn leaf(edit: impl Fn(&mut Certificate)) -> ReasonCode {
    let world = world();
    world.refused(world.keyless().with_leaf(edit).rekor_v1().bundle())
}

#[test]
fn s12_the_chain_ends_in_this_root() {
    let world = world();
    let stranger = Forge::new(NOW);
    // a stranger's certificate, with the logs of ours: the names of the authorities are the same
    let bundle = stranger
        .image_signature(&digest())
        .keyless(Identity::default())
        .logged_by(&world.forge.rekor_v1)
        .bundle();
    assert_eq!(world.refused(bundle), CertificateUntrusted);
    let other_name = Forge::builder(NOW).domain("other.example").build();
    let bundle = other_name
        .image_signature(&digest())
        .keyless(Identity::default())
        .logged_by(&world.forge.rekor_v1)
        .bundle();
    assert_eq!(world.refused(bundle), CertificateUntrusted);
}

/// cosign CVE-2026-24122: an authority that had expired when the leaf was used.
#[test]
fn s12_every_certificate_is_valid_at_every_time() {
    type Edit = fn(&mut Certificate);
    // the entry is logged one second after NOW
    let cases: [(Edit, bool); 4] = [
        (|certificate| certificate.not_after = NOW, false),
        (|certificate| certificate.not_after = NOW + 1, true),
        (|certificate| certificate.not_before = NOW + 1, true),
        (|certificate| certificate.not_before = NOW + 2, false),
    ];
    for (edit, good) in cases {
        let forges = [
            Forge::builder(NOW).with_intermediate(edit).build(),
            Forge::builder(NOW).with_root(edit).build(),
            Forge::builder(NOW)
                .without_intermediate()
                .with_root(edit)
                .build(),
        ];
        for forge in forges {
            let world = World::of(forge);
            if good {
                world.accepts(world.v1().bundle());
            } else {
                assert_eq!(world.refused(world.v1().bundle()), CertificateExpired);
            }
        }
        let world = world();
        let bundle = world.keyless().with_leaf(edit).rekor_v1().bundle();
        if good {
            world.accepts(bundle);
        } else {
            assert_eq!(world.refused(bundle), CertificateExpired);
        }
    }
}

#[test]
fn s12_the_roots_window_for_the_authority() {
    let world = world();
    for (start, end, good) in [(0, 1, true), (1, 9, true), (2, 9, false), (-9, 0, false)] {
        let mut root: serde_json::Value =
            serde_json::from_str(&world.forge.trusted_root()).unwrap();
        let at = |seconds: i64| countersign_core::UnixTime::from_seconds(NOW + seconds).to_string();
        root["certificateAuthorities"][0]["validFor"] =
            serde_json::json!({"start": at(start), "end": at(end)});
        let root = countersign_core::TrustRoot::from_json("private", root.to_string().as_bytes());
        let trust = countersign_core::Trust::new(vec![root.unwrap()], Vec::new()).unwrap();
        let content = countersign_core::Content::Bundle(world.v1().bundle().into());
        let findings = crate::examine_with(content, &trust);
        assert_eq!(!findings.verified().is_empty(), good, "{start}..{end}");
    }
}

#[test]
fn s12_bundled_certificates_are_never_anchors() {
    let world = world();
    // a self-signed certificate in an old bundle's chain
    let root = world.forge.root.0.der.clone();
    let bundle = world
        .v1()
        .version("0.2")
        .carrying_chain()
        .with_certificates(move |chain| chain.push(root.clone()))
        .bundle();
    assert_eq!(world.refused(bundle), CertificateMalformed);
    // a stranger's chain that the bundle brings along
    let stranger = Forge::new(NOW);
    let bundle = stranger
        .image_signature(&digest())
        .keyless(Identity::default())
        .version("0.2")
        .carrying_chain()
        .logged_by(&world.forge.rekor_v1)
        .bundle();
    assert_eq!(world.refused(bundle), CertificateUntrusted);
}

#[test]
fn s12_unknown_critical_extensions() {
    let unknown = |critical| Extension {
        oid: "1.2.3.4.5".into(),
        critical,
        value: vec![5, 0],
    };
    assert_eq!(
        leaf(|leaf| leaf.extensions.push(unknown(true))),
        CertificateMalformed
    );
    let world = world();
    world.accepts(
        world
            .keyless()
            .with_leaf(|leaf| leaf.extensions.push(unknown(false)))
            .rekor_v1()
            .bundle(),
    );
}

/// Each extension is compared with every other, so their number is bounded.
#[test]
fn s00_extensions_are_bounded() {
    let crowd = |count: u32| {
        move |leaf: &mut Certificate| {
            for number in 0..count {
                leaf.push(&format!("1.2.3.4.{number}"), false, vec![5, 0]);
            }
        }
    };
    let world = world();
    world.accepts(world.keyless().with_leaf(crowd(50)).rekor_v1().bundle());
    assert_eq!(leaf(crowd(101)), CertificateMalformed);
}

#[test]
fn s13_the_leaf_is_made_for_code_signing() {
    assert_eq!(
        leaf(|leaf| {
            leaf.remove(BASIC_CONSTRAINTS);
            leaf.push_constraints(true, None);
        }),
        CertificateUsage
    );
    assert_eq!(leaf(|leaf| leaf.remove(KEY_USAGE)), CertificateUsage);
    assert_eq!(
        leaf(|leaf| {
            leaf.remove(KEY_USAGE);
            leaf.push_key_usage(0x20);
        }),
        CertificateUsage
    );
    assert_eq!(
        leaf(|leaf| leaf.remove(EXTENDED_KEY_USAGE)),
        CertificateUsage
    );
    assert_eq!(
        leaf(|leaf| {
            leaf.remove(EXTENDED_KEY_USAGE);
            leaf.push_purposes(false, &[TIME_STAMPING]);
        }),
        CertificateUsage
    );
    assert_eq!(leaf(|leaf| leaf.version = 1), CertificateMalformed);
    // twins of an extension, among them of the issuer
    assert_eq!(
        leaf(|leaf| {
            let twin = leaf.extensions[0].clone();
            leaf.extensions.push(twin);
        }),
        CertificateMalformed
    );
    assert_eq!(
        leaf(|leaf| leaf.push_claim(8, "https://other.example")),
        CertificateMalformed
    );
}

#[test]
fn s19_the_identity_is_read_without_doubt() {
    let issuer_8 = format!("{FULCIO}.8");
    let issuer_1 = format!("{FULCIO}.1");
    let claim_12 = format!("{FULCIO}.12");
    assert_eq!(
        leaf(|leaf| leaf.remove(SUBJECT_ALT_NAME)),
        IdentityMalformed
    );
    assert_eq!(
        leaf(|leaf| {
            leaf.remove(SUBJECT_ALT_NAME);
            leaf.push_names(&[]);
        }),
        IdentityMalformed
    );
    assert_eq!(
        leaf(|leaf| {
            leaf.remove(SUBJECT_ALT_NAME);
            leaf.push_names(&[
                ForgedSan::Email("a@acme.example".into()),
                ForgedSan::Email("b@acme.example".into()),
            ]);
        }),
        IdentityMalformed
    );
    // no issuer; an empty one; a malformed .1.8 although .1.1 would do
    assert_eq!(
        leaf(|leaf| {
            leaf.remove(&issuer_8);
            leaf.remove(&issuer_1);
        }),
        IdentityMalformed
    );
    assert_eq!(
        leaf(|leaf| leaf.extension(&issuer_8).value = vec![0x0c, 0]),
        IdentityMalformed
    );
    for malformed in [
        b"https://raw.example".to_vec(),
        vec![],
        vec![0x0c, 5, b'x'],
        vec![0x16, 1, b'x'],
        vec![0x0c, 1, b'x', 0],
    ] {
        assert_eq!(
            leaf(|leaf| leaf.extension(&issuer_8).value = malformed.clone()),
            IdentityMalformed
        );
        assert_eq!(
            leaf(|leaf| leaf.extension(&claim_12).value = malformed.clone()),
            IdentityMalformed
        );
    }
}

#[test]
fn s19_every_kind_of_name_that_fulcio_issues() {
    let world = world();
    let identity = |identity: Identity| {
        let bundle = world
            .forge
            .image_signature(&digest())
            .keyless(identity)
            .rekor_v1()
            .bundle();
        match world.proven(bundle).facts().signer() {
            SignedBy::Certificate(certificate) => (**certificate).clone(),
            other => panic!("{other:?}"),
        }
    };
    let issuer = "https://issuer.example";
    let found = identity(Identity::email("dev@acme.example", issuer));
    assert_eq!(found.san, San::Email("dev@acme.example".into()));
    assert_eq!(found.issuer, issuer);
    let found = identity(Identity::user_name("dev!acme.example", issuer));
    assert_eq!(found.san, San::OtherName("dev!acme.example".into()));
    let found = identity(Identity::github_workflow(
        "acme/app",
        "release.yml",
        "refs/heads/main",
    ));
    assert!(matches!(found.san, San::Uri(_)));
    assert_eq!(
        found.claims.source_repository_uri.as_deref(),
        Some("https://github.com/acme/app")
    );
    assert_eq!(
        found.claims.github_workflow_repository.as_deref(),
        Some("acme/app")
    );
    assert_eq!(found.claims.deployment_environment, None);
    // old certificates have .1.1 only
    let bundle = world
        .keyless()
        .with_leaf(|leaf| leaf.remove(&format!("{FULCIO}.8")))
        .rekor_v1()
        .bundle();
    let old = world.proven(bundle);
    let SignedBy::Certificate(certificate) = old.facts().signer() else {
        panic!("keyed");
    };
    assert_eq!(
        certificate.issuer,
        "https://token.actions.githubusercontent.com"
    );
}
