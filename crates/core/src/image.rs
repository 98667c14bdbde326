//! Step 1: an image whose digest is known because we hashed its manifest.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::{Digest, Limits, json};

/// The exact manifest (or index) bytes of one image, with the sha256 that *we* computed over them.
///
/// Only unambiguous manifests become one (CVE-2021-41190): duplicate keys, `manifests` beside `layers` or `config`, or
/// a `mediaType` that differs from the Content-Type are refused. Everything after resolution speaks of this digest.
#[derive(Debug, Clone)]
pub struct PinnedImage {
    digest: Digest,
    media_type: String,
    bytes: Arc<[u8]>,
    children: Option<Vec<Child>>,
}

/// One manifest that an index lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Digest of the child's manifest.
    pub digest: Digest,
    /// Its media type as the index says.
    pub media_type: String,
    /// Its size in bytes as the index says.
    pub size: u64,
    /// The platform that it is for, if the index says one.
    pub platform: Option<Platform>,
    /// The descriptor's annotations.
    pub annotations: BTreeMap<String, String>,
}

/// Operating system and architecture of a child of an index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// Such as `linux`.
    pub os: String,
    /// Such as `amd64`.
    pub architecture: String,
    /// Such as `v8`.
    pub variant: Option<String>,
}

/// Why bytes are not an unambiguous manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The bytes hash to something else than was asked for.
    #[error("the manifest's sha256 is {actual}, but {expected} was asked for")]
    Digest {
        /// What was asked for.
        expected: Digest,
        /// What the bytes hash to.
        actual: Digest,
    },
    /// More bytes than [`Limits::manifest_bytes`].
    #[error("the manifest has {0} bytes, more than the limit")]
    TooLarge(usize),
    /// Not JSON, or with duplicate keys, or of a wrong shape.
    #[error("the manifest is malformed: {0}")]
    Malformed(String),
    /// Docker's schema 1, which registries stopped writing in 2017.
    #[error(
        "the manifest is of Docker's schema 1, which is not supported; push the image again with a current tool"
    )]
    SchemaOne,
    /// It could be read as an image and as an index (CVE-2021-41190).
    #[error("the manifest is ambiguous: {0}")]
    Ambiguous(&'static str),
    /// Neither OCI image or index nor Docker schema 2.
    #[error("the manifest's media type `{0}` is not supported")]
    MediaType(String),
}

