//! An OCI layout of an index, its platforms, and the bundles attached to them (OCI image-spec 1.1, "OCI Image Layout").

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use countersign_testkit::{sha256_digest, sha256_hex};
use serde_json::{Value, json};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A layout in the making.
#[derive(Default)]
pub(crate) struct Layout {
    blobs: BTreeMap<String, Vec<u8>>,
    listed: Vec<Value>,
}

/// What a blob is known by.
#[derive(Clone)]
pub(crate) struct Descriptor(Value);

impl Descriptor {
    pub(crate) fn digest(&self) -> &str {
        self.0["digest"].as_str().unwrap_or_default()
    }
}

impl Layout {
    /// An image for Linux, without layers.
    pub(crate) fn platform(&mut self, architecture: &str) -> Descriptor {
        let config = json!({"architecture": architecture, "os": "linux"});
        let kind = "application/vnd.oci.image.config.v1+json";
        let config = self.blob(kind, config.to_string().as_bytes());
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config.0, "layers": []});
        let mut platform = self.blob(MANIFEST, manifest.to_string().as_bytes());
        platform.0["platform"] = json!({"architecture": architecture, "os": "linux"});
        platform
    }

    /// An index over platforms: what the layout is about.
    pub(crate) fn index(&mut self, platforms: &[Descriptor]) -> Descriptor {
        let manifests: Vec<&Value> = platforms.iter().map(|it| &it.0).collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        let index = self.blob(INDEX, index.to_string().as_bytes());
        let mut named = index.0.clone();
        named["annotations"] = json!({"org.opencontainers.image.ref.name": "v1"});
        self.listed.push(named);
        index
    }

    /// Attaches a bundle, as the referrers API lists it.
    pub(crate) fn attach(&mut self, subject: &Descriptor, bundle: &[u8]) {
        self.attach_as(subject, bundle, &json!({}));
    }

    /// The same with annotations, which are nobody's word.
    pub(crate) fn attach_as(&mut self, subject: &Descriptor, bundle: &[u8], annotations: &Value) {
        let empty = self.blob(EMPTY, b"{}");
        let bundle = self.blob(BUNDLE, bundle);
        let mut about = subject.0.clone();
        about.as_object_mut().unwrap().remove("platform");
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE,
            "config": empty.0, "layers": [bundle.0], "subject": about,
        });
        let noted = annotations.as_object().is_some_and(|it| !it.is_empty());
        if noted {
            manifest["annotations"] = annotations.clone();
        }
        let mut listed = self.blob(MANIFEST, manifest.to_string().as_bytes());
        listed.0["artifactType"] = json!(BUNDLE);
        if noted {
            listed.0["annotations"] = annotations.clone();
        }
        self.listed.push(listed.0);
    }

    /// Writes all of it.
    pub(crate) fn write(&self, folder: &Path) {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        for (hex, bytes) in &self.blobs {
            fs::write(blobs.join(hex), bytes).unwrap();
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.listed});
        fs::write(folder.join("index.json"), index.to_string() + "\n").unwrap();
        let version = json!({"imageLayoutVersion": "1.0.0"});
        fs::write(folder.join("oci-layout"), version.to_string() + "\n").unwrap();
    }

    fn blob(&mut self, kind: &str, bytes: &[u8]) -> Descriptor {
        self.blobs.insert(sha256_hex(bytes), bytes.to_vec());
        Descriptor(json!({"mediaType": kind, "digest": sha256_digest(bytes), "size": bytes.len()}))
    }
}
