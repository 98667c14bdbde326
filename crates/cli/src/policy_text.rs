//! Policies as text, for the commands that write some.

mod names;
mod yaml;

use std::fmt::Write as _;

pub(crate) use names::{name, unique};
pub(crate) use yaml::quoted;

const API: &str = "apiVersion: countersign.dev/v1alpha1";
/// How wide a line may be before its comment goes above it.
const WIDE: usize = 100;

/// A policy set that is being written, line by line.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

impl Text {
    /// A line as it is.
    pub(crate) fn raw(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// A line and, behind or above it, what it means.
    pub(crate) fn line(&mut self, indent: usize, line: &str, meaning: &str) {
        // Writing to a String cannot fail.
        let _ = if indent + line.chars().count() + meaning.chars().count() < WIDE {
            writeln!(self.0, "{:indent$}{line} # {meaning}", "")
        } else {
            writeln!(self.0, "{0:indent$}# {meaning}\n{0:indent$}{line}", "")
        };
    }

    /// The beginning of a document, up to its `spec`.
    pub(crate) fn document(&mut self, kind: &str, name: &str) {
        self.raw("---");
        self.raw(API);
        self.raw(&format!("kind: {kind}"));
        self.raw(&format!("metadata: {{name: {}}}", quoted(name)));
    }

    /// How many lines there are.
    pub(crate) fn lines(&self) -> usize {
        self.0.lines().count()
    }

    /// All that was written.
    pub(crate) fn done(self) -> String {
        self.0
    }
}
