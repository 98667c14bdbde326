//! What is compared of one piece of evidence, and what came of it: the substance of an explanation.

use std::fmt::{self, Display};

use crate::policy::authorize::Mismatch;
use crate::text::{safe, safe_own};
use crate::{Comparison, Outcome, ReasonCode};

/// No explanation of one piece of evidence is longer: what is beyond is judged and not shown, but for what decides.
const MOST: usize = 256;

/// Every comparison of one piece of evidence with what a Signer and a rule demand, in the order in which they were made.
///
/// The first that fails says why the evidence does not count; where none fails, the first that could not be told does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compared {
    comparisons: Vec<Comparison>,
    /// Nobody wants to be told: only what decides is kept.
    brief: bool,
    failed: Option<Mismatch>,
    unknown: Option<Mismatch>,
    warnings: Vec<(ReasonCode, String)>,
}

/// A text that is made only where somebody is told of it.
pub(crate) fn made<T: Display>(text: impl Fn() -> T) -> impl Display {
    fmt::from_fn(move |f| text().fmt(f))
}

impl Compared {
    /// Without an explanation, unless one is wanted.
    pub(crate) fn new(explained: bool) -> Self {
        Self {
            brief: !explained,
            ..Self::default()
        }
    }

    /// Whether nobody wants an explanation.
    pub(crate) const fn is_brief(&self) -> bool {
        self.brief
    }

    /// Adds what came of comparisons that were made apart, in brief, as if they had been made here.
    pub(crate) fn add(&mut self, apart: &Self) {
        if self.failed.is_none() {
            self.failed.clone_from(&apart.failed);
        }
        if self.unknown.is_none() {
            self.unknown.clone_from(&apart.unknown);
        }
        self.warnings.extend_from_slice(&apart.warnings);
    }

    /// Records that `found` was compared with `wanted`; `code` says why the evidence does not count if that does not hold. Nothing is written out of
    /// which nobody is told: hand over [`format_args!`] and [`made`], not texts that are made for this.
    pub(crate) fn that(
        &mut self,
        what: impl Display,
        wanted: impl Display,
        found: impl Display,
        holds: bool,
        code: ReasonCode,
    ) {
        if holds && self.brief {
            return;
        }
        let (what, wanted, found) = (what.to_string(), wanted.to_string(), found.to_string());
        if holds {
            self.record(&what, wanted, found, Outcome::Pass, false);
        } else {
            self.fail(
                &what,
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
        let decides = self.failed.is_none();
        if !self.brief {
            let (wanted, found) = (mismatch.wanted.clone(), mismatch.found.clone());
            self.record(what, wanted, found, Outcome::Fail, decides);
        }
        self.failed.get_or_insert(mismatch);
    }

    /// Records what could not be told, such as an expression that did not end in time.
    pub(crate) fn unknown(&mut self, what: &str, mismatch: Mismatch) {
        let decides = self.mismatch().is_none();
        if !self.brief {
            let (wanted, found) = (mismatch.wanted.clone(), mismatch.found.clone());
            self.record(what, wanted, found, Outcome::Unknown, decides);
        }
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

    /// All that was compared, for an explanation.
    pub(crate) fn into_comparisons(self) -> Vec<Comparison> {
        self.comparisons
    }

    /// `always`: what decides is shown however much stands before it.
    fn record(
        &mut self,
        what: &str,
        wanted: String,
        found: String,
        outcome: Outcome,
        always: bool,
    ) {
        if always || self.comparisons.len() < MOST {
            self.comparisons.push(Comparison {
                what: safe(what),
                wanted: safe_own(wanted),
                found: safe_own(found),
                outcome,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Compared, MOST};
    use crate::policy::authorize::Mismatch;
    use crate::{Outcome, ReasonCode};

    /// The bound holds for what passes and for what fails later; what decides is beyond it.
    #[test]
    fn what_decides_is_told_however_much_stands_before_it() {
        let code = ReasonCode::ProvenanceParameterMismatch;
        let mut compared = Compared::default();
        for number in 0..MOST + 9 {
            compared.that("before", number, number, true, code);
        }
        let untold = Mismatch {
            code: ReasonCode::ExpressionUntold,
            found: "?".to_owned(),
            wanted: "true".to_owned(),
        };
        compared.unknown("untold", untold.clone());
        compared.unknown("also untold", untold);
        compared.that("failed", "yes", "no", false, code);
        compared.that("failed later", "yes", "no", false, code);
        assert_eq!(compared.mismatch().map(|it| it.code), Some(code));
        let told = compared.into_comparisons();
        assert_eq!(told.len(), MOST + 2);
        let last: Vec<(&str, Outcome)> = told
            .iter()
            .skip(MOST)
            .map(|it| (it.what.as_str(), it.outcome))
            .collect();
        let expected = [("untold", Outcome::Unknown), ("failed", Outcome::Fail)];
        assert_eq!(last, expected);
    }
}
