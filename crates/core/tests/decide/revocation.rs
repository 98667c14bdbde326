//! `kind: Revocation`: what it names counts no more, before caches and modes, and neither helps nor harms.

use countersign_core::{
    Content, Digest, Evidence, ExtraRoot, Gap, GapClass, Limits, ProofCache, Resolution, UnixTime,
    Verdict, decide, examine_cached,
};
use countersign_testkit::forge::{Algorithm, Forge, Identity, Key};

use crate::world::{
    BARE, DAY, NOW, SIGNED, TEST, World, attestation, ci, gap, keyed, policy, request, revocation,
    set, settings,
};

const SIGNATURE: &str = "signature: {from: ci}";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const CI: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";

/// A set, and one document that revokes.
fn revoking(set: &str, spec: &str) -> String {
    format!("{set}---\n{}", revocation(spec))
}

fn at(days: i64) -> String {
    UnixTime::from_seconds(SIGNED + days * DAY).to_string()
}

#[test]
fn a_revoked_identity_counts_only_for_what_is_proven_to_be_older() {
    let world = World::new().signed_by(&Identity::default());
    let set = set(&[ci()], SIGNATURE);
    let identity = format!("identities: [{{issuer: \"{GITHUB}\", subject: \"{CI}\"}}]");
    for (spec, expected) in [
        (identity.clone(), "signer-revoked"),
        (format!("{identity}, from: {}", at(0)), "signer-revoked"),
        (format!("{identity}, from: {}", at(-1)), "signer-revoked"),
        (format!("{identity}, from: {}", at(1)), "pass"),
        (identity.replace(GITHUB, "https://other.example"), "pass"),
        (identity.replace("main", "other"), "pass"),
        (identity.replace("release.yml", "release"), "pass"),
    ] {
        assert_eq!(world.code(&revoking(&set, &spec)), expected, "{spec}");
    }
    let rule = world.rule(&revoking(&set, &identity));
    for part in ["`stolen`", "the laptop was stolen", CI] {
        assert!(rule.message.contains(part), "{part}: {}", rule.message);
    }
}

#[test]
fn a_revoked_key_needs_a_proven_time_to_count() {
    let key = Key::generate(Algorithm::P256);
    let fingerprint = Digest::of(&key.public_der()).to_string();
    let timed = World::new().bundle(|forge, digest| {
        let signed = forge.image_signature(digest).keyed(&key);
        signed.rekor_v1().bundle()
    });
    let bare =
        World::new().bundle(|forge, digest| forge.image_signature(digest).keyed(&key).bundle());
    let later = format!("from: {}", at(1));
    for (world, signer, expected) in [
        (
            &timed,
            keyed("ci", &key.public_pem(), "", "  trust: private\n"),
            "pass",
        ),
        (
            &bare,
            keyed("ci", &key.public_pem(), "", BARE),
            "signer-revoked",
        ),
    ] {
        let set = set(&[signer], SIGNATURE);
        for name in ["k", "ci/k", &fingerprint] {
            let spec = format!("keys: [\"{name}\"]");
            assert_eq!(
                world.code(&revoking(&set, &spec)),
                "signer-revoked",
                "{name}"
            );
            let spec = format!("{spec}, {later}");
            assert_eq!(world.code(&revoking(&set, &spec)), expected, "{name}");
        }
        let other = format!("keys: [\"{}\"]", Digest::of(b"another key"));
        assert_eq!(world.code(&revoking(&set, &other)), "pass");
    }
}

