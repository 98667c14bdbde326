//! What the Kubernetes API said, kept for a short time; one request at a time for each question.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Questions that are remembered. Names come from objects that anybody writes, so there must be an end.
const MOST: usize = 1024;

/// Answers by question.
pub(crate) struct Kept<K, V> {
    slots: Mutex<HashMap<K, Arc<Slot<V>>>>,
}

/// The answer and until when it counts; whoever holds the lock asks.
type Slot<V> = tokio::sync::Mutex<Option<(V, Instant)>>;

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self {
            slots: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    /// The answer that is known, else what `ask` gives, with the time for which it counts, from the moment of asking. Whoever comes meanwhile waits for the same; if the one that
    /// asks is given up, the next one asks.
    pub(crate) async fn get(&self, key: K, ask: impl Future<Output = (V, Duration)>) -> V {
        let slot = self.slot(key);
        let mut kept = slot.lock().await;
        if let Some((answer, ends)) = &*kept
            && Instant::now() < *ends
        {
            return answer.clone();
        }
        // What has ended goes, even if nobody lives to see the next answer.
        *kept = None;
        let asked = Instant::now();
        let (answer, time) = ask.await;
        *kept = Some((answer.clone(), asked + time));
        answer
    }

    fn slot(&self, key: K) -> Arc<Slot<V>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(&key) {
            return Arc::clone(slot);
        }
        // Secrets are not held for longer than they count, as far as anybody asks anything.
        slots.retain(|_, slot| Arc::strong_count(slot) > 1 || is_fresh(slot));
        if slots.len() >= MOST {
            slots.clear();
        }
        let slot = Arc::default();
        slots.insert(key, Arc::clone(&slot));
        slot
    }
}

fn is_fresh<V>(slot: &Slot<V>) -> bool {
    slot.try_lock().is_ok_and(|kept| {
        kept.as_ref()
            .is_some_and(|(_, ends)| Instant::now() < *ends)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    const TIME: Duration = Duration::from_secs(60);

    /// What is known under `key`, of a teller that counts how often it is asked.
    async fn ask(kept: &Kept<u32, u32>, key: u32, asked: &AtomicU32) -> u32 {
        kept.get(key, async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            (asked.fetch_add(1, Ordering::SeqCst), TIME)
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_for_its_time_and_no_longer() {
        let (kept, asked) = (Kept::default(), AtomicU32::new(0));
        assert_eq!(ask(&kept, 1, &asked).await, 0);
        tokio::time::advance(TIME - Duration::from_millis(50)).await;
        assert_eq!(ask(&kept, 1, &asked).await, 0);
        // From the moment of asking, and not of the answer.
        tokio::time::advance(Duration::from_millis(45)).await;
        assert_eq!(ask(&kept, 1, &asked).await, 1);
        assert_eq!(ask(&kept, 2, &asked).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_at_the_same_time_waits_for_one_answer() {
        let (kept, asked) = (Kept::default(), AtomicU32::new(0));
        let (first, second, other) = tokio::join!(
            ask(&kept, 1, &asked),
            ask(&kept, 1, &asked),
            ask(&kept, 2, &asked)
        );
        assert_eq!(first, second);
        assert_ne!(first, other);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        // Given up half-way, it leaves nothing behind, and the next one asks.
        let given_up = tokio::time::timeout(Duration::from_millis(1), ask(&kept, 3, &asked));
        assert!(given_up.await.is_err());
        assert_eq!(ask(&kept, 3, &asked).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_ended_is_let_go_and_there_is_an_end() {
        let kept = Kept::default();
        let held = |kept: &Kept<usize, Arc<()>>| kept.slots.lock().map(|it| it.len()).unwrap_or(0);
        let secret = Arc::new(());
        kept.get(0, async { (Arc::clone(&secret), TIME) }).await;
        tokio::time::advance(TIME).await;
        kept.get(1, async { (Arc::default(), TIME) }).await;
        assert_eq!((held(&kept), Arc::strong_count(&secret)), (1, 1));
        for key in 0..2 * MOST {
            kept.get(key, async { (Arc::default(), TIME) }).await;
        }
        assert!(held(&kept) <= MOST);
    }
}
