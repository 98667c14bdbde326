//! What the client and the cache say that they do.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use countersign::{CacheAsked, Observer, RequestEnds};

/// Counts, by name.
#[derive(Debug, Default)]
pub(super) struct Counter {
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Counter {
    /// Every name with its count.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.counts.lock();
        counts.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, name: String) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(name).or_default() += 1;
    }
}

impl Observer for Counter {
    fn request_ends(&self, request: &RequestEnds<'_>) {
        let outcome = match (request.status, request.error) {
            (Some(status), _) => status.to_string(),
            (None, Some(error)) => error.as_str().to_owned(),
            (None, None) => "no answer".to_owned(),
        };
        self.count(format!("request: {outcome}"));
        if request.attempt > 1 {
            self.count("repeated request".to_owned());
        }
    }

    fn cache_asked(&self, asked: &CacheAsked) {
        self.count(format!("cache: {}", asked.answer.as_str()));
    }
}
