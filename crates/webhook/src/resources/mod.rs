//! Policies that are custom resources: what the cluster has, what was judged of it, and what is to be told of that.
//!
//! This module asks nobody: `kubernetes::policies` brings the objects in and carries the status out.

mod object;
mod status;

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign::Source;
use countersign_core::Diagnostic;
use tokio::sync::watch;

pub(crate) use self::object::{Known, Object};
pub(crate) use self::status::{PartOfStatus, due};
use crate::crd::Kind;

/// Objects are written one after the other: they are judged when for so long none has changed …
const QUIET: Duration = Duration::from_millis(500);
/// … or when they have been changing for so long.
const MOST_RESTLESS: Duration = Duration::from_secs(5);

/// Every object of all kinds at one time, by kind and name.
pub(crate) type Objects = BTreeMap<(Kind, String), Arc<Object>>;

/// What came of judging a set.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// What was judged.
    pub(crate) objects: Arc<Objects>,
    /// Every error and warning.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Why there is no set for a reason that is in none of the documents.
    pub(crate) otherwise: Option<String>,
    /// Whether it is in force.
    pub(crate) accepted: bool,
}

impl Verdict {
    /// Whether it says the same of the same objects.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.objects, &other.objects)
            && self.diagnostics == other.diagnostics
            && self.otherwise == other.otherwise
            && self.accepted == other.accepted
    }
}

/// What there is to judge.
#[derive(Debug)]
pub(crate) enum Found {
    /// They have never been read whole, for this reason.
    Nothing(String),
    /// They are being changed.
    Changing,
    /// All of them.
    All(Arc<Objects>),
}

/// The policy resources of the cluster, between those who read, judge and tell of them.
#[derive(Debug)]
pub(crate) struct Resources {
    timing: Mutex<Timing>,
    changed: Condvar,
    objects: watch::Sender<Option<Arc<Objects>>>,
    verdict: watch::Sender<Option<Arc<Verdict>>>,
}

#[derive(Debug, Default)]
struct Timing {
    /// The first and the last change that nobody has judged yet.
    restless: Option<(Instant, Instant)>,
    /// Whether anything has changed since somebody waited for it last.
    is_new: bool,
    /// Why they cannot be read.
    away: String,
}

impl Resources {
    /// None that have been read yet.
    pub(crate) fn new() -> Self {
        Self {
            timing: Mutex::new(Timing {
                away: "the Kubernetes API has not answered yet".to_owned(),
                ..Timing::default()
            }),
            changed: Condvar::new(),
            objects: watch::Sender::new(None),
            verdict: watch::Sender::new(None),
        }
    }

    /// Every object of the cluster is this, and no other.
    pub(crate) fn publish(&self, objects: Objects) {
        let before = self.objects.send_replace(Some(Arc::new(objects)));
        let is_other = {
            let now = self.objects.borrow();
            !now.as_deref()
                .zip(before.as_deref())
                .is_some_and(|(now, before)| say_the_same(now, before))
        };
        if !is_other {
            return;
        }
        let mut timing = self.timing();
        // What is read first has been at rest for all that is known, and is waited for.
        if before.is_some() {
            let now = Instant::now();
            let first = timing.restless.map_or(now, |(first, _)| first);
            timing.restless = Some((first, now));
        }
        timing.is_new = true;
        self.changed.notify_all();
    }

    /// They cannot be read now. What was read before stays.
    pub(crate) fn are_away(&self, why: &str) {
        why.clone_into(&mut self.timing().away);
    }

    /// What is there to be judged.
    pub(crate) fn found(&self) -> Found {
        let mut timing = self.timing();
        let Some(objects) = self.objects.borrow().clone() else {
            return Found::Nothing(timing.away.clone());
        };
        if let Some((first, last)) = timing.restless
            && last.elapsed() < QUIET
            && first.elapsed() < MOST_RESTLESS
        {
            return Found::Changing;
        }
        timing.restless = None;
        Found::All(objects)
    }

    /// Waits until something changes, or for so long. It blocks.
    pub(crate) fn wait(&self, most: Duration) {
        let timing = self.timing();
        let waited = self
            .changed
            .wait_timeout_while(timing, most, |timing| !timing.is_new);
        let (mut timing, _) = waited.unwrap_or_else(PoisonError::into_inner);
        timing.is_new = false;
    }

    /// So a set was judged. Nobody is told of the same verdict twice.
    pub(crate) fn judged(&self, verdict: Verdict) {
        self.verdict.send_if_modified(|last| {
            let is_same = last.as_ref().is_some_and(|last| last.is(&verdict));
            if !is_same {
                *last = Some(Arc::new(verdict));
            }
            !is_same
        });
    }

    /// Tells of the objects and of each change, also of one that changes nothing that is judged.
    pub(crate) fn objects(&self) -> watch::Receiver<Option<Arc<Objects>>> {
        self.objects.subscribe()
    }

    /// Tells of the last verdict and of each that follows.
    pub(crate) fn verdicts(&self) -> watch::Receiver<Option<Arc<Verdict>>> {
        self.verdict.subscribe()
    }

    fn timing(&self) -> MutexGuard<'_, Timing> {
        self.timing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The documents of objects, in an order that depends on kinds and names alone.
pub(crate) fn documents(objects: &Objects) -> Vec<Source> {
    objects.values().map(|object| object.source()).collect()
}

/// Whether two sets of objects are the same policies.
fn say_the_same(one: &Objects, other: &Objects) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|((key, object), (other_key, other))| {
                key == other_key && object.written.text == other.written.text
            })
}

#[cfg(test)]
mod tests;
