//! Points in time, as whole seconds. This room has no clock: every `now` is an argument.

use std::fmt;
use std::time::SystemTime;

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i64);

/// The text is not an RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time; expected RFC 3339 such as 2026-01-31T12:00:00Z")]
pub struct TimeError(String);

impl UnixTime {
    /// From seconds since the epoch.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with an offset; fractions of a second are dropped.
    ///
    /// # Errors
    /// [`TimeError`] when it is anything else.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        text.parse::<jiff::Timestamp>()
            .map(|at| Self(at.as_second()))
            .map_err(|_| TimeError(crate::digest::clip(text)))
    }

    /// This time plus `seconds`, saturating.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

/// A time of the system's clock, which a door has read. Before 1970 counts as 1970, where every proven time lies in the future.
impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        let since = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(at) => write!(f, "{at}"),
            Err(_) => write!(f, "{} s after 1970", self.0),
        }
    }
}

impl fmt::Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn system_times_become_seconds() {
        let epoch = SystemTime::UNIX_EPOCH;
        let second = epoch + Duration::from_millis(1999);
        assert_eq!(UnixTime::from(second), UnixTime::from_seconds(1));
        let before = epoch - Duration::from_secs(5);
        assert_eq!(UnixTime::from(before), UnixTime::from_seconds(0));
    }
}
