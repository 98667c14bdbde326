//! Equal asks at the same time are one request, which nobody's end ends but everybody's.

use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::{Access, Fetched, Listing, RegistryError};
use futures_util::future::join_all;

use super::*;

/// A registry of one blob that takes its time, fails or panics; no server can be made to do so at a paused clock.
#[derive(Default)]
struct Slow {
    begun: AtomicUsize,
    ended: AtomicUsize,
    takes: Duration,
    outcome: Mutex<Outcome>,
}

#[derive(Clone, Copy, Default)]
enum Outcome {
    #[default]
    Found,
    Wrong,
    Failure,
    Panic,
}

const BLOB: &[u8] = b"blob";

/// Counts flights that end, in whatever way.
struct Ended<'a>(&'a AtomicUsize);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl countersign::Registry for Slow {
    async fn access(&self, _: &Repository, _: &Budget) -> Result<Access, RegistryError> {
        Ok(Access::anonymous())
    }

    async fn manifest(
        &self,
        _: &Repository,
        _: &Reference,
        _: usize,
        _: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        Ok(None)
    }

    async fn referrers(
        &self,
        _: &Repository,
        _: &Digest,
        _: &Budget,
    ) -> Result<Listing, RegistryError> {
        Ok(Listing::default())
    }

    async fn blob(
        &self,
        repository: &Repository,
        _: &Digest,
        _: usize,
        _: &Budget,
    ) -> Result<Option<Arc<[u8]>>, RegistryError> {
        let _ended = Ended(&self.ended);
        self.begun.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.takes).await;
        let outcome = *self.outcome.lock().unwrap();
        match outcome {
            Outcome::Found => Ok(Some(BLOB.into())),
            Outcome::Wrong => Ok(Some(b"blub".as_slice().into())),
            Outcome::Failure => Err(RegistryError::Failed {
                host: repository.registry().to_owned(),
                status: 503,
                retry_after: None,
            }),
            Outcome::Panic => panic!("as the test wants"),
        }
    }
}

struct Scene {
    slow: Arc<Slow>,
    cached: Cached<Slow>,
    repository: Repository,
}

impl Scene {
    fn new(takes: Duration, outcome: Outcome, cache: Cache) -> Self {
        let slow = Arc::new(Slow {
            takes,
            outcome: Mutex::new(outcome),
            ..Slow::default()
        });
        Self {
            cached: Cached::new(Arc::clone(&slow), Arc::new(cache)),
            slow,
            repository: Repository::of(&ImageRef::parse("registry.example/app").unwrap()),
        }
    }

    async fn read(&self, within: Duration) -> Result<Option<Arc<[u8]>>, RegistryError> {
        let budget = Budget::new(&Limits::default(), within);
        let blob = Digest::of(BLOB);
        self.cached
            .blob(&self.repository, &blob, BLOB.len(), &budget)
            .await
    }

    fn begun(&self) -> usize {
        self.slow.begun.load(Ordering::SeqCst)
    }

