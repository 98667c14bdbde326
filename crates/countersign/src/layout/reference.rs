//! `oci:PATH`, `oci:PATH:tag`, `oci:PATH@sha256:…`.

use std::fmt;
use std::path::{Path, PathBuf};

use countersign_core::{Digest, ReferenceError};

use crate::error::clip;

const SCHEME: &str = "oci:";

/// Which image of which OCI layout somebody means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LayoutRef {
    path: PathBuf,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl LayoutRef {
    /// Whether a text names a layout and not an image in a registry. No registry reference starts so.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Reads `oci:PATH[:tag][@sha256:…]`. The tag is what follows the last `:` if there is no `/` in it, so a path with a
    /// colon in its last part has to be written with a `/` at its end.
    ///
    /// # Errors
    /// [`ReferenceError`] if the scheme, the path or the tag is missing, or the digest is none.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let rest = text
            .strip_prefix(SCHEME)
            .ok_or_else(|| ReferenceError::Host(clip(text)))?;
        let (named, digest) = match rest.split_once("@sha256:") {
            Some((named, hex)) => (named, Some(Digest::parse(&format!("sha256:{hex}"))?)),
            None => (rest, None),
        };
        let (path, tag) = match named.rsplit_once(':') {
            Some((_, "")) => return Err(ReferenceError::Tag(String::new())),
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag.to_owned())),
            _ => (named, None),
        };
        if path.is_empty() {
            return Err(ReferenceError::Empty);
        }
        Ok(Self {
            path: PathBuf::from(path),
            tag,
            digest,
        })
    }

    /// The layout in that directory, whichever image of it.
    pub(super) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            tag: None,
            digest: None,
        }
    }

    /// The same, of that digest.
    #[must_use]
    pub const fn pinned(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// The layout's directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tag: the entry's `org.opencontainers.image.ref.name`.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest.
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }
}

impl fmt::Display for LayoutRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.path.display())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn path_tag_and_digest_are_told_apart() {
        let digest = Digest::of(b"x");
        let pinned = format!("oci:a/b@{digest}");
        let both = format!("oci:a/b:v1@{digest}");
        for (text, path, tag, expected) in [
            ("oci:a/b", "a/b", None, None),
            ("oci:/tmp/a:b/c", "/tmp/a:b/c", None, None),
            ("oci:a:b/", "a:b/", None, None),
            ("oci:a/b:v1", "a/b", Some("v1"), None),
            ("oci:a:b/c:v1", "a:b/c", Some("v1"), None),
            ("oci:a@b", "a@b", None, None),
            (&pinned, "a/b", None, Some(digest)),
            (&both, "a/b", Some("v1"), Some(digest)),
        ] {
            let read = LayoutRef::parse(text).unwrap();
            assert_eq!(read.path(), Path::new(path), "{text}");
            assert_eq!(read.tag(), tag, "{text}");
            assert_eq!(read.digest(), expected.as_ref(), "{text}");
            assert_eq!(read.to_string(), text);
        }
        for text in [
            "oci:",
            "oci::v1",
            "oci:a:",
            "oci:a@sha256:00",
            "a/b",
            "OCI:a",
            "",
        ] {
            assert!(LayoutRef::parse(text).is_err(), "{text}");
        }
        assert!(LayoutRef::is_one("oci:x"));
        assert!(!LayoutRef::is_one("ghcr.io/x"));
    }
}
