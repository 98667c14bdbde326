//! Which replica leads: what only one of them should do is done by the one that holds a Lease (`coordination.k8s.io/v1`).
//!
//! The rules are those of client-go's leader election. Whoever leads has stopped before another may begin, also if neither clock is right and the
//! API server cannot be asked: the leader counts from before it asked for its last renewal, and for less time than others wait after they have seen it.

mod contender;

use std::fs;
use std::future::pending;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use serde_json::json;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::contender::{Contender, Step};
use super::{Kubernetes, is_conflict, why};
use crate::log::{Level, Log};

/// How long a lease holds after others have seen its last renewal. This and the next two are client-go's.
const DURATION: Duration = Duration::from_secs(15);
/// How long the holder leads after it asked for its last renewal that was done.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long one waits between two tries to get or to renew it.
const RETRY: Duration = Duration::from_secs(2);
/// One try takes no longer, so that there are several within the deadline.
const ONE_TRY: Duration = Duration::from_secs(4);

/// Whether this replica leads. Clones tell the same.
#[derive(Debug, Clone)]
pub(crate) struct Leading(watch::Receiver<Option<Instant>>);

impl Leading {
    /// Whether it leads now. What takes long is asked about again before each step: it may have ended since.
    pub(crate) fn is_leading(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Ready when this replica begins or ceases to lead.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // It never leads again.
            pending().await
        }
    }
}

/// A replica that stands for election, until it withdraws.
#[derive(Debug)]
pub(crate) struct Candidacy {
    leading: Leading,
    withdraw: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Candidacy {
    /// Stands for the lease `name` in the webhook's own namespace. It needs `get`, `create` and `update` of Leases there.
    pub(crate) fn stand(kubernetes: &Kubernetes, name: &str, log: Log) -> Self {
        let (sender, receiver) = watch::channel(None);
        let (withdraw, withdrawn) = oneshot::channel();
        let identity = identity();
        let candidate = Candidate {
            api: Api::namespaced(kubernetes.client().clone(), kubernetes.namespace()),
            name: name.to_owned(),
            contender: Contender::new(identity.clone(), DURATION),
            identity,
            until: sender,
            log,
            wrong: None,
        };
        Self {
            leading: Leading(receiver),
            withdraw,
            task: tokio::spawn(candidate.stand(withdrawn)),
        }
    }

    /// What tells whether it leads.
    pub(crate) fn leading(&self) -> Leading {
        self.leading.clone()
    }

    /// Ceases to lead, and gives the lease back if it held it, so that nobody has to wait.
    pub(crate) async fn withdraw(self) {
        // The task ends by itself only by a panic.
        let _ = self.withdraw.send(());
        let _ = self.task.await;
    }
}

/// What the task of a [`Candidacy`] works with.
struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    contender: Contender,
    /// Until when it leads; none while it does not.
    until: watch::Sender<Option<Instant>>,
    log: Log,
    /// What was wrong at the last try, so that it is said once.
    wrong: Option<String>,
}

/// What came of one try.
enum Tried {
    /// It is held, and this replica leads until then.
    Held(Instant),
    /// Another holds it.
    Others,
    /// Somebody else was quicker; the next try tells who.
    Raced,
}

impl Candidate {
    async fn stand(mut self, mut withdrawn: oneshot::Receiver<()>) {
        loop {
            let until = *self.until.borrow();
            let start = Instant::now();
            let end = until.map_or(start + ONE_TRY, |until| until.min(start + ONE_TRY));
            let tried = tokio::select! {
                _ = &mut withdrawn => break,
                tried = timeout_at(end, self.attempt()) => tried,
            };
            match tried {
                Ok(Ok(Tried::Held(until))) => self.lead(until),
                Ok(Ok(Tried::Others)) => self.stop("another replica holds the lease"),
                Ok(Ok(Tried::Raced)) => {}
                Ok(Err(error)) => self.complain(&why(&error)),
                Err(_) => self.complain("the Kubernetes API does not answer in time"),
            }
            let until = *self.until.borrow();
            if until.is_some_and(|until| until <= Instant::now()) {
                self.stop("the lease could not be renewed in time");
            }
            let next = Instant::now() + RETRY;
            let next = until.map_or(next, |until| until.min(next));
            tokio::select! {
                _ = &mut withdrawn => break,
                () = sleep_until(next) => {}
            }
        }
        let led = self.until.borrow().is_some();
        self.stop("it is about to end");
        if led {
            let end = Instant::now() + ONE_TRY;
            // Where it cannot be given back it runs out.
            let _ = timeout_at(end, self.give_back()).await;
        }
    }

