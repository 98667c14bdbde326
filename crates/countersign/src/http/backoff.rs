//! Whom to leave alone for a while: a host that said so, and one that seems to be dead.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::retry::jitter;
use crate::locked::lock;
use crate::{Access, Budget, RegistryError};

/// So many requests have to fail one after the other, each with all its tries.
const FAILURES: u32 = 3;
/// The first wait, which doubles each time the host still fails.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A host that wants to be left alone for longer is asked all the same.
const LONGEST_TOLD: Duration = Duration::from_secs(300);
/// How often those who wait look whether whoever asks first is back.
const POLL: Duration = Duration::from_millis(20);
/// Hosts that are remembered.
const MAX_HOSTS: usize = 4096;

/// What is known of hosts that failed, by host and access: one tenant's failures are not another's.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    states: Arc<Mutex<HashMap<Key, State>>>,
}

type Key = (String, Access);

#[derive(Debug)]
struct State {
    failures: u32,
    /// How often it was closed since it last answered.
    closed: u32,
    until: Option<Until>,
    /// Whether the one request that may find out is under way.
    probing: bool,
}

#[derive(Debug, Clone)]
struct Until {
    at: Instant,
    cause: RegistryError,
    /// The host itself said when; then whoever has the time waits.
    told: bool,
}

/// Leave to send one request. Dropped without an answer, it lets somebody else find out.
#[derive(Debug)]
pub(super) struct Pass {
    states: Arc<Mutex<HashMap<Key, State>>>,
    key: Key,
    is_probe: bool,
}

enum Answer {
    Go { is_probe: bool },
    Wait(Duration),
    No(RegistryError),
}

impl Backoff {
    /// Leave to ask a host, at once or not at all; but where the host has said when it can be asked again, and the check has
    /// so long, after that. A repeated request (`attempt` above 1) has waited already, and waits for nobody who finds out.
    pub(super) async fn admit(
        &self,
        host: &str,
        access: &Access,
        attempt: u32,
        budget: &Budget,
    ) -> Result<Pass, RegistryError> {
        let key = (host.to_owned(), *access);
        loop {
            match self.ask(&key, attempt, budget.time_left()) {
                Answer::Go { is_probe } => {
                    return Ok(Pass {
                        states: Arc::clone(&self.states),
                        key,
                        is_probe,
                    });
                }
                Answer::Wait(time) => tokio::time::sleep(time).await,
                Answer::No(error) => return Err(error),
            }
        }
    }

    fn ask(&self, key: &Key, attempt: u32, time: Duration) -> Answer {
        let mut states = lock(&self.states);
        let Some(state) = states.get_mut(key) else {
            return Answer::Go { is_probe: false };
        };
        let Some(until) = &state.until else {
            return Answer::Go { is_probe: false };
        };
        let left = until.at.saturating_duration_since(Instant::now());
        if left.is_zero() && (!state.probing || attempt > 1) {
            state.probing = true;
            return Answer::Go { is_probe: true };
        }
        let wait = left.max(POLL);
        if until.told && wait < time {
            return Answer::Wait(wait);
        }
        Answer::No(RegistryError::BackedOff {
            host: key.0.clone(),
            cause: Box::new(until.cause.clone()),
            left,
        })
    }

    /// A request has failed with all its tries.
    pub(super) fn gave_up(&self, error: &RegistryError, access: &Access) {
        let counts = match error {
            RegistryError::Timeout { what, .. } => *what != Budget::ALL_IN_TIME,
            RegistryError::Connection { .. }
            | RegistryError::RateLimited { .. }
            | RegistryError::Failed { .. } => true,
            _ => false,
        };
        let Some(host) = error.host().filter(|_| counts) else {
            return;
        };
        self.change((host.to_owned(), *access), |state| {
            state.failures += 1;
            if state.failures >= FAILURES || state.probing {
                let wait = wait(state.closed, jitter());
                state.close(wait, error, false);
            }
        });
    }

    /// A host said when it wants to be asked again.
    pub(super) fn was_told_to_wait(&self, error: &RegistryError, access: &Access) {
        let (RegistryError::RateLimited {
            host,
            retry_after: Some(wait),
        }
        | RegistryError::Failed {
            host,
            retry_after: Some(wait),
            ..
        }) = error
        else {
            return;
        };
        if !wait.is_zero() {
            self.change((host.clone(), *access), |state| {
                state.close((*wait).min(LONGEST_TOLD), error, true);
            });
        }
    }

