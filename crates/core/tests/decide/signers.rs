//! What one Signer demands, and the code with which everything else fails.

use countersign_core::{Content, ExtraRoot, UnixTime};
use countersign_testkit::forge::{Algorithm, Forge, Identity, Key};

use crate::world::{
    BARE, NOW, SIGNED, World, ci, keyed, keyless, keyless_with, only_rule, set, workflow,
};

const SIGNATURE: &str = "signature: {from: s}";

#[test]
fn each_part_of_a_keyless_identity_decides() {
    let world = World::new().signed_by(&Identity::default());
    let uri = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
    let open = "{repository: acme/app}";
    for (subject, source, expected) in [
        (workflow("acme/app", "main"), open, "pass"),
        (workflow("acme/app", "ma*"), open, "pass"),
        (format!("{{uri: \"{uri}\"}}"), open, "pass"),
        (format!("{{exact: \"{uri}\"}}"), open, "pass"),
        (
            r#"{regex: "https://github\\.com/acme/.*"}"#.to_owned(),
            open,
            "pass",
        ),
        (workflow("acme/app", "mai"), open, "subject-mismatch"),
        (workflow("acme/app", "main2"), open, "subject-mismatch"),
        (workflow("acme/ap", "main"), open, "subject-mismatch"),
        (workflow("acme/app-evil", "main"), open, "subject-mismatch"),
        (format!("{{email: \"{uri}\"}}"), open, "subject-mismatch"),
        (
            r#"{regex: "https://github\\.com/acme/app"}"#.to_owned(),
            open,
            "subject-mismatch",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: github.com/acme/app}",
            "pass",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: \"https://github.com/acme/app.git\"}",
            "pass",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: acme/ap}",
            "source-mismatch",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: acme/app-evil}",
            "source-mismatch",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: gitlab.com/acme/app}",
            "source-mismatch",
        ),
        (
            workflow("acme/app", "main"),
            "{repositoryId: \"632596897\", ownerId: \"131804563\"}",
            "pass",
        ),
        (
            workflow("acme/app", "main"),
            "{repositoryId: \"63259689\"}",
            "source-mismatch",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: acme/app, ownerId: \"1\"}",
            "source-mismatch",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: acme/app, refs: [refs/heads/*]}",
            "pass",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: acme/app, refs: [refs/tags/*]}",
            "source-mismatch",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: acme/app, events: [release, push]}",
            "pass",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: acme/app, events: [pull_request]}",
            "source-mismatch",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: acme/app, runner: github-hosted}",
            "pass",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: acme/app, runner: self-hosted}",
            "source-mismatch",
        ),
        (
            workflow("acme/app", "main"),
            "{repository: acme/app, environment: production}",
            "source-mismatch",
        ),
    ] {
        let text = set(&[keyless("s", &subject, source)], SIGNATURE);
        assert_eq!(world.code(&text), expected, "{subject} {source}");
    }
    let other = keyless("s", &workflow("acme/app", "main"), open)
        .replace("token.actions.githubusercontent.com", "accounts.google.com");
    assert_eq!(world.code(&set(&[other], SIGNATURE)), "issuer-mismatch");
}

#[test]
fn an_old_certificate_states_its_caller_in_old_extensions_only() {
    let generator =
        "slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml";
    let mut identity = Identity::uri(
        &format!("https://github.com/{generator}@refs/tags/v1.4.0"),
        countersign_testkit::forge::GITHUB_ISSUER,
    );
    identity.claims.insert(5, "acme/app".to_owned());
    identity.claims.insert(2, "push".to_owned());
    let world = World::new().signed_by(&identity);
    let subject =
        |tags: &str| format!("{{workflow: {{path: {generator}, refs: [\"refs/tags/{tags}\"]}}}}");
    for (tags, source, expected) in [
        ("v*", "{repository: acme/app, events: [push]}", "pass"),
        ("v1.4.0", "{repository: acme/app}", "pass"),
        ("v2*", "{repository: acme/app}", "subject-mismatch"),
        ("v*", "{repository: acme/other}", "source-mismatch"),
        (
            "v*",
            "{repository: acme/app, repositoryId: \"1\"}",
            "source-mismatch",
        ),
        (
            "v*",
            "{repository: acme/app, runner: github-hosted}",
            "source-mismatch",
        ),
    ] {
        let text = set(&[keyless("s", &subject(tags), source)], SIGNATURE);
        assert_eq!(world.code(&text), expected, "{tags} {source}");
    }
}

#[test]
fn claims_that_contradict_each_other_count_for_nobody() {
    let mut identity = Identity::default();
    identity.claims.insert(5, "evil/app".to_owned());
    let world = World::new().signed_by(&identity);
    for repository in ["acme/app", "evil/app"] {
        let signer = keyless(
            "s",
            &workflow("acme/app", "main"),
            &format!("{{repository: {repository}}}"),
        );
        assert_eq!(
            world.code(&set(&[signer], SIGNATURE)),
            "source-mismatch",
            "{repository}"
        );
    }
}

#[test]
fn the_same_name_from_another_trust_root_is_another_signer() {
    let mut world = World::new();
    let other = Forge::new(SIGNED);
    world.roots.push(ExtraRoot {
        name: Some("other".to_owned()),
        json: other.trusted_root().into_bytes(),
    });
    let bundle = other
        .image_signature(&world.digest())
        .keyless(Identity::default())
        .rekor_v1()
        .bundle();
    let world = world.attach(Content::Bundle(bundle.into()));
    let theirs = ci()
        .replace("trust: private", "trust: other")
        .replace("{name: ci}", "{name: theirs}");
    let both = [ci(), theirs];
    assert_eq!(world.code(&set(&both, "signature: {from: theirs}")), "pass");
    let outcome = world.rule(&set(&both, "signature: {from: ci}"));
    assert_eq!(outcome.code.unwrap().as_str(), "trust-root-mismatch");
    let nearest = outcome.nearest.unwrap();
    assert_eq!(
        (nearest.found.as_str(), nearest.wanted.as_str()),
        ("other", "private")
    );
}

#[test]
fn formats_count_as_the_signer_says() {
    let text = |more: &str| {
        set(
            &[keyless_with(
                "s",
                &workflow("acme/app", "main"),
                "{repository: acme/app}",
                more,
            )],
            SIGNATURE,
        )
    };
    let v03 = World::new().signed_by(&Identity::default());
    let v02 = World::new().bundle(|forge, digest| {
        forge
            .image_signature(digest)
            .keyless(Identity::default())
            .rekor_v1()
            .version("0.2")
            .carrying_chain()
            .bundle()
    });
    let world = World::new();
    let (payload, annotations) = world
        .forge
        .simple_signing(&world.digest())
        .keyless(Identity::default())
        .rekor_v1()
        .sig();
    let legacy = world.attach(Content::SimpleSigning {
        payload: payload.into(),
        annotations,
    });
    for (more, expected) in [
        ("", ["pass", "format-not-allowed", "pass"]),
        (
            "  formats: [bundle]\n",
            ["pass", "format-not-allowed", "format-not-allowed"],
        ),
        (
            "  formats: [legacy]\n",
            ["format-not-allowed", "format-not-allowed", "pass"],
        ),
        (
            "  bundleVersions: [v0.2]\n",
            ["format-not-allowed", "pass", "pass"],
        ),
        ("  bundleVersions: [v0.2, v0.3]\n", ["pass", "pass", "pass"]),
    ] {
        let text = text(more);
        assert_eq!(
            [v03.code(&text), v02.code(&text), legacy.code(&text)],
            expected,
            "{more}"
        );
    }
}

#[test]
fn logs_and_times_count_as_the_signer_says() {
    let key = Key::generate(Algorithm::P256);
    let make = |logged: bool, v2: bool, stamped: bool| {
        let key = key.clone();
        World::new().bundle(move |forge, digest| {
            let mut forgery = forge.image_signature(digest).keyed(&key);
            if logged {
                forgery = forgery.rekor_v1();
            }
            if v2 {
                forgery = forgery.rekor_v2();
            }
            if stamped {
                forgery = forgery.timestamp();
            }
            forgery.bundle()
        })
    };
    let bare = make(false, false, false);
    let set_only = make(true, false, false);
    let v2_only = make(false, true, false);
    let v2_stamped = make(false, true, true);
    let stamped = make(false, false, true);
    let all = [&bare, &set_only, &v2_only, &v2_stamped, &stamped];
    let pass = "pass";
    let (log, time) = ("log-missing", "time-missing");
    // A log's entry without any proven time is no proof: nobody knows whether the log's key was valid then.
    for (more, expected) in [
        ("  trust: private\n", [log, pass, log, pass, log]),
        (
            "  trust: private\n  time: log\n",
            [log, pass, log, time, log],
        ),
        (
            "  trust: private\n  time: timestamp\n",
            [log, time, log, pass, log],
        ),
        (
            "  trust: private\n  log: off\n",
            [time, pass, time, pass, pass],
        ),
        (
            "  trust: private\n  log: off\n  time: timestamp\n",
            [time, time, time, pass, pass],
        ),
        (
            "  trust: private\n  log: required\n  time: none\n",
            [log, pass, log, pass, log],
        ),
    ] {
        let text = set(&[keyed("s", &key.public_pem(), "", more)], SIGNATURE);
        assert_eq!(all.map(|world| world.code(&text)), expected, "{more}");
    }
    // Without a trust root only the bare signature can be verified whole: what is present is verified, wanted or not.
    let text = set(&[keyed("s", &key.public_pem(), "", BARE)], SIGNATURE);
    assert_eq!(bare.code(&text), pass);
    assert_eq!(set_only.code(&text), "log-unknown");
}

#[test]
fn every_proven_time_lies_in_the_window_of_its_key() {
    let key = Key::generate(Algorithm::P256);
    let world = World::new().bundle(|forge, digest| {
        forge
            .image_signature(digest)
            .keyed(&key)
            .rekor_v1()
            .timestamp()
            .bundle()
    });
    // The forge logs one second after signing, and stamps one second after that.
    let at = |offset: i64| UnixTime::from_seconds(SIGNED + offset).to_string();
    for (from, until, expected) in [
        (Some(-10), Some(10), "pass"),
        (Some(1), Some(2), "pass"),
        (None, Some(2), "pass"),
        (Some(1), None, "pass"),
        (Some(2), None, "key-window"),
        (None, Some(1), "key-window"),
        (Some(-100), Some(-50), "key-window"),
    ] {
        let mut window = String::new();
        if let Some(from) = from {
            window.push_str(&format!("      validFrom: {}\n", at(from)));
        }
        if let Some(until) = until {
            window.push_str(&format!("      validUntil: {}\n", at(until)));
        }
        let text = set(
            &[keyed("s", &key.public_pem(), &window, "  trust: private\n")],
            SIGNATURE,
        );
        assert_eq!(world.code(&text), expected, "{from:?} {until:?}");
    }
}

#[test]
fn a_window_by_dates_ends_with_the_day() {
    let key = Key::generate(Algorithm::P256);
    let world = World::new().bundle(|forge, digest| {
        forge
            .image_signature(digest)
            .keyed(&key)
            .rekor_v1()
            .bundle()
    });
    let today = &NOW.to_string()[..10];
    let window = format!("      validFrom: {today}\n      validUntil: {today}\n");
    let text = set(
        &[keyed("s", &key.public_pem(), &window, "  trust: private\n")],
        SIGNATURE,
    );
    assert_eq!(world.code(&text), "pass");
}

#[test]
fn a_time_in_the_future_fails_until_it_has_come() {
    let world = World::new().signed_by(&Identity::default());
    let text = set(&[ci()], "signature: {from: ci}");
    for (offset, expected) in [(0, Some("time-in-future")), (1, None), (2, None)] {
        let now = UnixTime::from_seconds(SIGNED + offset);
        let decision = world.decide_at(&text, "ghcr.io/acme/app", now);
        assert_eq!(
            only_rule(&decision).code.map(|code| code.as_str()),
            expected,
            "{offset}"
        );
    }
}

#[test]
fn a_signer_of_another_kind_does_not_match() {
    let key = Key::generate(Algorithm::P256);
    let other = Key::generate(Algorithm::P384);
    let keyed_world = World::new().bundle(|forge, digest| {
        forge
            .image_signature(digest)
            .keyed(&key)
            .rekor_v1()
            .bundle()
    });
    let keyless_world = World::new().signed_by(&Identity::default());
    let a = keyed("a", &key.public_pem(), "", "  trust: private\n");
    let b = keyed("b", &other.public_pem(), "", "  trust: private\n");
    let text = |from: &str| {
        set(
            &[a.clone(), b.clone(), ci()],
            &format!("signature: {{from: {from}}}"),
        )
    };
    assert_eq!(keyed_world.code(&text("a")), "pass");
    assert_eq!(keyed_world.code(&text("b")), "signer-mismatch");
    assert_eq!(keyed_world.code(&text("ci")), "signer-mismatch");
    assert_eq!(keyless_world.code(&text("a")), "signer-mismatch");
    // A key of no Signer at all does not even verify.
    let text = set(&[b], "signature: {from: b}");
    assert_eq!(keyed_world.code(&text), "key-unknown");
}

#[test]
fn a_key_counts_under_the_named_root_only_where_the_root_vouches_for_something() {
    let key = Key::generate(Algorithm::P256);
    let mut world = World::new();
    let other = Forge::new(SIGNED);
    world.roots.push(ExtraRoot {
        name: Some("other".to_owned()),
        json: other.trusted_root().into_bytes(),
    });
    let bundle = other
        .image_signature(&world.digest())
        .keyed(&key)
        .rekor_v1()
        .bundle();
    let world = world.attach(Content::Bundle(bundle.into()));
    let theirs = ci()
        .replace("trust: private", "trust: other")
        .replace("{name: ci}", "{name: theirs}");
    for (more, expected) in [
        ("  trust: private\n", "trust-root-mismatch"),
        ("  trust: private\n  log: off\n", "trust-root-mismatch"),
        ("  trust: other\n", "pass"),
        ("  log: off\n  time: none\n", "pass"),
    ] {
        let signers = [
            keyed("s", &key.public_pem(), "", more),
            theirs.clone(),
            ci(),
        ];
        assert_eq!(world.code(&set(&signers, SIGNATURE)), expected, "{more}");
    }
}
