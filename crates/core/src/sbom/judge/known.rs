//! What came of documents before: the same signed bytes come out the same under the same rule, whenever and about whatever they are asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::compared::Compared;

/// Documents whose outcomes one rule keeps; an outcome takes some hundred bytes.
const MOST: usize = 4096;

/// Outcomes by the bytes that were signed. It lives in the compiled rule, so that no other rule finds them, and ends with it.
///
/// Bytes are known again by where they are: the cache of proofs hands out the same ones. A weak reference keeps that place from being used for others.
#[derive(Debug, Default)]
pub(crate) struct Known {
    outcomes: Mutex<HashMap<usize, Outcome>>,
}

type Outcome = (Weak<Vec<u8>>, Arc<Compared>);

impl Known {
    /// The outcome for these bytes, which `compare` gives where it is not known: in brief, without an explanation.
    pub(crate) fn of(
        &self,
        payload: &Arc<Vec<u8>>,
        compare: impl FnOnce() -> Compared,
    ) -> Arc<Compared> {
        let place = Arc::as_ptr(payload).addr();
        if let Some((_, outcome)) = self.lock().get(&place) {
            return Arc::clone(outcome);
        }
        let outcome = Arc::new(compare());
        let mut outcomes = self.lock();
        if outcomes.len() >= MOST {
            outcomes.retain(|_, (payload, _)| payload.strong_count() > 0);
        }
        if outcomes.len() >= MOST {
            outcomes.clear();
        }
        outcomes.insert(place, (Arc::downgrade(payload), Arc::clone(&outcome)));
        outcome
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<usize, Outcome>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A copy of a rule is another rule.
impl Clone for Known {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ReasonCode;

    fn failed(found: &str) -> Compared {
        let mut compared = Compared::new(false);
        compared.that("x", "y", found, false, ReasonCode::LicenseDenied);
        compared
    }

    fn found(compared: &Compared) -> &str {
        &compared.mismatch().unwrap().found
    }

    #[test]
    fn the_same_bytes_are_judged_once_and_equal_ones_apart() {
        let known = Known::default();
        let (one, equal) = (Arc::new(vec![1]), Arc::new(vec![1]));
        let first = known.of(&one, || failed("first"));
        assert_eq!(found(&first), "first");
        assert_eq!(found(&known.of(&one, || unreachable!())), "first");
        assert_eq!(found(&known.of(&equal, || failed("equal"))), "equal");
        let rule = known.clone();
        assert_eq!(found(&rule.of(&one, || failed("other rule"))), "other rule");
    }

    /// Bytes that are gone leave no outcome to those that come into their place.
    #[test]
    fn no_place_is_used_again_while_it_is_known() {
        let known = Known::default();
        for number in 0..3 * MOST {
            let text = number.to_string();
            let payload = Arc::new(text.clone().into_bytes());
            assert_eq!(found(&known.of(&payload, || failed(&text))), text);
            assert!(known.lock().len() <= MOST);
        }
    }
}
