//! How many questions are judged at once, and how many wait: bounded, and fair to namespaces.
//!
//! A namespace gets at most half of all places, whatever it sends, so that one whose registry hangs does not stop the others. Those that wait are let in in
//! turns, one of each namespace, and where there is no more room to wait, whoever has most of it gives way.

mod refusals;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use self::refusals::Refusals;

/// The bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Questions that are judged at once.
    pub(crate) reviews: usize,
    /// Questions that wait for that.
    pub(crate) waiting: usize,
    /// Bytes of all questions that are held.
    pub(crate) bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            reviews: 256,
            waiting: 256,
            bytes: 64 << 20,
        }
    }
}

/// Lets questions in. Clones are the same gate.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    bounds: Bounds,
    state: Mutex<State>,
    refusals: Refusals,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes that are held.
    bytes: usize,
    running: usize,
    waiting: usize,
    namespaces: HashMap<String, Queue>,
    /// Namespaces in which somebody waits, in the order of their turns.
    turns: VecDeque<String>,
    next_ticket: u64,
}

#[derive(Debug, Default)]
struct Queue {
    running: usize,
    waiting: VecDeque<(u64, oneshot::Sender<Place>)>,
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overloaded;

/// A question that is judged; its place is free when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Gate,
    namespace: String,
}

/// Bytes that are held until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    gate: Gate,
    bytes: usize,
}

/// What is in the gate now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) running: usize,
    pub(crate) waiting: usize,
    pub(crate) bytes: usize,
}

