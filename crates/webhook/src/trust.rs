//! Keeps the trust roots of TUF repositories current, in the background: asks the repositories that policies name, and no others, and keeps in the folder of
//! `--trust-cache` what they gave. The keeper of policies finds it there, as it finds what `countersign trust update` has put there.
//!
//! What cannot be refreshed changes nothing: the last good state serves on, for as long as Settings say, and log and metrics have its age.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use countersign::{PolicyFiles, PolicySet, RefreshError, TrustState, TrustStore, TufClient};
use countersign_core::{
    Diagnostic, Digest, ReasonCode, Severity, TufSource, TufSources, UnixTime, printable,
};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::log::{Level, Log};
use crate::metrics::{Metrics, RootAge};
use crate::policies::reads::{Read, Reads};

/// After a first failure it is asked again this soon; then after twice as long, up to the interval.
const SOON: Duration = Duration::from_secs(60);

/// What it asks, when, and whom it tells.
pub(crate) struct Refresher {
    /// The policy file or folder.
    pub(crate) policy: PathBuf,
    pub(crate) store: TrustStore,
    pub(crate) client: Arc<TufClient>,
    /// How old a good state may be before it is asked for a new one; never, without.
    pub(crate) every: Option<Duration>,
    pub(crate) log: Log,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) roots: BTreeMap<Digest, Root>,
    /// The files of which the repositories were found last; none if there was none.
    pub(crate) read: Option<Read>,
}

/// One repository, as it is known to this process.
pub(crate) struct Root {
    /// The first TrustRoot that names it.
    name: String,
    source: TufSource,
    state: Option<TrustState>,
    due: UnixTime,
    failures: u32,
    /// What was wrong last, so that it is said once.
    wrong: Option<String>,
}

impl Refresher {
    /// Looks again and again, for ever.
    pub(crate) async fn keep(mut self, interval: Duration) {
        loop {
            self.round(SystemTime::now().into()).await;
            tokio::time::sleep(interval).await;
        }
    }

    async fn round(&mut self, now: UnixTime) {
        let (policy, last) = (self.policy.clone(), self.read.take());
        let found = apart(move || look(&policy, last));
        if let Some((read, found)) = found.await.flatten() {
            self.read = Some(read);
            if let Some(found) = found {
                self.named(found, now).await;
            }
        }
        let ids: Vec<Digest> = self.roots.keys().copied().collect();
        for id in ids {
            let (Some(every), Some(root)) = (self.every, self.roots.get(&id)) else {
                continue;
            };
            if root.due <= now
                && let Some(outcome) = self.refresh(root.source.clone(), now).await
            {
                self.came_of(id, outcome, every, now);
            }
        }
        self.metrics
            .trust_roots(self.roots.values().map(Root::age).collect());
    }

    /// From now on these are the repositories. While the files are wrong, which the keeper of policies tells, those before stay: what is in force needs them.
    async fn named(&mut self, found: TufSources, now: UnixTime) {
        let is_error =
            |it: &Diagnostic| it.severity == Severity::Error && it.code != ReasonCode::UnusedName;
        let is_whole = !found.diagnostics.iter().any(is_error);
        let named: BTreeMap<Digest, (String, TufSource)> = found
            .sources
            .into_iter()
            .rev()
            .map(|(name, source)| (source.id(), (name, source)))
            .collect();
        if is_whole {
            self.roots.retain(|id, _| named.contains_key(id));
        }
        for (id, (name, source)) in named {
            let root = match self.roots.remove(&id) {
                Some(root) => Root { name, ..root },
                None => self.found(name, source, now).await,
            };
            self.roots.insert(id, root);
        }
    }

    /// What is known of a repository that was not asked yet.
    async fn found(&self, name: String, source: TufSource, now: UnixTime) -> Root {
        // What is there and cannot be read is begun anew by a refresh.
        let (store, asked) = (self.store.clone(), source.clone());
        let state = apart(move || store.load(&asked).ok().flatten());
        let state = state.await.flatten();
        let due = match (&state, self.every) {
            (Some(state), Some(every)) => after(state.refreshed, every).min(after(now, every)),
            _ => now,
        };
        Root {
            name,
            source,
            state,
            due,
            failures: 0,
            wrong: None,
        }
    }

