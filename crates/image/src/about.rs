//! What an image says about itself.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

/// What an image says about itself; the same for every machine.
#[derive(Debug, Clone)]
pub struct About {
    name: String,
    version: String,
    revision: String,
    created: Timestamp,
}

impl About {
    /// An image of this name (`registry/repository:tag`), of this version and revision of the sources, made at the time of the
    /// commit: seconds since 1970, as `SOURCE_DATE_EPOCH` has them.
    ///
    /// # Errors
    /// If the name has no registry or no tag, for whoever loads an archive by an incomplete name finds it under another; if it has a
    /// digest; or if there is no such time.
    pub fn new(name: &str, version: &str, revision: &str, created: i64) -> Result<Self> {
        let (registry, rest) = name.split_once('/').unwrap_or_default();
        let is_host = registry.contains(['.', ':']) || registry == "localhost";
        let has_tag = rest
            .rsplit('/')
            .next()
            .and_then(|last| last.split_once(':'))
            .is_some_and(|(repository, tag)| !repository.is_empty() && !tag.is_empty());
        if !is_host || !has_tag || name.contains('@') {
            bail!("the image's name `{name}` has to be registry/repository:tag");
        }
        Ok(Self {
            name: name.to_owned(),
            version: version.to_owned(),
            revision: revision.to_owned(),
            created: Timestamp::from_second(created)
                .with_context(|| format!("{created} is no time in seconds since 1970"))?,
        })
    }

    /// The whole name, `registry/repository:tag`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name's tag.
    #[must_use]
    pub fn tag(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or_default()
    }

    /// The commit's time as RFC 3339.
    pub(crate) fn created(&self) -> String {
        self.created.to_string()
    }

    /// The commit's time in seconds since 1970; 0 if that was before.
    pub(crate) fn seconds(&self) -> u64 {
        u64::try_from(self.created.as_second()).unwrap_or_default()
    }

    /// Labels and annotations by the OCI image specification's names ("Pre-Defined Annotation Keys").
    pub(crate) fn labels(&self, title: &str) -> BTreeMap<String, String> {
        let source = env!("CARGO_PKG_REPOSITORY");
        [
            ("title", title),
            (
                "description",
                "Decides whether a container image may run: signatures, attestations and policies.",
            ),
            ("source", source),
            ("url", env!("CARGO_PKG_HOMEPAGE")),
            ("licenses", env!("CARGO_PKG_LICENSE")),
            ("version", &self.version),
            ("revision", &self.revision),
            ("created", &self.created()),
        ]
        .map(|(key, value)| (format!("org.opencontainers.image.{key}"), value.to_owned()))
        .into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_is_whole_or_an_error() {
        let about = |name| About::new(name, "1", "abc", 0);
        for (name, tag) in [
            ("registry.example/a/b:v1", "v1"),
            ("localhost/b:v1", "v1"),
            ("localhost:5000/b:v1", "v1"),
        ] {
            assert_eq!(about(name).unwrap().tag(), tag);
        }
        for name in [
            "",
            "b:v1",
            "a/b:v1",
            "registry.example/b",
            "registry.example:5000/b",
            "registry.example/b:",
            "registry.example/:v1",
            "registry.example/b:v1@sha256:00",
        ] {
            let error = about(name).unwrap_err().to_string();
            assert!(
                error.contains("has to be registry/repository:tag"),
                "{name}: {error}"
            );
        }
        assert!(About::new("registry.example/b:v1", "1", "abc", i64::MAX).is_err());
    }
}
