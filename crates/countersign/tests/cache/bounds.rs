//! Every check has its own bounds, and memory has one for all.

use countersign::RegistryError;

use super::*;

#[tokio::test]
async fn what_is_known_is_still_too_large_for_whoever_allows_less() {
    let registry = Registry::start();
    let image = signed(&registry, "app");
    let cached = cached(&registry, &Arc::default());
    let repository = repository(&registry, "app");
    let reference = Reference::Digest(digest(&image));
    let manifest = async |max| {
        cached
            .manifest(&repository, &reference, max, &budget())
            .await
    };
    let size = manifest(10_000).await.unwrap().unwrap().bytes.len();
    assert!(manifest(size).await.unwrap().is_some());
    let error = manifest(size - 1).await.unwrap_err();
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error}");

    let blob = digest(&registry.push_blob("app", b"blob"));
    let read = async |size| cached.blob(&repository, &blob, size, &budget()).await;
    assert_eq!(*read(4).await.unwrap().unwrap(), *b"blob");
    for wrong in [3, 5] {
        let error = read(wrong).await.unwrap_err();
        assert!(matches!(error, RegistryError::Size { .. }), "{error}");
    }

    registry.attach_bundle("app", &image, b"{another}");
    let image = digest(&image);
    let list = async |limit| {
        let mut limits = Limits::default();
        limits.attachments = limit;
        let budget = Budget::new(&limits, Budget::DEFAULT_TIME);
        cached.referrers(&repository, &image, &budget).await
    };
    assert_eq!(list(2).await.unwrap().items.len(), 2);
    let error = list(1).await.unwrap_err();
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn each_check_pays_for_what_it_is_given() {
    let registry = Registry::start();
    let image = signed(&registry, "app");
    let cached = cached(&registry, &Arc::default());
    let repository = repository(&registry, "app");
    let image = digest(&image);
    let reference = Reference::Digest(image);
    let blob = digest(&registry.push_blob("app", BUNDLE));
    let mut spent = Vec::new();
    for _ in 0..2 {
        let budget = budget();
        let mut left = budget.bytes_left();
        let mut costs = Vec::new();
        let mut pay = |now: usize| {
            costs.push(left - now);
            left = now;
        };
        let manifest = cached.manifest(&repository, &reference, 10_000, &budget);
        let size = manifest.await.unwrap().unwrap().bytes.len();
        pay(budget.bytes_left());
        let listing = cached.referrers(&repository, &image, &budget);
        assert_eq!(listing.await.unwrap().items.len(), 1);
        pay(budget.bytes_left());
        let read = cached.blob(&repository, &blob, BUNDLE.len(), &budget);
        read.await.unwrap().unwrap();
        pay(budget.bytes_left());
        assert_eq!((costs[0], costs[2]), (size, BUNDLE.len()));
        assert!(costs[1] > 100, "{costs:?}");
        spent.push(costs);
    }
    assert_eq!(spent[0], spent[1]);

    let mut limits = Limits::default();
    limits.fetched_bytes = 10;
    let poor = Budget::new(&limits, Budget::DEFAULT_TIME);
    let error = cached.blob(&repository, &blob, BUNDLE.len(), &poor).await;
    let error = error.unwrap_err();
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn memory_holds_so_many_bytes_and_nothing_that_is_too_large_for_it() {
    let registry = Registry::start();
    let cached = cached(&registry, &Arc::new(Cache::new(40_000)));
    let repository = repository(&registry, "app");
    let read = async |content: Vec<u8>| {
        let blob = digest(&registry.push_blob("app", &content));
        let bytes = cached
            .blob(&repository, &blob, content.len(), &budget())
            .await;
        assert_eq!(bytes.unwrap().unwrap(), content.into());
        asked(&registry).into_values().sum::<usize>()
    };
    assert_eq!(read(vec![0; 10_001]).await, 1);
    assert_eq!(read(vec![0; 10_001]).await, 1);
    assert_eq!(read(vec![0; 9_000]).await, 1);
    assert_eq!(read(vec![0; 9_000]).await, 0);
    for number in 1..=4 {
        assert_eq!(read(vec![number; 9_000]).await, 1);
    }
    // Five of them are more than there is room for: the one that was not used for longest is gone.
    assert_eq!(read(vec![4; 9_000]).await, 0);
    assert_eq!(read(vec![0; 9_000]).await, 1);
}
