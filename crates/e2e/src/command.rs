//! Running a program to its end.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// What a program said, and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs `command` to its end, whatever its exit code.
///
/// # Errors
/// If it cannot be run, or writes what is not UTF-8.
pub fn outcome(command: &mut Command) -> Result<Output> {
    let output = command
        .output()
        .with_context(|| format!("running {command:?}"))?;
    Ok(Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

/// Runs `command` to its end.
///
/// # Errors
/// As [`outcome`], and if the exit code is not 0; the error shows what it said.
pub fn run(command: &mut Command) -> Result<Output> {
    let output = outcome(command)?;
    if output.code != Some(0) {
        bail!(
            "{command:?} ended with {:?}:\n{}{}",
            output.code,
            output.stdout,
            output.stderr
        );
    }
    Ok(output)
}
