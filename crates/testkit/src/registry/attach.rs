//! Images, and what is attached to them, as the tools of the field push it.

use serde_json::json;

use super::{BUNDLE_V03, FallbackArtifactType, OCI_INDEX, OCI_MANIFEST, Registry, lock};
use crate::digest::sha256_digest;

const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const DSSE_ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

impl Registry {
    /// A small valid image under a tag; its digest. Equal arguments give equal images.
    pub fn push_image(&self, repo: &str, tag: &str) -> String {
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {"Labels": {"name": format!("{repo}:{tag}")}},
            "rootfs": {"type": "layers", "diff_ids": [sha256_digest(b"layer")]},
        });
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": self.push_described(repo, OCI_CONFIG, config.to_string().as_bytes()),
            "layers": [self.push_described(repo, OCI_LAYER, b"layer")],
        });
        self.push_manifest(repo, tag, OCI_MANIFEST, manifest.to_string().as_bytes())
    }

    /// An index of these image manifests (already pushed), as `linux/amd64`, `linux/arm64`, … under a tag; its digest.
    ///
    /// # Panics
    /// When an image was not pushed before.
    pub fn push_index(&self, repo: &str, tag: &str, images: &[&str]) -> String {
        let manifests: Vec<_> = images
            .iter()
            .zip(["amd64", "arm64", "s390x", "ppc64le", "riscv64"])
            .map(|(image, architecture)| {
                let mut descriptor = self.describe(repo, image);
                descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
                descriptor
            })
            .collect();
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
        self.push_manifest(repo, tag, OCI_INDEX, index.to_string().as_bytes())
    }

    /// Attaches a bundle as cosign 3 does; the digest of the manifest that carries it. Without the referrers API the
    /// index at tag `sha256-<hex>` is extended.
    ///
    /// # Panics
    /// When the image was not pushed before.
    pub fn attach_bundle(&self, repo: &str, image: &str, bundle: &[u8]) -> String {
        let mut config = self.push_described(repo, OCI_EMPTY, b"{}");
        config["artifactType"] = json!(BUNDLE_V03);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": BUNDLE_V03, "config": config,
            "layers": [self.push_described(repo, BUNDLE_V03, bundle)],
            "annotations": {"dev.sigstore.bundle.content": "dsse-envelope"},
            "subject": self.describe(repo, image),
        });
        let digest = self.push_manifest(repo, "", OCI_MANIFEST, manifest.to_string().as_bytes());
        if self.state.options.no_referrers_api {
            self.extend_fallback_index(repo, image, &digest);
        }
        digest
    }

    /// Attaches `count` different manifests that look like bundles, with one and the same worthless layer.
    ///
    /// # Panics
    /// When the image was not pushed before.
    pub fn attach_decoys(&self, repo: &str, image: &str, count: usize) {
        let layer = self.push_described(repo, BUNDLE_V03, b"{}");
        let subject = self.describe(repo, image);
        for number in 0..count {
            let manifest = json!({
                "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": BUNDLE_V03, "config": layer,
                "layers": [layer], "annotations": {"decoy": number.to_string()}, "subject": subject,
            });
            self.push_manifest(repo, "", OCI_MANIFEST, manifest.to_string().as_bytes());
        }
    }

    /// Adds a layer to `sha256-<hex>.sig` as cosign 1 and 2 do: the payload, and the signature in its annotations.
    pub fn attach_sig<'a, A>(
        &self,
        repo: &str,
        image: &str,
        payload: &[u8],
        annotations: A,
    ) -> String
    where
        A: IntoIterator<Item = (&'a String, &'a String)>,
    {
        self.attach_legacy(repo, image, ".sig", SIMPLE_SIGNING, payload, annotations)
    }

    /// Adds a layer to `sha256-<hex>.att` as cosign 1 and 2 do: the DSSE envelope, and its annotations.
    pub fn attach_att<'a, A>(
        &self,
        repo: &str,
        image: &str,
        envelope: &[u8],
        annotations: A,
    ) -> String
    where
        A: IntoIterator<Item = (&'a String, &'a String)>,
    {
        self.attach_legacy(repo, image, ".att", DSSE_ENVELOPE, envelope, annotations)
    }

    fn attach_legacy<'a>(
        &self,
        repo: &str,
        image: &str,
        suffix: &str,
        media_type: &str,
        bytes: &[u8],
        annotations: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> String {
        let tag = format!("{}{suffix}", image.replace(':', "-"));
        let mut layer = self.push_described(repo, media_type, bytes);
        layer["annotations"] = annotations
            .into_iter()
            .map(|(key, value)| (key.clone(), json!(value)))
            .collect();
        let mut layers = self.listed(repo, &tag, "layers");
        layers.push(layer);
        let config = self.push_described(repo, OCI_CONFIG, b"{}");
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers});
        self.push_manifest(repo, &tag, OCI_MANIFEST, manifest.to_string().as_bytes())
    }

    fn extend_fallback_index(&self, repo: &str, image: &str, referrer: &str) {
        let tag = image.replace(':', "-");
        let mut descriptor = self.describe(repo, referrer);
        match self.state.options.fallback_artifact_type {
            FallbackArtifactType::Bundle => descriptor["artifactType"] = json!(BUNDLE_V03),
            FallbackArtifactType::Empty => descriptor["artifactType"] = json!(OCI_EMPTY),
            FallbackArtifactType::Absent => {}
        }
        let mut manifests = self.listed(repo, &tag, "manifests");
        manifests.push(descriptor);
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
        self.push_manifest(repo, &tag, OCI_INDEX, index.to_string().as_bytes());
    }

    /// The array `field` of the manifest at a tag, empty if there is none.
    fn listed(&self, repo: &str, tag: &str, field: &str) -> Vec<serde_json::Value> {
        lock(&self.state.store)
            .manifest(repo, tag)
            .and_then(|manifest| serde_json::from_slice::<serde_json::Value>(&manifest.bytes).ok())
            .and_then(|manifest| manifest[field].as_array().cloned())
            .unwrap_or_default()
    }

    fn push_described(&self, repo: &str, media_type: &str, bytes: &[u8]) -> serde_json::Value {
        json!({"mediaType": media_type, "size": bytes.len(), "digest": self.push_blob(repo, bytes)})
    }

    fn describe(&self, repo: &str, digest: &str) -> serde_json::Value {
        let store = lock(&self.state.store);
        let manifest = store
            .manifest(repo, digest)
            .expect("the test pushed this manifest before");
        json!({"mediaType": manifest.media_type, "size": manifest.bytes.len(), "digest": digest})
    }
}