    async fn attempt(&mut self) -> Result<Tried, kube::Error> {
        let found = self.api.get_opt(&self.name).await?;
        let spec = found.as_ref().map(|it| it.spec.clone().unwrap_or_default());
        let start = Instant::now();
        let written = match self.contender.step(spec.as_ref(), start, Timestamp::now()) {
            Step::Wait => return Ok(Tried::Others),
            Step::Write(spec) => self.write(found, spec).await,
        };
        match written {
            Ok(()) => Ok(Tried::Held(start + DEADLINE)),
            Err(error) if is_conflict(&error) => Ok(Tried::Raced),
            Err(error) => Err(error),
        }
    }

    /// Creates it, or replaces the very state that was `found`: the API server compares its `resourceVersion`.
    async fn write(&self, found: Option<Lease>, spec: LeaseSpec) -> Result<(), kube::Error> {
        let how = PostParams::default();
        match found {
            Some(mut lease) => {
                lease.spec = Some(spec);
                self.api.replace(&self.name, &how, &lease).await?;
            }
            None => {
                let lease = Lease {
                    metadata: ObjectMeta {
                        name: Some(self.name.clone()),
                        ..ObjectMeta::default()
                    },
                    spec: Some(spec),
                };
                self.api.create(&how, &lease).await?;
            }
        }
        Ok(())
    }

    async fn give_back(&self) -> Result<(), kube::Error> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            return Ok(());
        };
        let spec = lease.spec.take().unwrap_or_default();
        match self.contender.given_back(spec, Timestamp::now()) {
            Some(spec) => self.write(Some(lease), spec).await,
            None => Ok(()),
        }
    }

    fn lead(&mut self, until: Instant) {
        self.wrong = None;
        let mut began = false;
        self.until.send_if_modified(|now| {
            began = now.replace(until).is_none();
            began
        });
        if began {
            self.log.event(
                Level::Info,
                "leading",
                "this replica holds the lease, and does what only one replica does",
                json!({"lease": self.name, "identity": self.identity}),
            );
        }
    }

    fn stop(&self, because: &str) {
        let ended = self.until.send_if_modified(|now| now.take().is_some());
        if ended {
            self.log.event(
                Level::Info,
                "leading-ended",
                "this replica leaves to another what only one replica does",
                json!({"lease": self.name, "identity": self.identity, "because": because}),
            );
        }
    }

    fn complain(&mut self, why: &str) {
        if self.wrong.as_deref() == Some(why) {
            return;
        }
        self.wrong = Some(why.to_owned());
        self.log.event(
            Level::Error,
            "lease-failed",
            "the lease cannot be had or renewed; what only one replica does is left undone until it can",
            json!({"lease": self.name, "errors": why}),
        );
    }
}

/// A name that no other process has, now or later: a restarted Pod keeps its host name, and is not who held the lease before.
fn identity() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut random = [0; 8];
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    // Without randomness there is no TLS either, nor anybody to lead.
    let _ = provider.secure_random.fill(&mut random);
    format!("{}_{:016x}", host.trim(), u64::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_is_stuck_does_not_lead_beyond_the_deadline() {
        let (sender, receiver) = watch::channel(None);
        let mut leading = Leading(receiver);
        assert!(!leading.is_leading());
        sender.send_replace(Some(Instant::now() + DEADLINE));
        leading.changed().await;
        assert!(leading.is_leading() && leading.clone().is_leading());
        tokio::time::advance(DEADLINE - Duration::from_millis(1)).await;
        assert!(leading.is_leading());
        // Nobody has said that it ended.
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!leading.is_leading());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_withdrawn_is_not_told_of_changes_for_ever() {
        let (sender, receiver) = watch::channel(None);
        drop(sender);
        let waited = tokio::time::timeout(DURATION, async {
            Leading(receiver).changed().await;
        });
        waited.await.unwrap_err();
    }

    #[test]
    fn a_leader_has_stopped_before_others_may_begin_and_tries_more_than_once() {
        assert!(DEADLINE < DURATION);
        assert!(2 * (ONE_TRY + RETRY) > DEADLINE && ONE_TRY + RETRY < DEADLINE);
        assert_ne!(identity(), identity());
    }
}
