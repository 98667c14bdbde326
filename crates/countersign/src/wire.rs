//! The JSON of manifests and indexes that carry evidence, as far as it is looked at.
//!
//! Nothing here is signed; twins of a key are refused all the same, so that no two readers see two documents.

use std::borrow::Cow;

use countersign_core::Digest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Annotations;
use crate::error::clip;

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// What lists call a Sigstore bundle that cosign attaches.
const BUNDLE_V03: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// An image index: a referrers list, a fallback tag, or a layout's `index.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub(crate) manifests: Vec<Descriptor>,
}

/// The file `oci-layout`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LayoutMarker {
    pub(crate) image_layout_version: String,
}

/// A manifest that may carry evidence in its layers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) artifact_type: Option<String>,
    pub(crate) subject: Option<Descriptor>,
    pub(crate) layers: Option<Vec<Descriptor>>,
}

/// A content descriptor. The digest stays text: one of an unknown algorithm must not spoil its neighbours.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    pub(crate) digest: String,
    #[serde(default)]
    pub(crate) size: u64,
    pub(crate) artifact_type: Option<String>,
    #[serde(default)]
    pub(crate) annotations: Annotations,
}

impl Descriptor {
    pub(crate) fn digest(&self) -> Result<Digest, String> {
        Digest::parse(&self.digest).map_err(|error| error.to_string())
    }
}

/// What is said of a manifest that a registry calls neither image nor index.
pub(crate) fn unsupported(content_type: &str) -> String {
    let schema = if content_type.starts_with("application/vnd.docker.distribution.manifest.v1+") {
        ", which is Docker's schema 1: it is not supported; push the image again with a current tool"
    } else {
        ""
    };
    format!(
        "a manifest has the content type `{}`{schema}",
        clip(content_type)
    )
}

/// A media type. Those that are met all the time are kept for every image of a cluster, and take no memory of their own.
pub(crate) fn media_type(text: String) -> Cow<'static, str> {
    [
        OCI_MANIFEST,
        OCI_INDEX,
        DOCKER_MANIFEST,
        DOCKER_LIST,
        BUNDLE_V03,
    ]
    .into_iter()
    .find(|known| *known == text)
    .map_or(Cow::Owned(text), Cow::Borrowed)
}

/// Reads JSON; the error is short enough for a message.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| clip(&error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn reads_what_tools_write_and_refuses_twins() {
        let index: Index = read(
            br#"{"schemaVersion":2,"manifests":[{"digest":"sha512:00","size":1,"mediaType":"m","annotations":null},
                {"digest":"x","size":2,"mediaType":"m","annotations":{"a":"b"}}]}"#,
        )
        .unwrap();
        assert!(index.manifests[0].digest().is_err());
        assert_eq!(index.manifests[1].annotations.get("a"), Some("b"));
        for twin in [
            r#"{"manifests":[],"manifests":[]}"#,
            r#"{"manifests":[{"digest":"a","digest":"b"}]}"#,
            r#"{"manifests":[{"digest":"a","annotations":{"k":"1","k":"2"}}]}"#,
            r#"{"manifests":[{"digest":"a","size":-1}]}"#,
            r#"{"manifests":{}}"#,
            "",
        ] {
            assert!(read::<Index>(twin.as_bytes()).is_err(), "{twin}");
        }
    }
}
