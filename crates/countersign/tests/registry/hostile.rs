//! A registry that means harm: every answer ends within its bound.

use std::time::{Duration, Instant};

use countersign::{Budget, HttpRegistry, Reference, Repository, collect_bundles, resolve};
use countersign_core::{Digest, GapClass, Limits, Needs, ReasonCode};
use countersign_testkit::registry::{Fault, Pages, Registry};

use crate::{BUNDLE, check, client, image, on_this_machine, soon};

#[tokio::test]
async fn cve_2024_29902_a_manifest_of_a_gibibyte_is_refused_at_its_bound() {
    for declared in [true, false] {
        let registry = Registry::start();
        registry.push_image("app", "v1");
        let bytes = 1 << 30;
        registry.fault(|_| true, Fault::Huge { bytes, declared });
        let image = image(&registry, "app:v1");
        let started = Instant::now();
        let limits = Limits::default();
        let budget = Budget::new(&limits, Budget::DEFAULT_TIME);
        let gap = resolve(
            &client(&registry),
            &Repository::of(&image),
            &Reference::of(&image),
            &budget,
        )
        .await
        .unwrap_err();
        soon(started);
        assert_eq!(gap.class, GapClass::Hostile);
        assert_eq!(gap.code, ReasonCode::RegistryHostile);
        let read = limits.fetched_bytes - budget.bytes_left();
        assert!(read <= limits.manifest_bytes, "{read}");
        assert!(!declared || read == 0, "Content-Length refuses it unread");
    }
}

#[tokio::test]
async fn cve_2023_46737_a_hundred_thousand_referrers_are_refused_unopened() {
    for page_size in [None, Some(900)] {
        let mut builder = Registry::builder();
        if let Some(items) = page_size {
            builder = builder.page_size(items);
        }
        let registry = builder.start();
        let digest = registry.push_image("app", "v1");
        registry.attach_bundle("app", &digest, BUNDLE);
        registry.attach_decoys("app", &digest, 100_000);
        let image = image(&registry, "app:v1");
        let started = Instant::now();
        // As patient as by default: this server takes its time to write 30 MB of JSON.
        let client = HttpRegistry::new().plain_http(registry.host());
        let evidence = check(&client, &image, Needs::ALL).await.unwrap();
        soon(started);
        assert!(evidence.items.is_empty());
        assert_eq!(evidence.gaps.len(), 1, "{:?}", evidence.gaps);
        assert_eq!(evidence.gaps[0].class, GapClass::Hostile);
        assert_eq!(evidence.gaps[0].code, ReasonCode::RegistryHostile);
        // The image, its two legacy tags, and at most two pages.
        assert!(registry.requests().len() <= 5);
    }
}

#[tokio::test]
async fn as_many_referrers_as_allowed_are_read() {
    let registry = Registry::builder().page_size(100).start();
    let digest = registry.push_image("app", "v1");
    registry.attach_bundle("app", &digest, BUNDLE);
    registry.attach_decoys("app", &digest, 999);
    let image = image(&registry, "app:v1");
    let evidence = check(&client(&registry), &image, Needs::ALL).await.unwrap();
    assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
    assert_eq!(evidence.items.len(), 1000);
    let blobs = registry
        .requests()
        .iter()
        .filter(|request| request.path.contains("/blobs/"))
        .count();
    assert_eq!(blobs, 2, "the decoys share a layer");
}

#[tokio::test]
async fn ghsa_rvrx_rrwh_r9p6_endless_pages_end() {
    for pages in [Pages::Same, Pages::New] {
        let registry = Registry::start();
        let digest = registry.push_image("app", "v1");
        registry.attach_bundle("app", &digest, BUNDLE);
        registry.fault(
            |request| request.path.contains("/referrers/"),
            Fault::EndlessPages(pages),
        );
        let image = image(&registry, "app:v1");
        let started = Instant::now();
        let evidence = check(&client(&registry), &image, Needs::ALL).await.unwrap();
        soon(started);
        assert!(evidence.items.is_empty());
        assert_eq!(evidence.gaps[0].code, ReasonCode::RegistryHostile);
        assert!(evidence.gaps[0].cause.contains("without end"));
        let asked = registry.requests().len();
        assert!(asked <= Limits::default().pages + 3, "{asked}");
    }
}

