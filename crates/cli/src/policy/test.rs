//! `policy test`: cases with the verdict and the reasons that are expected, and which changes of the policies they notice.
//!
//! ```text
//! folders ─case→ Case ─suite→ Suite (one for each policy) ─judged→ CaseResult
//!                                   └─mutants→ Unnoticed
//! ```

mod case;
mod expect;
mod mutants;
mod report;
mod roots;
mod suite;

use std::path::PathBuf;

use crate::args::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{output, progress};
use report::TestReport;

/// Run the cases of a folder.
#[derive(Debug)]
pub(crate) struct TestJob {
    pub(crate) folder: PathBuf,
    pub(crate) root: Option<PathBuf>,
    pub(crate) mutate: Option<Mutate>,
    pub(crate) format: Format,
    pub(crate) color: anstream::ColorChoice,
}

/// How changes count as noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutate {
    /// By a case of the policy that is changed.
    Each,
    /// By a case of any policy with the same field.
    Across,
}

/// Judges every case, and every change of the policies that is asked for.
pub(crate) fn run(job: &TestJob) -> Result<Exit, Failure> {
    let cases = case::all(&job.folder, job.root.as_deref())?;
    let mut suites = suite::of(cases)?;
    let runtime = progress::runtime()?;
    for suite in &mut suites {
        runtime.block_on(suite.run());
    }
    let mutated = match job.mutate {
        None => None,
        Some(_) if suites.iter().any(|suite| !suite.passed()) => None,
        Some(mutate) => {
            let mut found = Vec::new();
            for suite in &suites {
                found.push(runtime.block_on(mutants::try_all(suite)));
            }
            Some(mutants::counted(found, mutate))
        }
    };
    let report = TestReport::new(&suites, mutated);
    let result = match job.format {
        Format::Text => report.to_text(job.mutate.is_some()),
        Format::Json => output::json(&report),
    };
    let exit = match report.is_good() {
        true => Exit::Allowed,
        false => Exit::Denied,
    };
    Ok(output::deliver(&result, job.color, exit))
}
