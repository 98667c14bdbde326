//! What is compared of one piece of evidence, and what came of it: the substance of an explanation.

use std::fmt::Display;

use crate::policy::authorize::Mismatch;
use crate::text::safe;
use crate::{Comparison, Outcome, ReasonCode};

/// No explanation of one piece of evidence is longer: what is beyond is judged and not shown.
const MOST: usize = 256;

/// Every comparison of one piece of evidence with what a Signer and a rule demand, in the order in which they were made.
///
/// The first that fails says why the evidence does not count; where none fails, the first that could not be told does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compared {
    comparisons: Vec<Comparison>,
    failed: Option<Mismatch>,
    unknown: Option<Mismatch>,
    warnings: Vec<(ReasonCode, String)>,
}

impl Compared {
    /// Records that `found` was compared with `wanted`; `code` says why the evidence does not count if that does not hold.
    pub(crate) fn that(
        &mut self,
        what: &str,
        wanted: impl Display,
        found: impl Display,
        holds: bool,
        code: ReasonCode,
    ) {
        let (wanted, found) = (wanted.to_string(), found.to_string());
        if holds {
            self.record(what, &wanted, &found, Outcome::Pass);
        } else {
            self.fail(
                what,
                Mismatch {
                    code,
                    found,
                    wanted,
                },
            );
        }
    }

    /// Records a comparison that does not hold.
    pub(crate) fn fail(&mut self, what: &str, mismatch: Mismatch) {
        self.record(what, &mismatch.wanted, &mismatch.found, Outcome::Fail);
        self.failed.get_or_insert(mismatch);
    }

    /// Records what could not be told, such as an expression that did not end in time.
    pub(crate) fn unknown(&mut self, what: &str, mismatch: Mismatch) {
        self.record(what, &mismatch.wanted, &mismatch.found, Outcome::Unknown);
        self.unknown.get_or_insert(mismatch);
    }

    /// Something that a person should be told if this evidence lets the rule pass.
    pub(crate) fn warn(&mut self, code: ReasonCode, message: impl Into<String>) {
        self.warnings.push((code, message.into()));
    }

    /// Whether nothing failed so far.
    pub(crate) const fn holds(&self) -> bool {
        self.failed.is_none()
    }

    pub(crate) const fn outcome(&self) -> Outcome {
        match (&self.failed, &self.unknown) {
            (Some(_), _) => Outcome::Fail,
            (None, Some(_)) => Outcome::Unknown,
            (None, None) => Outcome::Pass,
        }
    }

    /// Why the evidence does not count: what failed first, or else what could not be told.
    pub(crate) fn mismatch(&self) -> Option<&Mismatch> {
        self.failed.as_ref().or(self.unknown.as_ref())
    }

    pub(crate) fn warnings(&self) -> &[(ReasonCode, String)] {
        &self.warnings
    }

    pub(crate) fn comparisons(&self) -> &[Comparison] {
        &self.comparisons
    }

    fn record(&mut self, what: &str, wanted: &str, found: &str, outcome: Outcome) {
        if self.comparisons.len() < MOST {
            self.comparisons.push(Comparison {
                what: safe(what),
                wanted: safe(wanted),
                found: safe(found),
                outcome,
            });
        }
    }
}
