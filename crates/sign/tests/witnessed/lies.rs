//! What comes of services that lie, fail, or send too much: an error that says which of them, and no bundle.

use countersign::RegistryError;
use countersign_core::TrustRoot;
use countersign_sign::{SignError, Signer};
use countersign_testkit::forge::{Algorithm, Certificate, Entry, Forge, Identity, Key, Timestamp};
use countersign_testkit::registry::Fault;
use serde_json::{Value, json};

use crate::scene::{CERTIFICATE, ENTRY_V1, ENTRY_V2, ISSUER, NOW, STAMP, Scene, claims, sign};

/// The error, and who was asked before it.
async fn refused(scene: &Scene, signer: &Signer) -> (SignError, Vec<String>) {
    let error = sign(signer).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        shown.len() < 2000 && error.to_string().contains("127.0.0.1:"),
        "{shown}"
    );
    (error, scene.asked())
}

#[track_caller]
fn assert_untrue(error: &SignError, who: &str, code: &str) {
    let SignError::Untrue { service, why, .. } = error else {
        panic!("{error:#?}");
    };
    assert!(service.starts_with(who), "{error}");
    assert!(why.starts_with(code), "{error}");
}

#[tokio::test]
async fn a_certificate_for_another_key() {
    let scene = Scene::new();
    let other = Key::generate(Algorithm::P256).public_der();
    scene
        .services
        .lie_in_leaf(move |leaf: &mut Certificate| leaf.public_key = other.clone());
    let (error, asked) = refused(&scene, &scene.keyless()).await;
    assert!(matches!(error, SignError::OtherKey { .. }), "{error}");
    assert_eq!(asked, [CERTIFICATE]);
}

