//! What is signed here and attached to an image in a registry of this process: what stands there afterwards, and whether it is believed.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::{
    Budget, Checker, HttpRegistry, Image, ImageRef, Limits, PolicySet, Reference, Registries,
    Registry as _, Repository, Source, UnixTime, Verdict,
};
use countersign_core::{Digest, NoFiles};
use countersign_sign::{
    AttachError, AttachedBundle, Attacher, CopyError, Done, SignError, SignedBundle, SigningKey,
    Statement, sign_statement,
};
use countersign_testkit::policy::KeyedPolicy;
use countersign_testkit::registry::{BUNDLE_V03, Fault, OCI_INDEX, OCI_MANIFEST, Registry};
use serde_json::{Map, Value, json};

const REPO: &str = "acme/app";
const KIND: &str = "https://acme.example/release/v1";
const PASSWORD: &[u8] = b"countersign test key";
const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);
const KEYS: [&str; 6] = [
    include_str!("keys/cosign3.key"),
    include_str!("keys/cosign2.key"),
    include_str!("keys/p384.ec.pem"),
    include_str!("keys/p521.pem"),
    include_str!("keys/ed25519.pem"),
    include_str!("keys/rsa2048.pem"),
];
const P256: &str = include_str!("keys/p256.pem");

fn key(text: &str) -> SigningKey {
    SigningKey::from_pem(text, Some(PASSWORD)).unwrap()
}

fn statement(image: &str, predicate: &Value) -> Statement {
    let predicate = predicate.as_object().unwrap().clone();
    Statement::new(image.parse().unwrap(), REPO, KIND, predicate).unwrap()
}

fn signed(image: &str, by: &SigningKey) -> SignedBundle {
    sign_statement(&statement(image, &json!({"stage": "prod"})), by).unwrap()
}

fn writable() -> Registry {
    Registry::builder().writable().start()
}

fn without_api() -> Registry {
    Registry::builder()
        .writable()
        .without_referrers_api()
        .start()
}

fn client(registry: &Registry) -> HttpRegistry {
    HttpRegistry::new()
        .plain_http(registry.host())
        .timeouts(Duration::from_secs(2), Duration::from_secs(1))
        .retries(0, Duration::from_millis(1))
}

fn named(registry: &Registry, rest: &str) -> ImageRef {
    ImageRef::parse(&format!("{}/{REPO}{rest}", registry.host())).unwrap()
}

async fn attach(registry: &Registry, bundle: &SignedBundle) -> Result<AttachedBundle, AttachError> {
    let attacher = Attacher::new(client(registry)).timeout(Duration::from_secs(20));
    attacher.attach(&named(registry, ":v1"), bundle, NOW).await
}

/// What the policy says that demands the statement from this key, without log and time.
async fn verdict(registry: &Registry, trusted: &SigningKey) -> Verdict {
    let rule = format!("statement: {{from: key, match: any, predicateType: \"{KIND}\"}}");
    let policy = KeyedPolicy::new(&trusted.public_pem());
    let text = policy.rule("released", &rule).text();
    let source = Source {
        name: "policy.yaml".to_owned(),
        text,
    };
    let loaded = PolicySet::load(&[source], &NoFiles, &[]);
    let policies = loaded
        .policies
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let image = Image::parse(&named(registry, ":v1").to_string()).unwrap();
    let checker = Checker::new(policies).registry(client(registry));
    checker.check(&image, NOW).await.effect()
}

/// A manifest's bytes.
async fn read(registry: &Registry, reference: Reference) -> Vec<u8> {
    let budget = Budget::new(&Limits::default(), Duration::from_secs(20));
    let repository = Repository::of(&named(registry, ""));
    let client = client(registry);
    let read = client.manifest(&repository, &reference, 1 << 20, &budget);
    read.await.unwrap().unwrap().bytes
}

fn writes(registry: &Registry) -> Vec<String> {
    let requests = registry.requests().into_iter();
    requests
        .filter(|request| matches!(request.method.as_str(), "POST" | "PUT" | "PATCH"))
        .map(|request| request.path)
        .collect()
}

#[tokio::test]
async fn every_kind_of_key_is_believed_by_its_own_public_half_alone() {
    for text in KEYS {
        for registry in [writable(), without_api()] {
            let image = registry.push_image(REPO, "v1");
            let by = key(text);
            assert_eq!(verdict(&registry, &by).await, Verdict::Deny);
            attach(&registry, &signed(&image, &by)).await.unwrap();
            assert_eq!(verdict(&registry, &by).await, Verdict::Allow, "{by:?}");
            assert_eq!(verdict(&registry, &key(P256)).await, Verdict::Deny);
        }
    }
}

/// Changes bytes that stand as base64.
fn edit(text: &mut Value, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
    change(&mut bytes);
    *text = json!(STANDARD.encode(bytes));
}

