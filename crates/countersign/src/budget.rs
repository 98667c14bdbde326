//! What one check may spend: time and bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign_core::Limits;
use tokio::time::Instant;

use crate::RegistryError;

/// One deadline and one sum of bytes for a whole check: every request of the check spends from it.
///
/// Clones share the same budget.
#[derive(Debug, Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limits: Limits,
    deadline: Instant,
    time: Duration,
    left: AtomicUsize,
}

impl Budget {
    /// How long a check takes at most, if nobody says otherwise.
    pub const DEFAULT_TIME: Duration = Duration::from_secs(30);

    /// A budget of [`Limits::fetched_bytes`] that ends `time` from now.
    #[must_use]
    pub fn new(limits: &Limits, time: Duration) -> Self {
        let now = Instant::now();
        Self {
            shared: Arc::new(Shared {
                limits: limits.clone(),
                // A time beyond what the clock can hold is no deadline; a day is more than any check takes.
                deadline: now
                    .checked_add(time)
                    .unwrap_or(now + Duration::from_secs(86_400)),
                time,
                left: AtomicUsize::new(limits.fetched_bytes),
            }),
        }
    }

    /// The limits of the check.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// How long the check may take in all.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.shared.time
    }

    /// How much of that time is left.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.shared
            .deadline
            .saturating_duration_since(Instant::now())
    }

    /// How many bytes may still be read.
    #[must_use]
    pub fn bytes_left(&self) -> usize {
        self.shared.left.load(Ordering::Relaxed)
    }

    /// Takes `bytes` that were read from `host` off the budget.
    ///
    /// # Errors
    /// [`RegistryError::TooLarge`] when fewer are left.
    pub fn spend(&self, host: &str, bytes: usize) -> Result<(), RegistryError> {
        self.shared
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            })
            .map(drop)
            .map_err(|_| {
                let limit = self.limits().fetched_bytes;
                RegistryError::too_large(host, "all that is fetched for one check", limit)
            })
    }

    /// What a host is said not to have done when a check's time was over before it was asked, or soon after.
    pub(crate) const ALL_IN_TIME: &str = "give all that a check needs";

    /// The check's time has ended while this host was waited for.
    pub(crate) fn out_of_time(&self, host: &str) -> RegistryError {
        RegistryError::Timeout {
            host: host.to_owned(),
            what: Self::ALL_IN_TIME,
            limit: self.time(),
        }
    }

    /// As [`in_time`](Self::in_time), for work of which a host is waited for.
    pub(crate) async fn in_time_of<F: Future>(
        &self,
        host: &str,
        work: F,
    ) -> Result<F::Output, RegistryError> {
        self.in_time(work)
            .await
            .ok_or_else(|| self.out_of_time(host))
    }

    /// Runs `work` until it ends or the deadline is there.
    pub(crate) async fn in_time<F: Future>(&self, work: F) -> Option<F::Output> {
        tokio::time::timeout_at(self.shared.deadline, work)
            .await
            .ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn clones_spend_from_one_sum_and_never_beyond_it() {
        let mut limits = Limits::default();
        limits.fetched_bytes = 10;
        let budget = Budget::new(&limits, Duration::MAX);
        budget.clone().spend("host", 6).unwrap();
        assert_eq!(budget.bytes_left(), 4);
        let error = budget.spend("host", 5).unwrap_err();
        assert!(matches!(error, RegistryError::TooLarge { limit: 10, .. }));
        assert_eq!(budget.bytes_left(), 4);
        budget.spend("host", 4).unwrap();
    }
}
