//! What happened, for metrics and traces: the library names no metrics crate and calls whoever wants to count.

use std::time::Duration;

use countersign_core::ReasonCode;

/// Whoever counts requests and the hits of caches. Every method has an empty default.
///
/// It is called where the thing happens and must not block. No value holds a secret; hosts are those of the configuration,
/// of image references, and of whatever a registry redirects to, so whoever makes labels of them bounds their number.
pub trait Observer: Send + Sync + 'static {
    /// A request is about to be sent to a registry, a mirror, a token service or a store that a registry redirects to.
    fn request_begins(&self, _request: &RequestBegins<'_>) {}

    /// A request has ended: answered (the body read or thrown away), or failed.
    fn request_ends(&self, _request: &RequestEnds<'_>) {}

    /// A cache was asked.
    fn cache_asked(&self, _asked: &CacheAsked) {}
}

/// A request that is about to be sent.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RequestBegins<'a> {
    /// `host[:port]` that is asked.
    pub host: &'a str,
    /// What for: `manifest`, `referrers`, `blob`, `token`, `upload`, `service`.
    pub what: &'static str,
    /// Which try it is, from 1.
    pub attempt: u32,
}

/// A request that has ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RequestEnds<'a> {
    /// `host[:port]` that was asked.
    pub host: &'a str,
    /// What for: `manifest`, `referrers`, `blob`, `token`, `upload`, `service`.
    pub what: &'static str,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// The HTTP status; none if there was no answer.
    pub status: Option<u16>,
    /// Why it failed, if it did; an answer whose body broke off has both.
    pub error: Option<ReasonCode>,
    /// Bytes of the body that were read.
    pub bytes: u64,
    /// From sending to the last byte.
    pub took: Duration,
}

/// How a cache answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CacheAsked {
    /// What was asked for.
    pub kind: CacheKind,
    /// How it was answered.
    pub answer: CacheAnswer,
}

/// What a cache was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CacheKind {
    /// A manifest by digest.
    Manifest,
    /// A blob by digest.
    Blob,
    /// What a tag points to.
    Tag,
    /// The list of an image's referrers.
    Referrers,
}

/// How a cache answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CacheAnswer {
    /// From memory.
    Memory,
    /// From disk, hashed again.
    Disk,
    /// From memory: it was not there a moment ago.
    Absent,
    /// By a request that another check had begun.
    Joined,
    /// By a request.
    Miss,
    /// With what was known last, because the registry could not be asked.
    Stale,
}

impl CacheKind {
    /// The stable name: `manifest`, `blob`, `tag` or `referrers`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Blob => "blob",
            Self::Tag => "tag",
            Self::Referrers => "referrers",
        }
    }
}

impl CacheAnswer {
    /// The stable name: `memory`, `disk`, `absent`, `joined`, `miss` or `stale`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Absent => "absent",
            Self::Joined => "joined",
            Self::Miss => "miss",
            Self::Stale => "stale",
        }
    }
}
