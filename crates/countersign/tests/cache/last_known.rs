//! What is known when a registry cannot be asked: by whom it was read, how long ago, and nothing else.

use std::fs;
use std::sync::atomic::{AtomicI64, Ordering};

use countersign::{LastKnown, RegistryError, UnixTime, collect_bundles};
use countersign_core::GapClass;

use super::disk::{Folder, files};
use super::*;

const DAY: Duration = Duration::from_secs(86_400);

/// A clock that tests set.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    fn on(&self, cache: Cache) -> Arc<Cache> {
        let clock = self.clone();
        Arc::new(cache.clock(move || UnixTime::from_seconds(clock.0.load(Ordering::SeqCst))))
    }
}

/// A registry that was checked once at second 1,000,000, with a cache on disk, and is gone.
struct Gone {
    client: Arc<HttpRegistry>,
    repository: Repository,
    image: Digest,
    clock: Clock,
    folder: Folder,
    cache: Arc<Cache>,
}

impl Gone {
    async fn new() -> Self {
        let registry = Registry::start();
        let image = digest(&signed(&registry, "app"));
        let (clock, folder) = (Clock::default(), Folder::new());
        clock.set(1_000_000);
        let cache = clock.on(Cache::default().on_disk(folder.path(), 1 << 24).unwrap());
        let repository = repository(&registry, "app");
        let client = Arc::new(client(&registry));
        let cached = Cached::new(Arc::clone(&client), Arc::clone(&cache));
        check(&cached, &repository, &tag("v1")).await.unwrap();
        assert_eq!(cache.disk_error(), None);
        Self {
            client,
            repository,
            image,
            clock,
            folder,
            cache,
        }
    }

    /// As another process would know it: from the disk alone.
    fn restarted(mut self) -> Self {
        let cache = Cache::default().on_disk(self.folder.path(), 1 << 24);
        self.cache = self.clock.on(cache.unwrap());
        self
    }

    fn last(&self, max_age: Duration) -> LastKnown<HttpRegistry> {
        LastKnown::new(Arc::clone(&self.client), Arc::clone(&self.cache), max_age)
    }

    /// The age of the list, if the image, its list and its evidence are known.
    async fn age(&self, max_age: Duration) -> Option<u64> {
        let (last, budget) = (self.last(max_age), budget());
        let reference = Reference::Digest(self.image);
        let image = resolve(&last, &self.repository, &reference, &budget).await;
        let evidence = collect_bundles(&last, &self.repository, &self.image, &budget).await;
        match image {
            Ok(image) => {
                assert_eq!(*image.digest(), self.image);
                assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
                assert_eq!(evidence.items.len(), 1);
            }
            Err(gap) => {
                assert_eq!(gap.class, GapClass::Unavailable);
                assert_eq!(evidence.gaps.len(), 1);
                assert_eq!(evidence.gaps[0].class, GapClass::Unavailable);
                assert!(evidence.items.is_empty() && last.used_for(&self.image).is_empty());
                return None;
            }
        }
        let used = last.used_for(&self.image);
        assert_eq!(used.len(), 1);
        let (image, repository) = (self.image, &self.repository);
        assert_eq!(
            used[0].what,
            format!("referrers of {image} in {repository}")
        );
        Some(used[0].age)
    }
}

#[tokio::test]
async fn it_serves_until_it_is_too_old_from_memory_and_from_disk() {
    for restart in [false, true] {
        let mut gone = Gone::new().await;
        if restart {
            gone = gone.restarted();
        }
        for (now, age) in [
            (1_000_000, Some(0)),
            (1_000_300, Some(300)),
            (1_086_400, Some(86_400)),
            (1_086_401, None),
            (9_000_000, None),
            // Clocks differ a little, but a record from the future is none.
            (999_700, Some(0)),
            (999_699, None),
            (0, None),
            (i64::MIN, None),
            (i64::MAX, None),
        ] {
            gone.clock.set(now);
            assert_eq!(gone.age(DAY).await, age, "restart {restart}, now {now}");
        }
        gone.clock.set(1_000_300);
        assert_eq!(gone.age(Duration::from_secs(299)).await, None);
        // Neither does it ever forget, nor does reading make it younger.
        assert_eq!(gone.age(DAY).await, Some(300));
    }
}

#[tokio::test]
async fn tags_absences_and_what_nobody_named_are_not_known() {
    let gone = Gone::new().await;
    let (last, budget) = (gone.last(DAY), budget());
    let repo = &gone.repository;
    let blob = Digest::of(BUNDLE);
    let errors = [
        last.manifest(repo, &tag("v1"), 10_000, &budget).await.err(),
        // Nothing was there, but that was long ago.
        last.manifest(
            repo,
            &Reference::companion(&gone.image, ".sig"),
            10_000,
            &budget,
        )
        .await
        .err(),
        last.manifest(repo, &Reference::Digest(blob), 10_000, &budget)
            .await
            .err(),
        last.referrers(repo, &blob, &budget).await.err(),
        // Known, but no manifest that was given names it yet.
        last.blob(repo, &blob, BUNDLE.len(), &budget).await.err(),
    ];
    for error in errors {
        let error = error.unwrap();
        assert!(matches!(error, RegistryError::Connection { .. }), "{error}");
    }
    collect_bundles(&last, repo, &gone.image, &budget).await;
    let known = last.blob(repo, &blob, BUNDLE.len(), &budget).await;
    assert_eq!(known.unwrap().unwrap(), BUNDLE.into());
    let wrong = last.blob(repo, &blob, BUNDLE.len() + 1, &budget).await;
    assert!(matches!(wrong, Err(RegistryError::Size { .. })));
}

