//! By which keys and roots evidence is verified, and how a policy names them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use countersign_core::{Digest, Files, PublicKey, Trust, TrustRoot};

use crate::args::NamedFile;
use crate::bounded;
use crate::escape::escaped;
use crate::failure::Failure;
use crate::policies::extra_root;
use crate::policy_text::{name, unique};

/// What is built in, and what was handed over.
pub(super) struct Material {
    trust: Trust,
    /// The keys that were handed over, by their digest.
    keys: BTreeMap<Digest, KeyFile>,
    /// The trust roots that were handed over, by their name.
    roots: BTreeMap<String, RootFile>,
}

/// A public key that was handed over.
pub(super) struct KeyFile {
    /// What the policy calls it.
    pub(super) id: String,
    pub(super) pem: String,
    pub(super) algorithm: &'static str,
}

/// A trust root that was handed over.
pub(super) struct RootFile {
    /// The name of its file, which is to stand beside the policy.
    pub(super) file: String,
    json: Vec<u8>,
    /// Whether it lists logs of certificates.
    pub(super) has_ct_logs: bool,
    /// Whether it lists transparency logs.
    pub(super) has_logs: bool,
}

impl Material {
    pub(super) fn read(roots: &[NamedFile], keys: &[PathBuf]) -> Result<Self, Failure> {
        let public_good =
            TrustRoot::public_good().map_err(|error| Failure::unknown(error.to_string()))?;
        let mut trusted = vec![public_good];
        let mut files = BTreeMap::new();
        for named in roots {
            let json = extra_root(named)?.json;
            let file = last_part(&named.file);
            let name = named
                .name
                .clone()
                .unwrap_or_else(|| name_of(&named.file, "root"));
            let root = TrustRoot::from_json(&name, &json)
                .map_err(|error| Failure::misused(&format!("--trust-root: {error}")))?;
            let entry = RootFile {
                file,
                has_ct_logs: root.ct_log_count() > 0,
                has_logs: root.log_count() > 0,
                json,
            };
            trusted.push(root);
            files.insert(name, entry);
        }
        let mut known = BTreeMap::new();
        let mut public = Vec::new();
        for path in keys {
            let (key, pem) = key(path)?;
            let id = unique(
                &name_of(path, "key"),
                known.values().map(|it: &KeyFile| it.id.as_str()),
            );
            let algorithm = key.algorithm();
            known.insert(*key.id(), KeyFile { id, pem, algorithm });
            public.push(key);
        }
        let trust = Trust::new(trusted, public)
            .map_err(|error| Failure::misused(&format!("--trust-root: {error}")))?;
        Ok(Self {
            trust,
            keys: known,
            roots: files,
        })
    }

    pub(super) const fn trust(&self) -> &Trust {
        &self.trust
    }

    pub(super) fn key(&self, key: &Digest) -> Option<&KeyFile> {
        self.keys.get(key)
    }

    /// A root that was handed over; the one that is built in needs no words.
    pub(super) fn root(&self, name: &str) -> Option<&RootFile> {
        self.roots.get(name)
    }
}

/// The trust roots stand beside the policy, as it is told to its reader.
impl Files for Material {
    fn read(&self, _from: &str, path: &str) -> Result<Vec<u8>, String> {
        let root = self.roots.values().find(|root| root.file == path);
        root.map(|root| root.json.clone())
            .ok_or_else(|| "there is no such file".to_owned())
    }
}

fn key(path: &Path) -> Result<(PublicKey, String), Failure> {
    let shown = escaped(&path.display().to_string(), 300);
    let bytes = bounded::read(path)
        .map_err(|error| Failure::misused(&format!("--key {shown}: {error}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::misused(&format!("--key {shown}: it is not text")))?;
    let key = PublicKey::from_pem(&text)
        .map_err(|error| Failure::misused(&format!("--key {shown}: {error}")))?;
    Ok((key, text))
}

fn last_part(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A file's name without its ending, as policies name things.
fn name_of(path: &Path, otherwise: &str) -> String {
    name(
        &path.file_stem().unwrap_or_default().to_string_lossy(),
        otherwise,
    )
}
