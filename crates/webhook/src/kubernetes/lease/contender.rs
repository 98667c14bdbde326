//! The rules of the election, without the API server and without a clock.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

/// One of those who want a lease, and what it has seen of it.
#[derive(Debug)]
pub(super) struct Contender {
    identity: String,
    duration: Duration,
    /// What the lease said last, and when it was first seen to say so. The times in it are of somebody else's clock and are never compared.
    seen: Option<(LeaseSpec, Instant)>,
}

/// What to do about a lease.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// To write this, if the lease is still what was seen: that gets, takes over or renews it.
    Write(LeaseSpec),
    /// Nothing: another holds it.
    Wait,
}

impl Contender {
    /// `duration` is how long the lease shall hold once this contender has it.
    pub(super) const fn new(identity: String, duration: Duration) -> Self {
        Self {
            identity,
            duration,
            seen: None,
        }
    }

    /// What to do about a lease that says `found`, or is not there; `at` is what is written down for people.
    pub(super) fn step(&mut self, found: Option<&LeaseSpec>, now: Instant, at: Timestamp) -> Step {
        let Some(found) = found else {
            return match self.is_held_by_another(now) {
                // Somebody deleted it, and its holder may not know yet.
                true => Step::Wait,
                false => Step::Write(self.taken(0, at)),
            };
        };
        if self.seen.as_ref().is_none_or(|(seen, _)| seen != found) {
            self.seen = Some((found.clone(), now));
        }
        if self.holds(found) {
            let mut spec = self.taken(transitions(found), at);
            spec.acquire_time = found.acquire_time.clone();
            return Step::Write(keep_others(spec, found));
        }
        if self.is_held_by_another(now) {
            return Step::Wait;
        }
        let spec = self.taken(transitions(found).saturating_add(1), at);
        Step::Write(keep_others(spec, found))
    }

    /// What the lease says once it is given back; none if another holds it.
    pub(super) fn given_back(&self, found: LeaseSpec, at: Timestamp) -> Option<LeaseSpec> {
        self.holds(&found).then(|| LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(1),
            renew_time: Some(MicroTime(at)),
            ..found
        })
    }

    /// By what was seen last.
    fn is_held_by_another(&self, now: Instant) -> bool {
        let Some((seen, since)) = &self.seen else {
            return false;
        };
        let is_anothers = holder(seen).is_some() && !self.holds(seen);
        is_anothers && now < *since + self.duration_of(seen)
    }

    fn holds(&self, spec: &LeaseSpec) -> bool {
        holder(spec) == Some(&self.identity)
    }

    fn taken(&self, transitions: i32, at: Timestamp) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.duration.as_secs()).ok(),
            lease_transitions: Some(transitions),
            acquire_time: Some(MicroTime(at)),
            renew_time: Some(MicroTime(at)),
            ..LeaseSpec::default()
        }
    }

    /// Of another version's lease the duration may differ from ours.
    fn duration_of(&self, spec: &LeaseSpec) -> Duration {
        let seconds = spec
            .lease_duration_seconds
            .and_then(|it| u64::try_from(it).ok());
        seconds.map_or(self.duration, Duration::from_secs)
    }
}

fn holder(spec: &LeaseSpec) -> Option<&String> {
    spec.holder_identity.as_ref().filter(|it| !it.is_empty())
}

fn transitions(spec: &LeaseSpec) -> i32 {
    spec.lease_transitions.unwrap_or(0)
}