#[tokio::test]
async fn another_access_or_repository_knows_nothing() {
    for restart in [false, true] {
        let mut gone = Gone::new().await;
        if restart {
            gone = gone.restarted();
        }
        assert!(gone.age(DAY).await.is_some());
        let host = gone.repository.registry();
        let config = format!(r#"{{"auths": {{"{host}": {{"username": "u", "password": "p"}}}}}}"#);
        let config = countersign::DockerConfig::from_bytes(config.as_bytes()).unwrap();
        let known = Arc::clone(&gone.client);
        let other = ImageRef::parse(&format!("{host}/other")).unwrap();
        gone.client = Arc::new(HttpRegistry::new().credentials(config));
        assert_eq!(gone.age(DAY).await, None);
        gone.client = known;
        gone.repository = Repository::of(&other);
        assert_eq!(gone.age(DAY).await, None);
    }
}

#[tokio::test]
async fn a_record_that_was_changed_cut_or_moved_is_none() {
    let gone = Gone::new().await;
    let intact = async || gone_again(&gone).age(DAY).await.is_some();
    for part in ["listings", "seen"] {
        for path in files(&gone.folder.path().join(part)) {
            let right = fs::read(&path).unwrap();
            let mut younger = right.clone();
            let at = younger.windows(7).position(|it| it == b"1000000").unwrap();
            younger[at] = b'2';
            let mut end = right.clone();
            *end.last_mut().unwrap() = b' ';
            let mut digest = right.clone();
            digest[0] ^= 1;
            for wrong in [
                &younger[..],
                &end,
                &digest,
                &right[..100],
                &right[..64],
                &right[..10],
                b"",
            ] {
                fs::write(&path, wrong).unwrap();
                let outcome = incomplete_or_known(&gone).await;
                assert!(!outcome, "{part}: {}", String::from_utf8_lossy(wrong));
                assert!(!path.exists(), "thrown away");
                fs::write(&path, &right).unwrap();
            }
        }
    }
    assert!(intact().await);
    // Two whole records that changed places.
    let seen = files(&gone.folder.path().join("seen"));
    let (a, b) = (fs::read(&seen[0]).unwrap(), fs::read(&seen[1]).unwrap());
    assert_eq!(seen.len(), 2);
    fs::write(&seen[0], b).unwrap();
    fs::write(&seen[1], a).unwrap();
    assert!(!incomplete_or_known(&gone).await);
}

/// Whether everything is known: image, list and evidence.
async fn incomplete_or_known(gone: &Gone) -> bool {
    let again = gone_again(gone);
    let (last, budget) = (again.last(DAY), budget());
    let reference = Reference::Digest(gone.image);
    let image = resolve(&last, &gone.repository, &reference, &budget).await;
    let evidence = collect_bundles(&last, &gone.repository, &gone.image, &budget).await;
    for gap in evidence.gaps.iter().chain(image.as_ref().err()) {
        assert_eq!(gap.class, GapClass::Unavailable);
    }
    image.is_ok() && evidence.gaps.is_empty() && evidence.items.len() == 1
}

/// Another process on the same folder.
fn gone_again(gone: &Gone) -> Gone {
    let cache = Cache::default()
        .on_disk(gone.folder.path(), 1 << 24)
        .unwrap();
    Gone {
        client: Arc::clone(&gone.client),
        repository: gone.repository.clone(),
        image: gone.image,
        clock: gone.clock.clone(),
        folder: Folder::new(),
        cache: gone.clock.on(cache),
    }
}

#[tokio::test]
async fn an_incomplete_list_does_not_take_the_place_of_the_last_complete_one() {
    use countersign_testkit::registry::Fault;
    let registry = Registry::builder().page_size(1).start();
    let image = digest(&signed(&registry, "app"));
    registry.attach_bundle("app", &image.to_string(), b"{another}");
    let counter = Arc::new(Counter::default());
    let cache = Arc::new(Cache::default().observer(counter.clone()));
    let (cached, repository) = (cached(&registry, &cache), repository(&registry, "app"));
    let list = async || {
        cached
            .referrers(&repository, &image, &budget())
            .await
            .unwrap()
    };
    assert_eq!(list().await.items.len(), 2);
    jump(6).await;
    registry.fault(
        |request| request.path.contains("page=1"),
        Fault::Status(503),
    );
    assert_eq!(list().await.items.len(), 1);
    let client = Arc::new(client(&registry));
    let last = LastKnown::new(client, cache, DAY);
    let listing = last
        .referrers(&repository, &image, &budget())
        .await
        .unwrap();
    assert_eq!((listing.items.len(), listing.complete()), (2, true));
    assert_eq!(counter.of(CacheKind::Referrers, CacheAnswer::Stale), 1);
}

/// A list that came by the fallback tag, with everything that a descriptor may say.
#[tokio::test]
async fn a_list_comes_back_from_disk_as_it_was() {
    let registry = Registry::builder().without_referrers_api().start();
    let image = digest(&signed(&registry, "app"));
    let folder = Folder::new();
    let (cache, repository) = (folder.open(), repository(&registry, "app"));
    let cached = cached(&registry, &cache);
    let listing = cached
        .referrers(&repository, &image, &budget())
        .await
        .unwrap();
    let client = Arc::new(client(&registry));
    let last = LastKnown::new(client, folder.open(), DAY);
    let again = last
        .referrers(&repository, &image, &budget())
        .await
        .unwrap();
    assert_eq!(listing.items, again.items);
    assert_eq!(listing.from, again.from);
    assert_eq!(
        again.items[0].found_by,
        countersign_core::FoundBy::FallbackTag
    );
}