#[tokio::test]
async fn a_changed_byte_is_refused() {
    let by = key(P256);
    type Change = fn(&mut Value);
    let changes: [Change; 4] = [
        |_| (),
        |bundle| {
            let type_ = &mut bundle["dsseEnvelope"]["payloadType"];
            *type_ = json!("application/vnd.in-toto+jsom");
        },
        |bundle| {
            // Still JSON, and about the same image.
            edit(&mut bundle["dsseEnvelope"]["payload"], |payload| {
                let at = payload.windows(4).position(|window| window == b"prod");
                payload[at.unwrap()] = b'P';
            });
        },
        |bundle| {
            edit(&mut bundle["dsseEnvelope"]["signatures"][0]["sig"], |sig| {
                *sig.last_mut().unwrap() ^= 1;
            });
        },
    ];
    for (case, change) in changes.into_iter().enumerate() {
        let registry = writable();
        let image = registry.push_image(REPO, "v1");
        let mut bundle: Value = serde_json::from_slice(signed(&image, &by).bytes()).unwrap();
        let before = bundle.clone();
        change(&mut bundle);
        assert_eq!(before == bundle, case == 0, "{case}");
        registry.attach_bundle(REPO, &image, bundle.to_string().as_bytes());
        let expected = match case {
            0 => Verdict::Allow,
            _ => Verdict::Deny,
        };
        assert_eq!(verdict(&registry, &by).await, expected, "{case}");
    }
    // Another image than the one that was signed.
    let registry = writable();
    let image = registry.push_image(REPO, "v1");
    let other = registry.push_image(REPO, "v2");
    registry.attach_bundle(REPO, &image, signed(&other, &by).bytes());
    assert_eq!(verdict(&registry, &by).await, Verdict::Deny);
}

#[tokio::test]
async fn the_manifest_is_the_one_that_cosign_writes() {
    let registry = writable();
    let image = registry.push_image(REPO, "v1");
    let bundle = signed(&image, &key(P256));
    let attached = attach(&registry, &bundle).await.unwrap();
    assert_eq!(attached.done, Done::Pushed);
    assert_eq!(attached.repository.path(), REPO);
    let manifest = read(&registry, Reference::Digest(attached.manifest)).await;
    let subject = read(&registry, Reference::Tag("v1".to_owned())).await;
    let layer = Digest::of(bundle.bytes());
    let expected = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": BUNDLE_V03,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "artifactType": BUNDLE_V03,
            "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        },
        "layers": [{"mediaType": BUNDLE_V03, "size": bundle.bytes().len(), "digest": layer.to_string()}],
        "subject": {"mediaType": OCI_MANIFEST, "size": subject.len(), "digest": image},
        "annotations": {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": KIND,
            "org.opencontainers.image.created": "2026-09-21T14:13:20Z",
        },
    });
    assert_eq!(
        serde_json::from_slice::<Value>(&manifest).unwrap(),
        expected
    );
    let bundle: Value = serde_json::from_slice(bundle.bytes()).unwrap();
    assert_eq!(bundle["mediaType"], BUNDLE_V03);
    assert_eq!(bundle["verificationMaterial"].as_object().unwrap().len(), 1);
    // `openssl pkey -pubin -in p256.pub -outform DER | openssl dgst -sha256 -binary | base64`, as cosign's.
    let hint = &bundle["verificationMaterial"]["publicKey"]["hint"];
    assert_eq!(hint, "EDy11vDVEb9cl42iyuTbLn3Kb1VtS+vPBi3P6TXLqyA=");
}

#[tokio::test]
async fn attached_again_nothing_is_written() {
    for registry in [writable(), without_api()] {
        let image = registry.push_image(REPO, "v1");
        let bundle = signed(&image, &key(P256));
        let first = attach(&registry, &bundle).await.unwrap();
        registry.clear_requests();
        let second = attach(&registry, &bundle).await.unwrap();
        assert_eq!(second.done, Done::Present);
        assert_eq!(second.manifest, first.manifest);
        assert_eq!(writes(&registry), [""; 0]);
    }
}

#[tokio::test]
async fn what_others_attached_stays() {
    let registry = without_api();
    let image = registry.push_image(REPO, "v1");
    registry.attach_bundle(REPO, &image, b"theirs");
    for text in [P256, KEYS[0]] {
        attach(&registry, &signed(&image, &key(text)))
            .await
            .unwrap();
    }
    assert_eq!(verdict(&registry, &key(P256)).await, Verdict::Allow);
    assert_eq!(verdict(&registry, &key(KEYS[0])).await, Verdict::Allow);
    let index = read(&registry, Reference::Tag(image.replace(':', "-"))).await;
    let index: Value = serde_json::from_slice(&index).unwrap();
    let listed = index["manifests"].as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[2]["artifactType"], BUNDLE_V03);
    assert_eq!(
        listed[2]["annotations"]["dev.sigstore.bundle.predicateType"],
        KIND
    );
    assert_eq!(index["mediaType"], OCI_INDEX);
}

