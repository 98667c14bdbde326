//! What came of the test, held against what is wanted.

use std::process::ExitCode;

use anyhow::Result;

/// Prints figures, and remembers which missed their target.
pub(crate) struct Report {
    check: bool,
    missed: Vec<String>,
}

impl Report {
    pub(crate) const fn new(check: bool) -> Self {
        Self {
            check,
            missed: Vec::new(),
        }
    }

    /// A figure that must not be larger.
    pub(crate) fn at_most(&mut self, what: &str, value: f64, most: f64) {
        self.figure(what, value, format!("at most {most}"), value <= most);
    }

    /// A figure that must not be smaller.
    pub(crate) fn at_least(&mut self, what: &str, value: f64, least: f64) {
        self.figure(what, value, format!("at least {least}"), value >= least);
    }

    fn figure(&mut self, what: &str, value: f64, wanted: String, is_met: bool) {
        let word = if is_met { "ok" } else { "MISSED" };
        println!("{word:>6}  {what}: {value:.2} ({wanted})");
        if !is_met {
            self.missed.push(what.to_owned());
        }
    }

    /// Whether the test is passed.
    pub(crate) fn end(&self) -> bool {
        if !self.missed.is_empty() {
            println!("missed: {}", self.missed.join("; "));
        }
        !self.check || self.missed.is_empty()
    }
}

/// How a bench ends: 1 where it is not passed, 2 where it could not be run.
pub(crate) fn ended(passed: Result<bool>) -> ExitCode {
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error:#}");
            ExitCode::from(2)
        }
    }
}

/// The middle one; of none, nothing.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
