//! The refresher against a TUF repository that the test makes and serves, with a clock of its own.
//!
//! The cases follow the public suite `tuf-conformance` (refresh, expiry, rollback, keys, rotation, downloads), and go beyond
//! it where clients went wrong: threshold 0, one key by two ids, traversal, oversized and endless files, a killed writer.
#![allow(clippy::unwrap_used)]

mod expiry;
mod hostile;
mod keys;
mod policy;
mod refresh;
mod rollback;
mod rotation;
mod store;

use std::time::Duration;

use countersign::{RefreshError, TrustState, TrustStore, TufClient, TufRole, TufSource, UnixTime};
use countersign_testkit::forge::Forge;
use countersign_testkit::tuf::{Repository, Role, Server};

const NOW: i64 = 1_790_000_000;
const DAY: i64 = 86_400;
const TARGET: &str = "trusted_root.json";

/// A repository, who serves it, and who follows it.
struct World {
    repository: Repository,
    server: Server,
    source: TufSource,
    folder: tempfile::TempDir,
}

impl World {
    /// A sound repository with a trusted root, of which nothing was fetched yet.
    fn new() -> Self {
        let mut repository = Repository::new(NOW);
        repository.set_target(TARGET, Forge::new(NOW).trusted_root().as_bytes());
        repository.publish();
        Self::of(repository)
    }

    /// Of this repository, pinned to its first root.
    fn of(repository: Repository) -> Self {
        let server = Server::start();
        server.serve(&repository);
        let root = repository.file("1.root.json").unwrap().to_vec();
        Self {
            source: TufSource::new(&server.url(), root).unwrap(),
            repository,
            server,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn store(&self) -> TrustStore {
        TrustStore::new(self.folder.path())
    }

    /// Publishes what was changed, and asks.
    fn refresh(&self) -> Result<TrustState, RefreshError> {
        self.refresh_at(NOW)
    }

    fn refresh_at(&self, now: i64) -> Result<TrustState, RefreshError> {
        self.server.serve(&self.repository);
        let client = TufClient::new()
            .timeouts(Duration::from_secs(2), Duration::from_millis(300))
            .timeout(Duration::from_secs(10));
        let store = self.store();
        let work = store.refresh(&self.source, &client, UnixTime::from_seconds(now));
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(work)
    }

    /// The kind of error, where a refresh must fail; what was good before must be there afterwards.
    fn refused(&self) -> &'static str {
        let before = self.load();
        let error = self.refresh().unwrap_err();
        let same = |state: Option<TrustState>| state.map(|it| (it.json, it.roles, it.refreshed));
        assert_eq!(same(error.kept.map(|kept| *kept)), same(before.clone()));
        assert_eq!(same(self.load()), same(before));
        error.cause.as_str()
    }

    fn load(&self) -> Option<TrustState> {
        self.store().load(&self.source).unwrap()
    }
}

/// The versions of root, timestamp, snapshot and targets.
fn versions(state: &TrustState) -> [u64; 4] {
    [
        TufRole::Root,
        TufRole::Timestamp,
        TufRole::Snapshot,
        TufRole::Targets,
    ]
    .map(|role| {
        state
            .roles
            .iter()
            .find(|it| it.role == role)
            .unwrap()
            .version
    })
}

/// Another trusted root, so that a change can be seen.
fn another_trusted_root() -> String {
    Forge::new(NOW).trusted_root()
}

/// Publishes a new trusted root; its bytes.
fn renew(repository: &mut Repository) -> Vec<u8> {
    let json = another_trusted_root();
    repository.set_target(TARGET, json.as_bytes());
    repository.publish();
    json.into_bytes()
}

/// Publishes `count` more versions of a role alone.
fn more(repository: &mut Repository, role: Role, count: u64) {
    for _ in 0..count {
        match role {
            Role::Root => repository.publish_root(),
            Role::Timestamp => repository.publish_timestamp(),
            Role::Snapshot => repository.publish_snapshot(),
            Role::Targets => repository.publish_targets(),
        }
    }
}
