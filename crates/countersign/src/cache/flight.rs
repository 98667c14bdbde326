//! Equal asks at the same time are one request.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::FutureExt as _;
use futures_util::future::{Shared, WeakShared};
use tokio::runtime::{Handle, Id};

use super::memory::{Scope, What};
use crate::locked::lock;
use crate::{CacheAnswer, RegistryError};

/// What a flight brings: how it was got, and what it is.
pub(super) type Landed<T> = Result<(CacheAnswer, T), RegistryError>;
/// A request on its way. It goes on as long as somebody holds and awaits it.
pub(super) type Flight<T> = Shared<Pin<Box<dyn Future<Output = Landed<T>> + Send>>>;

/// What makes two asks equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FlightKey {
    scope: Scope,
    what: What,
    /// How much may be read: one that is refused for its bound is no answer for another.
    bounds: [usize; 4],
    /// Timers and sockets die with the runtime that made them, so a flight stays within one.
    runtime: Option<Id>,
}

/// The requests that are on their way: as many as are awaited, so that nothing else bounds their number.
pub(super) struct Flights<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    /// Tells a flight from a later one for the same.
    next: u64,
    flights: HashMap<FlightKey, (u64, WeakFlight<T>)>,
}

type WeakFlight<T> = WeakShared<Pin<Box<dyn Future<Output = Landed<T>> + Send>>>;

/// Takes its flight off the list when it has ended, or nobody waits for it.
struct Entry<T> {
    flights: Arc<Flights<T>>,
    key: FlightKey,
    number: u64,
}

impl FlightKey {
    pub(super) fn new(scope: Scope, what: What, bounds: [usize; 4]) -> Self {
        Self {
            scope,
            what,
            bounds,
            runtime: Handle::try_current().ok().map(|handle| handle.id()),
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// The flight for `key`, begun with `work` unless one is on its way; whether it was.
    pub(super) fn join<W>(
        self: &Arc<Self>,
        key: FlightKey,
        host: &str,
        work: impl FnOnce() -> W,
    ) -> (Flight<T>, bool)
    where
        W: Future<Output = Landed<T>> + Send + 'static,
    {
        let mut state = self.lock();
        if let Some((_, weak)) = state.flights.get(&key)
            && let Some(flight) = weak.upgrade()
        {
            return (flight, true);
        }
        state.next += 1;
        let host = host.to_owned();
        let work = AssertUnwindSafe(work()).catch_unwind();
        let entry = Entry {
            flights: Arc::clone(self),
            key: key.clone(),
            number: state.next,
        };
        let flight = async move {
            let landed = work.await;
            // Before the answer is out: an error must not reach anybody who asks after it.
            drop(entry);
            // Of the class that nothing excuses: whoever sent the answer may have meant it.
            landed.unwrap_or_else(|_| Err(RegistryError::protocol(&host, PANIC)))
        }
        .boxed()
        .shared();
        if let Some(weak) = flight.downgrade() {
            let number = state.next;
            state.flights.insert(key, (number, weak));
        }
        (flight, false)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }
}

const PANIC: &str = "its answer could not be read: a panic, please report it";

impl<T> Drop for Entry<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.flights.state);
        if state
            .flights
            .get(&self.key)
            .is_some_and(|(number, _)| *number == self.number)
        {
            state.flights.remove(&self.key);
        }
    }
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                next: 0,
                flights: HashMap::new(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use countersign_core::Digest;

    use super::*;

    fn key(bound: usize) -> FlightKey {
        let digest = Digest::of(b"x");
        FlightKey::new(Scope(digest), What::Blob(digest), [bound, 0, 0, 0])
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_flight_that_ended_or_that_nobody_awaits() {
        let flights: Arc<Flights<u32>> = Arc::default();
        let count = || flights.lock().flights.len();
        let land = || std::future::ready(Ok((CacheAnswer::Miss, 7)));
        let (first, joined) = flights.join(key(1), "host", land);
        let (second, also) = flights.join(key(1), "host", land);
        let (other, apart) = flights.join(key(2), "host", land);
        assert_eq!((joined, also, apart, count()), (false, true, false, 2));
        drop(other);
        assert_eq!(count(), 1);
        drop(second);
        assert_eq!(count(), 1);
        assert_eq!(first.clone().await, Ok((CacheAnswer::Miss, 7)));
        assert_eq!(count(), 0);
        // Whoever still holds the old one neither gives it to others nor takes the new one away.
        let (new, joined) = flights.join(key(1), "host", land);
        assert!(!joined);
        drop(first);
        assert_eq!(count(), 1);
        drop(new);
        assert_eq!(count(), 0);
    }
}
