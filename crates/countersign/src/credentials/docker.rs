//! Docker's `config.json`, and podman's `auth.json`, which has the same form.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::auth::WireAuth;
use super::helper::{Answer, CredentialHelpers};
use super::{Credential, Found, HUB, HUB_SERVER, read_file};
use crate::error::clip;
use crate::registry::canonical_host;
use crate::{Access, Budget, RegistryError, Repository};

/// The credentials of a docker `config.json` or a podman `auth.json`.
///
/// For a repository that is what the credential helper of its registry has (`credHelpers`, else `credsStore`), if
/// [`run_helpers`](Self::run_helpers) allows to run it, and then the entry of `auths` whose key is the registry or the
/// longest parent of the repository's path. Without that permission a helper is named in a denial, and never run.
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    /// What messages call it.
    name: Option<String>,
    entries: Vec<Entry>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
    runner: Option<CredentialHelpers>,
}

#[derive(Debug, Clone)]
struct Entry {
    key: String,
    registry: String,
    path: String,
    credential: Credential,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    auths: BTreeMap<String, WireAuth>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

impl DockerConfig {
    /// Reads the text of a `config.json`. A Kubernetes secret has other rules: [`PullSecrets`](crate::PullSecrets).
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] if it is not JSON of that shape or an `auth` is not base64 of `user:password`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RegistryError> {
        let broken = |cause: String| RegistryError::Configuration {
            source_name: "docker config".to_owned(),
            cause,
        };
        // serde_json's message could quote a secret; its position is enough to find the mistake.
        let wire: Wire = serde_json::from_slice(bytes).map_err(|error| {
            broken(format!(
                "not a docker config (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        let mut entries = Vec::new();
        for (key, auth) in wire.auths {
            let credential = auth
                .credential()
                .map_err(|cause| broken(format!("auths `{}`: {cause}", clip(&key))))?;
            let (registry, path) = split_key(&key);
            entries.extend(credential.map(|credential| Entry {
                key,
                registry,
                path,
                credential,
            }));
        }
        // The most specific key first; among equals, the order of the text.
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.path.len()));
        Ok(Self {
            name: None,
            entries,
            helpers: wire
                .cred_helpers
                .into_iter()
                .map(|(host, helper)| (split_key(&host).0, helper))
                .collect(),
            store: wire.creds_store,
            runner: None,
        })
    }

    /// Reads a `config.json` or `auth.json`; a file that does not exist is an empty config.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] if it cannot be read, is larger than 1 MiB, or as in
    /// [`from_bytes`](Self::from_bytes).
    pub fn load(path: &Path) -> Result<Self, RegistryError> {
        let name = path.display().to_string();
        let Some(bytes) = read_file(path)? else {
            return Ok(Self::default());
        };
        match Self::from_bytes(&bytes) {
            Ok(config) => Ok(Self {
                name: Some(name),
                ..config
            }),
            Err(RegistryError::Configuration { cause, .. }) => Err(RegistryError::Configuration {
                source_name: name,
                cause,
            }),
            Err(other) => Err(other),
        }
    }

    /// Allows to run the credential helpers that the config names: `docker-credential-<name> get`. Never do that with a
    /// config that somebody else may write, as a Kubernetes secret is.
    #[must_use]
    pub fn run_helpers(mut self, helpers: &CredentialHelpers) -> Self {
        self.runner = Some(helpers.clone());
        self
    }

    /// The credential that `auths` has for a repository: that of the longest key that is its registry or a parent of its
    /// path. Runs nothing.
    #[must_use]
    pub fn credential(&self, repository: &Repository) -> Option<Credential> {
        self.entry(repository).map(|entry| entry.credential.clone())
    }

    /// What there is, the helper's first, as Docker asks.
    pub(super) async fn find(
        &self,
        repository: &Repository,
        budget: &Budget,
    ) -> Result<Vec<Found>, RegistryError> {
        let mut found = Vec::new();
        if let Some(helper) = self.helper(repository) {
            found.push(self.ask(helper, repository, budget).await?);
        }
        found.extend(self.entry(repository).map(|entry| {
            let name = self.name.as_deref().unwrap_or("the docker config");
            Found::fixed(
                &entry.credential,
                &format!("{}'s `{}`", clip(name), clip(&entry.key)),
            )
        }));
        Ok(found)
    }

    pub(super) fn fingerprints(&self, repository: &Repository) -> Vec<Access> {
        let helper = self
            .helper(repository)
            .filter(|_| self.runner.is_some())
            .map(|helper| helper_access(helper, server(repository)));
        let entry = self
            .entry(repository)
            .map(|entry| entry.credential.access());
        helper.into_iter().chain(entry).collect()
    }

    fn entry(&self, repository: &Repository) -> Option<&Entry> {
        self.entries.iter().find(|entry| {
            entry.registry == repository.registry() && is_parent(&entry.path, repository.path())
        })
    }

    /// `credHelpers` goes before `credsStore`, and its empty name means that there is no helper.
    fn helper(&self, repository: &Repository) -> Option<&str> {
        self.helpers
            .get(repository.registry())
            .or(self.store.as_ref())
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    async fn ask(
        &self,
        helper: &str,
        repository: &Repository,
        budget: &Budget,
    ) -> Result<Found, RegistryError> {
        let named = format!("the credential helper `{}`", clip(helper));
        let (credential, note) = match &self.runner {
            None => (
                None,
                format!("{named} is not run here; write the credential into `auths`"),
            ),
            Some(runner) => match runner.get(helper, server(repository), budget).await? {
                Answer::Credential(credential) => {
                    let note = format!("the {} of {named}", credential.kind());
                    (Some(credential), note)
                }
                Answer::None => (None, format!("{named} has none for this registry")),
                Answer::Failed(why) => (None, format!("{named} failed: {why}")),
            },
        };
        Ok(Found {
            credential,
            note,
            fingerprint: helper_access(helper, server(repository)),
        })
    }
}

/// What a helper is asked for: the name under which Docker has stored it.
fn server(repository: &Repository) -> &str {
    match repository.registry() {
        HUB => HUB_SERVER,
        host => host,
    }
}

fn helper_access(helper: &str, server: &str) -> Access {
    Access::of([
        b"credential helper".as_slice(),
        helper.as_bytes(),
        server.as_bytes(),
    ])
}

/// Registry (in the form of [`ImageRef::registry`]) and path of a key: `host`, `https://host/v1/`, `host/path`.
fn split_key(key: &str) -> (String, String) {
    let bare = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let path = path.trim_end_matches('/');
    let path = match path {
        "v1" | "v2" => "",
        path => path,
    };
    let registry = canonical_host(host).unwrap_or_else(|| host.to_ascii_lowercase());
    (registry, path.to_owned())
}

fn is_parent(parent: &str, path: &str) -> bool {
    parent.is_empty()
        || path
            .strip_prefix(parent)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
