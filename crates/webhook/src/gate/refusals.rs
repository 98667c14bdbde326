//! The news that there is no room is held back for a moment.
//!
//! Whoever is refused at once asks again at once, and the time that refusing takes is missing to those who could be judged. So a refusal waits a little,
//! holding neither the question's bytes nor a place, and a bounded number of them do.

use std::time::Duration;

use tokio::sync::Semaphore;

/// How long. Clients of the API server that try again wait longer than that.
pub(crate) const PAUSE: Duration = Duration::from_millis(250);
/// Of the time that is left to answer.
const PART: u32 = 8;
/// Beyond these refusals are told at once: each that waits is a connection or a stream with nothing else.
const MOST: usize = 2048;

/// Those who will be told that there is no room.
#[derive(Debug)]
pub(crate) struct Refusals {
    held: Semaphore,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            held: Semaphore::new(MOST),
        }
    }
}

impl Refusals {
    /// Waits a moment, of which `left` is what remains of the time to answer.
    pub(crate) async fn hold_back(&self, left: Duration) {
        if let Ok(_held) = self.held.try_acquire() {
            tokio::time::sleep(PAUSE.min(left / PART)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_waits_a_moment_and_never_long() {
        let refusals = Refusals::default();
        for (left, wanted) in [(10_000, 250), (800, 100), (0, 0)] {
            let begun = Instant::now();
            refusals.hold_back(Duration::from_millis(left)).await;
            assert_eq!(begun.elapsed(), Duration::from_millis(wanted));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_wait() {
        let refusals = Arc::new(Refusals::default());
        let begun = Instant::now();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..MOST {
            let refusals = Arc::clone(&refusals);
            waiting.spawn(async move { refusals.hold_back(Duration::from_secs(9)).await });
        }
        while refusals.held.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        refusals.hold_back(Duration::from_secs(9)).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        waiting.join_all().await;
        assert_eq!(begun.elapsed(), PAUSE);
        refusals.hold_back(Duration::from_secs(9)).await;
        assert_eq!(begun.elapsed(), PAUSE * 2);
    }
}