impl Gate {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            shared: Arc::new(Shared {
                bounds,
                state: Mutex::default(),
                refusals: Refusals::default(),
            }),
        }
    }

    pub(crate) fn load(&self) -> Load {
        let state = self.state();
        Load {
            running: state.running,
            waiting: state.waiting,
            bytes: state.bytes,
        }
    }

    /// Whether whoever comes now would be let in at once, of whatever namespace.
    pub(crate) fn has_room_for_all(&self) -> bool {
        let state = self.state();
        state.waiting == 0 && state.running < self.shared.bounds.share()
    }

    /// Room for a body of so many bytes.
    pub(crate) fn hold(&self, bytes: usize) -> Result<Held, Overloaded> {
        let mut state = self.state();
        let all = state.bytes.saturating_add(bytes);
        if all > self.shared.bounds.bytes {
            return Err(Overloaded);
        }
        state.bytes = all;
        Ok(Held {
            gate: self.clone(),
            bytes,
        })
    }

    /// Waits for a place. Whoever stops waiting gives up the turn.
    pub(crate) async fn enter(&self, namespace: &str) -> Result<Place, Overloaded> {
        let (ticket, turn) = match self.enter_or_queue(namespace)? {
            Entered::Place(place) => return Ok(place),
            Entered::Queued(ticket, turn) => (ticket, turn),
        };
        let mut waits = Waits {
            gate: self,
            namespace,
            ticket: Some(ticket),
        };
        let place = turn.await;
        // Whoever was given a place, or had to give way, is not in the queue any more.
        waits.ticket = None;
        place.map_err(|_| Overloaded)
    }

    /// Waits before somebody who was not let in is told so, of which `left` is what remains of the time to answer ([`Refusals`]).
    pub(crate) async fn hold_back(&self, left: Duration) {
        self.shared.refusals.hold_back(left).await;
    }

    fn enter_or_queue(&self, namespace: &str) -> Result<Entered, Overloaded> {
        let bounds = self.shared.bounds;
        let mut state = self.state();
        let own = state.namespaces.get(namespace);
        let (running, waiting) = own.map_or((0, 0), |own| (own.running, own.waiting.len()));
        // Nobody is passed over: whoever waits could not be let in either.
        let may_run = state.running < bounds.reviews && running < bounds.share();
        if may_run && waiting == 0 {
            state.run(namespace);
            return Ok(Entered::Place(self.place(namespace)));
        }
        if state.waiting >= bounds.waiting {
            state.make_room(waiting)?;
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let (turn, wait) = oneshot::channel();
        state.waiting += 1;
        if waiting == 0 {
            state.turns.push_back(namespace.to_owned());
        }
        let own = state.namespaces.entry(namespace.to_owned()).or_default();
        own.waiting.push_back((ticket, turn));
        Ok(Entered::Queued(ticket, wait))
    }

    /// Lets in whoever may now be let in.
    fn advance(&self) {
        let mut given = Vec::new();
        let mut state = self.state();
        while let Some((namespace, turn)) = state.next(self.shared.bounds) {
            given.push((turn, self.place(&namespace)));
        }
        drop(state);
        for (turn, place) in given {
            // Whoever has gone meanwhile gives the place back by dropping it.
            let _ = turn.send(place);
        }
    }

    fn place(&self, namespace: &str) -> Place {
        Place {
            gate: self.clone(),
            namespace: namespace.to_owned(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

enum Entered {
    Place(Place),
    Queued(u64, oneshot::Receiver<Place>),
}

impl Bounds {
    /// What one namespace may have of all places.
    fn share(self) -> usize {
        self.reviews.div_ceil(2)
    }
}

impl State {
    fn run(&mut self, namespace: &str) {
        self.running += 1;
        self.namespaces
            .entry(namespace.to_owned())
            .or_default()
            .running += 1;
    }

    /// The next whose turn it is, of a namespace that has not its share.
    fn next(&mut self, bounds: Bounds) -> Option<(String, oneshot::Sender<Place>)> {
        if self.running >= bounds.reviews {
            return None;
        }
        let may_run = |name: &String| {
            let own = self.namespaces.get(name);
            own.is_some_and(|own| own.running < bounds.share())
        };
        let at = self.turns.iter().position(may_run)?;
        let name = self.turns.remove(at)?;
        let own = self.namespaces.get_mut(&name)?;
        let (_, turn) = own.waiting.pop_front()?;
        if !own.waiting.is_empty() {
            self.turns.push_back(name.clone());
        }
        self.waiting -= 1;
        self.run(&name);
        Some((name, turn))
    }

    /// Sends away who waits last in the namespace that has most who wait, if that is more than `waiting`.
    fn make_room(&mut self, waiting: usize) -> Result<(), Overloaded> {
        let longest = self
            .namespaces
            .iter()
            .max_by_key(|(_, queue)| queue.waiting.len());
        let name = match longest {
            Some((name, queue)) if queue.waiting.len() > waiting + 1 => name.clone(),
            _ => return Err(Overloaded),
        };
        if let Some(queue) = self.namespaces.get_mut(&name)
            && let Some((ticket, _)) = queue.waiting.back()
        {
            let ticket = *ticket;
            self.leave(&name, ticket);
        }
        Ok(())
    }

    /// Takes somebody out of a queue, if he is still in it. His end of the channel is dropped, which he notices.
    fn leave(&mut self, namespace: &str, ticket: u64) {
        let Some(queue) = self.namespaces.get_mut(namespace) else {
            return;
        };
        let Some(at) = queue.waiting.iter().position(|(own, _)| *own == ticket) else {
            return;
        };
        queue.waiting.remove(at);
        self.waiting -= 1;
        if queue.waiting.is_empty() {
            self.turns.retain(|turn| turn != namespace);
        }
        self.forget(namespace);
    }

    /// Keeps nothing of namespaces in which nothing happens.
    fn forget(&mut self, namespace: &str) {
        let is_idle = |queue: &Queue| queue.running == 0 && queue.waiting.is_empty();
        if self.namespaces.get(namespace).is_some_and(is_idle) {
            self.namespaces.remove(namespace);
        }
    }
}

/// Somebody in a queue.
struct Waits<'a> {
    gate: &'a Gate,
    namespace: &'a str,
    ticket: Option<u64>,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.gate.state().leave(self.namespace, ticket);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.running -= 1;
        if let Some(own) = state.namespaces.get_mut(&self.namespace) {
            own.running -= 1;
        }
        state.forget(&self.namespace);
        drop(state);
        self.gate.advance();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gate.state().bytes -= self.bytes;
    }
}

#[cfg(test)]
mod tests;