#[tokio::test]
async fn nothing_is_written_before_the_image_was_seen() {
    let registry = writable();
    let image = registry.push_image(REPO, "v1");
    let by = key(P256);
    let absent = Digest::of(b"absent").to_string();
    let error = attach(&registry, &signed(&absent, &by)).await.unwrap_err();
    assert!(matches!(error, AttachError::NoImage { .. }), "{error}");

    let attacher = Attacher::new(client(&registry));
    let bundle = signed(&image, &by);
    let other = named(&registry, &format!("@{absent}"));
    let error = attacher.attach(&other, &bundle, NOW).await.unwrap_err();
    assert!(matches!(error, AttachError::OtherImage { .. }), "{error}");

    let path = format!("/manifests/{image}");
    for fault in [
        Fault::WrongBytes,
        Fault::Header("content-type", OCI_INDEX.to_owned()),
    ] {
        let path = path.clone();
        registry.fault(move |request| request.path.ends_with(&path), fault);
        let error = attach(&registry, &bundle).await.unwrap_err();
        assert!(matches!(error, AttachError::NotTheImage { .. }), "{error}");
        registry.heal();
    }
    registry.fault(
        move |request| request.path.ends_with(&path),
        Fault::Status(500),
    );
    let error = attach(&registry, &bundle).await.unwrap_err();
    assert!(matches!(error, AttachError::Registry(_)), "{error}");
    assert_eq!(writes(&registry), [""; 0]);
}

#[tokio::test]
async fn what_broke_off_goes_on() {
    let registry = without_api();
    let image = registry.push_image(REPO, "v1");
    let bundle = signed(&image, &key(P256));
    let tag = format!("/manifests/{}", image.replace(':', "-"));
    registry.fault(
        move |request| request.method == "PUT" && request.path.ends_with(&tag),
        Fault::Status(400),
    );
    let error = attach(&registry, &bundle).await.unwrap_err();
    assert!(
        matches!(
            &error,
            AttachError::Registry(CopyError::Refused { status: 400, .. })
        ),
        "{error}"
    );
    assert_eq!(verdict(&registry, &key(P256)).await, Verdict::Deny);
    registry.heal();
    assert_eq!(attach(&registry, &bundle).await.unwrap().done, Done::Pushed);
    assert_eq!(verdict(&registry, &key(P256)).await, Verdict::Allow);
}

/// Where clients keep the list there is something else: it stays, and the message speaks of attaching.
#[tokio::test]
async fn a_list_that_cannot_be_extended_is_left_alone() {
    let ambiguous =
        json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "layers": []});
    let manifest =
        json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": {}, "layers": []});
    for (media_type, standing, is_list) in [
        (OCI_INDEX, ambiguous, true),
        (OCI_MANIFEST, manifest, false),
    ] {
        let registry = without_api();
        let image = registry.push_image(REPO, "v1");
        let tag = image.replace(':', "-");
        let standing = standing.to_string();
        let digest = registry.push_manifest(REPO, &tag, media_type, standing.as_bytes());
        let error = attach(&registry, &signed(&image, &key(P256)))
            .await
            .unwrap_err();
        let message = error.to_string();
        assert_eq!(
            matches!(error, AttachError::NotListed { .. }),
            is_list,
            "{message}"
        );
        assert_eq!(message.contains("attach again"), is_list, "{message}");
        assert!(!message.contains("copy"), "{message}");
        assert_eq!(registry.digest_at(REPO, &tag), Some(digest));
    }
}

#[tokio::test]
async fn evidence_that_is_kept_apart_goes_where_it_is_looked_for() {
    let registry = writable();
    let image = registry.push_image(REPO, "v1");
    let host = registry.host();
    let apart = Registries::new()
        .evidence(&format!("{host}/{REPO}"), &format!("{host}/acme/evidence"))
        .unwrap();
    let attacher = Attacher::new(client(&registry).registries(apart));
    let bundle = signed(&image, &key(P256));
    let attached = attacher
        .attach(&named(&registry, ":v1"), &bundle, NOW)
        .await
        .unwrap();
    assert_eq!(attached.repository.path(), "acme/evidence");
    assert!(
        writes(&registry)
            .iter()
            .all(|path| path.contains("acme/evidence"))
    );
}

#[test]
fn what_nobody_would_read_is_not_signed() {
    let image = Digest::of(b"image").to_string();
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let error = sign_statement(&statement(&image, &json!({"deep": deep})), &key(P256));
    assert!(
        matches!(error, Err(SignError::Unverifiable { .. })),
        "{error:?}"
    );
    let empty = Statement::new(image.parse().unwrap(), REPO, KIND, Map::new()).unwrap();
    assert!(sign_statement(&empty, &key(P256)).is_ok());
}