    fn change(&self, key: Key, change: impl FnOnce(&mut State)) {
        let mut states = lock(&self.states);
        if states.len() >= MAX_HOSTS && !states.contains_key(&key) {
            states.retain(|_, state| state.is_left_alone());
        }
        if states.len() >= MAX_HOSTS && !states.contains_key(&key) {
            return;
        }
        change(states.entry(key).or_insert(State {
            failures: 0,
            closed: 0,
            until: None,
            probing: false,
        }));
    }
}

impl State {
    fn is_left_alone(&self) -> bool {
        let until = self.until.as_ref();
        until.is_some_and(|until| until.at > Instant::now())
    }

    /// Leaves it alone for so long. Where it is left alone already only what the host itself says counts: requests that were under way then fail as well, which
    /// says nothing new.
    fn close(&mut self, wait: Duration, cause: &RegistryError, told: bool) {
        let is_left_alone = self.is_left_alone();
        if is_left_alone && !told {
            return;
        }
        if !is_left_alone {
            self.closed = self.closed.saturating_add(1);
        }
        self.probing = false;
        self.until = Some(Until {
            at: Instant::now() + wait,
            cause: cause.clone(),
            told,
        });
    }
}

impl Pass {
    /// Whether it still holds, after a wait elsewhere.
    pub(super) fn stands(&self) -> bool {
        let states = lock(&self.states);
        self.is_probe || !states.get(&self.key).is_some_and(State::is_left_alone)
    }

    /// The host has answered: nothing is held against it any more. But what it has said of others meanwhile stands.
    pub(super) fn is_alive(&mut self) {
        let mut states = lock(&self.states);
        let Some(state) = states.get_mut(&self.key) else {
            return;
        };
        let told = state.until.as_ref().filter(|until| until.told);
        if told.is_some_and(|until| until.at > Instant::now()) {
            state.failures = 0;
        } else {
            states.remove(&self.key);
        }
        self.is_probe = false;
    }

