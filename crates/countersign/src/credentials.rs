//! Credentials from a docker config. No program that it names is ever run here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use countersign_core::ImageRef;
use serde::Deserialize;

use crate::error::clip;
use crate::{Access, RegistryError, Repository, Secret};

/// A docker config is a few kilobytes; Kubernetes allows a secret of 1 MiB.
const MAX_BYTES: u64 = 1024 * 1024;
/// Docker writes padding; people who write by hand forget it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What identifies us to a registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Credential {
    /// A user's name and password (RFC 7617); also exchanged for a token where the registry wants one.
    Basic {
        /// The user's name.
        username: String,
        /// The password, or a personal access token.
        password: Secret,
    },
    /// An OAuth 2 refresh token, exchanged at the token service: `identitytoken`.
    IdentityToken(Secret),
    /// A bearer token that is sent as it is: `registrytoken`.
    RegistryToken(Secret),
}

/// The credentials of a docker `config.json`: `auths`, most specific key first.
///
/// `credHelpers` and `credsStore` name programs; they are not run. Where only one of them has a credential, requests go
/// without, and a denial says so.
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    entries: Vec<Entry>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

/// What a [`DockerConfig`] has for a repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) credential: Option<Credential>,
    /// For the message of a denial: where the credential came from, or why there is none.
    pub(crate) note: String,
}

impl Found {
    /// What can be read with it.
    pub(crate) fn access(&self) -> Access {
        match &self.credential {
            None => Access::anonymous(),
            Some(Credential::Basic { username, password }) => Access::of([
                b"basic".as_slice(),
                username.as_bytes(),
                password.expose().as_bytes(),
            ]),
            Some(Credential::IdentityToken(token)) => {
                Access::of([b"identity".as_slice(), token.expose().as_bytes()])
            }
            Some(Credential::RegistryToken(token)) => {
                Access::of([b"token".as_slice(), token.expose().as_bytes()])
            }
        }
    }
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

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireAuth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl DockerConfig {
    /// Reads the text of a `config.json`, or of a Kubernetes secret of type `dockerconfigjson`.
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
            entries,
            helpers: wire
                .cred_helpers
                .into_iter()
                .map(|(host, helper)| (split_key(&host).0, helper))
                .collect(),
            store: wire.creds_store.filter(|store| !store.is_empty()),
        })
    }

    /// Reads a `config.json`; a file that does not exist is an empty config.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] if it cannot be read, is larger than 1 MiB, or as in
    /// [`from_bytes`](Self::from_bytes).
    pub fn load(path: &Path) -> Result<Self, RegistryError> {
        let named = |cause: String| RegistryError::Configuration {
            source_name: path.display().to_string(),
            cause,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(named(error.to_string())),
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| named(error.to_string()))?;
        if u64::try_from(bytes.len()).is_ok_and(|read| read > MAX_BYTES) {
            return Err(named("larger than 1 MiB".to_owned()));
        }
        Self::from_bytes(&bytes).map_err(|error| match error {
            RegistryError::Configuration { cause, .. } => named(cause),
            other => other,
        })
    }

    /// The credential for a repository: that of the longest key that is its registry or a parent of its path.
    #[must_use]
    pub fn credential(&self, repository: &Repository) -> Option<Credential> {
        self.find(repository).credential
    }

    pub(crate) fn find(&self, repository: &Repository) -> Found {
        let matches = |entry: &&Entry| {
            entry.registry == repository.registry() && is_parent(&entry.path, repository.path())
        };
        if let Some(entry) = self.entries.iter().find(matches) {
            return Found {
                credential: Some(entry.credential.clone()),
                note: format!(
                    "the credential of the docker config's `{}`",
                    clip(&entry.key)
                ),
            };
        }
        let helper = self
            .helpers
            .get(repository.registry())
            .or(self.store.as_ref());
        Found {
            credential: None,
            note: match helper {
                Some(helper) => format!(
                    "no credential (the docker config leaves it to the credential helper `{}`, which is not run; write the credential into `auths`)",
                    clip(helper)
                ),
                None => "no credential (the docker config has none for this registry)".to_owned(),
            },
        }
    }
}

impl WireAuth {
    /// `Ok(None)`: an empty entry, as Docker writes it where a helper holds the credential.
    fn credential(self) -> Result<Option<Credential>, &'static str> {
        if !self.registrytoken.is_empty() {
            return Ok(Some(Credential::RegistryToken(Secret::new(
                self.registrytoken,
            ))));
        }
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credential::IdentityToken(Secret::new(
                self.identitytoken,
            ))));
        }
        let (username, password) = if self.auth.is_empty() {
            (self.username, self.password)
        } else {
            let decoded = BASE64
                .decode(self.auth.trim())
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or("`auth` is not base64 of text")?;
            let (username, password) = decoded
                .split_once(':')
                .ok_or("`auth` is not `user:password`")?;
            // Docker pads the password with NUL.
            (
                username.to_owned(),
                password.trim_end_matches('\0').to_owned(),
            )
        };
        Ok(match username.as_str() {
            "" => None,
            // Docker's mark for an identity token in the place of a password.
            "<token>" => Some(Credential::IdentityToken(Secret::new(password))),
            _ => Some(Credential::Basic {
                username,
                password: Secret::new(password),
            }),
        })
    }
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
    // The parser of image references knows the one form of a host, but takes one word without a port for a path; `x/x` is a
    // repository that every host can have.
    let port = if host.contains([':', '.']) {
        ""
    } else {
        ":443"
    };
    let registry = ImageRef::parse(&format!("{host}{port}/x/x")).map_or_else(
        |_| host.to_ascii_lowercase(),
        |image| image.registry().to_owned(),
    );
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
