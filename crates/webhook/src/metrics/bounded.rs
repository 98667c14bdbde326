//! Labels whose values others choose: told apart up to a number, `other` beyond it.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

/// What is not told apart.
pub(super) const OTHER: &str = "other";

/// The values that have been seen.
#[derive(Debug)]
pub(super) struct Seen<T> {
    values: RwLock<BTreeSet<T>>,
    most: usize,
}

impl<T: Ord + Clone> Seen<T> {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            values: RwLock::new(BTreeSet::new()),
            most,
        }
    }

    /// Whether this value is told apart: it has been seen, or there is room for one more.
    pub(super) fn has_room_for(&self, value: &T) -> bool {
        {
            let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
            if values.contains(value) {
                return true;
            }
            if values.len() >= self.most {
                return false;
            }
        }
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        if values.len() < self.most {
            values.insert(value.clone());
        }
        values.contains(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_values_are_told_apart_and_no_more() {
        let seen = Seen::new(2);
        let told: Vec<bool> = ["a", "b", "a", "c", "b"]
            .iter()
            .map(|it| seen.has_room_for(it))
            .collect();
        assert_eq!(told, [true, true, true, false, true]);
    }
}
