//! What comes of services that tell the truth.

use countersign::{Secret, ServiceClient};
use countersign_core::{San, SignedBy};
use countersign_sign::{
    GitHubActions, IdentitySource, IdentityToken, SignError, Signer, SigningConfig,
    SigningConfigError, SigningKey, SigningServices,
};
use countersign_testkit::forge::{Forge, Services, token_of};
use serde_json::{Value, json};

use crate::scene::{
    CERTIFICATE, ENTRY_V1, ENTRY_V2, NOW, STAMP, Scene, claims, key, sign, statement,
};

#[tokio::test]
async fn an_identity_signs_with_certificate_timestamp_and_entry_in_this_order() {
    for (generation, entry) in [(1, ENTRY_V1), (2, ENTRY_V2)] {
        let scene = Scene::with_log(generation);
        let bundle = sign(&scene.keyless()).await.unwrap();
        assert_eq!(scene.asked(), [CERTIFICATE, STAMP, entry]);
        let facts = scene.facts(&bundle);
        let SignedBy::Certificate(certificate) = facts.signer() else {
            panic!("{facts:#?}");
        };
        let developer = San::Email("dev@acme.example".to_owned());
        assert_eq!(certificate.san, developer);
        assert_eq!(facts.logs().len(), 1);
        assert_eq!(facts.sct_logs(), 1);
        // A log of the first generation proves a time of its own.
        let (times, first) = match generation {
            1 => (2, NOW.plus(1)),
            _ => (1, NOW.plus(2)),
        };
        assert_eq!(facts.times().len(), times);
        assert_eq!(bundle.signed_at(), Some(first));
        // A second signature is by another key, which nobody keeps.
        let again = scene.facts(&sign(&scene.keyless()).await.unwrap());
        let SignedBy::Certificate(other) = again.signer() else {
            panic!("{again:#?}");
        };
        assert_ne!(certificate.fingerprint, other.fingerprint);
    }
}

#[tokio::test]
async fn a_key_signs_with_timestamp_and_entry_and_needs_no_certificate() {
    for (generation, entry) in [(1, ENTRY_V1), (2, ENTRY_V2)] {
        let mut scene = Scene::with_log(generation);
        scene.config["caUrls"] = json!([]);
        let bundle = sign(&scene.keyed()).await.unwrap();
        assert_eq!(scene.asked(), [STAMP, entry]);
        let facts = scene.facts(&bundle);
        assert!(matches!(facts.signer(), SignedBy::Key(id) if id == key().public_key().id()));
        assert_eq!(facts.logs().len(), 1);
        assert_eq!(facts.signed_at(), bundle.signed_at());
        assert!(bundle.signed_at().is_some());
    }
}

#[tokio::test]
async fn keys_of_every_kind_that_the_log_takes() {
    let scene = Scene::new();
    for (pem, is_taken) in [
        (include_str!("../keys/p384.ec.pem"), true),
        (include_str!("../keys/p521.pem"), true),
        (include_str!("../keys/rsa2048.pem"), true),
        (include_str!("../keys/ed25519.pem"), false),
    ] {
        let key = SigningKey::from_pem(pem, None).unwrap();
        match Signer::witnessed(key, scene.chosen()) {
            Ok(signer) => {
                assert!(is_taken);
                assert!(sign(&signer).await.unwrap().signed_at().is_some());
            }
            Err(error) => {
                assert!(!is_taken);
                assert!(matches!(
                    error,
                    SignError::Unloggable {
                        algorithm: "Ed25519",
                        ..
                    }
                ));
            }
        }
    }
    // The first generation keeps the whole statement's hash beside the signature, and takes it.
    let scene = Scene::with_log(1);
    let key = SigningKey::from_pem(include_str!("../keys/ed25519.pem"), None).unwrap();
    let signer = Signer::witnessed(key, scene.chosen()).unwrap();
    assert!(sign(&signer).await.is_ok());
}

#[tokio::test]
async fn a_key_alone_asks_nobody() {
    let bundle = sign(&Signer::key(key())).await.unwrap();
    assert_eq!(bundle.signed_at(), None);
    let json: Value = serde_json::from_slice(bundle.bytes()).unwrap();
    let material = json["verificationMaterial"].as_object().unwrap();
    assert_eq!(material.keys().collect::<Vec<_>>(), ["publicKey"]);
}

#[tokio::test]
async fn only_timestamps_or_only_a_log_that_proves_time() {
    let mut scene = Scene::new();
    scene.config["rekorTlogUrls"] = json!([]);
    let facts = scene.facts(&sign(&scene.keyless()).await.unwrap());
    assert_eq!((facts.times().len(), facts.logs().len()), (1, 0));

    let mut scene = Scene::with_log(1);
    scene.config["tsaUrls"] = json!([]);
    let bundle = sign(&scene.keyless()).await.unwrap();
    assert_eq!(bundle.signed_at(), Some(NOW.plus(1)));
    assert_eq!(scene.asked(), [CERTIFICATE, ENTRY_V1]);
}

