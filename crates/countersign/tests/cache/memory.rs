//! What is asked again, and after how long.

use countersign_core::{GapClass, ReasonCode};
use countersign_testkit::registry::{Fault, OCI_MANIFEST};

use super::*;

#[tokio::test]
async fn a_second_check_asks_for_what_is_old_only() {
    let registry = Registry::start();
    let image = signed(&registry, "app");
    let counter = Arc::new(Counter::default());
    let cache = Arc::new(Cache::default().observer(counter.clone()));
    let cached = cached(&registry, &cache);
    let repository = repository(&registry, "app");
    let look = async || {
        let evidence = check(&cached, &repository, &tag("v1")).await.unwrap();
        assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
        assert_eq!(evidence.items.len(), 1);
        asked(&registry)
    };
    let legacy = [(".sig", 1), (".att", 1)];
    let all = [("tag", 1), ("referrers", 1), ("manifests", 1), ("blobs", 1)];
    assert_eq!(look().await, counts(&[&all[..], &legacy].concat()));
    assert_eq!(look().await, counts(&[]));
    jump(3).await;
    assert_eq!(look().await, counts(&legacy));
    jump(3).await;
    let short_lived = [&all[..2], &legacy].concat();
    assert_eq!(look().await, counts(&short_lived));
    // A minute after it was read, the referrer's manifest is read again, so that its blob may be seen without a request.
    jump(56).await;
    assert_eq!(look().await, counts(&[&all[..3], &legacy].concat()));
    // What was resolved by tag is known by digest.
    let pinned = Reference::Digest(digest(&image));
    check(&cached, &repository, &pinned).await.unwrap();
    assert_eq!(asked(&registry), counts(&[]));
    jump(61).await;
    check(&cached, &repository, &pinned).await.unwrap();
    let by_digest = [("manifests", 2), ("referrers", 1), (".sig", 1), (".att", 1)];
    assert_eq!(asked(&registry), counts(&by_digest));

    assert_eq!(counter.of(CacheKind::Blob, CacheAnswer::Miss), 1);
    assert_eq!(counter.of(CacheKind::Blob, CacheAnswer::Memory), 6);
    assert_eq!(counter.of(CacheKind::Manifest, CacheAnswer::Miss), 4);
    assert_eq!(counter.of(CacheKind::Referrers, CacheAnswer::Memory), 3);
    assert_eq!(counter.of(CacheKind::Tag, CacheAnswer::Absent), 4);
}

#[tokio::test]
async fn a_tag_that_moves_is_seen_after_its_time() {
    let registry = Registry::start();
    let old = registry.push_image("app", "v1");
    let cache = Arc::new(Cache::default().fresh(Duration::from_secs(20)));
    let (cached, repository) = (cached(&registry, &cache), repository(&registry, "app"));
    let resolved = async || {
        let image = resolve(&cached, &repository, &tag("v1"), &budget()).await;
        image.unwrap().digest().to_string()
    };
    assert_eq!(resolved().await, old);
    let moved = br#"{"schemaVersion":2,"config":{},"layers":[]}"#;
    let new = registry.push_manifest("app", "v1", OCI_MANIFEST, moved);
    jump(19).await;
    assert_eq!(resolved().await, old);
    jump(1).await;
    assert_eq!(resolved().await, new);
}

#[tokio::test]
async fn not_there_is_believed_for_two_seconds() {
    let registry = Registry::start();
    let (cached, repository) = (
        cached(&registry, &Arc::default()),
        repository(&registry, "app"),
    );
    let bytes = br#"{"schemaVersion":2,"config":{},"layers":[]}"#;
    let of = Digest::of(bytes);
    let budget = budget();
    let look = async || {
        let tagged = tag("v1");
        let by_tag = cached.manifest(&repository, &tagged, 100, &budget);
        let by_digest = Reference::Digest(of);
        let by_digest = cached.manifest(&repository, &by_digest, 100, &budget);
        let blob = cached.blob(&repository, &of, bytes.len(), &budget);
        [
            by_tag.await.unwrap().is_some(),
            by_digest.await.unwrap().is_some(),
            blob.await.unwrap().is_some(),
        ]
    };
    assert_eq!(look().await, [false; 3]);
    assert_eq!(registry.requests().len(), 3);
    registry.push_manifest("app", "v1", OCI_MANIFEST, bytes);
    registry.push_blob("app", bytes);
    assert_eq!(look().await, [false; 3]);
    assert_eq!(registry.requests().len(), 3);
    jump(2).await;
    assert_eq!(look().await, [true; 3]);
    // The digest was known from the tag.
    assert_eq!(registry.requests().len(), 5);
}

