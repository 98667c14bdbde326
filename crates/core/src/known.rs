//! What was made of signed bytes before: the same bytes give the same, whenever and about whatever they are asked.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Payloads of which one rule keeps something.
const MOST: usize = 4096;
/// What all of that may weigh, in bytes of the payloads that it was made of: what is read from a document is about as large.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What depends on nothing but signed bytes and the rule that this lives in: what was read of a document, or how it came out. It ends with the rule, so that
/// a policy that is loaded anew finds nothing.
///
/// Bytes are known again by where they are: the cache of proofs hands out the same ones. A weak reference keeps that place from being used for others.
pub(crate) struct Known<T>(Mutex<Kept<T>>);

struct Kept<T> {
    values: HashMap<usize, One<T>>,
    bytes: usize,
}

struct One<T> {
    payload: Weak<Vec<u8>>,
    weight: usize,
    value: Arc<T>,
}

impl<T> Known<T> {
    /// What is known of these bytes, or what `make` gives, which is kept as something of this `weight` in bytes.
    pub(crate) fn of(
        &self,
        payload: &Arc<Vec<u8>>,
        weight: usize,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let place = Arc::as_ptr(payload).addr();
        if let Some(one) = self.lock().values.get(&place) {
            return Arc::clone(&one.value);
        }
        // Not under the lock: others go on, and at worst two of them read the same.
        let value = Arc::new(make());
        let mut kept = self.lock();
        if weight <= MOST_BYTES / 4 && !kept.values.contains_key(&place) {
            kept.make_room(weight);
            kept.bytes += weight;
            let one = One {
                payload: Arc::downgrade(payload),
                weight,
                value: Arc::clone(&value),
            };
            kept.values.insert(place, one);
        }
        value
    }

    fn lock(&self) -> MutexGuard<'_, Kept<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Kept<T> {
    /// First goes what nobody can ask for any more, then all: whoever asks again brings it back.
    fn make_room(&mut self, weight: usize) {
        let is_full = |kept: &Self| kept.values.len() >= MOST || kept.bytes + weight > MOST_BYTES;
        if is_full(self) {
            self.values.retain(|_, one| one.payload.strong_count() > 0);
            self.bytes = self.values.values().map(|one| one.weight).sum();
        }
        if is_full(self) {
            self.values.clear();
            self.bytes = 0;
        }
    }
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            values: HashMap::new(),
            bytes: 0,
        }))
    }
}

/// A copy of a rule is another rule.
impl<T> Clone for Known<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> fmt::Debug for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_are_read_once_and_equal_ones_apart() {
        let known = Known::default();
        let (one, equal) = (Arc::new(vec![1]), Arc::new(vec![1]));
        assert_eq!(*known.of(&one, 1, || "first"), "first");
        assert_eq!(*known.of(&one, 1, || "again"), "first");
        assert_eq!(*known.of(&equal, 1, || "equal"), "equal");
        let rule = known.clone();
        assert_eq!(*rule.of(&one, 1, || "other rule"), "other rule");
    }

    /// Bytes that are gone leave nothing to those that come into their place, and what is kept is bounded.
    #[test]
    fn no_place_is_used_again_while_it_is_known() {
        let known = Known::default();
        for number in 0..3 * MOST {
            let payload = Arc::new(number.to_string().into_bytes());
            assert_eq!(*known.of(&payload, 1000, || number), number);
        }
        let mut held = Vec::new();
        for number in 0..2 * MOST {
            let payload = Arc::new(number.to_string().into_bytes());
            assert_eq!(*known.of(&payload, 10_000, || number), number);
            held.push(payload);
            let kept = known.lock();
            assert!(kept.values.len() <= MOST && kept.bytes <= MOST_BYTES);
            assert_eq!(
                kept.bytes,
                kept.values.values().map(|it| it.weight).sum::<usize>()
            );
        }
        let large = Arc::new(Vec::new());
        assert_eq!(*known.of(&large, MOST_BYTES, || 1), 1);
        assert_eq!(*known.of(&large, MOST_BYTES, || 2), 2);
    }
}