    fn ended(&self) -> usize {
        self.slow.ended.load(Ordering::SeqCst)
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_flight_outlives_its_first_caller() {
    let scene = Scene::new(10 * SECOND, Outcome::Found, Cache::default());
    let (first, second) = tokio::join!(scene.read(SECOND), scene.read(20 * SECOND));
    assert!(
        matches!(first, Err(RegistryError::Timeout { limit, .. }) if limit == SECOND),
        "{first:?}"
    );
    assert_eq!(second.unwrap().unwrap(), BLOB.into());
    assert_eq!((scene.begun(), scene.ended()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn those_who_join_are_counted() {
    let counter = Arc::new(Counter::default());
    let cache = Cache::default().observer(counter.clone());
    let scene = Scene::new(SECOND, Outcome::Found, cache);
    let all = join_all((0..100).map(|_| scene.read(9 * SECOND))).await;
    assert!(all.iter().all(|one| matches!(one, Ok(Some(_)))));
    scene.read(SECOND).await.unwrap();
    let of = |answer| counter.of(CacheKind::Blob, answer);
    assert_eq!((of(CacheAnswer::Miss), of(CacheAnswer::Joined)), (1, 99));
    assert_eq!(of(CacheAnswer::Memory), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flight_stops_when_nobody_waits() {
    let scene = Scene::new(10 * SECOND, Outcome::Found, Cache::default());
    let (first, second) = tokio::join!(scene.read(SECOND), scene.read(2 * SECOND));
    assert!(first.is_err() && second.is_err());
    assert_eq!((scene.begun(), scene.ended()), (1, 1));
    assert_eq!(scene.read(20 * SECOND).await.unwrap().unwrap(), BLOB.into());
    assert_eq!((scene.begun(), scene.ended()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_flight_has_a_deadline_of_its_own() {
    let cache = Cache::default().flight_time(3 * SECOND);
    let scene = Scene::new(10 * SECOND, Outcome::Found, cache);
    let started = tokio::time::Instant::now();
    let error = scene.read(60 * SECOND).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Timeout { limit, .. } if limit == 3 * SECOND),
        "{error}"
    );
    assert!(started.elapsed() < 4 * SECOND);
    assert_eq!(scene.ended(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_for_those_who_waited() {
    let scene = Scene::new(SECOND, Outcome::Failure, Cache::default());
    let all = join_all((0..100).map(|_| scene.read(9 * SECOND))).await;
    assert!(
        all.iter()
            .all(|one| matches!(one, Err(RegistryError::Failed { status: 503, .. })))
    );
    assert_eq!(scene.begun(), 1);
    *scene.slow.outcome.lock().unwrap() = Outcome::Found;
    assert_eq!(scene.read(9 * SECOND).await.unwrap().unwrap(), BLOB.into());
    assert_eq!(scene.begun(), 2);
}

/// One that still holds an old flight must not hand its error on.
#[tokio::test(start_paused = true)]
async fn whoever_asks_after_the_error_asks_anew_though_others_have_not_looked_yet() {
    let scene = Scene::new(SECOND, Outcome::Failure, Cache::default());
    let mut sleepy = Box::pin(scene.read(60 * SECOND));
    begin(sleepy.as_mut()).await;
    assert!(scene.read(9 * SECOND).await.is_err());
    *scene.slow.outcome.lock().unwrap() = Outcome::Found;
    assert_eq!(scene.read(9 * SECOND).await.unwrap().unwrap(), BLOB.into());
    assert!(sleepy.await.is_err());
    assert_eq!(scene.begun(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_flight_is_an_error_that_nothing_excuses_and_poisons_nobody() {
    let scene = Scene::new(SECOND, Outcome::Panic, Cache::default());
    let (first, second) = tokio::join!(scene.read(9 * SECOND), scene.read(9 * SECOND));
    for one in [first, second] {
        let error = one.unwrap_err();
        assert_eq!(error.class(), countersign_core::GapClass::Hostile);
        assert!(error.to_string().contains("panic"), "{error}");
    }
    *scene.slow.outcome.lock().unwrap() = Outcome::Found;
    assert_eq!(scene.read(9 * SECOND).await.unwrap().unwrap(), BLOB.into());
}

#[tokio::test(start_paused = true)]
async fn bytes_are_hashed_here_whoever_has_read_them() {
    let scene = Scene::new(Duration::ZERO, Outcome::Wrong, Cache::default());
    for times in 1..=2 {
        let error = scene.read(SECOND).await.unwrap_err();
        assert!(matches!(error, RegistryError::Digest { .. }), "{error}");
        assert_eq!(scene.begun(), times);
    }
}

#[tokio::test(start_paused = true)]
async fn asks_with_other_bounds_are_other_flights() {
    let scene = Scene::new(SECOND, Outcome::Found, Cache::default());
    let (budget, blob) = (budget(), Digest::of(BLOB));
    let (right, wrong) = tokio::join!(
        scene.read(9 * SECOND),
        scene.cached.blob(&scene.repository, &blob, 3, &budget),
    );
    assert_eq!(right.unwrap().unwrap(), BLOB.into());
    assert!(matches!(wrong, Err(RegistryError::Size { .. })));
    assert_eq!(scene.begun(), 2);
}

/// As `check_blocking` makes one for each check: timers and sockets of a flight die with the runtime that began it.
#[test]
fn a_flight_stays_within_its_runtime() {
    let scene = Scene::new(Duration::from_millis(50), Outcome::Found, Cache::default());
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (one, two) = (runtime(), runtime());
    let mut first = Box::pin(scene.read(9 * SECOND));
    let mut second = Box::pin(scene.read(9 * SECOND));
    one.block_on(begin(first.as_mut()));
    two.block_on(begin(second.as_mut()));
    drop(first);
    drop(one);
    assert_eq!(two.block_on(second).unwrap().unwrap(), BLOB.into());
    assert_eq!(scene.begun(), 2);
}

/// Polls it once.
async fn begin<T: std::fmt::Debug>(work: std::pin::Pin<&mut impl Future<Output = T>>) {
    tokio::select! {
        biased;
        early = work => panic!("{early:?}"),
        () = std::future::ready(()) => {}
    }
}
