//! What a walk finds, as plain data.

use std::fmt;

use countersign_core::{Digest, FoundBy, Gap, PinnedImage, Platform};

use crate::{Annotations, Repository};

/// The annotation by which BuildKit marks what it attests in an index.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
const ATTESTATION_MANIFEST: &str = "attestation-manifest";

/// An image and everything that hangs on it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attached {
    /// The image's index or manifest.
    pub image: Node,
}

/// One manifest or index.
#[derive(Debug)]
#[non_exhaustive]
pub struct Node {
    /// How it was found.
    pub way: Way,
    /// The repository that holds it and its blobs.
    pub repository: Repository,
    /// Who served it, if it was not the registry that the repository names: a mirror.
    pub from: Option<String>,
    /// The tag at which it was found, if it was.
    pub tag: Option<String>,
    /// The sha256 of its bytes.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its `artifactType`; of a referrer without one, its config's media type (distribution specification 1.1, "Listing Referrers").
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: Annotations,
    /// The annotations of the descriptor that lists it.
    pub listed_annotations: Annotations,
    /// The platform that it is for, if the index above it says one.
    pub platform: Option<Platform>,
    /// Config and layers, in this order; none of an index.
    pub blobs: Vec<NamedBlob>,
    /// What it lists, if it is an index. Not of the one at the fallback tag: that lists siblings.
    pub children: Vec<Node>,
    /// What refers to it or stands at a tag that is named for it.
    pub attached: Vec<Node>,
    /// What should be in `children` or `attached` and could not be read.
    pub gaps: Vec<Gap>,
    pub(super) body: Body,
}

/// The bytes of a manifest.
#[derive(Debug)]
pub(super) enum Body {
    /// One that somebody could run, or an index of them.
    Image(PinnedImage),
    /// What belongs to one.
    Other(Vec<u8>),
}

/// How a manifest was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Way {
    /// It is what was asked for.
    Asked,
    /// The index above it lists it.
    Child,
    /// The registry lists it as a referrer; in a layout, its `subject` says so.
    Referrer,
    /// The index at the fallback tag lists it as a referrer.
    FallbackReferrer,
    /// It is that index: at the tag `sha256-<hex>`.
    FallbackTag,
    /// It stands at cosign's tag `sha256-<hex>.sig`.
    SignatureTag,
    /// It stands at cosign's tag `sha256-<hex>.att`.
    AttestationTag,
    /// It stands at cosign's tag `sha256-<hex>.sbom`.
    SbomTag,
}

/// A blob that a manifest names. Nobody has fetched it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedBlob {
    /// What it is for.
    pub role: BlobRole,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes, as the manifest says.
    pub size: u64,
    /// Its media type, as the manifest says.
    pub media_type: String,
    /// The descriptor's annotations.
    pub annotations: Annotations,
}

/// What a blob is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlobRole {
    /// The manifest's `config`.
    Config,
    /// One of its `layers`.
    Layer,
}

impl Attached {
    /// Every manifest, once: each after its children, and before what is attached to it. It is the order in which a registry takes them.
    #[must_use]
    pub fn nodes(&self) -> Vec<&Node> {
        fn add<'a>(node: &'a Node, nodes: &mut Vec<&'a Node>) {
            for child in &node.children {
                add(child, nodes);
            }
            nodes.push(node);
            for attached in &node.attached {
                add(attached, nodes);
            }
        }
        let mut nodes = Vec::new();
        add(&self.image, &mut nodes);
        nodes
    }

    /// Everything that could not be read, wherever it belongs. Without any, nothing is missing.
    pub fn gaps(&self) -> impl Iterator<Item = &Gap> {
        self.nodes().into_iter().flat_map(|node| &node.gaps)
    }
}

impl Node {
    /// Its exact bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.body {
            Body::Image(image) => image.bytes(),
            Body::Other(bytes) => bytes,
        }
    }

    /// The same as an image, if it is one or an index of them: what was asked for, and what it lists.
    #[must_use]
    pub const fn image(&self) -> Option<&PinnedImage> {
        match &self.body {
            Body::Image(image) => Some(image),
            Body::Other(_) => None,
        }
    }

    /// Whether it is BuildKit's: in-toto statements about another child of the same index, which nobody has signed.
    #[must_use]
    pub fn is_buildkit_attestation(&self) -> bool {
        self.way == Way::Child
            && self.listed_annotations.get(REFERENCE_TYPE) == Some(ATTESTATION_MANIFEST)
    }
}

impl NamedBlob {
    /// Whether registries keep it. Layers of Windows' base images, for one, come from elsewhere (image specification, "Non-Distributable Layers").
    #[must_use]
    pub fn is_distributable(&self) -> bool {
        !self.media_type.contains(".nondistributable.")
            && !self.media_type.contains(".foreign.diff.")
    }
}

impl Way {
    /// The stable name that reports use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Child => "child",
            Self::Referrer => "referrers",
            Self::FallbackReferrer => "fallback-tag",
            Self::FallbackTag => "fallback-index",
            Self::SignatureTag => "signature-tag",
            Self::AttestationTag => "attestation-tag",
            Self::SbomTag => "sbom-tag",
        }
    }

    /// By which way a check finds the evidence in such a manifest, if it looks there at all.
    #[must_use]
    pub const fn found_by(self) -> Option<FoundBy> {
        match self {
            Self::Referrer => Some(FoundBy::Referrers),
            Self::FallbackReferrer => Some(FoundBy::FallbackTag),
            Self::SignatureTag => Some(FoundBy::SignatureTag),
            Self::AttestationTag => Some(FoundBy::AttestationTag),
            Self::Asked | Self::Child | Self::FallbackTag | Self::SbomTag => None,
        }
    }

    /// What follows `sha256-<hex>` in the tag, if it is one.
    pub(super) const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::FallbackTag => Some(""),
            Self::SignatureTag => Some(".sig"),
            Self::AttestationTag => Some(".att"),
            Self::SbomTag => Some(".sbom"),
            Self::Asked | Self::Child | Self::Referrer | Self::FallbackReferrer => None,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