#[test]
fn revoked_evidence_neither_helps_nor_harms() {
    let world = World::new().signed_by(&Identity::default());
    let locator = world.items[0].locator.clone();
    let set_of_one = set(&[ci()], SIGNATURE);
    for digest in [locator.manifest, locator.blob] {
        let spec = format!("evidence: [\"{digest}\"]");
        assert_eq!(
            world.code(&revoking(&set_of_one, &spec)),
            "evidence-revoked"
        );
    }
    let other = format!("evidence: [\"{}\"]", Digest::of(b"other"));
    assert_eq!(world.code(&revoking(&set_of_one, &other)), "pass");

    // Whoever may push can write the same bundle in another way, but not what it signs.
    let countersign_core::Content::Bundle(bundle) = &world.items[0].content else {
        panic!("a bundle")
    };
    let json: serde_json::Value = serde_json::from_slice(bundle).unwrap();
    let payload = json["dsseEnvelope"]["payload"].as_str().unwrap();
    let payload =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, payload).unwrap();
    let repacked = [b" ", &bundle[..]].concat();
    let mut again = World::new();
    again.forge = world.forge.clone();
    let again = again.attach(countersign_core::Content::Bundle(repacked.into()));
    let spec = format!("evidence: [\"{}\"]", Digest::of(&payload));
    for world in [&world, &again] {
        assert_eq!(world.code(&set_of_one), "pass");
        assert_eq!(
            world.code(&revoking(&set_of_one, &spec)),
            "evidence-revoked"
        );
    }

    // The younger of two is what a thief attached; without it the older one is the newest.
    let young = World::new();
    let old = young.ago(2);
    let predicate =
        |forge: &Forge, digest: &str| attestation(forge, digest, TEST).rekor_v1().bundle();
    let old = predicate(&old, &young.digest());
    let both = young
        .attach(countersign_core::Content::Bundle(old.into()))
        .bundle(|forge, digest| predicate(forge, digest));
    let rule = format!("statement: {{from: ci, predicateType: \"{TEST}\", maxAge: 1d}}");
    let set = set(&[ci()], &rule);
    assert_eq!(both.code(&set), "pass");
    let spec = format!("evidence: [\"{}\"]", both.items[1].locator.blob);
    let rule = both.rule(&revoking(&set, &spec));
    assert_eq!(rule.outcome.as_str(), "fail");
    let codes: Vec<&str> = rule
        .candidates
        .iter()
        .filter_map(|it| Some(it.code?.as_str()))
        .collect();
    assert_eq!(codes, ["too-old", "evidence-revoked"]);
}

/// Whatever the policies' modes, whether any names the image, and what they think of its evidence.
#[test]
fn a_revoked_image_is_denied_whatever_policies_say() {
    let world = World::new().signed_by(&Identity::default());
    let spec = format!("digests: [\"{}\"]", world.digest());
    let reference = format!("ghcr.io/acme/app@{}", world.digest());
    for (mode, image) in [
        ("enforce", reference.as_str()),
        ("enforce", "ghcr.io/acme/app:v1"),
        ("audit", &reference),
        ("warn", &reference),
        ("enforce", "ghcr.io/somebody/else:v1"),
    ] {
        let documents = [
            settings("allow", "allow"),
            ci(),
            policy("p", mode, "", &[SIGNATURE]),
        ];
        let set = documents.join("---\n");
        assert_eq!(
            world.decide_at(&set, image, NOW).effect(),
            Verdict::Allow,
            "{mode} {image}"
        );
        let decision = world.decide_at(&revoking(&set, &spec), image, NOW);
        assert_eq!(decision.effect(), Verdict::Deny, "{mode} {image}");
        assert_eq!(decision.judged(), Verdict::Deny);
        let [revoked] = decision.revoked() else {
            panic!("{:?}", decision.revoked())
        };
        assert_eq!(
            (revoked.name.as_str(), revoked.place.line > 1),
            ("stolen", true)
        );
        let other = format!("digests: [\"{}\"]", Digest::of(b"other"));
        let decision = world.decide_at(&revoking(&set, &other), image, NOW);
        assert_eq!(decision.effect(), Verdict::Allow, "{mode} {image}");
    }
}

#[test]
fn a_revoked_image_needs_no_registry() {
    let world = World::new();
    let spec = format!("digests: [\"{}\"]", world.digest());
    let set =
        revoking(&set(&[ci()], SIGNATURE), &spec).replace("onUnknown: deny", "onUnknown: allow");
    let policies = world.policies(&set);
    let by_digest = request(&format!("ghcr.io/acme/app@{}", world.digest()));
    let by_tag = request("ghcr.io/acme/app:v1");
    let unnamed_by_policies = request("ghcr.io/somebody/else:v1");
    assert!(policies.needs(&by_digest).is_empty());
    // Which image a tag means has to be known, even where no policy looks at evidence.
    assert!(!policies.needs(&unnamed_by_policies).is_empty());
    let decision = decide(&policies, &by_digest, Resolution::NotAsked, NOW);
    assert_eq!(decision.effect(), Verdict::Deny);
    let down: Gap = gap(GapClass::Unavailable, None);
    let decision = decide(&policies, &by_digest, Resolution::Unresolved(&down), NOW);
    assert_eq!(decision.effect(), Verdict::Deny);
    let decision = decide(&policies, &by_tag, Resolution::Unresolved(&down), NOW);
    assert_eq!(
        (decision.judged(), decision.effect()),
        (Verdict::Unknown, Verdict::Allow)
    );
    let lies = gap(GapClass::Hostile, None);
    let decision = decide(&policies, &by_tag, Resolution::Unresolved(&lies), NOW);
    assert_eq!(decision.effect(), Verdict::Unknown);
    // Nobody can tell whether what no policy names is revoked.
    let allowing = set_allowing(&spec);
    let policies = world.policies(&allowing);
    let decision = decide(
        &policies,
        &unnamed_by_policies,
        Resolution::Unresolved(&down),
        NOW,
    );
    assert_eq!(decision.effect(), Verdict::Unknown);
}