    async fn refresh(
        &self,
        source: TufSource,
        now: UnixTime,
    ) -> Option<Result<TrustState, RefreshError>> {
        let (store, client) = (self.store.clone(), Arc::clone(&self.client));
        let runtime = Handle::current();
        apart(move || runtime.block_on(store.refresh(&source, &client, now))).await
    }

    fn came_of(
        &mut self,
        id: Digest,
        outcome: Result<TrustState, RefreshError>,
        every: Duration,
        now: UnixTime,
    ) {
        let Some(root) = self.roots.get_mut(&id) else {
            return;
        };
        match outcome {
            Ok(state) => {
                let old = root.state.replace(state);
                let was_wrong = root.wrong.take().is_some();
                root.failures = 0;
                root.due = after(now, every);
                if let Some(state) = &root.state
                    && (was_wrong || old.is_none_or(|old| old.fingerprint != state.fingerprint))
                {
                    let message =
                        "the TUF repository of a trust root was asked; what it gave is kept";
                    let more = root.said(state, now);
                    self.log
                        .event(Level::Info, "trust-root-refreshed", message, more);
                }
            }
            Err(error) => {
                root.state = error.kept.map(|kept| *kept).or(root.state.take());
                let pause = SOON.saturating_mul(1 << root.failures.min(16)).min(every);
                root.due = after(now, pause);
                root.failures = root.failures.saturating_add(1);
                let why = printable(&error.cause.to_string());
                if root.wrong.as_deref() != Some(&why) {
                    tell_failure(&self.log, root, &why, now);
                    root.wrong = Some(why);
                }
            }
        }
    }
}

fn tell_failure(log: &Log, root: &Root, why: &str, now: UnixTime) {
    let (message, mut more) = match &root.state {
        Some(state) => (
            "a trust root could not be refreshed; what was good last serves on, for as long as `trust.maxAge` of Settings says",
            root.said(state, now),
        ),
        None => (
            "a trust root could not be fetched, and none was before: policies that need it cannot be put in force",
            json!({"root": printable(&root.name), "url": printable(root.source.url())}),
        ),
    };
    more["errors"] = json!(why);
    log.event(Level::Error, "trust-root-refresh-failed", message, more);
}

impl Root {
    fn age(&self) -> RootAge {
        RootAge {
            name: self.name.clone(),
            expires: self.state.as_ref().map(TrustState::expires),
            refreshed: self.state.as_ref().map(|state| state.refreshed),
            is_good: self.wrong.is_none() && self.state.is_some(),
        }
    }

    fn said(&self, state: &TrustState, now: UnixTime) -> Value {
        json!({
            "root": printable(&self.name),
            "url": printable(self.source.url()),
            "fingerprint": state.fingerprint.to_string(),
            "expires": state.expires().to_string(),
            "refreshed": state.refreshed.to_string(),
            "ageSeconds": now.seconds().saturating_sub(state.refreshed.seconds()),
            "warnings": state.warnings(now),
        })
    }
}

/// The files that there are now, and the repositories that they name where they are other files than the `last`; none if they cannot be read at all.
fn look(policy: &Path, last: Option<Read>) -> Option<(Read, Option<TufSources>)> {
    let files = PolicyFiles::open(policy).ok()?;
    if let Some(last) = last.filter(|last| last.is_still(&files)) {
        return Some((last, None));
    }
    let reads = Reads::new(&files, None);
    let found = PolicySet::tuf_sources(files.sources(), &reads);
    Some((reads.done(), Some(found)))
}

/// Reads, writes and verifies on a thread that may block; none if it panicked, or the program ends.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

fn after(time: UnixTime, pause: Duration) -> UnixTime {
    time.plus(i64::try_from(pause.as_secs()).unwrap_or(i64::MAX))
}
