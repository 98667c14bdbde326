//! What the registry holds.

use std::collections::{BTreeMap, HashMap};

use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::digest::sha256_digest;

/// Repositories by name.
#[derive(Debug, Default)]
pub(super) struct Store {
    repos: HashMap<String, Repo>,
}

#[derive(Debug, Default)]
struct Repo {
    blobs: HashMap<String, Bytes>,
    manifests: HashMap<String, Manifest>,
    tags: BTreeMap<String, String>,
    referrers: HashMap<String, Vec<Value>>,
}

/// Bytes with the media type they were pushed as.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) bytes: Bytes,
}

impl Store {
    pub(super) fn push_blob(&mut self, repo: &str, bytes: &[u8]) -> String {
        let digest = sha256_digest(bytes);
        self.repo(repo)
            .blobs
            .insert(digest.clone(), Bytes::copy_from_slice(bytes));
        digest
    }

    pub(super) fn push_manifest(
        &mut self,
        repo: &str,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> String {
        let digest = sha256_digest(bytes);
        let repo = self.repo(repo);
        if !reference.is_empty() && !reference.contains(':') {
            repo.tags.insert(reference.to_owned(), digest.clone());
        }
        if !repo.manifests.contains_key(&digest)
            && let Some((subject, descriptor)) = referrer(media_type, &digest, bytes)
        {
            repo.referrers.entry(subject).or_default().push(descriptor);
        }
        let manifest = Manifest {
            media_type: media_type.to_owned(),
            digest: digest.clone(),
            bytes: Bytes::copy_from_slice(bytes),
        };
        repo.manifests.insert(digest.clone(), manifest);
        digest
    }

    pub(super) fn blob(&self, repo: &str, digest: &str) -> Option<Bytes> {
        self.repos.get(repo)?.blobs.get(digest).cloned()
    }

    /// By tag or digest.
    pub(super) fn manifest(&self, repo: &str, reference: &str) -> Option<Manifest> {
        let repo = self.repos.get(repo)?;
        let digest = repo.tags.get(reference).map_or(reference, String::as_str);
        repo.manifests.get(digest).cloned()
    }

    pub(super) fn tags(&self, repo: &str) -> Option<Vec<String>> {
        Some(self.repos.get(repo)?.tags.keys().cloned().collect())
    }

    pub(super) fn referrers(&self, repo: &str, subject: &str) -> Vec<Value> {
        self.repos
            .get(repo)
            .and_then(|repo| repo.referrers.get(subject))
            .cloned()
            .unwrap_or_default()
    }

    fn repo(&mut self, name: &str) -> &mut Repo {
        self.repos.entry(name.to_owned()).or_default()
    }
}

/// The subject that a manifest refers to, and the descriptor by which it is listed there (distribution-spec 1.1,
/// "Listing Referrers").
fn referrer(media_type: &str, digest: &str, bytes: &[u8]) -> Option<(String, Value)> {
    let manifest: Value = serde_json::from_slice(bytes).ok()?;
    let subject = manifest["subject"]["digest"].as_str()?.to_owned();
    let artifact_type = match &manifest["artifactType"] {
        Value::Null => &manifest["config"]["mediaType"],
        said => said,
    };
    let mut descriptor = json!({
        "mediaType": media_type, "size": bytes.len(), "digest": digest, "artifactType": artifact_type,
    });
    if manifest["annotations"].is_object() {
        descriptor["annotations"] = manifest["annotations"].clone();
    }
    Some((subject, descriptor))
}
