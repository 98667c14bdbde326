//! What registries said, remembered: bytes by digest, and for a short time tags, lists and absences.
//!
//! A cache is a registry before a registry ([`Cached`]). Nobody profits from what another may read: everything but the bytes
//! themselves is kept per registry, repository and [`Access`](crate::Access), and bytes that are shared are given only to
//! whoever was shown them by the registry within the last minute. `docs/cache.md` has the whole list of rules.

mod cached;
mod disk;
mod error;
mod flight;
mod folder;
mod last_known;
mod memory;
mod recent;
mod record;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_core::{Digest, UnixTime};
use tokio::time::Instant;

pub use self::cached::Cached;
pub use self::error::CacheError;
pub use self::last_known::LastKnown;

use self::disk::Disk;
use self::flight::Flights;
use self::memory::{Listed, Manifest, Memory, Scope};
use self::record::Record;
use crate::locked::lock;
use crate::{Budget, CacheAnswer, CacheAsked, CacheKind, Observer};

/// How long a disk may take for one file before it is left alone for a while: checks wait for it.
const DISK_PATIENCE: Duration = Duration::from_secs(3);
/// How long nothing is written after a disk failed: it may have room again later.
const DISK_PAUSE: Duration = Duration::from_secs(60);
/// How far the clock of another process may be ahead.
const CLOCK_SKEW: i64 = 300;

/// What [`Cached`] remembers: bounded, shared by any number of checks, and on disk too if [`on_disk`](Self::on_disk) says so.
///
/// One cache serves registry clients that reach the same registries by the same names; they may differ in credentials.
pub struct Cache {
    memory: Memory,
    disk: Option<Arc<Disk>>,
    trouble: Mutex<Trouble>,
    manifests: Arc<Flights<Option<Manifest>>>,
    blobs: Arc<Flights<Option<Arc<[u8]>>>>,
    listings: Arc<Flights<Arc<Listed>>>,
    flight_time: Duration,
    clock: Clock,
    observer: Option<Arc<dyn Observer>>,
}

type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// What went wrong with the disk.
#[derive(Default)]
struct Trouble {
    last: Option<String>,
    paused_until: Option<Instant>,
}

impl Cache {
    /// Bytes that are kept in memory, if nobody says otherwise (32 MiB).
    pub const DEFAULT_BYTES: usize = 32 * 1024 * 1024;
    /// Bytes that are kept on disk, if nobody says otherwise (1 GiB).
    pub const DEFAULT_DISK_BYTES: u64 = 1024 * 1024 * 1024;
    /// For how long a tag or a list of referrers is believed, if nobody says otherwise.
    pub const DEFAULT_FRESH: Duration = Duration::from_secs(5);

    /// A cache in memory that keeps at most so many bytes of manifests and blobs; what is larger than a quarter of that is
    /// not kept.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            memory: Memory::new(max_bytes, Self::DEFAULT_FRESH),
            disk: None,
            trouble: Mutex::default(),
            manifests: Arc::default(),
            blobs: Arc::default(),
            listings: Arc::default(),
            flight_time: Budget::DEFAULT_TIME,
            clock: Arc::new(system_time),
            observer: None,
        }
    }

    /// For how long a tag or a list of referrers is believed: whoever moves a tag waits as long until every check sees it.
    #[must_use]
    pub const fn fresh(mut self, fresh: Duration) -> Self {
        self.memory.fresh = fresh;
        self
    }

    /// How long one request for several checks may take, retries included ([`Budget::DEFAULT_TIME`]). Each check still
    /// ends by its own deadline.
    #[must_use]
    pub const fn flight_time(mut self, time: Duration) -> Self {
        self.flight_time = time;
        self
    }

    /// Another clock than the system's, for how old the last known lists are.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Tells somebody how it answers.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Keeps raw bytes, and when each list and manifest was read last, in a folder too, of at most about `max_bytes`.
    ///
    /// The folder is made if it is not there. Several processes may share it. Nothing in it is trusted: bytes are hashed
    /// again, and a list is a hint. A disk that fails later fails no check: [`disk_error`](Self::disk_error).
    ///
    /// # Errors
    /// [`CacheError`] if the folder cannot be used, or if others could change what is in it.
    pub fn on_disk(mut self, folder: impl AsRef<Path>, max_bytes: u64) -> Result<Self, CacheError> {
        self.disk = Some(Arc::new(Disk::open(folder.as_ref(), max_bytes)?));
        Ok(self)
    }

    /// What went wrong with the disk last, if anything ever did; the cache goes on in memory.
    #[must_use]
    pub fn disk_error(&self) -> Option<String> {
        self.trouble().last.clone()
    }

    fn now(&self) -> UnixTime {
        (self.clock)()
    }

    /// How long ago that was; none if it lies further in the future than clocks differ.
    fn age(&self, at: UnixTime) -> Option<Duration> {
        let age = self.now().seconds().saturating_sub(at.seconds());
        if age < -CLOCK_SKEW {
            return None;
        }
        Some(Duration::from_secs(u64::try_from(age).unwrap_or(0)))
    }

    fn asked(&self, kind: CacheKind, answer: CacheAnswer) {
        if let Some(observer) = &self.observer {
            observer.cache_asked(&CacheAsked { kind, answer });
        }
    }

    /// The bytes on disk with that digest, at most `max` of them.
    pub(crate) async fn disk_blob(&self, digest: Digest, max: usize) -> Option<Vec<u8>> {
        self.with_disk(move |disk| disk.blob(&digest, max))
            .await
            .flatten()
    }

    async fn keep_blob(&self, digest: Digest, bytes: &Arc<[u8]>) {
        let bytes = Arc::clone(bytes);
        self.with_disk(move |disk| disk.put_blob(&digest, &bytes))
            .await;
    }

    /// The record about `of` under this scope, if there is one that can be read.
    async fn disk_record<T: Record>(&self, scope: Scope, of: Digest) -> Option<T> {
        self.with_disk(move |disk| disk.record(&scope, &of))
            .await
            .flatten()
    }

    async fn keep_record<T: Record>(&self, scope: Scope, of: Digest, record: T) {
        self.with_disk(move |disk| disk.put_record(&scope, &of, &record))
            .await;
    }

    /// Does something with the disk, if there is one that works. What goes wrong is noted and keeps nobody.
    async fn with_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> io::Result<T> + Send + 'static,
    ) -> Option<T> {
        let disk = Arc::clone(self.disk.as_ref()?);
        if self.trouble().is_paused() {
            return None;
        }
        let folder = disk.folder().display().to_string();
        let work = tokio::task::spawn_blocking(move || work(&disk));
        let error = match tokio::time::timeout(DISK_PATIENCE, work).await {
            Ok(Ok(Ok(output))) => return Some(output),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => "the work on it ended with a panic".to_owned(),
            Err(_) => format!("it did not answer within {DISK_PATIENCE:?}"),
        };
        let mut trouble = self.trouble();
        trouble.last = Some(format!("{folder}: {error}"));
        trouble.paused_until = Some(Instant::now() + DISK_PAUSE);
        None
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        // Two assignments: whoever panicked elsewhere has left nothing half done.
        lock(&self.trouble)
    }
}

impl Trouble {
    fn is_paused(&self) -> bool {
        self.paused_until
            .is_some_and(|until| Instant::now() < until)
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::new(Self::DEFAULT_BYTES)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("fresh", &self.memory.fresh)
            .field("disk", &self.disk)
            .finish_non_exhaustive()
    }
}

fn system_time() -> UnixTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixTime::from_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