#[tokio::test]
async fn two_authorities_of_two_operators_stamp_where_both_are_wanted() {
    let mut scene = Scene::new();
    let mut second = scene.config["tsaUrls"][0].clone();
    second["operator"] = json!("another.example");
    scene.config["tsaUrls"].as_array_mut().unwrap().push(second);
    scene.config["tsaConfig"] = json!({"selector": "EXACT", "count": 2});
    let bundle = sign(&scene.keyed()).await.unwrap();
    assert_eq!(scene.asked(), [STAMP, STAMP, ENTRY_V2]);
    assert_eq!(scene.facts(&bundle).times().len(), 2);
}

#[tokio::test]
async fn what_an_empty_field_of_the_log_says_is_left_out_of_the_bundle() {
    let scene = Scene::new();
    let bundle = sign(&scene.keyed()).await.unwrap();
    let json: Value = serde_json::from_slice(bundle.bytes()).unwrap();
    let entry = &json["verificationMaterial"]["tlogEntries"][0];
    let fields = entry.as_object().unwrap();
    assert!(!fields.contains_key("integratedTime") && !fields.contains_key("inclusionPromise"));
    assert_eq!(
        entry["kindVersion"],
        json!({"kind": "hashedrekord", "version": "0.0.2"})
    );
}

#[tokio::test]
async fn a_job_of_github_actions_gets_a_fresh_token_for_each_signature() {
    let scene = Scene::new();
    let url = format!("{}/token?api-version=2", scene.services.url());
    let job = GitHubActions::new(&url, Secret::new("job-secret".to_owned())).unwrap();
    let source = IdentitySource::GitHubActions(job);
    let signer = Signer::keyless(scene.chosen(), source).unwrap();
    for _ in 0..2 {
        let facts = scene.facts(&sign(&signer).await.unwrap());
        let SignedBy::Certificate(certificate) = facts.signer() else {
            panic!("{facts:#?}");
        };
        assert_eq!(
            certificate.san.value(),
            "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
        );
    }
    let tokens = scene.asked().into_iter();
    let tokens = tokens.filter(|path| path == "/token?api-version=2&audience=sigstore");
    assert_eq!(tokens.count(), 2);

    let stranger = GitHubActions::new(&url, Secret::new("guess".to_owned())).unwrap();
    let source = IdentitySource::GitHubActions(stranger);
    let signer = Signer::keyless(scene.chosen(), source).unwrap();
    let error = sign(&signer).await.unwrap_err();
    assert!(
        matches!(
            &error,
            SignError::Refused {
                what: "an identity token",
                ..
            }
        ),
        "{error}"
    );
    assert!(!format!("{error:?} {signer:?}").contains("guess"));
}

#[tokio::test]
async fn a_token_that_expired_since_it_was_read_is_shown_to_nobody() {
    let scene = Scene::new();
    let late = NOW.plus(601);
    let error = scene.keyless().sign(&statement(), late).await.unwrap_err();
    assert!(matches!(error, SignError::Identity(_)), "{error}");
    assert_eq!(scene.asked(), [""; 0]);
}

#[test]
fn what_cannot_be_witnessed_is_told_before_anything_is_asked() {
    let refused = |change: fn(&mut Value)| {
        let mut scene = Scene::new();
        change(&mut scene.config);
        let config = SigningConfig::from_json(scene.config.to_string().as_bytes()).unwrap();
        let root = scene.root();
        let chosen = SigningServices::new(&config, root, ServiceClient::new(), NOW);
        let error = match chosen {
            Err(error) => error,
            Ok(services) => {
                let token = IdentityToken::new(&token_of(&claims()), NOW).unwrap();
                Signer::keyless(services, IdentitySource::Token(token)).unwrap_err()
            }
        };
        assert_eq!(scene.asked(), [""; 0]);
        error
    };
    let error = refused(|config| config["caUrls"] = json!([]));
    assert!(
        matches!(error, SigningConfigError::NoneListed { .. }),
        "{error}"
    );
    let error = refused(|config| config["tsaUrls"] = json!([]));
    assert_eq!(error, SigningConfigError::NoTime);
    let error = refused(|config| {
        config["tsaUrls"] = json!([]);
        config["rekorTlogUrls"] = json!([]);
    });
    assert_eq!(error, SigningConfigError::NoWitness);
    for field in ["rekorTlogConfig", "tsaConfig"] {
        let mut config = Services::start(&Forge::new(NOW.seconds())).signing_config(2);
        config.as_object_mut().unwrap().remove(field);
        let config = SigningConfig::from_json(config.to_string().as_bytes()).unwrap();
        let root = Scene::new().root();
        let error = SigningServices::new(&config, root, ServiceClient::new(), NOW).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
}
