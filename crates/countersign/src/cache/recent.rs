//! A bounded map: what was not used for longest goes first.

use std::hash::Hash;
use std::sync::{Mutex, MutexGuard};

use foldhash::fast::RandomState;
use lru::LruCache;

use crate::locked::lock;

/// A map for any number of threads whose values together weigh at most so much.
///
/// What was put in just now is there for whoever asks next: the oldest goes at once, and nothing is counted later.
pub(super) struct Recent<K, V> {
    most: usize,
    weigh: fn(&V) -> usize,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    /// Its keys are digests, for the most part: a check looks up dozens of them, and cheaper hashes (seeded, as nobody may choose what meets) do for those.
    entries: LruCache<K, V, RandomState>,
    weight: usize,
}

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    /// At most so many entries.
    pub(super) fn entries(most: usize) -> Self {
        Self::weighing(most, |_| 1)
    }

    /// Entries that weigh at most so much together.
    pub(super) fn weighing(most: usize, weigh: fn(&V) -> usize) -> Self {
        Self {
            most,
            weigh,
            state: Mutex::new(State {
                entries: LruCache::unbounded_with_hasher(RandomState::default()),
                weight: 0,
            }),
        }
    }

    /// The value, which is now the one that was used last.
    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.lock().entries.get(key).cloned()
    }

    /// Keeps a value. One that weighs more than the whole pushes everything else out, and itself.
    pub(super) fn insert(&self, key: K, value: V) {
        let mut state = self.lock();
        let more = (self.weigh)(&value);
        let less = state.entries.put(key, value);
        let less = less.map_or(0, |old| (self.weigh)(&old));
        state.weight = state.weight.saturating_add(more).saturating_sub(less);
        while state.weight > self.most {
            let Some((_, oldest)) = state.entries.pop_lru() else {
                return;
            };
            state.weight = state.weight.saturating_sub((self.weigh)(&oldest));
        }
    }

    /// Forgets it.
    pub(super) fn remove(&self, key: &K) {
        let mut state = self.lock();
        if let Some(old) = state.entries.pop(key) {
            state.weight = state.weight.saturating_sub((self.weigh)(&old));
        }
    }

    /// Nothing under the lock calls out but `weigh`, so whoever panicked elsewhere has left nothing half done.
    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let map = Recent::entries(2);
        map.insert("a", 1);
        map.insert("b", 2);
        assert_eq!(map.get(&"a"), Some(1));
        map.insert("c", 3);
        assert_eq!(
            [map.get(&"a"), map.get(&"b"), map.get(&"c")],
            [Some(1), None, Some(3)]
        );
    }

    #[test]
    fn weights_are_counted_whatever_is_put_in_again_or_taken_away() {
        let map = Recent::weighing(10, |value: &usize| *value);
        map.insert("a", 6);
        map.insert("a", 4);
        map.insert("b", 6);
        assert_eq!([map.get(&"a"), map.get(&"b")], [Some(4), Some(6)]);
        map.remove(&"a");
        map.remove(&"a");
        map.insert("c", 4);
        assert_eq!([map.get(&"b"), map.get(&"c")], [Some(6), Some(4)]);
        map.insert("d", 1);
        assert_eq!(
            [map.get(&"b"), map.get(&"c"), map.get(&"d")],
            [None, Some(4), Some(1)]
        );
        map.insert("e", 11);
        assert_eq!(map.lock().weight, 0);
        assert_eq!(map.get(&"e"), None);
    }
}
