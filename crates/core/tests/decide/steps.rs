//! The steps of `docs/verification.md` that only a decision shows.

use countersign_core::{Content, GapClass, Verdict};
use countersign_testkit::faults;
use countersign_testkit::forge::{Algorithm, Forge, Identity, Key};

use crate::world::{NOW, SBOM, World, attestation, ci, keyed, set};

const SIGNATURE: &str = "signature: {from: ci}";

/// Step 20: facts of two pieces of evidence are never put together, even where each has what the other lacks.
#[test]
fn s20_two_pieces_never_make_one() {
    let key = Key::generate(Algorithm::P256);
    let timed = keyed(
        "ci",
        &key.public_pem(),
        "",
        "  trust: private\n  time: timestamp\n",
    );
    let text = set(&[timed], SIGNATURE);
    // one is logged, the other stamped
    let logged = |forge: &Forge, digest: &str| {
        forge
            .image_signature(digest)
            .keyed(&key)
            .rekor_v1()
            .bundle()
    };
    let stamped = |forge: &Forge, digest: &str| {
        forge
            .image_signature(digest)
            .keyed(&key)
            .timestamp()
            .bundle()
    };
    let both = World::new().bundle(logged).bundle(stamped);
    assert_ne!(both.code(&text), "pass");
    let one = World::new().bundle(|forge, digest| {
        forge
            .image_signature(digest)
            .keyed(&key)
            .rekor_v1()
            .timestamp()
            .bundle()
    });
    assert_eq!(one.code(&text), "pass");
}

/// Step 21: the wanted predicate type is there, or the rule fails.
#[test]
fn s21_the_wanted_type_must_be_there() {
    let rule = set(
        &[ci()],
        &format!("statement: {{from: ci, predicateType: {SBOM}}}"),
    );
    assert_ne!(World::new().code(&rule), "pass");
    let signed = World::new().signed_by(&Identity::default());
    assert_eq!(signed.code(&rule), "no-statement");
    let right = signed.bundle(|forge, digest| attestation(forge, digest, SBOM).rekor_v1().bundle());
    assert_eq!(right.code(&rule), "pass");
}

/// Step 23: whatever goes wrong with the evidence, the outcome is not an allow.
#[test]
fn s23_no_error_ends_as_an_allow() {
    let text = set(&[ci()], SIGNATURE);
    let effect = |world: World| {
        let reference = format!("ghcr.io/acme/app@{}", world.digest());
        world.decide_at(&text, &reference, NOW).effect()
    };
    assert_eq!(
        effect(World::new().signed_by(&Identity::default())),
        Verdict::Allow
    );
    let mut judged = 0;
    for case in faults::all() {
        let content = match case.forge().evidence {
            faults::Evidence::Bundle(bundle) => Content::Bundle(bundle.into()),
            faults::Evidence::Sig(payload, annotations) => Content::SimpleSigning {
                payload: payload.into(),
                annotations,
            },
            faults::Evidence::Att(envelope, annotations) => Content::Attestation {
                envelope: envelope.into(),
                annotations,
            },
        };
        // Sound or not, it is of another instance than the one that is trusted here, and about another image.
        assert_eq!(
            effect(World::new().attach(content)),
            Verdict::Deny,
            "{case:?}"
        );
        judged += 1;
    }
    assert!(judged > 250, "{judged} cases");
    for junk in [&b""[..], b"null", b"{", &[0xff; 9]] {
        let empty = || std::collections::BTreeMap::new();
        for content in [
            Content::Bundle(junk.into()),
            Content::SimpleSigning {
                payload: junk.into(),
                annotations: empty(),
            },
            Content::Attestation {
                envelope: junk.into(),
                annotations: empty(),
            },
        ] {
            assert_eq!(effect(World::new().attach(content)), Verdict::Deny);
        }
    }
    for class in [GapClass::Unavailable, GapClass::Hostile] {
        assert_ne!(effect(World::new().gap(class, None)), Verdict::Allow);
    }
}