#[tokio::test]
async fn a_page_elsewhere_is_not_followed() {
    let registry = Registry::start();
    let elsewhere = Registry::start();
    let digest = registry.push_image("app", "v1");
    registry.attach_bundle("app", &digest, BUNDLE);
    registry.fault(
        |request| request.path.contains("/referrers/"),
        Fault::Header(
            "link",
            format!("<{}/v2/app/referrers/x>; rel=\"next\"", elsewhere.url()),
        ),
    );
    let image = image(&registry, "app:v1");
    let client = client(&registry).registries(on_this_machine(&[&elsewhere]));
    let evidence = check(&client, &image, Needs::ALL).await.unwrap();
    assert_eq!(evidence.gaps[0].code, ReasonCode::RegistryHostile);
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn one_deadline_ends_a_whole_check() {
    let registry = Registry::start();
    let digest = registry.push_image("app", "v1");
    registry.fault(|_| true, Fault::Silence);
    let client = HttpRegistry::new().plain_http(registry.host());
    let repository = Repository::of(&image(&registry, "app:v1"));
    let budget = Budget::new(&Limits::default(), Duration::from_millis(300));
    let started = Instant::now();
    let digest = Digest::parse(&digest).unwrap();
    let evidence = collect_bundles(&client, &repository, &digest, &budget).await;
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(evidence.gaps[0].code, ReasonCode::RegistryTimeout);
    assert_eq!(evidence.gaps[0].class, GapClass::Unavailable);
    assert!(evidence.gaps[0].cause.contains("300ms"), "{evidence:?}");
}

#[tokio::test]
async fn ghsa_9m3v_v4r5_ppx7_all_that_one_check_fetches_is_bounded() {
    let registry = Registry::start();
    let digest = registry.push_image("app", "v1");
    for number in 0..8 {
        registry.attach_bundle("app", &digest, &[number; 100_000]);
    }
    let repository = Repository::of(&image(&registry, "app:v1"));
    let mut limits = Limits::default();
    limits.fetched_bytes = 300_000;
    let budget = Budget::new(&limits, Budget::DEFAULT_TIME);
    let digest = Digest::parse(&digest).unwrap();
    let evidence = collect_bundles(&client(&registry), &repository, &digest, &budget).await;
    assert!(evidence.items.len() < 3, "{}", evidence.items.len());
    assert_eq!(evidence.items.len() + evidence.gaps.len(), 8);
    assert!(
        evidence
            .gaps
            .iter()
            .all(|gap| gap.code == ReasonCode::RegistryHostile)
    );
}

#[tokio::test]
async fn a_registry_that_is_gone_is_unavailable() {
    let registry = Registry::start();
    let image = image(&registry, "app:v1");
    let client = client(&registry);
    drop(registry);
    let gap = check(&client, &image, Needs::ALL).await.unwrap_err();
    assert_eq!(gap.class, GapClass::Unavailable);
    assert_eq!(gap.code, ReasonCode::RegistryUnavailable);
    assert!(gap.cause.contains("refused"), "{}", gap.cause);
}

#[tokio::test]
async fn what_refers_to_another_image_does_not_count() {
    let registry = Registry::builder().without_referrers_api().start();
    let digest = registry.push_image("app", "v1");
    let other = registry.push_image("app", "other");
    registry.attach_bundle("app", &other, BUNDLE);
    // Anybody who may push can list a foreign manifest at the image's fallback tag.
    let foreign = registry.requests().len();
    assert_eq!(foreign, 0);
    let client = client(&registry);
    let stolen = countersign::Registry::manifest(
        &client,
        &Repository::of(&image(&registry, "app:other")),
        &Reference::Tag(other.replace(':', "-")),
        1 << 20,
        &crate::budget(),
    )
    .await
    .unwrap()
    .unwrap();
    registry.push_manifest(
        "app",
        &digest.replace(':', "-"),
        countersign_testkit::registry::OCI_INDEX,
        &stolen.bytes,
    );
    let evidence = check(&client, &image(&registry, "app:v1"), Needs::ALL)
        .await
        .unwrap();
    assert!(evidence.items.is_empty());
    assert_eq!(evidence.gaps.len(), 1);
    assert_eq!(evidence.gaps[0].class, GapClass::Hostile);
    assert!(evidence.gaps[0].cause.contains("subject"));
}
