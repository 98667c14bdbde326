//! What is copied, and where to.

use std::fmt;

use countersign::{ImageRef, LayoutRef};
use countersign_core::{Digest, ReferenceError};

/// One side of a copy: an image in a registry, or one in an OCI layout on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// `[registry/]repository[:tag][@sha256:…]`.
    Registry(ImageRef),
    /// `oci:PATH[:tag][@sha256:…]`.
    Layout(LayoutRef),
}

impl Place {
    /// Reads either form.
    ///
    /// # Errors
    /// [`ReferenceError`] that names the offending part.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if LayoutRef::is_one(text) {
            LayoutRef::parse(text).map(Self::Layout)
        } else {
            ImageRef::parse(text).map(Self::Registry)
        }
    }

    /// The registry that is asked, as `host[:port]`; none for a layout.
    #[must_use]
    pub fn registry(&self) -> Option<&str> {
        match self {
            Self::Registry(image) => Some(image.registry()),
            Self::Layout(_) => None,
        }
    }

    /// The tag that the image has there, `latest` if nothing was written.
    fn tag(&self) -> Option<&str> {
        match self {
            Self::Registry(image) => image.tag(),
            Self::Layout(layout) => layout.tag(),
        }
    }

    /// The tag that was written out.
    fn written_tag(&self) -> Option<&str> {
        let Self::Registry(image) = self else {
            return self.tag();
        };
        let named = image.written().split('@').next().unwrap_or_default();
        let is_written = |tag: &&str| {
            named
                .strip_suffix(*tag)
                .is_some_and(|rest| rest.ends_with(':'))
        };
        image.tag().filter(is_written)
    }

    fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Registry(image) => image.digest(),
            Self::Layout(layout) => layout.digest(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(image) => f.write_str(&image.name()),
            Self::Layout(layout) => write!(f, "oci:{}", layout.path().display()),
        }
    }
}

/// From where to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub(crate) source: Place,
    pub(crate) destination: Place,
    /// The destination's tag; none: by digest alone.
    pub(crate) tag: Option<String>,
    /// What the image's digest has to be.
    pub(crate) digest: Option<Digest>,
}

/// Two digests were written that cannot both be the image's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the destination's digest {destination} is not the source's, {source_digest}: a copy has the same digest"
)]
pub struct DigestsDiffer {
    source_digest: Digest,
    destination: Digest,
}

impl Route {
    /// The destination gets the tag that is written there. Without one it gets the source's tag, and none if the source has
    /// none or if the destination has a digest.
    ///
    /// # Errors
    /// [`DigestsDiffer`].
    pub fn new(source: Place, destination: Place) -> Result<Self, DigestsDiffer> {
        let digest = match (source.digest(), destination.digest()) {
            (Some(own), Some(other)) if own != other => {
                return Err(DigestsDiffer {
                    source_digest: *own,
                    destination: *other,
                });
            }
            (own, other) => own.or(other).copied(),
        };
        let tag = match destination.written_tag() {
            None if destination.digest().is_none() => source.tag(),
            written => written,
        };
        Ok(Self {
            tag: tag.map(str::to_owned),
            digest,
            source,
            destination,
        })
    }

    /// The destination's tag; none: by digest alone.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Where to, without tag and digest when it is shown.
    #[must_use]
    pub const fn destination(&self) -> &Place {
        &self.destination
    }

    /// Every registry that is asked.
    pub fn registries(&self) -> impl Iterator<Item = &str> {
        [&self.source, &self.destination]
            .into_iter()
            .filter_map(Place::registry)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn route(source: &str, destination: &str) -> Result<(Option<String>, bool), DigestsDiffer> {
        let place = |text| Place::parse(text).unwrap();
        let route = Route::new(place(source), place(destination))?;
        Ok((route.tag, route.digest.is_some()))
    }

    #[test]
    fn the_destinations_tag_is_the_one_written_there_or_the_sources() {
        let digest = Digest::of(b"image");
        for (source, destination, tag, pinned) in [
            ("a.io/app:v1", "b.io/app:v2", Some("v2"), false),
            ("a.io/app:v1", "b.io/app:latest", Some("latest"), false),
            ("a.io/app:v1", "b.io/app", Some("v1"), false),
            ("a.io/app", "b.io/app", Some("latest"), false),
            ("a.io/app@D", "b.io/app", None, true),
            ("a.io/app@D", "localhost:5000/app", None, true),
            ("a.io/app@D", "b.io/app:v2", Some("v2"), true),
            ("a.io/app:v1@D", "b.io/app", Some("v1"), true),
            ("a.io/app:v1", "b.io/app@D", None, true),
            ("a.io/app:v1", "b.io/app:v2@D", Some("v2"), true),
            ("a.io/app:v1", "oci:dir", Some("v1"), false),
            ("a.io/app:v1", "oci:dir:v2", Some("v2"), false),
            ("oci:dir", "b.io/app", None, false),
            ("oci:dir:v1", "b.io/app", Some("v1"), false),
        ] {
            let with_digest = |text: &str| text.replace("@D", &format!("@{digest}"));
            let found = route(&with_digest(source), &with_digest(destination)).unwrap();
            assert_eq!(
                found,
                (tag.map(str::to_owned), pinned),
                "{source} to {destination}"
            );
        }
    }

    #[test]
    fn a_copy_has_the_same_digest() {
        let [one, other] = [b"1", b"2"].map(|bytes| Digest::of(bytes));
        let pair = |to| route(&format!("a.io/app@{one}"), &format!("b.io/app@{to}"));
        assert!(pair(one).is_ok());
        let error = pair(other).unwrap_err().to_string();
        assert!(
            error.contains(&one.hex()) && error.contains(&other.hex()),
            "{error}"
        );
    }
}
