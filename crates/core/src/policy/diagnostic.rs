//! What is wrong with a policy, where, and what to write instead.

use std::ops::Range;

use annotate_snippets::{
    AnnotationKind, Group, Level, Origin, Renderer, Snippet, renderer::DecorStyle,
};

use crate::policy::Source;
use crate::text::safe;
use crate::{Class, ReasonCode};

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// The policy set can be used, but something in it has no effect or will surprise.
    Warning,
    /// The policy set cannot be used.
    Error,
}

impl Severity {
    /// `warning` or `error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A place in a policy file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// The source's name: the path that is shown to people.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The bytes of the source's text that are meant.
    pub span: Range<usize>,
}

/// One finding about a policy set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The stable code, of class [`Class::Misconfigured`].
    pub code: ReasonCode,
    /// Whether the set can be used nevertheless.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to write instead.
    pub hint: String,
    /// Where; none if it is about the whole set or about the command line.
    pub place: Option<Place>,
}

impl Diagnostic {
    pub(crate) fn new(
        code: ReasonCode,
        severity: Severity,
        message: &str,
        place: Option<Place>,
    ) -> Self {
        debug_assert!(code.class() == Class::Misconfigured, "{code}");
        Self {
            code,
            severity,
            message: safe(message),
            hint: code.hint().to_owned(),
            place,
        }
    }

    /// With a hint that fits the case better than the code's general one.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: &str) -> Self {
        self.hint = safe(hint);
        self
    }

    /// The diagnostic as text: code, message, the offending lines with a caret under them, and the hint.
    ///
    /// `sources` are those that were loaded; `color` adds ANSI escapes.
    #[must_use]
    pub fn render(&self, sources: &[Source], color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level
            .primary_title(self.message.as_str())
            .id(self.code.as_str());
        let help = Level::HELP.message(self.hint.as_str());
        let source = self.place.as_ref().and_then(|place| {
            let source = sources.iter().find(|source| source.name == place.file)?;
            source.text.get(place.span.clone())?;
            Some((place, source))
        });
        let group = match (source, &self.place) {
            (Some((place, source)), _) => title
                .element(
                    Snippet::source(source.text.as_str())
                        .path(source.name.as_str())
                        .annotation(AnnotationKind::Primary.span(place.span.clone())),
                )
                .element(help),
            (None, Some(place)) => title
                .element(
                    Origin::path(place.file.as_str())
                        .line(place.line)
                        .char_column(place.column),
                )
                .element(help),
            (None, None) => Group::with_title(title).element(help),
        };
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer.decor_style(DecorStyle::Ascii).render(&[group])
    }
}
