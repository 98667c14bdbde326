//! Keeps the trust roots of TUF repositories current, in the background: asks the repositories that policies name, and no others, and keeps in the folder of
//! `--trust-cache` what they gave. The keeper of policies finds it there, as it finds what `countersign trust update` has put there.
//!
//! What cannot be refreshed changes nothing: the last good state serves on, for as long as Settings say, and log and metrics have its age.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use countersign::{PolicyFiles, TrustState, TrustStore, TufClient};
use countersign_core::{Digest, TufSource, UnixTime, printable};
use serde_json::{Value, json};

use crate::log::{Level, Log};
use crate::metrics::{Metrics, RootAge};

/// After a first failure it is asked again this soon; then after twice as long, up to the interval.
const SOON: Duration = Duration::from_secs(60);

/// What it asks, when, and whom it tells.
pub(crate) struct Refresher {
    /// The policy file or folder.
    pub(crate) policy: PathBuf,
    pub(crate) store: TrustStore,
    pub(crate) client: TufClient,
    /// How old a good state may be before it is asked for a new one; never, without.
    pub(crate) every: Option<Duration>,
    pub(crate) log: Log,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) roots: BTreeMap<Digest, Root>,
}

/// One repository, as it is known to this process.
pub(crate) struct Root {
    /// The first TrustRoot that names it.
    name: String,
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
        // Files are read by a thread that may block. Wrong ones are told by the keeper of policies; what they name besides is asked all the same.
        let policy = self.policy.clone();
        let sources = tokio::task::spawn_blocking(move || {
            PolicyFiles::open(&policy).map(|files| files.tuf_sources().sources)
        });
        let Ok(Ok(sources)) = sources.await else {
            return;
        };
        let named: BTreeMap<Digest, (String, TufSource)> = sources
            .into_iter()
            .rev()
            .map(|(name, source)| (source.id(), (name, source)))
            .collect();
        self.roots.retain(|id, _| named.contains_key(id));
        for (id, (name, source)) in named {
            let root = match self.roots.remove(&id) {
                Some(root) => Root { name, ..root },
                None => self.found(name, &source, now),
            };
            let root = match self.every {
                Some(every) if root.due <= now => self.refreshed(root, &source, every, now).await,
                _ => root,
            };
            self.roots.insert(id, root);
        }
        self.metrics
            .trust_roots(self.roots.values().map(Root::age).collect());
    }

    /// What is known of a repository that was not asked yet.
    fn found(&self, name: String, source: &TufSource, now: UnixTime) -> Root {
        // What is there and cannot be read is begun anew by a refresh.
        let state = self.store.load(source).ok().flatten();
        let due = match (&state, self.every) {
            (Some(state), Some(every)) => after(state.refreshed, every).min(after(now, every)),
            _ => now,
        };
        Root {
            name,
            state,
            due,
            failures: 0,
            wrong: None,
        }
    }

    async fn refreshed(
        &self,
        root: Root,
        source: &TufSource,
        every: Duration,
        now: UnixTime,
    ) -> Root {
        let name = root.name;
        match self.store.refresh(source, &self.client, now).await {
            Ok(state) => {
                let is_other = root
                    .state
                    .as_ref()
                    .is_none_or(|old| old.fingerprint != state.fingerprint);
                if is_other || root.wrong.is_some() {
                    let message =
                        "the TUF repository of a trust root was asked; what it gave is kept";
                    self.log.event(
                        Level::Info,
                        "trust-root-refreshed",
                        message,
                        said(&name, source, &state, now),
                    );
                }
                Root {
                    name,
                    state: Some(state),
                    due: after(now, every),
                    failures: 0,
                    wrong: None,
                }
            }
            Err(error) => {
                let state = error.kept.map(|kept| *kept).or(root.state);
                let why = printable(&error.cause.to_string());
                if root.wrong.as_deref() != Some(&why) {
                    self.tell_failure(&name, source, state.as_ref(), &why, now);
                }
                let pause = SOON.saturating_mul(1 << root.failures.min(16)).min(every);
                Root {
                    name,
                    state,
                    due: after(now, pause),
                    failures: root.failures.saturating_add(1),
                    wrong: Some(why),
                }
            }
        }
    }

    fn tell_failure(
        &self,
        name: &str,
        source: &TufSource,
        state: Option<&TrustState>,
        why: &str,
        now: UnixTime,
    ) {
        let (message, mut more) = match state {
            Some(state) => (
                "a trust root could not be refreshed; what was good last serves on, for as long as `trust.maxAge` of Settings says",
                said(name, source, state, now),
            ),
            None => (
                "a trust root could not be fetched, and none was before: policies that need it cannot be put in force",
                json!({"root": printable(name), "url": printable(source.url())}),
            ),
        };
        more["errors"] = json!(why);
        self.log
            .event(Level::Error, "trust-root-refresh-failed", message, more);
    }
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
}

fn said(name: &str, source: &TufSource, state: &TrustState, now: UnixTime) -> Value {
    json!({
        "root": printable(name),
        "url": printable(source.url()),
        "fingerprint": state.fingerprint.to_string(),
        "expires": state.expires().to_string(),
        "refreshed": state.refreshed.to_string(),
        "ageSeconds": now.seconds().saturating_sub(state.refreshed.seconds()),
        "warnings": state.warnings(now),
    })
}

fn after(time: UnixTime, pause: Duration) -> UnixTime {
    time.plus(i64::try_from(pause.as_secs()).unwrap_or(i64::MAX))
}
