//! Whole checks through [`Checker`].

use countersign::{Checker, Image, PolicySet, Source, UnixTime, Verdict};
use countersign_core::NoFiles;
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::policy::KeyedPolicy;

use super::*;

pub(super) const NOW: i64 = 1_790_000_000;

pub(super) async fn ask(
    checker: &Checker,
    registry: &Registry,
    rest: &str,
) -> countersign::Decision {
    let image = Image::parse(&format!("{}/{rest}", registry.host())).unwrap();
    checker
        .check(&image, UnixTime::from_seconds(NOW + 60))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_checks_at_once_fetch_everything_once() {
    let registry = Registry::start();
    let (forge, key) = (Forge::new(NOW), Key::generate(Algorithm::P256));
    let image = registry.push_image("acme/app", "v1");
    let bundle = forge.image_signature(&image).keyed(&key).bundle();
    registry.attach_bundle("acme/app", &image, &bundle);
    let counter = Arc::new(Counter::default());
    let checker = Checker::new(policies(&key))
        .registry(client(&registry))
        .cache(Cache::default().observer(counter.clone()));
    let checker = Arc::new(checker);
    let host = registry.host();
    let all: Vec<_> = (0..1000)
        .map(|_| {
            let (checker, image) = (Arc::clone(&checker), format!("{host}/acme/app@{image}"));
            tokio::spawn(async move {
                let image = Image::parse(&image).unwrap();
                let now = UnixTime::from_seconds(NOW + 60);
                checker.check(&image, now).await.effect()
            })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), Verdict::Allow);
    }
    let once = [("manifests", 2), ("referrers", 1), ("blobs", 1)];
    assert_eq!(asked(&registry), counts(&once));
    let of = |answer| counter.of(CacheKind::Referrers, answer);
    assert_eq!(of(CacheAnswer::Miss), 1);
    assert_eq!(of(CacheAnswer::Joined) + of(CacheAnswer::Memory), 999);
}

/// All signatures of an image share their payload; a proof of one must not count for another.
#[tokio::test]
async fn two_signatures_over_one_payload_of_which_one_is_bad_in_both_orders() {
    let registry = Registry::start();
    let (forge, key) = (Forge::new(NOW), Key::generate(Algorithm::P256));
    let other = Key::generate(Algorithm::P256);
    let checker = Checker::new(policies(&key)).registry(client(&registry));
    let manifest = br#"{"schemaVersion":2,"config":{},"layers":[]}"#;
    let image = Digest::of(manifest).to_string();
    let (payload, good) = forge.simple_signing(&image).keyed(&key).sig();
    let (same, bad) = forge.simple_signing(&image).keyed(&other).sig();
    assert_eq!(payload, same);
    for (repo, layers) in [
        ("acme/good-first", vec![&good, &bad]),
        ("acme/bad-first", vec![&bad, &good]),
        ("acme/bad-alone", vec![&bad]),
    ] {
        let media_type = countersign_testkit::registry::OCI_MANIFEST;
        assert_eq!(
            registry.push_manifest(repo, "v1", media_type, manifest),
            image
        );
        for annotations in layers {
            registry.attach_sig(repo, &image, &payload, annotations);
        }
    }
    for _ in 0..2 {
        for (repo, verdict, proven) in [
            ("acme/bad-alone:v1", Verdict::Deny, 0),
            ("acme/good-first:v1", Verdict::Allow, 1),
            ("acme/bad-first:v1", Verdict::Allow, 1),
            ("acme/bad-alone:v1", Verdict::Deny, 0),
        ] {
            let decision = ask(&checker, &registry, repo).await;
            assert_eq!(decision.effect(), verdict, "{repo}");
            assert_eq!(decision.evidence().len(), proven, "{repo}");
            assert_eq!(decision.refused().len(), 1, "{repo}");
        }
    }
    // Each repository has shown that its own manifest names the payload.
    let asked = asked(&registry);
    assert_eq!((asked["tag"], asked[".sig"], asked["blobs"]), (3, 3, 1));
}

#[tokio::test]
async fn checkers_with_other_policies_share_the_cache() {
    let registry = Registry::start();
    let (forge, key) = (Forge::new(NOW), Key::generate(Algorithm::P256));
    let image = registry.push_image("acme/app", "v1");
    let bundle = forge.image_signature(&image).keyed(&key).bundle();
    registry.attach_bundle("acme/app", &image, &bundle);
    let cache = Arc::new(Cache::default());
    let checker = Checker::new(policies(&key))
        .registry(client(&registry))
        .cache(Arc::clone(&cache));
    assert_eq!(
        ask(&checker, &registry, "acme/app:v1").await.effect(),
        Verdict::Allow
    );
    registry.clear_requests();
    let other = Key::generate(Algorithm::P256);
    let reloaded = checker.with_policies(policies(&other));
    assert_eq!(
        ask(&reloaded, &registry, "acme/app:v1").await.effect(),
        Verdict::Deny
    );
    assert_eq!(asked(&registry), counts(&[(".sig", 1)]));
}

/// One rule: a signature by this key.
pub(super) fn policies(key: &Key) -> PolicySet {
    let text = KeyedPolicy::new(&key.public_pem())
        .images("127.0.0.1:*/acme/*")
        .text();
    let name = "policy.yaml".to_owned();
    let loaded = PolicySet::load(&[Source { name, text }], &NoFiles, &[]);
    loaded.policies.unwrap()
}
