//! Where words go: results to standard output, messages to standard error.

use std::io::{self, ErrorKind, Write as _};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use crate::exit::Exit;

/// Writes a result to standard output, with or without its colours, and returns how the run then ends.
///
/// A closed pipe (`| head`) is the reader's choice and changes nothing. Any other failure means that the result was
/// not delivered, and an undelivered allow is no allow.
pub(crate) fn deliver(result: &str, color: ColorChoice, exit: Exit) -> Exit {
    let mut stdout = AutoStream::new(io::stdout(), color).lock();
    match stdout
        .write_all(result.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => exit,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit,
        Err(error) => {
            complain(&format!("standard output cannot be written: {error}"));
            exit.max(Exit::Unknown)
        }
    }
}

/// A report as indented JSON.
pub(crate) fn json(report: &impl Serialize) -> String {
    let mut json = serde_json::to_string_pretty(report)
        .expect("a tree of strings, numbers and lists always serializes");
    json.push('\n');
    json
}

/// One line on standard error, for an operator.
pub(crate) fn complain(message: &str) {
    say(&format!("error: {message}\n"), ColorChoice::Never);
}

/// Text on standard error, with or without its colours. Nothing is left to do when that fails.
pub(crate) fn say(text: &str, color: ColorChoice) {
    let _ = AutoStream::new(io::stderr(), color).write_all(text.as_bytes());
}
