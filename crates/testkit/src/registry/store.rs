//! What the registry holds.

use std::collections::{BTreeMap, HashMap};

use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::digest::sha256_digest;

/// Repositories by name.
#[derive(Debug, Default)]
pub(super) struct Store {
    repos: HashMap<String, Repo>,
    /// What came so far, by id, each with its repository.
    uploads: HashMap<String, (String, Vec<u8>)>,
    begun: u64,
}

#[derive(Debug, Default)]
struct Repo {
    blobs: HashMap<String, Bytes>,
    manifests: HashMap<String, Manifest>,
    tags: BTreeMap<String, String>,
    referrers: HashMap<String, Vec<Value>>,
}

/// Why a manifest is not complete.
pub(super) enum Missing {
    Malformed,
    /// This blob or manifest is not there.
    Part(String),
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

    /// An upload without bytes yet; its id.
    pub(super) fn begin_upload(&mut self, repo: &str) -> String {
        self.begun += 1;
        let id = format!("upload-{}", self.begun);
        self.uploads
            .insert(id.clone(), (repo.to_owned(), Vec::new()));
        id
    }

    /// Adds bytes to an upload of this repository; how many it has now.
    pub(super) fn extend_upload(&mut self, repo: &str, id: &str, bytes: &[u8]) -> Option<usize> {
        let (own, have) = self.uploads.get_mut(id)?;
        if own != repo {
            return None;
        }
        have.extend_from_slice(bytes);
        Some(have.len())
    }

    /// Ends an upload; its bytes.
    pub(super) fn end_upload(&mut self, id: &str) -> Vec<u8> {
        self.uploads.remove(id).unwrap_or_default().1
    }

    /// Whether all that a manifest or index names, but for its subject, is in the repository; its subject.
    pub(super) fn complete(&self, repo: &str, bytes: &[u8]) -> Result<Option<String>, Missing> {
        let manifest: Value = serde_json::from_slice(bytes).map_err(|_| Missing::Malformed)?;
        let list = |field: &str| manifest[field].as_array().cloned().unwrap_or_default();
        let mut blobs = list("layers");
        blobs.extend(manifest.get("config").cloned());
        let digest = |part: &Value| part["digest"].as_str().unwrap_or_default().to_owned();
        for part in blobs.iter().map(digest) {
            if self.blob(repo, &part).is_none() {
                return Err(Missing::Part(part));
            }
        }
        for part in list("manifests").iter().map(digest) {
            if self.manifest(repo, &part).is_none() {
                return Err(Missing::Part(part));
            }
        }
        Ok(manifest["subject"]["digest"].as_str().map(str::to_owned))
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
