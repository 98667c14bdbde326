//! Work on a stack of its own, for as long as a deadline allows.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A debug build of the parser takes some 20 KiB for each level, and a source has at most 1,024 levels.
const STACK: usize = 64 * 1024 * 1024;

/// Where work is done, and what of it nobody waits for any more: a thread cannot be stopped from outside.
#[derive(Debug)]
pub(super) struct Apart {
    deadline: Duration,
    /// How many may go on behind their deadline before nothing new is begun.
    most_overrun: usize,
    overrun: Mutex<Vec<JoinHandle<()>>>,
}

impl Apart {
    pub(super) const fn new(deadline: Duration, most_overrun: usize) -> Self {
        Self {
            deadline,
            most_overrun,
            overrun: Mutex::new(Vec::new()),
        }
    }

    /// Does the work. What does not end in time goes on by itself, and is counted until it ends: where too much of that goes on,
    /// no more is begun, so that neither threads nor memory pile up behind those who wait.
    ///
    /// # Errors
    /// Why there is no result.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let going_on = self.going_on();
        if going_on >= self.most_overrun {
            return Err(format!(
                "it was not begun: {going_on} others did not end in time and still go on"
            ));
        }
        let (send, receive) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("expression".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                // Nobody may wait any more.
                let _ = send.send(work());
            })
            .map_err(|error| format!("there is no thread for it: {error}"))?;
        match receive.recv_timeout(self.deadline) {
            Ok(done) => Ok(done),
            Err(RecvTimeoutError::Timeout) => {
                let mut overrun = self.overrun.lock().unwrap_or_else(PoisonError::into_inner);
                overrun.push(thread);
                Err("it did not end in time".to_owned())
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err("it ended the thread that evaluated it".to_owned())
            }
        }
    }

    fn going_on(&self) -> usize {
        let mut overrun = self.overrun.lock().unwrap_or_else(PoisonError::into_inner);
        overrun.retain(|thread| !thread.is_finished());
        overrun.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, RwLock};
    use std::time::{Duration, Instant};

    use super::Apart;

    /// A hundred that never end by themselves: three go on, the others are not begun, and once the three have ended work is done again.
    #[test]
    fn what_overruns_does_not_pile_up() {
        let apart = Apart::new(Duration::from_millis(50), 3);
        let (gate, begun) = (Arc::new(RwLock::new(())), Arc::new(AtomicUsize::new(0)));
        let closed = gate.write().unwrap();
        let mut refused = 0;
        for _ in 0..100 {
            let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
            let done = apart.run(move || {
                begun.fetch_add(1, Ordering::SeqCst);
                drop(gate.read());
            });
            refused += usize::from(done.unwrap_err().contains("not begun: 3 others"));
        }
        assert_eq!((refused, apart.going_on()), (97, 3));
        drop(closed);
        let since = Instant::now();
        while apart.going_on() > 0 {
            assert!(since.elapsed() < Duration::from_secs(60), "they end");
            std::thread::yield_now();
        }
        assert_eq!(begun.load(Ordering::SeqCst), 3);
        // In time or not: it is begun.
        let again = apart.run(|| ());
        assert!(!again.is_err_and(|why| why.contains("not begun")));
        assert_eq!(Apart::new(Duration::from_secs(60), 1).run(|| 7), Ok(7));
    }

    #[test]
    fn a_panic_ends_its_thread_and_counts_for_nothing() {
        let apart = Apart::new(Duration::from_secs(60), 1);
        for _ in 0..3 {
            let why = apart.run(|| panic!("as a library could")).unwrap_err();
            assert_eq!(why, "it ended the thread that evaluated it");
        }
        assert_eq!(apart.going_on(), 0);
    }
}
