//! The one way to read what a registry holds.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use countersign_core::{Digest, FoundBy, ImageRef};

use crate::{Annotations, Budget, RegistryError};

/// Something that holds images and what is attached to them: a registry over HTTP, an OCI layout, a cache before either.
///
/// `Ok(None)` means that the registry says "not there"; whatever keeps it from saying so is an error, never `None`.
/// Every read is bounded by the caller's maximum and by the check's [`Budget`] of bytes and time. Bytes that are asked
/// for by digest have that digest: an implementation hashes them itself and trusts no header.
pub trait Registry: Send + Sync {
    /// Under which access a repository is read: two reads with equal [`Access`] see the same. It never asks the registry.
    ///
    /// A cache keeps it in its keys, so that nobody profits from what another may read.
    ///
    /// # Errors
    /// The credentials cannot be read.
    fn access(
        &self,
        repository: &Repository,
        budget: &Budget,
    ) -> impl Future<Output = Result<Access, RegistryError>> + Send;

    /// Where the evidence of an image is kept, if it is configured to be kept elsewhere than beside the image.
    fn evidence_repository(&self, _image: &Repository) -> Option<Repository> {
        None
    }

    /// Reads a manifest or index of at most `max` bytes.
    fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
        max: usize,
        budget: &Budget,
    ) -> impl Future<Output = Result<Option<Fetched>, RegistryError>> + Send;

    /// Lists the manifests whose `subject` is the image (distribution specification 1.1, "Listing Referrers"), whatever
    /// their artifact type.
    ///
    /// An empty list of the API is not believed before the fallback tag `sha256-<hex>` was asked too.
    fn referrers(
        &self,
        repository: &Repository,
        image: &Digest,
        budget: &Budget,
    ) -> impl Future<Output = Result<Listing, RegistryError>> + Send;

    /// Reads a blob of exactly `size` bytes, as its descriptor says; the caller has compared `size` with its limit. Whoever keeps blobs shares them.
    fn blob(
        &self,
        repository: &Repository,
        blob: &Digest,
        size: usize,
        budget: &Budget,
    ) -> impl Future<Output = Result<Option<Arc<[u8]>>, RegistryError>> + Send;
}

/// A repository of a registry: `host[:port]/path`. An OCI layout is one repository and ignores the name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    registry: String,
    path: String,
}

/// What to ask a repository for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// Whatever the tag points to at this moment.
    Tag(String),
    /// Exactly these bytes.
    Digest(Digest),
}

/// A manifest's bytes and what the registry called them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The bytes, at most as many as were allowed.
    pub bytes: Vec<u8>,
    /// The `Content-Type` header, or the media type of a layout's descriptor.
    pub content_type: Option<Cow<'static, str>>,
    /// Who served it (`host[:port]` or a place on disk), if it was not the registry that the repository names: a mirror.
    pub from: Option<String>,
    /// Why what stands at this tag may be out of date, if it may: a mirror answered for a registry that could not be asked.
    pub doubt: Option<RegistryError>,
}

/// The fingerprint of what a repository is read with: the credentials, never the credentials themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access(Digest);

/// The manifests that refer to an image, as a registry lists them. A list is a hint: each manifest has to be opened.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// In the registry's order, without twins; shared with whoever keeps the list.
    pub items: Arc<[Referrer]>,
    /// Why there may be more, if there may be. A listing that is not complete never proves an absence.
    pub incomplete: Option<RegistryError>,
    /// Who served it, if it was not the registry that the repository names: a mirror.
    pub from: Option<String>,
}

/// One entry of a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// Digest of the referring manifest.
    pub digest: Digest,
    /// Its size in bytes, as the list says.
    pub size: u64,
    /// Its media type, as the list says.
    pub media_type: Cow<'static, str>,
    /// Its artifact type, as the list says; lists written by old tools are wrong about it, so it selects nothing.
    pub artifact_type: Option<Cow<'static, str>>,
    /// The descriptor's annotations.
    pub annotations: Annotations,
    /// Which list it stood in.
    pub found_by: FoundBy,
}

impl Repository {
    /// The repository that an image reference names.
    #[must_use]
    pub fn of(image: &ImageRef) -> Self {
        Self {
            registry: image.registry().to_owned(),
            path: image.repository().to_owned(),
        }
    }

    /// A repository of a registry whose name is canonical.
    pub(crate) fn named(registry: &str, path: &str) -> Self {
        Self {
            registry: registry.to_owned(),
            path: path.to_owned(),
        }
    }

