//! Why a piece of evidence did not verify, inside verification. Step 23: every error there ends as one of these, and a refusal
//! never as an allow.

use crate::ReasonCode;

/// A stable code and the particulars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ReasonCode,
    pub(crate) detail: String,
}

impl Refusal {
    pub(crate) fn new(code: ReasonCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }

    /// Of what was refused so far and one refusal more, the one that came further (`ReasonCode::rank`); the first on a tie.
    pub(crate) fn most_specific(earlier: Option<Self>, other: Self) -> Self {
        match earlier {
            Some(earlier) if other.code.rank() <= earlier.code.rank() => earlier,
            _ => other,
        }
    }
}