/// What is not the election's stays as it was.
fn keep_others(spec: LeaseSpec, found: &LeaseSpec) -> LeaseSpec {
    LeaseSpec {
        preferred_holder: found.preferred_holder.clone(),
        strategy: found.strategy.clone(),
        ..spec
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DURATION: Duration = Duration::from_secs(15);

    fn contender(name: &str) -> Contender {
        Contender::new(name.to_owned(), DURATION)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn written(step: Step) -> LeaseSpec {
        match step {
            Step::Write(spec) => spec,
            Step::Wait => panic!("it waits"),
        }
    }

    #[test]
    fn who_comes_first_gets_it_and_renews_it_as_long_as_it_likes() {
        let now = Instant::now();
        let mut a = contender("a");
        let first = written(a.step(None, now, at(100)));
        assert_eq!(first.holder_identity.as_deref(), Some("a"));
        assert_eq!(first.lease_duration_seconds, Some(15));
        assert_eq!(first.lease_transitions, Some(0));
        let again = written(a.step(Some(&first), now + DURATION * 9, at(300)));
        assert_eq!(again.acquire_time, Some(MicroTime(at(100))));
        assert_eq!(again.renew_time, Some(MicroTime(at(300))));
        assert_eq!(again.lease_transitions, Some(0));
    }

    #[test]
    fn another_waits_from_when_it_saw_the_last_renewal_whatever_the_clocks_say() {
        let now = Instant::now();
        // The holder's clock is of another century, once behind and once ahead.
        for time in [at(-3_000_000_000), at(9_000_000_000)] {
            let (mut a, mut b) = (contender("a"), contender("b"));
            let held = written(a.step(None, now, time));
            let first = now + Duration::from_secs(60);
            assert_eq!(b.step(Some(&held), first, at(100)), Step::Wait);
            let almost = first + DURATION - Duration::from_millis(1);
            assert_eq!(b.step(Some(&held), almost, at(100)), Step::Wait);
            // A renewal begins the time anew.
            let renewed = written(a.step(Some(&held), now, at(101)));
            assert_eq!(b.step(Some(&renewed), almost, at(100)), Step::Wait);
            let later = almost + DURATION - Duration::from_millis(1);
            assert_eq!(b.step(Some(&renewed), later, at(100)), Step::Wait);
            let taken = written(b.step(Some(&renewed), almost + DURATION, at(100)));
            assert_eq!(taken.holder_identity.as_deref(), Some("b"));
            assert_eq!(taken.lease_transitions, Some(1));
            assert_eq!(taken.acquire_time, Some(MicroTime(at(100))));
            // Whoever had it waits now.
            assert_eq!(a.step(Some(&taken), almost + DURATION, at(102)), Step::Wait);
        }
    }

    #[test]
    fn the_duration_is_the_one_of_who_holds_it() {
        let now = Instant::now();
        let mut b = contender("b");
        let held = LeaseSpec {
            lease_duration_seconds: Some(60),
            ..written(contender("a").step(None, now, at(1)))
        };
        assert_eq!(b.step(Some(&held), now, at(1)), Step::Wait);
        let then = now + Duration::from_secs(59);
        assert_eq!(b.step(Some(&held), then, at(1)), Step::Wait);
        written(b.step(Some(&held), now + Duration::from_secs(60), at(1)));
        // What says none, or nonsense, holds as long as ours.
        for seconds in [None, Some(-1)] {
            let held = LeaseSpec {
                lease_duration_seconds: seconds,
                ..held.clone()
            };
            let mut b = contender("b");
            assert_eq!(b.step(Some(&held), now, at(1)), Step::Wait);
            written(b.step(Some(&held), now + DURATION, at(1)));
        }
    }

    #[test]
    fn what_was_given_back_is_taken_at_once() {
        let now = Instant::now();
        let (mut a, mut b) = (contender("a"), contender("b"));
        let held = written(a.step(None, now, at(1)));
        assert_eq!(b.given_back(held.clone(), at(2)), None);
        assert_eq!(b.step(Some(&held), now, at(2)), Step::Wait);
        let free = a.given_back(held, at(2)).unwrap();
        let taken = written(b.step(Some(&free), now, at(2)));
        assert_eq!(taken.holder_identity.as_deref(), Some("b"));
        assert_eq!(taken.lease_duration_seconds, Some(15));
        assert_eq!(taken.lease_transitions, Some(1));
    }

    #[test]
    fn a_lease_that_was_deleted_is_taken_when_its_holder_has_stopped_and_an_empty_one_at_once() {
        let now = Instant::now();
        let (mut a, mut b) = (contender("a"), contender("b"));
        let held = written(a.step(None, now, at(1)));
        assert_eq!(b.step(Some(&held), now, at(1)), Step::Wait);
        assert_eq!(b.step(None, now, at(1)), Step::Wait);
        written(b.step(None, now + DURATION, at(1)));
        // The holder itself makes it again.
        assert!(matches!(a.step(Some(&held), now, at(1)), Step::Write(_)));
        written(a.step(None, now, at(1)));
        written(b.step(Some(&LeaseSpec::default()), now, at(1)));
    }

    #[test]
    fn what_is_not_the_elections_stays() {
        let now = Instant::now();
        let found = LeaseSpec {
            strategy: Some("OldestEmulationVersion".to_owned()),
            ..LeaseSpec::default()
        };
        let taken = written(contender("a").step(Some(&found), now, at(1)));
        assert_eq!(taken.strategy, found.strategy);
        let renewed = written(contender("a").step(Some(&taken), now, at(1)));
        assert_eq!(renewed.strategy, found.strategy);
    }
}