/// Media types of images: OCI and Docker schema 2.
pub(crate) const IMAGE_TYPES: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// Media types of indexes: OCI and Docker schema 2.
pub(crate) const INDEX_TYPES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    schema_version: Option<u64>,
    media_type: Option<String>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    fs_layers: Option<IgnoredAny>,
    manifests: Option<Vec<WireChild>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireChild {
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<WirePlatform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct WirePlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl PinnedImage {
    /// Hashes and reads a manifest or index.
    ///
    /// `content_type` is what the registry (or the layout's descriptor) called it; `expected` the digest that was asked for.
    ///
    /// # Errors
    /// [`ManifestError`] when the digest differs or the bytes are not one unambiguous manifest.
    pub fn from_bytes(
        bytes: Vec<u8>,
        content_type: Option<&str>,
        expected: Option<&Digest>,
        limits: &Limits,
    ) -> Result<Self, ManifestError> {
        if bytes.len() > limits.manifest_bytes {
            return Err(ManifestError::TooLarge(bytes.len()));
        }
        let digest = Digest::of(&bytes);
        if let Some(expected) = expected
            && *expected != digest
        {
            return Err(ManifestError::Digest {
                expected: *expected,
                actual: digest,
            });
        }
        let wire: Wire =
            json::parse(&bytes, limits).map_err(|error| ManifestError::Malformed(error.into()))?;
        if wire.schema_version == Some(1) {
            return Err(ManifestError::SchemaOne);
        }
        if wire.schema_version != Some(2) {
            return Err(ManifestError::Malformed(
                "schemaVersion is not 2".to_owned(),
            ));
        }
        // A Content-Type may carry parameters (RFC 9110, 8.3); a mediaType may not.
        let content_type = content_type.map(|text| text.split(';').next().unwrap_or(text).trim());
        let media_type = match (wire.media_type, content_type) {
            (Some(own), Some(given)) if own != given => {
                return Err(ManifestError::Ambiguous(
                    "its mediaType differs from the Content-Type or descriptor",
                ));
            }
            (Some(own), _) => own,
            (None, Some(given)) => given.to_owned(),
            (None, None) if wire.manifests.is_some() => INDEX_TYPES[0].to_owned(),
            (None, None) => IMAGE_TYPES[0].to_owned(),
        };
        let is_index = INDEX_TYPES.contains(&media_type.as_str());
        if !is_index && !IMAGE_TYPES.contains(&media_type.as_str()) {
            return Err(ManifestError::MediaType(crate::digest::clip(&media_type)));
        }
        let has_image_parts =
            wire.config.is_some() || wire.layers.is_some() || wire.fs_layers.is_some();
        let children = match (wire.manifests, is_index) {
            (Some(_), true) if has_image_parts => {
                return Err(ManifestError::Ambiguous(
                    "it has `manifests` beside `config` or `layers`",
                ));
            }
            (Some(children), true) => Some(
                children
                    .into_iter()
                    .map(Child::try_from)
                    .collect::<Result<_, _>>()?,
            ),
            (None, true) => {
                return Err(ManifestError::Malformed(
                    "the index has no `manifests`".to_owned(),
                ));
            }
            (Some(_), false) => {
                return Err(ManifestError::Ambiguous("an image has `manifests`"));
            }
            (None, false) if wire.config.is_none() || wire.layers.is_none() => {
                return Err(ManifestError::Malformed(
                    "the image has no `config` or no `layers`".to_owned(),
                ));
            }
            (None, false) => None,
        };
        Ok(Self {
            digest,
            media_type,
            bytes: bytes.into(),
            children,
        })
    }

    /// The sha256 over the manifest bytes.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The manifest's media type.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The exact manifest bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The children, if this is an index.
    #[must_use]
    pub fn children(&self) -> Option<&[Child]> {
        self.children.as_deref()
    }

    /// The children that could run, in the index's order: those that are not [skipped](Child::is_runnable).
    #[must_use]
    pub fn runnable(&self) -> Vec<&Child> {
        let children = self.children.iter().flatten();
        children.filter(|child| child.is_runnable()).collect()
    }
}

impl Child {
    /// Whether a node might run it: everything but what is for the platform unknown/unknown, exactly.
    ///
    /// Annotations prove nothing, and a child that names no platform is run wherever its own configuration fits.
    #[must_use]
    pub fn is_runnable(&self) -> bool {
        const UNKNOWN: &str = "unknown";
        self.platform.as_ref().is_none_or(|platform| {
            platform.os != UNKNOWN || platform.architecture != UNKNOWN || platform.variant.is_some()
        })
    }

    /// Whether it is an index itself, as the index says.
    #[must_use]
    pub fn is_index(&self) -> bool {
        INDEX_TYPES.contains(&self.media_type.as_str())
    }

    /// Whether it is a manifest with BuildKit's attestations: they are unsigned and never evidence. One that could run is a
    /// child like others, whatever its annotations say.
    #[must_use]
    pub fn is_buildkit_attestation(&self) -> bool {
        !self.is_runnable()
            && self
                .annotations
                .get("vnd.docker.reference.type")
                .is_some_and(|kind| kind == "attestation-manifest")
    }
}

impl Platform {
    /// Whether this platform, as Settings name it, is that one, or is the same without its variant.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || self.variant == other.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<WireChild> for Child {
    type Error = ManifestError;

    fn try_from(wire: WireChild) -> Result<Self, Self::Error> {
        Ok(Self {
            digest: Digest::parse(&wire.digest)
                .map_err(|error| ManifestError::Malformed(error.to_string()))?,
            media_type: wire.media_type,
            size: wire.size,
            platform: wire.platform.map(|platform| Platform {
                os: platform.os,
                architecture: platform.architecture,
                variant: platform.variant,
            }),
            annotations: wire.annotations.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(text: &str, content_type: Option<&str>) -> Result<PinnedImage, ManifestError> {
        PinnedImage::from_bytes(text.into(), content_type, None, &Limits::default())
    }

    #[test]
    fn reads_images_and_indexes() {
        let image = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
        let pinned = read(
            image,
            Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
        );
        assert_eq!(pinned.unwrap().digest(), &Digest::of(image.as_bytes()));
        let index = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"m","digest":"{}","size":1,"platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#,
            Digest::of(b"child")
        );
        let pinned = read(&index, None).unwrap();
        assert_eq!(pinned.children().unwrap()[0].digest, Digest::of(b"child"));
    }

    #[test]
    fn cve_2021_41190_ambiguous_manifests_are_refused() {
        for (text, content_type) in [
            (
                r#"{"schemaVersion":2,"config":{},"layers":[],"manifests":[]}"#,
                None,
            ),
            (
                r#"{"schemaVersion":2,"config":{},"layers":[],"manifests":[]}"#,
                Some(INDEX_TYPES[0]),
            ),
            (
                r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#,
                Some(IMAGE_TYPES[0]),
            ),
            (
                r#"{"schemaVersion":2,"config":{},"layers":[],"layers":[]}"#,
                None,
            ),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#, None),
            (r#"{"schemaVersion":2,"config":{}}"#, None),
            (
                r#"{"schemaVersion":2,"config":{},"layers":[]}"#,
                Some("text/html"),
            ),
            ("[]", None),
        ] {
            assert!(read(text, content_type).is_err(), "{text} {content_type:?}");
        }
    }

    #[test]
    fn docker_schema_1_is_refused_by_name() {
        let text = r#"{"schemaVersion":1,"name":"app","tag":"v1","architecture":"amd64","fsLayers":[],"history":[],"signatures":[]}"#;
        for content_type in [
            None,
            Some("application/vnd.docker.distribution.manifest.v1+prettyjws"),
            Some("application/vnd.docker.distribution.manifest.v1+json"),
            Some(IMAGE_TYPES[0]),
        ] {
            let error = read(text, content_type).unwrap_err();
            assert_eq!(error, ManifestError::SchemaOne, "{content_type:?}");
            assert!(error.to_string().contains("Docker's schema 1"));
        }
        // Whatever its bytes say, what is called schema 1 is no image.
        let image = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
        let called = Some("application/vnd.docker.distribution.manifest.v1+json");
        assert!(matches!(
            read(image, called),
            Err(ManifestError::MediaType(_))
        ));
    }

    #[test]
    fn s01_a_lying_digest_is_refused() {
        let text = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
        let other = Digest::of(b"other");
        let read = PinnedImage::from_bytes(text.into(), None, Some(&other), &Limits::default());
        assert!(matches!(read, Err(ManifestError::Digest { .. })));
    }
}