    /// The host has begun to answer: others may ask again, and the next failure closes it at once.
    pub(super) fn answers(&mut self) {
        if std::mem::take(&mut self.is_probe)
            && let Some(state) = lock(&self.states).get_mut(&self.key)
        {
            state.until = None;
            state.probing = false;
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_probe
            && let Some(state) = lock(&self.states).get_mut(&self.key)
        {
            state.probing = false;
        }
    }
}

/// How long to leave a host alone that was left alone `closed` times before; `jitter` (0 to 255) takes off up to a quarter.
fn wait(closed: u32, jitter: u8) -> Duration {
    let whole = FIRST_WAIT
        .saturating_mul(1 << closed.min(16))
        .min(LONGEST_WAIT);
    whole - whole / 4 * u32::from(jitter) / 255
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use countersign_core::{GapClass, Limits, ReasonCode};

    use super::*;

    const HOST: &str = "registry.example";

    fn budget(time: Duration) -> Budget {
        Budget::new(&Limits::default(), time)
    }

    fn dead() -> RegistryError {
        RegistryError::Connection {
            host: HOST.to_owned(),
            cause: "Connection refused".to_owned(),
        }
    }

    fn limited(seconds: u64) -> RegistryError {
        RegistryError::RateLimited {
            host: HOST.to_owned(),
            retry_after: Some(Duration::from_secs(seconds)),
        }
    }

    async fn admit(backoff: &Backoff) -> Result<Pass, RegistryError> {
        let minute = budget(Duration::from_secs(60));
        backoff.admit(HOST, &Access::anonymous(), 1, &minute).await
    }

    fn fail(backoff: &Backoff, times: u32) {
        for _ in 0..times {
            backoff.gave_up(&dead(), &Access::anonymous());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_host_is_left_alone_and_one_request_finds_out() {
        let backoff = Backoff::default();
        fail(&backoff, 2);
        drop(admit(&backoff).await.unwrap());
        fail(&backoff, 1);
        let error = admit(&backoff).await.unwrap_err();
        assert_eq!(
            (error.class(), error.code()),
            (GapClass::Unavailable, ReasonCode::RegistryUnavailable)
        );
        let text = error.to_string();
        assert!(
            text.contains("refused") && text.contains("asked again in"),
            "{text}"
        );
        let other = Access::of([b"other".as_slice()]);
        let time = budget(Duration::from_secs(1));
        backoff.admit(HOST, &other, 1, &time).await.unwrap();
        tokio::time::sleep(FIRST_WAIT).await;
        let probe = admit(&backoff).await.unwrap();
        assert!(
            admit(&backoff).await.is_err(),
            "one is under way and no second"
        );
        drop(probe);
        let mut probe = admit(&backoff)
            .await
            .expect("the first went away unanswered");
        probe.is_alive();
        fail(&backoff, 2);
        admit(&backoff).await.expect("counted from the start again");
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_while_it_stays_dead_and_have_a_bound() {
        let backoff = Backoff::default();
        fail(&backoff, 3);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let started = Instant::now();
            while admit(&backoff).await.map(std::mem::forget).is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            waits.push(started.elapsed());
            fail(&backoff, 1);
        }
        assert!(
            waits.windows(2).take(3).all(|it| it[0] < it[1]),
            "{waits:?}"
        );
        assert!(waits.iter().all(|it| *it <= LONGEST_WAIT + FIRST_WAIT));
        assert!(*waits.last().unwrap() >= LONGEST_WAIT * 3 / 4 - FIRST_WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_in_one_moment_makes_one_wait() {
        let backoff = Backoff::default();
        fail(&backoff, 50);
        tokio::time::sleep(FIRST_WAIT).await;
        std::mem::forget(admit(&backoff).await.unwrap());
        fail(&backoff, 50);
        assert!(admit(&backoff).await.is_err());
        tokio::time::sleep(FIRST_WAIT * 2).await;
        admit(&backoff).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_host_tells_many_in_one_moment_counts_once() {
        let backoff = Backoff::default();
        for _ in 0..50 {
            backoff.was_told_to_wait(&limited(1), &Access::anonymous());
        }
        tokio::time::sleep(FIRST_WAIT).await;
        std::mem::forget(admit(&backoff).await.unwrap());
        fail(&backoff, 1);
        tokio::time::sleep(FIRST_WAIT * 2).await;
        admit(&backoff).await.unwrap();
    }

    #[test]
    fn jitter_takes_off_a_quarter_at_most() {
        for closed in 0..40 {
            let (long, short) = (wait(closed, 0), wait(closed, 255));
            assert!(short >= long * 3 / 4 && short <= long, "{closed}");
            assert!(long <= LONGEST_WAIT && long >= FIRST_WAIT);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_the_time_waits_as_long_as_the_host_said() {
        let backoff = Backoff::default();
        backoff.was_told_to_wait(&limited(7), &Access::anonymous());
        let short = budget(Duration::from_secs(3));
        let error = backoff
            .admit(HOST, &Access::anonymous(), 1, &short)
            .await
            .unwrap_err();
        assert_eq!(error.code(), ReasonCode::RegistryRateLimited);
        let started = Instant::now();
        admit(&backoff).await.unwrap();
        let waited = started.elapsed();
        assert!(
            waited >= Duration::from_secs(7) && waited < Duration::from_secs(8),
            "{waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_host_says_is_bounded_and_nothing_asks_for_nothing() {
        let backoff = Backoff::default();
        backoff.was_told_to_wait(&limited(u64::MAX), &Access::anonymous());
        assert!(admit(&backoff).await.is_err());
        tokio::time::sleep(LONGEST_TOLD).await;
        admit(&backoff).await.unwrap().is_alive();
        backoff.was_told_to_wait(&limited(0), &Access::anonymous());
        admit(&backoff).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_on_its_way_does_not_undo_what_the_host_says() {
        let backoff = Backoff::default();
        let mut before = admit(&backoff).await.unwrap();
        backoff.was_told_to_wait(&limited(100), &Access::anonymous());
        before.is_alive();
        assert!(admit(&backoff).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn who_begins_to_answer_is_asked_by_others_and_left_alone_if_it_breaks_off() {
        let backoff = Backoff::default();
        fail(&backoff, 3);
        tokio::time::sleep(FIRST_WAIT).await;
        let mut probe = admit(&backoff).await.unwrap();
        probe.answers();
        admit(&backoff).await.unwrap();
        fail(&backoff, 1);
        assert!(admit(&backoff).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_absences_and_lies_never_close_it() {
        let backoff = Backoff::default();
        for _ in 0..10 {
            for error in [
                RegistryError::Denied {
                    host: HOST.to_owned(),
                    status: 401,
                    tried: String::new(),
                },
                RegistryError::protocol(HOST, "it answers 404"),
            ] {
                backoff.gave_up(&error, &Access::anonymous());
                backoff.was_told_to_wait(&error, &Access::anonymous());
            }
        }
        admit(&backoff).await.unwrap();
    }
}
