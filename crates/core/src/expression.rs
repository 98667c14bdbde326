//! Expressions of policies (`where`): a language of its own behind a narrow trait, for it needs a stack and a deadline that this
//! crate does not have.

use std::fmt;
use std::sync::Arc;

use crate::UnixTime;

/// A language of expressions. A policy set is loaded with it; without one, a policy that has an expression is refused.
pub trait Expressions: fmt::Debug + Send + Sync {
    /// Compiles a source text.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the expression.
    fn compile(&self, source: &str) -> Result<Arc<dyn Expression>, String>;
}

/// A compiled expression over one statement.
///
/// It gives the same answer on every run, and ends.
pub trait Expression: fmt::Debug + Send + Sync {
    /// Whether it holds.
    ///
    /// # Errors
    /// [`ExpressionFailure`]: neither is an answer.
    fn holds(&self, input: &ExpressionInput<'_>) -> Result<bool, ExpressionFailure>;
}

/// What an expression may look at.
#[derive(Debug, Clone, Copy)]
pub struct ExpressionInput<'a> {
    /// The statement's predicate type.
    pub predicate_type: &'a str,
    /// The predicate as it was signed: JSON without duplicate keys, or nothing.
    pub predicate: &'a [u8],
    /// The earliest proven time of the signature, if there is one.
    pub signed_at: Option<UnixTime>,
}

/// Why an expression has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpressionFailure {
    /// It is no question about this statement: a field is missing, types do not fit. The evidence does not count.
    Wrong(String),
    /// It would cost too much: nobody can tell.
    Untold(String),
    /// It did not end in time, or could not be begun: nobody can tell, and the decision asks no expression after it. So one
    /// decision waits for one deadline at most.
    Late(String),
}
