//! What a break-glass statement has to be for the request, whoever approved it.

use super::{Refusal, listed};
use crate::decide::scene::Scene;
use crate::policy::BreakGlass;
use crate::policy::glob::Glob;
use crate::text::safe;
use crate::{
    BreakGlassScope, BreakGlassStatement, BreakGlassStatus, Digest, Namespace, ReasonCode,
};

impl Scene<'_> {
    /// Everything that a statement has to be, but for who approved it.
    pub(super) fn held(
        &self,
        statement: &BreakGlassStatement,
        break_glass: &BreakGlass,
    ) -> Result<(), Refusal> {
        let refused = |status: BreakGlassStatus, found: String, wanted: String| {
            let message = status.code().map(ReasonCode::message).unwrap_or_default();
            Err((
                status,
                format!(
                    "{message} Found {}; wanted {}.",
                    safe(&found),
                    safe(&wanted)
                ),
            ))
        };
        // A set with a BreakGlass names its cluster.
        let cluster = self.policies.cluster().unwrap_or_default();
        if statement.cluster != cluster {
            let found = format!("`{}`", statement.cluster);
            return refused(
                BreakGlassStatus::OtherCluster,
                found,
                format!("`{cluster}`"),
            );
        }
        let namespaces = listed(&statement.namespaces);
        let Some(namespace) = self.request.namespace().map(Namespace::name) else {
            let wanted = "a request that says in which namespace the image runs (--namespace)";
            return refused(
                BreakGlassStatus::OtherNamespace,
                namespaces,
                wanted.to_owned(),
            );
        };
        if !statement.namespaces.iter().any(|it| it == namespace) {
            let wanted = format!("`{namespace}`");
            return refused(BreakGlassStatus::OtherNamespace, namespaces, wanted);
        }
        if let Some((found, wanted)) = self.is_about_another(statement) {
            return refused(BreakGlassStatus::OtherImage, found, wanted);
        }
        if !break_glass.allows(namespace) {
            let globs = break_glass.namespaces.iter();
            let globs: Vec<&str> = globs.map(Glob::as_str).collect();
            let found = format!("the namespace `{namespace}`");
            return refused(BreakGlassStatus::OutOfScope, found, listed(&globs));
        }
        if statement.scope == BreakGlassScope::Namespace && !break_glass.allow_namespace_scope {
            return refused(
                BreakGlassStatus::OutOfScope,
                "a whole namespace".to_owned(),
                "images by digest (`allowNamespaceScope` is not set)".to_owned(),
            );
        }
        let now = format!("{} by our own clock", self.now);
        if self.now < statement.not_before {
            let wanted = format!("not before {}", statement.not_before);
            return refused(BreakGlassStatus::TooEarly, now, wanted);
        }
        if statement.not_after <= self.now {
            let wanted = format!("before {}", statement.not_after);
            return refused(BreakGlassStatus::Expired, now, wanted);
        }
        if statement.duration() > break_glass.max_duration {
            return refused(
                BreakGlassStatus::TooLong,
                format!("{} seconds", statement.duration()),
                format!("at most {}", break_glass.max_duration),
            );
        }
        if break_glass.revoked.contains(&statement.id) {
            return refused(
                BreakGlassStatus::Revoked,
                format!("`{}`", statement.id),
                "an id that is not in `revoked`".to_owned(),
            );
        }
        Ok(())
    }

    /// What a statement names in place of the image, and what it should; none if it is about it. Repository and digest are of one subject.
    fn is_about_another(&self, statement: &BreakGlassStatement) -> Option<(String, String)> {
        let BreakGlassScope::Images(images) = &statement.scope else {
            return None;
        };
        let digest = self.request.digest().copied().or_else(|| self.digest());
        let name = self.request.name();
        let is_it = |(repository, about): &&(String, Digest)| {
            name == Some(repository.as_str()) && Some(*about) == digest
        };
        if images.iter().any(|pair| is_it(&pair)) {
            return None;
        }
        let first = images
            .first()
            .map(|(name, digest)| format!("{name}@{digest}"));
        let found = match images.len() {
            1 => first.unwrap_or_default(),
            count => format!("{count} images, none of which it is"),
        };
        let name = name.unwrap_or("an image without a name (--as)");
        let wanted = match digest {
            Some(digest) => format!("{name}@{digest}"),
            None => format!("{name}, whose digest is not known: refer to it by digest"),
        };
        Some((found, wanted))
    }
}
