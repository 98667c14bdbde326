//! Identities of keyless Signers: patterns are anchored, and what would accept strangers is refused.

use super::Compiler;
use super::pattern::identity_pattern;
use crate::ReasonCode;
use crate::policy::authorize::{GITHUB, WORKFLOWS};
use crate::policy::document::{KeylessSpec, SubjectSpec, WorkflowSpec};
use crate::policy::glob::Glob;
use crate::policy::notes::At;
use crate::policy::shape::{Items, Text};
use crate::policy::signer::{Keyless, Subject};

impl Compiler<'_> {
    pub(super) fn keyless(&mut self, spec: &KeylessSpec) -> Option<Keyless> {
        let issuer = spec.issuer.as_ref().and_then(|issuer| self.exact(issuer));
        let subject = spec
            .subject
            .as_ref()
            .and_then(|subject| self.subject(subject));
        let claims = self.claims(spec, issuer.as_deref());
        if let (Some(issuer), Some(subject), Some(at)) = (
            &issuer,
            &subject,
            spec.subject.as_ref().map(|subject| subject.at),
        ) {
            self.open_workflow(spec, issuer, subject, at);
        }
        Some(Keyless {
            issuer: issuer?,
            subject: subject?,
            claims,
        })
    }

    /// A workflow's identity says which file ran, not for whom: `source` must say that, or the risk be named.
    ///
    /// Only the repository says it. `build.signerUri` names the same file once more; a fork has its origin's commits; an
    /// owner has more repositories than one; and who starts a run may choose refs, events, runners and names.
    fn open_workflow(&mut self, spec: &KeylessSpec, issuer: &str, subject: &Subject, at: At) {
        let is_workflow = match subject {
            Subject::Workflow { .. } => true,
            Subject::Exact(value) | Subject::Uri(value) => value.contains(WORKFLOWS),
            Subject::Regex(..) => issuer == GITHUB,
            Subject::Email(_) => false,
        };
        // What is written but wrong is an error already.
        let is_open = match &spec.source {
            Some(source) => {
                !source.is_empty() && !source.has("repository") && !source.has("repositoryId")
            }
            None => !spec.has("source"),
        };
        match &spec.any_caller {
            None if is_workflow && is_open => self.notes.error(
                ReasonCode::OpenWorkflow,
                at,
                "any repository may call this workflow, and `source` names no repository",
            ),
            Some(word) if !is_workflow || !is_open => {
                self.notes.warning(
                    ReasonCode::NoEffect,
                    word.at,
                    "`anyCaller` has no effect here",
                );
            }
            _ => {}
        }
    }

    fn subject(&mut self, spec: &SubjectSpec) -> Option<Subject> {
        const WAYS: [&str; 5] = ["exact", "email", "uri", "regex", "workflow"];
        if WAYS.iter().filter(|way| spec.has(way)).count() != 1 {
            self.notes.error_with(
                ReasonCode::WrongValue,
                spec.at,
                "`subject` takes exactly one of `exact`, `email`, `uri`, `regex` and `workflow`",
                "Keep the one that says most exactly who signs.",
            );
            return None;
        }
        if let Some(value) = &spec.exact {
            return self.exact(value).map(Subject::Exact);
        }
        if let Some(value) = &spec.email {
            let value = self.exact(value)?;
            return Some(Subject::Email(value));
        }
        if let Some(value) = &spec.uri {
            return self.exact(value).map(Subject::Uri);
        }
        if let Some(pattern) = &spec.regex {
            return self.regex(pattern);
        }
        self.workflow(spec.workflow.as_ref()?)
    }

    fn workflow(&mut self, spec: &WorkflowSpec) -> Option<Subject> {
        let path = spec.path.as_ref().and_then(|path| self.workflow_path(path));
        let refs = spec.refs.as_ref().and_then(|refs| self.globs(refs));
        Some(Subject::Workflow {
            path: path?,
            refs: refs?,
        })
    }

    pub(super) fn workflow_path(&mut self, path: &Text) -> Option<String> {
        let value = self.exact(path)?;
        let mut elements = value.split('/');
        let (owner, repository) = (elements.next(), elements.next());
        let rest: Vec<&str> = elements.collect();
        let good = owner.is_some_and(|owner| !owner.is_empty() && !owner.contains(['.', ':']))
            && repository.is_some_and(|repository| !repository.is_empty())
            && matches!(rest.as_slice(), [".github", "workflows", file]
                if file.strip_suffix(".yml").or_else(|| file.strip_suffix(".yaml")).is_some_and(|stem| !stem.is_empty()))
            && !value.contains(['@', '?', '#', '%']);
        if !good {
            self.notes.error_with(
                ReasonCode::WrongValue,
                path.at,
                format!("`{value}` is not the path of a workflow"),
                "Write OWNER/REPOSITORY/.github/workflows/FILE.yml, without host and ref.",
            );
            return None;
        }
        Some(value)
    }

    fn regex(&mut self, pattern: &Text) -> Option<Subject> {
        match identity_pattern(&pattern.value) {
            Ok(regex) => Some(Subject::Regex(regex, pattern.value.clone())),
            Err(bad) => {
                self.notes
                    .error_with(bad.code, pattern.at, bad.message, bad.hint);
                None
            }
        }
    }

    /// A value that is compared exactly: `*` would be an ordinary character, and the value has no blanks.
    pub(super) fn exact(&mut self, text: &Text) -> Option<String> {
        let odd = |c: char| c.is_whitespace() || c.is_control();
        self.whole(
            text,
            !text.value.contains(odd),
            "blanks or control characters",
        )
    }

    /// A name that is compared exactly and may have blanks inside.
    pub(super) fn exact_line(&mut self, text: &Text) -> Option<String> {
        let value = &text.value;
        let good = value.trim() == value && !value.contains(char::is_control);
        self.whole(text, good, "blanks around it or control characters")
    }

    fn whole(&mut self, text: &Text, good: bool, what: &str) -> Option<String> {
        let value = &text.value;
        if value.contains('*') {
            let message =
                format!("`{value}` is compared exactly, so `*` would be an ordinary character");
            self.notes.error(ReasonCode::StarInExact, text.at, message);
            return None;
        }
        if !good {
            self.notes.error_with(
                ReasonCode::WrongValue,
                text.at,
                format!("the value has {what}"),
                "Remove them; the value is compared exactly.",
            );
            return None;
        }
        Some(value.clone())
    }

    /// Compiles a list of patterns; `None` if any of them is wrong.
    pub(super) fn globs(&mut self, list: &Items<Text>) -> Option<Vec<Glob>> {
        self.globs_that(list, |_| None)
    }

    /// The same, with a further check that says what is wrong with a pattern, and what to write instead.
    pub(super) fn globs_that(
        &mut self,
        list: &Items<Text>,
        check: impl Fn(&Glob) -> Option<(&'static str, String)>,
    ) -> Option<Vec<Glob>> {
        let mut globs = Vec::new();
        for text in &list.value {
            let written = &text.value;
            match Glob::parse(written).map(|glob| (check(&glob), glob)) {
                Ok((None, glob)) => globs.push(glob),
                Ok((Some((why, hint)), _)) => {
                    let message = format!("`{written}` {why}");
                    self.notes
                        .error_with(ReasonCode::BadPattern, text.at, message, hint);
                }
                Err(why) => {
                    self.notes.error(
                        ReasonCode::BadPattern,
                        text.at,
                        format!("`{written}` {why}"),
                    );
                }
            }
        }
        (globs.len() == list.value.len()).then_some(globs)
    }

    pub(super) fn duplicate_texts(&mut self, list: &Items<Text>) {
        for (index, text) in list.value.iter().enumerate() {
            if list
                .value
                .iter()
                .take(index)
                .any(|other| other.value == text.value)
            {
                let message = format!("`{}` stands twice in the list", text.value);
                self.notes
                    .error(ReasonCode::DuplicateItem, text.at, message);
            }
        }
    }
}