#[tokio::test]
async fn a_manifest_that_came_by_tag_ends_its_absence_by_digest() {
    let registry = Registry::start();
    let (cached, repository) = (
        cached(&registry, &Arc::default()),
        repository(&registry, "app"),
    );
    let bytes = br#"{"schemaVersion":2,"config":{},"layers":[]}"#;
    let by_digest = Reference::Digest(Digest::of(bytes));
    let budget = budget();
    let look = cached.manifest(&repository, &by_digest, 100, &budget);
    assert_eq!(look.await.unwrap(), None);
    registry.push_manifest("app", "v1", OCI_MANIFEST, bytes);
    let tagged = tag("v1");
    let look = cached.manifest(&repository, &tagged, 100, &budget);
    assert!(look.await.unwrap().is_some());
    let look = cached.manifest(&repository, &by_digest, 100, &budget);
    assert!(look.await.unwrap().is_some());
}

#[tokio::test]
async fn an_error_is_never_kept() {
    for (part, fault, class) in [
        ("/manifests/v1", Fault::Status(503), GapClass::Unavailable),
        ("/manifests/v1", Fault::Status(401), GapClass::Unavailable),
        ("/referrers/", Fault::Status(429), GapClass::Unavailable),
        ("/manifests/sha256:", Fault::WrongBytes, GapClass::Hostile),
        ("/blobs/", Fault::WrongBytes, GapClass::Hostile),
        ("/blobs/", Fault::CutAfter(3), GapClass::Unavailable),
        (".sig", Fault::Status(500), GapClass::Unavailable),
    ] {
        let registry = Registry::start();
        signed(&registry, "app");
        let (cached, repository) = (
            cached(&registry, &Arc::default()),
            repository(&registry, "app"),
        );
        registry.fault(move |request| request.path.contains(part), fault.clone());
        let gaps = match check(&cached, &repository, &tag("v1")).await {
            Ok(evidence) => evidence.gaps,
            Err(gap) => vec![gap],
        };
        assert_eq!(gaps.len(), 1, "{part} {fault:?}: {gaps:?}");
        assert_eq!(gaps[0].class, class, "{part} {fault:?}: {gaps:?}");
        registry.heal();
        let evidence = check(&cached, &repository, &tag("v1")).await.unwrap();
        assert!(
            evidence.gaps.is_empty(),
            "{part} {fault:?}: {:?}",
            evidence.gaps
        );
        assert_eq!(evidence.items.len(), 1, "{part} {fault:?}");
    }
}

#[tokio::test]
async fn an_incomplete_list_is_not_kept_and_an_empty_one_is() {
    let registry = Registry::builder().page_size(1).start();
    let image = digest(&signed(&registry, "app"));
    registry.attach_bundle("app", &image.to_string(), b"{another}");
    let empty = digest(&registry.push_image("empty", "v1"));
    let cached = cached(&registry, &Arc::default());
    let repo = repository(&registry, "app");
    registry.fault_times(
        1,
        |request| request.path.contains("page=1"),
        Fault::Status(503),
    );
    let listing = cached.referrers(&repo, &image, &budget()).await.unwrap();
    assert_eq!(listing.items.len(), 1);
    assert_eq!(
        listing.incomplete.unwrap().code(),
        ReasonCode::RegistryUnavailable
    );
    for _ in 0..2 {
        let listing = cached.referrers(&repo, &image, &budget()).await.unwrap();
        assert_eq!((listing.items.len(), listing.complete()), (2, true));
    }
    assert_eq!(asked(&registry), counts(&[("referrers", 4)]));
    for _ in 0..2 {
        let repo = repository(&registry, "empty");
        let listing = cached.referrers(&repo, &empty, &budget()).await.unwrap();
        assert!(listing.items.is_empty() && listing.complete());
    }
    assert_eq!(asked(&registry), counts(&[("referrers", 1), ("", 1)]));
}

/// What a registry calls the bytes is its own affair, and no other's.
#[tokio::test]
async fn the_content_type_belongs_to_the_repository_that_said_it() {
    let registry = Registry::start();
    let image = registry.push_image("one", "v1");
    let bytes = registry_bytes(&registry, "one", &image).await;
    let other = "application/vnd.docker.distribution.manifest.v2+json";
    registry.push_manifest("two", "v1", other, &bytes);
    let cached = cached(&registry, &Arc::default());
    for _ in 0..2 {
        for (path, content_type) in [("one", OCI_MANIFEST), ("two", other)] {
            let reference = Reference::Digest(digest(&image));
            let fetched = cached
                .manifest(&repository(&registry, path), &reference, 10_000, &budget())
                .await
                .unwrap()
                .unwrap();
            assert_eq!(fetched.content_type.as_deref(), Some(content_type));
            assert_eq!(fetched.bytes, bytes);
        }
    }
}

async fn registry_bytes(registry: &Registry, path: &str, image: &str) -> Vec<u8> {
    let reference = Reference::Digest(digest(image));
    let fetched = client(registry)
        .manifest(&repository(registry, path), &reference, 10_000, &budget())
        .await;
    fetched.unwrap().unwrap().bytes
}
