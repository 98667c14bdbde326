//! Kubernetes Events of what was refused, and of what runs by break-glass: `kubectl describe` of the owner shows them.
//!
//! They are for people and prove nothing. A review is never held up by them: what is to be told is put on a bounded board ([`board`]), where the same about the
//! same object is one Event with a count, and one task writes what the board's allowance lets through.
//!
//! Only what the API server asked may be told. With `--client-ca` it is the API server who asks. Without, anybody who reaches the port can ask, so an
//! Event is then written only about an object that is there by that very uid, in that very namespace: whoever knows it has been let in there.

mod board;
mod subject;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use countersign_core::printable;
use serde_json::json;

pub(crate) use self::board::Post;
use self::board::{Board, Key};
pub(crate) use self::subject::{LOOKED_AT, Subject};
use crate::kubernetes::{EventError, EventWriter, Series};
use crate::log::{Level, Log};
use crate::message::denying;
use crate::metrics::Metrics;
use crate::{Answered, Door, Outcome};

/// How often the board is looked at.
const PAUSE: Duration = Duration::from_secs(1);
/// Characters that are kept: an Event takes 1 KiB.
const MOST_MESSAGE: usize = 1024;

/// What is told about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    key: Key,
    message: String,
}

/// Takes what is to be told. It never waits for the API server.
pub(crate) struct Events {
    board: Mutex<Board>,
    metrics: Arc<Metrics>,
}

impl Events {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            board: Mutex::new(Board::default()),
            metrics,
        }
    }

    /// Notes what is to be told of an answer, if anything is.
    pub(crate) fn answered(&self, answered: &Answered<'_>) {
        let Some(Notice { key, message }) = notice(answered) else {
            return;
        };
        if !self.board().add(key, message, SystemTime::now()) {
            self.metrics.event("lost");
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what is on the board.
pub(crate) struct Teller {
    pub(crate) events: Arc<Events>,
    pub(crate) writer: EventWriter,
    /// Whether whoever asks is known to be the API server.
    pub(crate) is_authenticated: bool,
    pub(crate) log: Log,
}

impl Teller {
    /// Writes for ever.
    pub(crate) async fn tell(self) {
        let mut is_told = Told::default();
        loop {
            loop {
                let next = self.events.board().next(SystemTime::now());
                let Some(post) = next else { break };
                let outcome = self.write(&post).await;
                self.done(&post, outcome, &mut is_told);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Gives the name of the Event that was written.
    async fn write(&self, post: &Post) -> Result<String, EventError> {
        let subject = &post.key.subject;
        if let Some(name) = &post.written {
            let series = Series {
                count: post.count,
                last: post.last,
            };
            match self.writer.again(&subject.namespace, name, &series).await {
                Ok(()) => return Ok(name.clone()),
                // The API server forgets Events after an hour.
                Err(EventError::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        if !self.is_authenticated && !self.writer.is_there(subject).await? {
            return Err(EventError::Unverified);
        }
        self.writer.create(post).await
    }

    fn done(&self, post: &Post, outcome: Result<String, EventError>, is_told: &mut Told) {
        let metrics = &self.events.metrics;
        let error = match outcome {
            Ok(name) => {
                metrics.event("written");
                is_told.failed = false;
                return self
                    .events
                    .board()
                    .written(&post.key, name, post.count, SystemTime::now());
            }
            Err(error) => error,
        };
        let (count, event, message, is_new) = match &error {
            EventError::Unverified | EventError::Gone => {
                metrics.event("unverified");
                return self.events.board().give_up(&post.key);
            }
            EventError::Forbidden(_) => (
                "refused",
                "events-forbidden",
                "Events cannot be written: grant the service account `create` and `patch` of `events` in the group `events.k8s.io`, and, without \
                 --client-ca, `get` of the workloads that Events are about",
                !std::mem::replace(&mut is_told.forbidden, true),
            ),
            EventError::Failed(_) => (
                "failed",
                "events-failed",
                "Events cannot be written; they are for people alone, so nothing is decided otherwise",
                !std::mem::replace(&mut is_told.failed, true),
            ),
        };
        metrics.event(count);
        if is_new {
            let errors = error.to_string();
            self.log
                .event(Level::Warn, event, message, json!({"errors": errors}));
        }
        self.events.board().failed(&post.key, SystemTime::now());
    }
}

/// What was said in the log already.
#[derive(Default)]
struct Told {
    forbidden: bool,
    failed: bool,
}

/// What is to be told: at the enforcing door alone, of what is no dry run. Objects of no namespace have no images.
fn notice(answered: &Answered<'_>) -> Option<Notice> {
    let review = answered.review;
    if answered.door != Door::Enforce || review.dry_run {
        return None;
    }
    let (reason, message) = match answered.answer.effect() {
        "deny" => ("ImageDenied", answered.answer.message().to_owned()),
        "allow" => ("BreakGlassUsed", broken(answered)?),
        _ => ("ImageUndecided", answered.answer.message().to_owned()),
    };
    let key = Key {
        subject: Subject::of(review)?,
        reason,
        policy: policy(answered),
    };
    let message = message.chars().take(MOST_MESSAGE).collect();
    Some(Notice { key, message })
}

/// The first policy that leads to the answer; empty if none does.
fn policy(answered: &Answered<'_>) -> String {
    let effect = answered.answer.effect();
    let decisions = answered
        .images
        .iter()
        .filter_map(|judged| match &judged.outcome {
            Outcome::Decided(decision) => Some(decision),
            Outcome::Misnamed(_) | Outcome::Late(_) => None,
        });
    let mut policies = decisions
        .filter(|decision| decision.effect().as_str() == effect)
        .flat_map(|decision| denying(decision));
    policies
        .next()
        .map(|policy| printable(&policy.name))
        .unwrap_or_default()
}

/// Which images run by break-glass alone; none if none do.
fn broken(answered: &Answered<'_>) -> Option<String> {
    let mut told = Vec::new();
    for judged in answered.images {
        if let Outcome::Decided(decision) = &judged.outcome
            && decision.is_by_break_glass()
            && let Some(used) = decision.break_glass().and_then(|it| it.used())
        {
            told.push(format!(
                "{} by {}",
                printable(decision.image()),
                printable(&used.statement.id)
            ));
        }
    }
    (!told.is_empty()).then(|| {
        format!(
            "runs by break-glass, although policies deny it or nobody could tell: {}",
            told.join(", ")
        )
    })
}

#[cfg(test)]
mod tests;