#[tokio::test]
async fn a_certificate_for_another_identity() {
    let workflow = "acme/app/.github/workflows/release.yml@refs/heads/main";
    let github = json!({
        "iss": "https://token.actions.githubusercontent.com", "sub": "repo:acme/app:ref:refs/heads/main",
        "job_workflow_ref": workflow, "exp": NOW.seconds() + 60,
    });
    let machine =
        json!({"iss": ISSUER, "sub": "spiffe://acme.example/ci", "exp": NOW.seconds() + 60});
    let person = || Identity::email("other@acme.example", ISSUER);
    let lies: [(Value, Identity); 6] = [
        (claims(), person()),
        (
            claims(),
            Identity::email("dev@acme.example", "https://accounts.other.example"),
        ),
        (claims(), Identity::user_name("dev@acme.example", ISSUER)),
        (
            github.clone(),
            Identity::github_workflow("acme/app", "release.yml", "refs/heads/other"),
        ),
        (
            machine.clone(),
            Identity::uri("spiffe://acme.example/other", ISSUER),
        ),
        (machine.clone(), person()),
    ];
    for (claims, lie) in lies {
        let scene = Scene::new();
        sign(&scene.keyless_as(&claims)).await.unwrap();
        scene.asked();
        let shown = lie.san.value().to_owned();
        scene
            .services
            .lie_about_identity(move |identity: &mut Identity| *identity = lie.clone());
        let (error, asked) = refused(&scene, &scene.keyless_as(&claims)).await;
        assert!(
            matches!(&error, SignError::OtherIdentity { other, .. } if other.contains(&shown)),
            "{error}"
        );
        // It is not written into a log that somebody else signed.
        assert_eq!(asked, [CERTIFICATE, STAMP]);
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_hold() {
    let expired = |leaf: &mut Certificate| leaf.not_after = leaf.not_before;
    let wrong_purpose = |leaf: &mut Certificate| {
        leaf.remove(countersign_testkit::forge::EXTENDED_KEY_USAGE);
    };
    let scene = Scene::new();
    scene.services.lie_in_leaf(expired);
    let (error, asked) = refused(&scene, &scene.keyless()).await;
    assert_untrue(&error, "the timestamp authority", "certificate-");
    assert_eq!(asked, [CERTIFICATE, STAMP]);
    scene.services.heal();
    scene.services.lie_in_leaf(wrong_purpose);
    let (error, _) = refused(&scene, &scene.keyless()).await;
    assert_untrue(&error, "the timestamp authority", "certificate-");
}

#[tokio::test]
async fn services_of_another_instance_than_the_trust_root_is_of() {
    let other = Forge::new(NOW.seconds());
    let root = TrustRoot::from_json("other", other.trusted_root().as_bytes()).unwrap();
    let scene = Scene::new();
    let services = scene.chosen_under(root);
    let signer = Signer::witnessed(crate::scene::key(), services).unwrap();
    let (error, asked) = refused(&scene, &signer).await;
    assert_untrue(&error, "the timestamp authority", "timestamp-");
    assert!(error.to_string().contains("trust root `other`"), "{error}");
    assert_eq!(asked, [STAMP]);
}

#[tokio::test]
async fn answers_of_the_certificate_authority_that_are_none() {
    let answers: [(Value, &str); 6] = [
        (
            json!({"signedCertificateDetachedSct": {"chain": {}}}),
            "beside it",
        ),
        (
            json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": []}}}),
            "no certificate",
        ),
        (
            json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": ["x"]}}}),
            "no PEM",
        ),
        (
            json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": [
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
            ]}}}),
            "its certificate:",
        ),
        (
            json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": [
                "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
            ]}}}),
            "no CERTIFICATE",
        ),
        (json!({}), "no JSON of a signing certificate"),
    ];
    let scene = Scene::new();
    for (answer, why) in answers {
        scene.services.heal();
        scene.services.fault(CERTIFICATE, Fault::Json(answer));
        let (error, asked) = refused(&scene, &scene.keyless()).await;
        assert!(matches!(error, SignError::Answer { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(asked, [CERTIFICATE]);
    }
}

#[tokio::test]
async fn timestamps_of_something_else() {
    let scene = Scene::new();
    scene
        .services
        .lie_in_timestamp(|stamp| stamp.imprint = vec![7; 32]);
    let (error, asked) = refused(&scene, &scene.keyed()).await;
    assert_untrue(&error, "the timestamp authority", "timestamp-");
    assert_eq!(asked, [STAMP]);

    let stranger = Key::generate(Algorithm::P384);
    scene.services.heal();
    scene
        .services
        .lie_in_timestamp(move |stamp| stamp.key = stranger.clone());
    let (error, _) = refused(&scene, &scene.keyed()).await;
    assert_untrue(&error, "the timestamp authority", "timestamp-");

    type Lie = fn(&mut Timestamp);
    let lies: [(Lie, &str); 2] = [
        (|stamp| stamp.nonce = vec![0x41; 8], "nonce"),
        (|stamp| stamp.status = 2, "PKIStatus 2"),
    ];
    for (lie, why) in lies {
        scene.services.heal();
        scene.services.lie_in_timestamp(lie);
        let (error, _) = refused(&scene, &scene.keyed()).await;
        assert!(matches!(error, SignError::Answer { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
    scene.services.heal();
    let garbage = Fault::Body(
        "application/timestamp-reply".to_owned(),
        b"0\x03\x02\x01".to_vec(),
    );
    scene.services.fault(STAMP, garbage);
    let (error, _) = refused(&scene, &scene.keyed()).await;
    assert!(error.to_string().contains("no timestamp"), "{error}");
}

#[tokio::test]
async fn entries_of_something_else() {
    type Lie = (Box<dyn Fn(&mut Entry) + Send + Sync>, &'static str);
    let about = |pointer: &'static str, other: &'static str| -> Lie {
        let lie = move |entry: &mut Entry| *entry.body.pointer_mut(pointer).unwrap() = json!(other);
        (Box::new(lie), "log-entry-mismatch")
    };
    let signature = "MEUCIQDx";
    let of_both = |by_whom: &'static str| -> [Lie; 2] {
        let by_stranger =
            |entry: &mut Entry| entry.log.key = Key::generate(entry.log.key.algorithm());
        [
            (Box::new(|entry| entry.log_id = vec![7; 32]), "log-unknown"),
            (Box::new(by_stranger), by_whom),
        ]
    };
    let first = [
        about("/spec/payloadHash/value", "00"),
        about("/spec/signatures/0/signature", signature),
        about("/spec/signatures/0/verifier", "AAAA"),
    ];
    let second = [
        about("/spec/hashedRekordV002/data/digest", "AAAA"),
        about("/spec/hashedRekordV002/signature/content", signature),
        about(
            "/spec/hashedRekordV002/signature/verifier/publicKey/rawBytes",
            "AAAA",
        ),
    ];
    for (generation, path, lies, by_whom) in [
        (1, ENTRY_V1, first, "log-promise-invalid"),
        (2, ENTRY_V2, second, "checkpoint-invalid"),
    ] {
        let scene = Scene::with_log(generation);
        for (number, (lie, code)) in lies.into_iter().chain(of_both(by_whom)).enumerate() {
            scene.services.heal();
            scene.services.lie_in_entry(lie);
            let what = format!("generation {generation}, lie {number}");
            let Err(error) = sign(&scene.keyed()).await else {
                panic!("{what} is believed");
            };
            assert_untrue(&error, "the log", code);
            assert_eq!(scene.asked(), [STAMP, path], "{what}");
        }
    }
}

#[tokio::test]
async fn times_that_are_not_now() {
    // Within a quarter of an hour clocks may differ.
    for (stamped, logged, is_taken) in [
        (-800, -800, true),
        (800, 800, true),
        (-86_400, 0, false),
        (86_400, 0, false),
        (0, -86_400, false),
        (0, 86_400, false),
    ] {
        let scene = Scene::with_log(1);
        scene
            .services
            .lie_in_timestamp(move |stamp| stamp.time += stamped);
        scene
            .services
            .lie_in_entry(move |entry| entry.integrated_time += logged);
        match sign(&scene.keyed()).await {
            Ok(_) => assert!(is_taken, "{stamped} {logged}"),
            Err(error) => {
                assert!(!is_taken, "{stamped} {logged}: {error}");
                assert!(matches!(error, SignError::Clock { .. }), "{error}");
                let (asked, who) = match stamped {
                    0 => (&[STAMP, ENTRY_V1][..], "the log at"),
                    _ => (&[STAMP][..], "the timestamp authority at"),
                };
                assert_eq!(scene.asked(), asked);
                assert!(error.to_string().contains(who), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn one_log_under_two_names_is_not_two() {
    let mut scene = Scene::new();
    let mut second = scene.config["rekorTlogUrls"][0].clone();
    second["operator"] = json!("another.example");
    scene.config["rekorTlogUrls"]
        .as_array_mut()
        .unwrap()
        .push(second);
    scene.config["rekorTlogConfig"] = json!({"selector": "ALL"});
    let (error, _) = refused(&scene, &scene.keyed()).await;
    assert_untrue(&error, "the log", "the log is one that was asked before");
}

#[tokio::test]
async fn entries_that_cannot_be_read() {
    let scene = Scene::new();
    type Lie = fn(&mut Value);
    let lies: [Lie; 4] = [
        |json| drop(json.as_object_mut().unwrap().remove("inclusionProof")),
        |json| json["inclusionProof"]["checkpoint"] = Value::Null,
        |json| json["surprise"] = json!(1),
        |json| *json = json!([]),
    ];
    for lie in lies {
        scene.services.heal();
        scene.services.lie_in_json(lie);
        let (error, _) = refused(&scene, &scene.keyed()).await;
        assert!(matches!(error, SignError::Answer { .. }), "{error}");
    }
    let scene = Scene::with_log(1);
    let lies: [Lie; 3] = [
        |json| json["another"] = json!({}),
        |json| {
            let entry = json.as_object_mut().unwrap().values_mut().next().unwrap();
            entry["logID"] = json!("0g");
        },
        |json| {
            let entry = json.as_object_mut().unwrap().values_mut().next().unwrap();
            entry["verification"] = json!({});
        },
    ];
    for lie in lies {
        scene.services.heal();
        scene.services.lie_in_json(lie);
        let (error, _) = refused(&scene, &scene.keyed()).await;
        assert!(matches!(error, SignError::Answer { .. }), "{error}");
    }
}

#[tokio::test]
async fn too_much_too_slow_elsewhere_or_not_at_all() {
    let scene = Scene::new();
    let elsewhere = Scene::new();
    for (path, what) in [
        (CERTIFICATE, "a certificate"),
        (STAMP, "a timestamp"),
        (ENTRY_V2, "a log entry"),
    ] {
        type Is = fn(&RegistryError) -> bool;
        let faults: [(Fault, Is); 7] = [
            (
                Fault::Huge {
                    bytes: 1 << 32,
                    declared: true,
                },
                |error| matches!(error, RegistryError::TooLarge { .. }),
            ),
            (
                Fault::Huge {
                    bytes: 1 << 32,
                    declared: false,
                },
                |error| matches!(error, RegistryError::TooLarge { .. }),
            ),
            (Fault::Silence, |error| {
                matches!(error, RegistryError::Timeout { .. })
            }),
            (Fault::StallAfter(5), |error| {
                matches!(error, RegistryError::Timeout { .. })
            }),
            (Fault::CutAfter(5), |error| {
                matches!(error, RegistryError::Connection { .. })
            }),
            (Fault::RedirectTo(elsewhere.services.url()), |error| {
                matches!(error, RegistryError::Redirect { .. })
            }),
            (Fault::Status(503), |error| {
                matches!(error, RegistryError::Failed { .. })
            }),
        ];
        for (fault, is) in faults {
            scene.services.heal();
            scene.services.fault(path, fault.clone());
            // A client of its own: one that failed is left alone for a while.
            let (error, _) = refused(&scene, &scene.keyless()).await;
            let SignError::Service {
                what: asked_for,
                cause,
                ..
            } = &error
            else {
                panic!("{fault:?}: {error:#?}");
            };
            assert_eq!(*asked_for, what, "{fault:?}");
            assert!(is(cause), "{fault:?}: {error}");
        }
        scene.services.heal();
        scene.services.fault(path, Fault::Status(403));
        let (error, _) = refused(&scene, &scene.keyless()).await;
        assert!(
            matches!(error, SignError::Refused { status: 403, .. }),
            "{error}"
        );
    }
    // Nobody was led elsewhere with a token.
    assert_eq!(elsewhere.asked(), [""; 0]);
}

#[tokio::test]
async fn an_authority_that_repeats_the_token_is_not_quoted() {
    let scene = Scene::new();
    let token = countersign_testkit::forge::token_of(&claims());
    let echo = json!({"signedCertificateEmbeddedSct": token});
    scene.services.fault(CERTIFICATE, Fault::Json(echo));
    let (error, _) = refused(&scene, &scene.keyless()).await;
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(&token[..20]), "{shown}");
}
