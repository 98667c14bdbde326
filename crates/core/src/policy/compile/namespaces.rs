//! Where a policy judges, and what a promotion may state after it.

use super::Compiler;
use crate::ReasonCode;
use crate::policy::Namespaces;
use crate::policy::document::NamespacesSpec;
use crate::policy::glob::Glob;
use crate::policy::shape::{Items, Text};

/// What SLSA's own levels begin with (SLSA, "Verification Summary Attestation").
const SLSA: &str = "SLSA_";

impl Compiler<'_> {
    pub(super) fn namespaces(&mut self, spec: &NamespacesSpec) -> Option<Namespaces> {
        if spec.is_empty() {
            self.notes.error_with(
                ReasonCode::EmptyList,
                spec.at,
                "`namespaces` selects nothing",
                "Write `names`, `notNames` or `matchLabels`, or remove it: then it is for all namespaces.",
            );
            return None;
        }
        let names = self.namespace_names(spec.names.as_ref());
        let not_names = self.namespace_names(spec.not_names.as_ref());
        let (names, not_names) = (names?, not_names?);
        self.never_selected(spec, &names, &not_names);
        let labels = spec.match_labels.iter().flat_map(|table| &table.value);
        Some(Namespaces {
            names,
            not_names,
            labels: labels
                .map(|(key, value)| (key.value.clone(), value.0.clone()))
                .collect(),
        })
    }

    pub(super) fn namespace_names(&mut self, list: Option<&Items<Text>>) -> Option<Vec<Glob>> {
        let Some(list) = list else {
            return Some(Vec::new());
        };
        self.duplicate_texts(list);
        self.globs_that(list, |glob| {
            let text = glob.as_str();
            let odd = |it: char| !(it.is_ascii_lowercase() || it.is_ascii_digit() || "-*".contains(it));
            text.contains(odd).then(|| {
                let hint = "Namespaces have lower-case letters, digits and `-`; `*` stands for any of them.";
                ("fits no namespace's name", hint.to_owned())
            })
        })
    }

    fn never_selected(&mut self, spec: &NamespacesSpec, names: &[Glob], not_names: &[Glob]) {
        let Some(list) = &spec.names else {
            return;
        };
        for (glob, text) in names.iter().zip(&list.value) {
            if not_names.iter().any(|other| other.covers(glob)) {
                let message = format!(
                    "`{}` has no effect: `notNames` leaves all of it out",
                    text.value
                );
                self.notes.warning(ReasonCode::NoEffect, text.at, message);
            }
        }
    }

    /// The level that a promotion may state: nobody else's, and none of SLSA's own.
    pub(super) fn level(&mut self, level: &Text) -> Option<String> {
        let text = &level.value;
        let bytes = text.as_bytes();
        let good = bytes.first().is_some_and(u8::is_ascii_uppercase)
            && bytes.len() <= 63
            && bytes
                .iter()
                .all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || *it == b'_');
        if !good || text.starts_with(SLSA) {
            self.notes.error_with(
                ReasonCode::WrongValue,
                level.at,
                format!("`{text}` is not a level that a policy may emit"),
                "Use at most 63 upper-case letters, digits and `_`, such as ACME_PROD; levels that begin with `SLSA_` belong to SLSA.",
            );
            return None;
        }
        Some(text.clone())
    }
}
