//! Break-glass beside a decision: what was handed over, what came of it, and what it overrode.

use super::{Cited, Decision, Refused};
use crate::{BreakGlassStatement, Digest, Place, ReasonCode, UnixTime, Verdict};

/// What came of the break-glass statements that were handed over with a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BreakGlassOutcome {
    /// What would have followed without them.
    pub enforced: Verdict,
    /// Every denial, and everything that nobody could tell, that was overridden; empty unless a statement was used.
    pub overridden: Vec<Overridden>,
    /// Each statement, in the order in which they were given; equal bytes are one.
    pub statements: Vec<BreakGlassStatementOutcome>,
    /// What was handed over and is no statement.
    pub refused: Vec<Refused>,
}

/// What came of one break-glass statement.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BreakGlassStatementOutcome {
    /// sha256 of the bytes that are approved.
    pub payload: Digest,
    /// What it says. Nobody vouches for it unless enough approvals count.
    pub statement: BreakGlassStatement,
    /// The BreakGlass of the policy set by which it is used, or the one by which it came closest; none if there is none.
    pub by: Option<(String, Place)>,
    /// Whether it lets the image run, or why not.
    pub status: BreakGlassStatus,
    /// The same in a sentence, with what was found and what was wanted.
    pub message: String,
    /// The approvals that verify; those that count have a `signer`.
    pub approvals: Vec<Cited>,
    /// The approvals that do not verify.
    pub refused: Vec<Refused>,
}

/// A denial that was overridden, or something that nobody could tell.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overridden {
    /// The policy; none of what is no policy's.
    pub policy: Option<String>,
    /// Its rule; none of what is no rule's.
    pub rule: Option<String>,
    /// What would have followed from it.
    pub effect: Verdict,
    /// Why.
    pub code: ReasonCode,
    /// One sentence.
    pub message: String,
}

/// Whether a break-glass statement lets an image run, or why not. Ordered by how far it came: what is first in the list is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BreakGlassStatus {
    /// The policy set has no BreakGlass.
    NotAllowed,
    /// It is for another cluster.
    OtherCluster,
    /// It is for other namespaces, or nobody said which one this is.
    OtherNamespace,
    /// It is about other images.
    OtherImage,
    /// The BreakGlass allows neither these namespaces nor this scope.
    OutOfScope,
    /// It does not hold yet.
    TooEarly,
    /// It does not hold any more.
    Expired,
    /// It holds for longer than the BreakGlass allows.
    TooLong,
    /// The BreakGlass has its id among those that are revoked.
    Revoked,
    /// Too few approvals count.
    TooFewApprovals,
    /// Whether the image is revoked could not be told.
    Untold,
    /// The image, or evidence about it, is revoked.
    RevokedImage,
    /// A registry lies.
    Hostile,
    /// It holds; whether the image needs it was not asked.
    Holds,
    /// The image is allowed without it.
    NotNeeded,
    /// Another statement is used already.
    Spare,
    /// By it the image runs.
    Used,
}

impl BreakGlassStatus {
    /// The stable name that reports use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAllowed => "not-allowed",
            Self::OtherCluster => "other-cluster",
            Self::OtherNamespace => "other-namespace",
            Self::OtherImage => "other-image",
            Self::OutOfScope => "out-of-scope",
            Self::TooEarly => "too-early",
            Self::Expired => "expired",
            Self::TooLong => "too-long",
            Self::Revoked => "revoked",
            Self::TooFewApprovals => "too-few-approvals",
            Self::Untold => "untold",
            Self::RevokedImage => "revoked-image",
            Self::Hostile => "hostile",
            Self::Holds => "holds",
            Self::NotNeeded => "not-needed",
            Self::Spare => "spare",
            Self::Used => "used",
        }
    }

    /// The reason code; none where nothing is the matter.
    #[must_use]
    pub const fn code(self) -> Option<ReasonCode> {
        Some(match self {
            Self::NotAllowed => ReasonCode::BreakGlassNotAllowed,
            Self::OtherCluster => ReasonCode::BreakGlassCluster,
            Self::OtherNamespace => ReasonCode::BreakGlassNamespace,
            Self::OtherImage => ReasonCode::BreakGlassImage,
            Self::OutOfScope => ReasonCode::BreakGlassScope,
            Self::TooEarly => ReasonCode::BreakGlassTooEarly,
            Self::Expired => ReasonCode::BreakGlassExpired,
            Self::TooLong => ReasonCode::BreakGlassTooLong,
            Self::Revoked => ReasonCode::BreakGlassRevoked,
            Self::TooFewApprovals => ReasonCode::BreakGlassApprovals,
            Self::Untold => ReasonCode::BreakGlassUntold,
            Self::RevokedImage => ReasonCode::BreakGlassRevokedImage,
            Self::Hostile => ReasonCode::BreakGlassHostile,
            Self::Used => ReasonCode::BreakGlassUsed,
            Self::Holds | Self::NotNeeded | Self::Spare => return None,
        })
    }
}

impl Decision {
    /// What would follow without break-glass: the same as [`effect`](Self::effect) unless that was used.
    #[must_use]
    pub fn enforced(&self) -> Verdict {
        let break_glass = self.break_glass.as_ref();
        break_glass.map_or(self.effect, |it| it.enforced)
    }

    /// What came of the break-glass statements that were handed over; none if none were.
    #[must_use]
    pub const fn break_glass(&self) -> Option<&BreakGlassOutcome> {
        self.break_glass.as_ref()
    }

    /// Whether the image may run by break-glass alone. Such a decision proves nothing about the image.
    #[must_use]
    pub fn is_by_break_glass(&self) -> bool {
        self.break_glass
            .as_ref()
            .is_some_and(|it| it.used().is_some())
    }
}

impl BreakGlassOutcome {
    /// The statement by which the image runs; none if it does not run by any.
    #[must_use]
    pub fn used(&self) -> Option<&BreakGlassStatementOutcome> {
        let used = |one: &&BreakGlassStatementOutcome| one.status == BreakGlassStatus::Used;
        self.statements.iter().find(used)
    }
}

impl BreakGlassStatementOutcome {
    /// Whether enough approvals count, and it holds for the request: also where it is not needed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(
            self.status,
            BreakGlassStatus::Used
                | BreakGlassStatus::Spare
                | BreakGlassStatus::NotNeeded
                | BreakGlassStatus::Holds
        )
    }

    /// Until when it holds.
    #[must_use]
    pub const fn not_after(&self) -> UnixTime {
        self.statement.not_after
    }
}
