//! Collecting diagnostics while the reading goes on.

use super::{Diagnostic, Place, Severity};
use crate::ReasonCode;

/// More diagnostics than this help nobody; the rest is counted in one last line.
const MAX_DIAGNOSTICS: usize = 200;

/// A place while files are being read: cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    /// Index of the source.
    pub(crate) file: usize,
    /// Byte offset of the first byte.
    pub(crate) start: usize,
    /// Byte offset behind the last byte.
    pub(crate) end: usize,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Spanned<T> {
    pub(crate) at: At,
    pub(crate) value: T,
}

/// Every diagnostic so far.
#[derive(Debug)]
pub(crate) struct Notes {
    files: Vec<String>,
    notes: Vec<(Option<At>, Diagnostic)>,
    suppressed: usize,
    errors: usize,
}

impl Notes {
    pub(crate) fn new(files: Vec<String>) -> Self {
        Self {
            files,
            notes: Vec::new(),
            suppressed: 0,
            errors: 0,
        }
    }

    /// Notes an error at a place.
    pub(crate) fn error(&mut self, code: ReasonCode, at: At, message: impl AsRef<str>) {
        self.push(Some(at), code, Severity::Error, message.as_ref(), None);
    }

    /// Notes an error at a place, with a hint that fits the case.
    pub(crate) fn error_with(
        &mut self,
        code: ReasonCode,
        at: At,
        message: impl AsRef<str>,
        hint: impl AsRef<str>,
    ) {
        self.push(
            Some(at),
            code,
            Severity::Error,
            message.as_ref(),
            Some(hint.as_ref()),
        );
    }

    /// Notes a warning at a place.
    pub(crate) fn warning(&mut self, code: ReasonCode, at: At, message: impl AsRef<str>) {
        self.push(Some(at), code, Severity::Warning, message.as_ref(), None);
    }

    /// Notes something about the whole set or the command line.
    pub(crate) fn general(
        &mut self,
        code: ReasonCode,
        severity: Severity,
        message: impl AsRef<str>,
        hint: Option<&str>,
    ) {
        self.push(None, code, severity, message.as_ref(), hint);
    }

    /// The public form of a place.
    pub(crate) fn place(&self, at: At) -> Place {
        Place {
            file: self.files.get(at.file).cloned().unwrap_or_default(),
            line: at.line,
            column: at.column,
            span: at.start..at.end,
        }
    }

    pub(crate) const fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors there were so far.
    pub(crate) const fn error_count(&self) -> usize {
        self.errors
    }

    /// All diagnostics in the order of the files; those about the whole set come last.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.notes
            .sort_by_key(|(at, diagnostic)| (at.is_none(), *at, diagnostic.code));
        let mut all: Vec<Diagnostic> = self
            .notes
            .into_iter()
            .map(|(_, diagnostic)| diagnostic)
            .collect();
        if self.suppressed > 0 {
            let message = format!("{} further diagnostics are not shown", self.suppressed);
            let severity = if self.errors > 0 {
                Severity::Error
            } else {
                Severity::Warning
            };
            all.push(Diagnostic::new(
                ReasonCode::PolicyTooLarge,
                severity,
                &message,
                None,
            ));
        }
        all
    }

    fn push(
        &mut self,
        at: Option<At>,
        code: ReasonCode,
        severity: Severity,
        message: &str,
        hint: Option<&str>,
    ) {
        self.errors += usize::from(severity == Severity::Error);
        if self.notes.len() >= MAX_DIAGNOSTICS {
            self.suppressed += 1;
            return;
        }
        let mut diagnostic = Diagnostic::new(code, severity, message, at.map(|at| self.place(at)));
        if let Some(hint) = hint {
            diagnostic = diagnostic.with_hint(hint);
        }
        self.notes.push((at, diagnostic));
    }
}

/// A known name that looks like `name`, as the end of a message.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    known
        .into_iter()
        .map(|other| (distance(name, other), other))
        .filter(|(distance, other)| *distance <= other.len().max(3) / 3)
        .min()
        .map(|(_, other)| format!("; did you mean `{other}`?"))
        .unwrap_or_default()
}

/// Edits between two names, of which differences in case and `-`, `_` count none. Long names are not compared.
fn distance(left: &str, right: &str) -> usize {
    const MAX: usize = 64;
    if left.len() > MAX || right.len() > MAX {
        return usize::MAX;
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    strsim::osa_distance(&plain(left), &plain(right))
}