fn set_allowing(spec: &str) -> String {
    let documents = [
        settings("allow", "deny"),
        ci(),
        policy("p", "enforce", "", &[SIGNATURE]),
    ];
    revoking(&documents.join("---\n"), spec)
}

/// With every proof in the cache: a reload is enough, and nothing is verified again.
#[test]
fn a_revocation_counts_at_once_and_before_the_cache() {
    let world = World::new().signed_by(&Identity::default());
    let set = set(&[ci()], SIGNATURE);
    let cache = ProofCache::default();
    let effect = |text: &str| {
        let policies = world.policies(text);
        let evidence = Evidence {
            items: world.items.clone(),
            ..Evidence::default()
        };
        let limits = Limits::default();
        let findings = examine_cached(&world.image, &evidence, policies.trust(), &limits, &cache);
        let resolution = Resolution::Examined {
            image: &world.image,
            findings: &findings,
            children: &[],
        };
        let decision = decide(&policies, &request("ghcr.io/acme/app"), resolution, NOW);
        (decision.effect(), cache.stats().verifications)
    };
    let (first, verified) = effect(&set);
    assert_eq!(first, Verdict::Allow);
    for spec in [
        format!("identities: [{{issuer: \"{GITHUB}\", subject: \"{CI}\"}}]"),
        format!("digests: [\"{}\"]", world.digest()),
        format!("evidence: [\"{}\"]", world.items[0].locator.blob),
    ] {
        assert_eq!(
            effect(&revoking(&set, &spec)),
            (Verdict::Deny, verified),
            "{spec}"
        );
    }
}

/// The thief has a friend who runs a timestamp authority, or another log: whatever they date back is nobody's word to a Signer
/// that takes its time from elsewhere, or from nobody.
#[test]
fn a_time_that_the_signer_does_not_take_spares_nothing() {
    let key = Key::generate(Algorithm::P256);
    let spare = Forge::new(SIGNED);
    let code = |trust: &str, more: &str, witnesses: &str| {
        let mut world = World::new();
        world.forge = spare.clone();
        let old = world.ago(2);
        // Another instance that the set trusts too, for somebody else.
        let mut other = Forge::builder(SIGNED).domain("other.example").build();
        world.roots.push(ExtraRoot {
            name: Some("other".to_owned()),
            json: other.trusted_root().into_bytes(),
        });
        other.now -= 2 * DAY;
        let young = spare.image_signature(&world.digest()).keyed(&key);
        let bundle = match witnesses {
            "other" => other
                .image_signature(&world.digest())
                .keyed(&key)
                .rekor_v1()
                .timestamp(),
            "old" => old
                .image_signature(&world.digest())
                .keyed(&key)
                .rekor_v1()
                .timestamp(),
            "old timestamp" => young
                .rekor_v1()
                .timestamp()
                .with_timestamp(|stamp| stamp.time -= 2 * DAY),
            _ => young.rekor_v1().timestamp(),
        }
        .bundle();
        let world = world.attach(Content::Bundle(bundle.into()));
        let somebody = ci()
            .replace("trust: private", "trust: other")
            .replace("{name: ci}", "{name: somebody}");
        let ours = ci().replace("{name: ci}", "{name: ours}");
        let signer = keyed("s", &key.public_pem(), "", &format!("{trust}{more}"));
        let set = set(
            &[ours, somebody, signer],
            "signature: {from: {any: [ours, somebody, s]}}",
        );
        let from = UnixTime::from_seconds(SIGNED - DAY);
        let spec = format!("keys: [\"s/k\"], from: {from}");
        assert_eq!(world.code(&set), "pass", "{more} {witnesses}");
        world.code(&revoking(&set, &spec))
    };
    let ours = "  trust: private\n";
    for (trust, more, witnesses, expected) in [
        (ours, "", "old", "pass"),
        (ours, "  time: log\n", "old", "pass"),
        (ours, "  time: timestamp\n", "old", "pass"),
        (ours, "", "young", "signer-revoked"),
        // Whoever takes either kind takes the older one; whoever takes only a log's has no use for a timestamp.
        (ours, "", "old timestamp", "pass"),
        (ours, "  time: log\n", "old timestamp", "signer-revoked"),
        ("", BARE, "old", "signer-revoked"),
        ("", BARE, "other", "signer-revoked"),
        (ours, "  time: none\n", "old", "signer-revoked"),
    ] {
        assert_eq!(code(trust, more, witnesses), expected, "{more} {witnesses}");
    }
}
