//! Patterns over images.

use super::Compiler;
use crate::policy::glob::Glob;
use crate::policy::shape::{Items, Text};
use crate::{ImageRef, ReasonCode};

impl Compiler<'_> {
    /// Patterns over `host/path`: a pattern that no canonical name can fit is an error, not a policy without effect.
    pub(super) fn images(&mut self, list: &Items<Text>) -> Option<Vec<Glob>> {
        self.duplicate_texts(list);
        self.globs_that(list, never_matches)
    }

    /// Patterns without effect: images that are left out again, and exceptions of nothing.
    pub(super) fn unreachable(
        &mut self,
        images: &[Glob],
        list: &Items<Text>,
        except: &[Glob],
        excepted: &Items<Text>,
    ) {
        for (glob, text) in images.iter().zip(&list.value) {
            if except.iter().any(|other| other.covers(glob)) {
                let message = format!(
                    "`{}` has no effect: `except` leaves all of it out",
                    text.value
                );
                self.notes.warning(ReasonCode::NoEffect, text.at, message);
            }
        }
        for (glob, text) in except.iter().zip(&excepted.value) {
            if !images.iter().any(|other| other.overlaps(glob)) {
                let message = format!(
                    "`{}` has no effect: `images` name nothing of it",
                    text.value
                );
                self.notes.warning(ReasonCode::NoEffect, text.at, message);
            }
        }
    }
}

/// Why no canonical name can fit a pattern, and what to write instead.
pub(super) fn never_matches(glob: &Glob) -> Option<(&'static str, String)> {
    let text = glob.as_str();
    if text == "**" {
        return None;
    }
    let (host, path) = match text.split_once('/') {
        Some(parts) => parts,
        None => {
            let hint = format!(
                "Write host and path, such as `docker.io/library/{text}`, or `**` for every image."
            );
            return Some(("has no host", hint));
        }
    };
    if path.contains([':', '@']) {
        return Some((
            "has a tag or digest",
            "Leave tag and digest out: policies match repositories.".to_owned(),
        ));
    }
    if path
        .chars()
        .any(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '/' | '*'))
    {
        return Some((
            "has characters that no repository's path has",
            "Use lower-case letters, digits, `.`, `_` and `-`.".to_owned(),
        ));
    }
    if host.contains('*') {
        return None;
    }
    match ImageRef::parse(&format!("{host}/x")) {
        Ok(image) if image.registry() == host => None,
        Ok(image) if image.repository() == "x" || image.repository() == "library/x" => Some((
            "does not begin with the host's canonical name",
            format!("Write `{}/{path}`.", image.registry()),
        )),
        Ok(_) => Some((
            "does not begin with a host",
            format!("Write `docker.io/{text}`: names without a host are Docker Hub's."),
        )),
        Err(_) => Some((
            "does not begin with a host",
            "Begin with the registry's host, such as `ghcr.io/`.".to_owned(),
        )),
    }
}
