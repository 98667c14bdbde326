//! What programs have answered, kept for a while; and turns, so that equal questions run one program.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::locked::lock;
use crate::{Budget, RegistryError};

/// Answers and turns that are remembered; host names come from outside, so there must be an end.
const MOST: usize = 1024;

/// Answers by key.
pub(super) struct Kept<K, V> {
    answers: Mutex<HashMap<K, (V, Instant)>>,
    turns: Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self {
            answers: Mutex::default(),
            turns: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Kept<K, V> {
    /// The answer, if there is one that has not ended.
    pub(super) fn get(&self, key: &K) -> Option<V> {
        let answers = lock(&self.answers);
        let (answer, ends) = answers.get(key)?;
        (Instant::now() < *ends).then(|| answer.clone())
    }

    /// Keeps an answer for so long; nothing for no time.
    pub(super) fn keep(&self, key: K, answer: V, time: Duration) {
        let now = Instant::now();
        let Some(ends) = now.checked_add(time).filter(|ends| *ends > now) else {
            return;
        };
        let mut answers = lock(&self.answers);
        if answers.len() >= MOST {
            answers.retain(|_, (_, ends)| *ends > now);
        }
        if answers.len() >= MOST {
            answers.clear();
        }
        answers.insert(key, (answer, ends));
    }

    /// Waits for the turn to ask for this key. Whoever has waited looks into [`get`](Self::get) again.
    pub(super) async fn turn(
        &self,
        key: &K,
        budget: &Budget,
    ) -> Result<OwnedMutexGuard<()>, RegistryError> {
        let turn = {
            let mut turns = lock(&self.turns);
            if turns.len() >= MOST {
                turns.retain(|_, turn| turn.strong_count() > 0);
            }
            match turns.get(key).and_then(Weak::upgrade) {
                Some(turn) => turn,
                None => {
                    let turn = Arc::default();
                    turns.insert(key.clone(), Arc::downgrade(&turn));
                    turn
                }
            }
        };
        budget.in_time_of(PROGRAM, turn.lock_owned()).await
    }
}

/// What messages call a program that is waited for, in the place of a host.
pub(super) const PROGRAM: &str = "a credential program";

impl<K, V> fmt::Debug for Kept<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn answers_end_and_are_bounded() {
        let kept: Kept<usize, &str> = Kept::default();
        kept.keep(0, "never", Duration::ZERO);
        assert_eq!(kept.get(&0), None);
        kept.keep(0, "short", Duration::from_secs(5));
        kept.keep(1, "long", Duration::from_secs(300));
        assert_eq!(kept.get(&0), Some("short"));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!((kept.get(&0), kept.get(&1)), (None, Some("long")));
        for key in 2..3 * MOST {
            kept.keep(key, "x", Duration::from_secs(300));
        }
        assert!(lock(&kept.answers).len() <= MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn one_turn_for_each_key_and_never_longer_than_the_check() {
        let kept: Kept<u8, ()> = Kept::default();
        let budget = Budget::new(&crate::Limits::default(), Duration::from_secs(3));
        let first = kept.turn(&1, &budget).await.unwrap();
        kept.turn(&2, &budget).await.unwrap();
        let late = kept.turn(&1, &budget).await.unwrap_err();
        assert!(matches!(late, RegistryError::Timeout { .. }), "{late}");
        drop(first);
        let budget = Budget::new(&crate::Limits::default(), Duration::from_secs(3));
        kept.turn(&1, &budget).await.unwrap();
    }
}
