//! Runs a program that has credentials: bounded in time and output, its input given, its errors not read.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::kept::PROGRAM;
use crate::error::clip;
use crate::{Budget, RegistryError};

/// What to run.
pub(super) struct Program<'a> {
    /// Where it is; never looked for.
    pub(super) path: PathBuf,
    pub(super) arguments: &'a [String],
    /// All that it sees; `None`: what we see.
    pub(super) environment: Option<Vec<(OsString, OsString)>>,
    pub(super) input: Vec<u8>,
    /// The most bytes of output.
    pub(super) most: usize,
    pub(super) time: Duration,
}

/// How it ended by itself.
pub(super) struct Ended {
    /// Why it counts as failed: its exit code.
    pub(super) failure: Option<String>,
    /// Its standard output. May hold a secret.
    pub(super) output: Vec<u8>,
}

impl Program<'_> {
    /// Runs it to its end. `Ok(Err(…))` tells why there is no answer, in words that hold nothing of what it printed.
    ///
    /// Its standard error is not read: whatever a program prints that holds secrets may hold one too.
    ///
    /// # Errors
    /// [`RegistryError::Timeout`] when the budget's time ends first.
    pub(super) async fn run(self, budget: &Budget) -> Result<Result<Ended, String>, RegistryError> {
        let mut command = Command::new(&self.path);
        command
            .args(self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // It ends when the time ends, and when nobody waits for its answer any more.
            .kill_on_drop(true);
        if let Some(environment) = self.environment {
            command.env_clear().envs(environment);
        }
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return Ok(Err(clip(&format!("it cannot be run: {error}")))),
        };
        let talk = converse(child, &self.input, self.most);
        let talk = tokio::time::timeout(self.time, talk);
        Ok(match budget.in_time_of(PROGRAM, talk).await? {
            Ok(ended) => ended,
            Err(_) => Err(format!(
                "it did not answer within {:?} and was stopped",
                self.time
            )),
        })
    }
}

async fn converse(mut child: Child, input: &[u8], most: usize) -> Result<Ended, String> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("it has no input or output".to_owned());
    };
    let feed = async move {
        // A program need not read what it is told.
        let _ = stdin.write_all(input).await;
        let _ = stdin.shutdown().await;
    };
    let bound = u64::try_from(most).unwrap_or(u64::MAX);
    let mut output = Vec::new();
    let read = async {
        let mut stdout = stdout.take(bound.saturating_add(1));
        stdout.read_to_end(&mut output).await
    };
    let ((), read) = tokio::join!(feed, read);
    read.map_err(|error| clip(&format!("its output cannot be read: {error}")))?;
    if output.len() > most {
        return Err(format!("it prints more than {most} bytes"));
    }
    let status = child
        .wait()
        .await
        .map_err(|error| clip(&format!("it cannot be waited for: {error}")))?;
    let failure = (!status.success()).then(|| match status.code() {
        Some(code) => format!("it ended with exit code {code}"),
        None => "it was stopped by a signal".to_owned(),
    });
    Ok(Ended { failure, output })
}
