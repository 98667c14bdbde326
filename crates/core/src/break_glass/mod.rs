//! Break-glass: a short-lived statement, approved by several people over the same bytes, by which an image may run that policies deny
//! (`docs/break-glass.md`).
//!
//! A statement is untrusted until [`decide`](crate::decide) has held who approved it against a `BreakGlass` of the policy set.

mod approvals;
mod statement;

pub use approvals::{Approval, Approvals, ApprovalsError};
pub(crate) use statement::is_id;
pub use statement::{BreakGlassError, BreakGlassScope, BreakGlassStatement};
