//! The four top-level roles, and what is bounded and warned of for each.

use std::fmt;

use countersign_core::UnixTime;

const DAY: i64 = 86_400;

/// A top-level role of a TUF repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TufRole {
    /// Names the keys of all roles.
    Root,
    /// Says which snapshot is current; lives for days.
    Timestamp,
    /// Says which targets metadata is current.
    Snapshot,
    /// Lists the files.
    Targets,
}

/// One role of what was fetched last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoleState {
    /// Which one.
    pub role: TufRole,
    /// The version.
    pub version: u64,
    /// When it expires.
    pub expires: UnixTime,
}

impl TufRole {
    /// The name in metadata and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
        }
    }

    /// How many seconds before its end people are warned.
    ///
    /// Machines sign timestamp and snapshot anew every few days (the public-good timestamp lives 7), so a warning earlier
    /// than 2 days would always be on. People sign targets and root: 14 days to notice that they have not, and 60 for a
    /// root, whose signers have to meet.
    #[must_use]
    pub const fn warned_before(self) -> i64 {
        match self {
            Self::Timestamp | Self::Snapshot => 2 * DAY,
            Self::Targets => 14 * DAY,
            Self::Root => 60 * DAY,
        }
    }

    /// The most bytes of its metadata, as the reference implementation (python-tuf's `UpdaterConfig`) bounds them.
    pub(super) const fn max_bytes(self) -> usize {
        match self {
            Self::Root => 512_000,
            Self::Timestamp => 16_384,
            Self::Snapshot => 2_000_000,
            Self::Targets => 5_000_000,
        }
    }
}

impl fmt::Display for TufRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
