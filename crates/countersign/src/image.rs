//! Which image somebody means, and under which name it is judged.

use std::sync::Arc;

use countersign_core::{Approvals, ImageRef, Namespace, ReferenceError, Request};

use crate::{Keyring, LayoutRef};

/// An image to check: one in a registry, or one in an OCI layout on disk.
#[derive(Debug, Clone)]
pub struct Image {
    pub(crate) place: Place,
    pub(crate) request: Request,
    /// What it is read with, before what the checker's registry client has.
    pub(crate) credentials: Option<Keyring>,
}

#[derive(Debug, Clone)]
pub(crate) enum Place {
    Registry(ImageRef),
    Layout(LayoutRef),
}

/// Why a text is not an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// It is not a reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Only an image in a layout can be judged under another name.
    #[error(
        "only an oci: image is judged under a name that is given beside it; a registry's image has its own"
    )]
    AlreadyNamed,
    /// The name's digest is not the layout image's.
    #[error("the two digests that are given differ")]
    DigestsDiffer,
}

impl Image {
    /// Reads `[registry/]repository[:tag][@sha256:…]` or `oci:PATH[:tag][@sha256:…]`.
    ///
    /// An image in a layout has no name: every policy of the set judges it, unless [`judged_as`](Self::judged_as) names it.
    ///
    /// # Errors
    /// [`ImageError::Reference`].
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        if LayoutRef::is_one(text) {
            let layout = LayoutRef::parse(text)?;
            return Ok(Self {
                request: Request::unnamed(text, layout.digest().copied()),
                place: Place::Layout(layout),
                credentials: None,
            });
        }
        Ok(ImageRef::parse(text)?.into())
    }

    /// The same image of a layout, judged by the policies that match `name`.
    ///
    /// # Errors
    /// [`ImageError::AlreadyNamed`] for an image in a registry; [`ImageError::DigestsDiffer`].
    pub fn judged_as(self, name: &ImageRef) -> Result<Self, ImageError> {
        let Place::Layout(layout) = self.place else {
            return Err(ImageError::AlreadyNamed);
        };
        let layout = match (layout.digest(), name.digest()) {
            (Some(own), Some(named)) if own != named => return Err(ImageError::DigestsDiffer),
            (None, Some(named)) => layout.pinned(*named),
            _ => layout,
        };
        let request = Request::named(name).pinned(layout.digest().copied());
        let request = match self.request.namespace().cloned() {
            Some(namespace) => request.in_namespace(namespace),
            None => request,
        };
        let request = match self.request.break_glass() {
            Some(approvals) => request.with_break_glass(Arc::clone(approvals)),
            None => request,
        };
        Ok(Self {
            request: request.written_as(self.request.written()),
            place: Place::Layout(layout),
            credentials: None,
        })
    }

    /// The same image in a Pod that has an owner: what only has become too old since the owner was admitted is a warning
    /// ([`Request::with_age_relief`]).
    #[must_use]
    pub fn with_age_relief(mut self) -> Self {
        self.request = self.request.with_age_relief();
        self
    }

    /// The same image, to run in this namespace of a cluster.
    #[must_use]
    pub fn in_namespace(mut self, namespace: Namespace) -> Self {
        self.request = self.request.in_namespace(namespace);
        self
    }

    /// The same image, with approvals of break-glass statements, which were examined under the trust of the policy set that is to judge.
    #[must_use]
    pub fn with_break_glass(mut self, approvals: impl Into<Arc<Approvals>>) -> Self {
        self.request = self.request.with_break_glass(approvals);
        self
    }

    /// The same image, read with these credentials, and then with those of the [`Checker`](crate::Checker)'s registry client: for whoever checks images of many. A layout needs
    /// none. Whatever is kept is kept apart by the [`Access`](crate::Access) that they give.
    #[must_use]
    pub fn with_credentials(mut self, credentials: impl Into<Keyring>) -> Self {
        self.credentials = Some(credentials.into());
        self
    }

    /// The registry that would be asked, as [`Repository::registry`](crate::Repository::registry) names it; none for a layout.
    #[must_use]
    pub fn registry(&self) -> Option<&str> {
        match &self.place {
            Place::Registry(image) => Some(image.registry()),
            Place::Layout(_) => None,
        }
    }

    /// What is to be judged, as the evaluator sees it.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }
}

/// An image of a registry. Whoever judges what others wrote reads it so: [`Image::parse`] would also read a folder on disk (`oci:PATH`).
impl From<ImageRef> for Image {
    fn from(image: ImageRef) -> Self {
        Self {
            request: Request::named(&image),
            place: Place::Registry(image),
            credentials: None,
        }
    }
}

impl std::str::FromStr for Image {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use countersign_core::Digest;

    fn named(layout: &str, name: &str) -> Result<Image, ImageError> {
        Image::parse(layout)?.judged_as(&ImageRef::parse(name).unwrap())
    }

    #[test]
    fn a_layouts_image_has_the_name_that_is_given_or_none() {
        let image = Image::parse("oci:a/b:v1").unwrap();
        assert_eq!(
            (image.request().name(), image.request().digest()),
            (None, None)
        );
        let image = named("oci:a/b:v1", "nginx:1.27").unwrap();
        assert_eq!(image.request().name(), Some("docker.io/library/nginx"));
        assert_eq!(image.request().written(), "oci:a/b:v1");
        assert_eq!(image.registry(), None);
        let image = Image::parse("nginx").unwrap();
        assert_eq!(image.registry(), Some("docker.io"));
        assert_eq!(image.request().name(), Some("docker.io/library/nginx"));
    }

    #[test]
    fn a_digest_is_kept_from_either_side_and_never_contradicted() {
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        let image = named("oci:a", &format!("nginx@{one}")).unwrap();
        assert_eq!(image.request().digest(), Some(&one));
        assert!(matches!(&image.place, Place::Layout(layout) if layout.digest() == Some(&one)));
        let image = named(&format!("oci:a@{one}"), "nginx").unwrap();
        assert_eq!(image.request().digest(), Some(&one));
        assert!(named(&format!("oci:a@{one}"), &format!("nginx@{one}")).is_ok());
        let differ = named(&format!("oci:a@{one}"), &format!("nginx@{other}"));
        assert_eq!(differ.unwrap_err(), ImageError::DigestsDiffer);
        let registry = named("ghcr.io/acme/app", "nginx");
        assert_eq!(registry.unwrap_err(), ImageError::AlreadyNamed);
        assert!(matches!(
            Image::parse("UPPER"),
            Err(ImageError::Reference(_))
        ));
    }
}
