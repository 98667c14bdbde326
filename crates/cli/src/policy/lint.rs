//! `policy lint`: everything that is wrong or doubtful.

use std::fmt::Write as _;

use countersign_core::{Diagnostic, Severity};
use serde::Serialize;

use crate::args::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::plan::LintJob;
use crate::policies::{Policies, rendered};
use crate::policy::Position;

/// What `--format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LintReport<'a> {
    api_version: &'static str,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<Finding<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    hint: &'a str,
    #[serde(flatten)]
    place: Option<Position<'a>>,
}

/// Lists everything that is wrong or doubtful.
pub(crate) fn run(job: &LintJob) -> Result<Exit, Failure> {
    let mut policies = Policies::load(&job.path, &job.roots)?;
    if let Some(set) = &policies.loaded.policies {
        let doubtful = set.lint(job.roots.now);
        policies.loaded.diagnostics.extend(doubtful);
    }
    let (errors, warnings) = (
        policies.count(Severity::Error),
        policies.count(Severity::Warning),
    );
    let exit = match (errors, warnings) {
        (0, 0) => Exit::Allowed,
        (0, _) if job.deny_warnings => Exit::Denied,
        (0, _) => Exit::Allowed,
        _ => Exit::Misused,
    };
    let diagnostics = &policies.loaded.diagnostics;
    let result = match job.format {
        Format::Text => {
            let mut text = rendered(diagnostics, policies.files.sources());
            let files = counted(policies.files.sources().len(), "file");
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{}, {}, {files}",
                counted(errors, "error"),
                counted(warnings, "warning")
            );
            text
        }
        Format::Json => output::json(&LintReport {
            api_version: "countersign.dev/lint/v1alpha1",
            errors,
            warnings,
            diagnostics: diagnostics.iter().map(Finding::from).collect(),
        }),
    };
    Ok(output::deliver(&result, job.color, exit))
}

impl<'a> From<&'a Diagnostic> for Finding<'a> {
    fn from(diagnostic: &'a Diagnostic) -> Self {
        Self {
            code: diagnostic.code.as_str(),
            severity: diagnostic.severity.as_str(),
            message: &diagnostic.message,
            hint: &diagnostic.hint,
            place: diagnostic.place.as_ref().map(Position::from),
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