    /// The one repository of an OCI layout, as messages call it: `oci:PATH`.
    #[must_use]
    pub fn layout(path: &std::path::Path) -> Self {
        Self {
            registry: "oci:".to_owned(),
            path: path.display().to_string(),
        }
    }

    /// Canonical `host[:port]` of the registry; Docker Hub is `docker.io`.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path within the registry.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl From<&ImageRef> for Repository {
    fn from(image: &ImageRef) -> Self {
        Self::of(image)
    }
}

impl Reference {
    /// What an image reference asks for: its digest where it has one, for the tag beside it may have moved.
    #[must_use]
    pub fn of(image: &ImageRef) -> Self {
        match (image.digest(), image.tag()) {
            (Some(digest), _) => Self::Digest(*digest),
            (None, tag) => Self::Tag(tag.unwrap_or("latest").to_owned()),
        }
    }

    /// The tag at which tools keep what belongs to an image: `sha256-<hex>` and a suffix (`""`, `.sig`, `.att`).
    #[must_use]
    pub fn companion(image: &Digest, suffix: &str) -> Self {
        Self::Tag(format!("sha256-{}{suffix}", image.hex()))
    }
}

impl From<&ImageRef> for Reference {
    fn from(image: &ImageRef) -> Self {
        Self::of(image)
    }
}

impl Access {
    /// What everybody may read, who shows no credential.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::of([])
    }

    /// The access of whoever shows these; each part counts by itself, and so does their order.
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut material = b"countersign access v1\n".to_vec();
        for part in parts {
            material.extend_from_slice(Digest::of(part).as_bytes());
        }
        Self(Digest::of(&material))
    }

    /// The fingerprint: enough to tell accesses apart. Like every fingerprint of a secret it is not for logs.
    #[must_use]
    pub const fn fingerprint(&self) -> &Digest {
        &self.0
    }
}

impl Listing {
    /// Whether nothing is missing.
    #[must_use]
    pub const fn complete(&self) -> bool {
        self.incomplete.is_none()
    }
}

/// The one form of a registry's name, as image references have it; `None` if it is none.
pub(crate) fn canonical_host(host: &str) -> Option<String> {
    // The parser of references takes one word without a port for a path; `x/x` is a repository that every host can have.
    let port = if host.contains([':', '.']) {
        ""
    } else {
        ":443"
    };
    let image = ImageRef::parse(&format!("{host}{port}/x/x")).ok()?;
    let is_host = image.repository() == "x/x" && !host.contains('/');
    is_host.then(|| image.registry().to_owned())
}

/// Step 3: whether bytes are those that were asked for.
pub(crate) fn check_digest(
    host: &str,
    expected: &Digest,
    bytes: &[u8],
) -> Result<(), RegistryError> {
    check_actual(host, expected, Digest::of(bytes))
}

/// The same, of bytes that were hashed on the way.
pub(crate) fn check_actual(
    host: &str,
    expected: &Digest,
    actual: Digest,
) -> Result<(), RegistryError> {
    if actual == *expected {
        return Ok(());
    }
    Err(RegistryError::Digest {
        host: host.to_owned(),
        expected: *expected,
        actual,
    })
}

/// Whether there are as many bytes as the descriptor says.
pub(crate) fn check_size(
    host: &str,
    digest: &Digest,
    expected: u64,
    actual: usize,
) -> Result<(), RegistryError> {
    check_length(
        host,
        digest,
        expected,
        u64::try_from(actual).unwrap_or(u64::MAX),
    )
}

/// The same, of bytes that were counted on the way.
pub(crate) fn check_length(
    host: &str,
    digest: &Digest,
    expected: u64,
    actual: u64,
) -> Result<(), RegistryError> {
    if actual == expected {
        return Ok(());
    }
    Err(RegistryError::Size {
        host: host.to_owned(),
        digest: *digest,
        expected,
        actual,
    })
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_digest_wins_over_the_tag_beside_it() {
        let digest = Digest::of(b"x");
        let both = ImageRef::parse(&format!("ghcr.io/acme/app:v1@{digest}")).unwrap();
        assert_eq!(Reference::of(&both), Reference::Digest(digest));
        let tagged = ImageRef::parse("nginx").unwrap();
        assert_eq!(Reference::of(&tagged), Reference::Tag("latest".to_owned()));
        assert_eq!(
            Repository::of(&tagged).to_string(),
            "docker.io/library/nginx"
        );
        assert_eq!(
            Reference::companion(&digest, ".sig").to_string(),
            format!("sha256-{}.sig", digest.hex())
        );
    }
}
