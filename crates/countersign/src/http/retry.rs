//! When to ask again, and after how long.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

use jiff::fmt::rfc2822;

use super::transport::Transport;
use crate::{Budget, RegistryError};

/// How often a failed request is sent again. Only where the registry or the network may recover: no connection, 429, 500,
/// 502, 503, 504; and once after a stall, which has already cost its share of the check's time, while two more can be borne.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    pub(super) times: u32,
    pub(super) first_wait: Duration,
}

impl Retry {
    /// Not at all.
    pub(super) const fn never() -> Self {
        Self {
            times: 0,
            first_wait: Duration::ZERO,
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            times: 2,
            first_wait: Duration::from_millis(250),
        }
    }
}

impl Retry {
    /// How long to wait after the failure number `failures` (from 0), or `None` to give up.
    ///
    /// `Retry-After` is honoured to the letter; one that lies beyond the check's deadline ends it at once. `jitter` (0 to
    /// 255) spreads clients that failed together over half of the wait.
    pub(super) fn wait(
        self,
        failures: u32,
        error: &RegistryError,
        left: Duration,
        jitter: u8,
    ) -> Option<Duration> {
        let asked = match error {
            RegistryError::Connection { .. } => None,
            RegistryError::RateLimited { retry_after, .. } => *retry_after,
            RegistryError::Failed {
                status: 500 | 502 | 503 | 504,
                retry_after,
                ..
            } => *retry_after,
            // One answer in a hundred is lost on the way; who waits for two in a row waits for a host that is down.
            RegistryError::Timeout { limit, .. } if failures == 0 && *limit * 2 <= left => None,
            _ => return None,
        };
        if failures >= self.times {
            return None;
        }
        let backoff = self.first_wait.saturating_mul(1 << failures.min(16));
        let spread = backoff / 2 * u32::from(jitter) / 255;
        let wait = asked.unwrap_or_else(|| backoff.saturating_add(spread));
        (wait < left).then_some(wait)
    }
}

/// The tries of one request.
pub(super) struct Tries {
    retry: Retry,
    failures: u32,
}

impl Tries {
    pub(super) const fn new(retry: Retry) -> Self {
        Self { retry, failures: 0 }
    }

    /// The number of the next try, from 1.
    pub(super) const fn attempt(&self) -> u32 {
        self.failures + 1
    }

    /// Waits until the request may be tried again.
    ///
    /// # Errors
    /// The error that it failed with, if it shall not be.
    pub(super) async fn again(
        &mut self,
        transport: &Transport,
        error: RegistryError,
        budget: &Budget,
    ) -> Result<(), RegistryError> {
        transport.was_told_to_wait(&error);
        let left = budget.time_left();
        let Some(wait) = self.retry.wait(self.failures, &error, left, jitter()) else {
            transport.gave_up(&error);
            return Err(error);
        };
        self.failures += 1;
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// A random byte. Each `RandomState` has keys of its own.
pub(super) fn jitter() -> u8 {
    RandomState::new().build_hasher().finish().to_le_bytes()[0]
}

/// Reads a `Retry-After` (RFC 9110, 10.2.3): seconds, or a date, which is no wait if it is over. The obsolete forms of a date
/// count as none.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    let date = SystemTime::from(date);
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Duration = Duration::from_secs(30);

    fn limited(after: Option<u64>) -> RegistryError {
        RegistryError::RateLimited {
            host: "h".to_owned(),
            retry_after: after.map(Duration::from_secs),
        }
    }

    #[test]
    fn waits_double_and_end() {
        let retry = Retry {
            times: 3,
            first_wait: Duration::from_millis(100),
        };
        let waits: Vec<_> = (0..5)
            .map(|failures| retry.wait(failures, &limited(None), LEFT, 0))
            .collect();
        let millis = |wait| Some(Duration::from_millis(wait));
        assert_eq!(waits, [millis(100), millis(200), millis(400), None, None]);
        assert_eq!(retry.wait(0, &limited(None), LEFT, 255), millis(150));
        assert_eq!(
            retry.wait(0, &limited(None), Duration::from_millis(100), 0),
            None
        );
    }

    #[test]
    fn retry_after_is_honoured_within_the_deadline_only() {
        let retry = Retry::default();
        let seconds = |wait| Some(Duration::from_secs(wait));
        assert_eq!(retry.wait(0, &limited(Some(7)), LEFT, 9), seconds(7));
        assert_eq!(retry.wait(0, &limited(Some(0)), LEFT, 9), seconds(0));
        assert_eq!(retry.wait(0, &limited(Some(31)), LEFT, 9), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // 2015-10-21T07:27:50Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_470);
        let seconds = |wait| Some(Duration::from_secs(wait));
        for (value, wait) in [
            (" 12 ", seconds(12)),
            ("0", seconds(0)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", seconds(10)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", seconds(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
            ("Wed, 99 Oct 2015 07:28:00 GMT", None),
        ] {
            assert_eq!(retry_after(value, now), wait, "{value}");
        }
        assert_eq!(retry_after(&u64::MAX.to_string(), now), seconds(u64::MAX));
    }

    #[test]
    fn a_stall_is_asked_about_once_while_there_is_time() {
        let stall = |seconds| RegistryError::Timeout {
            host: "h".to_owned(),
            what: "answer",
            limit: Duration::from_secs(seconds),
        };
        let retry = Retry::default();
        assert!(retry.wait(0, &stall(10), LEFT, 0).is_some());
        assert_eq!(retry.wait(1, &stall(10), LEFT, 0), None);
        assert_eq!(retry.wait(0, &stall(16), LEFT, 0), None);
        assert_eq!(Retry::never().wait(0, &stall(1), LEFT, 0), None);
    }

    #[test]
    fn what_will_not_get_better_is_not_asked_again() {
        let host = || "h".to_owned();
        for error in [
            RegistryError::Timeout {
                host: host(),
                what: "answer",
                limit: LEFT,
            },
            RegistryError::Denied {
                host: host(),
                status: 401,
                tried: String::new(),
            },
            RegistryError::Failed {
                host: host(),
                status: 501,
                retry_after: None,
            },
            RegistryError::protocol("h", "x"),
        ] {
            assert_eq!(Retry::default().wait(0, &error, LEFT, 0), None, "{error}");
        }
    }
}
