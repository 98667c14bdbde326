//! Kubernetes image pull secrets, with the kubelet's matching. Nothing that a secret names is ever run.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::auth::WireAuth;
use super::pattern::ImagePattern;
use super::{Credential, Found, HUB};
use crate::error::clip;
use crate::{Access, RegistryError, Repository};

/// The contents of Kubernetes secrets of the types `kubernetes.io/dockerconfigjson` and `kubernetes.io/dockercfg`.
///
/// For a repository every key that matches counts, the most specific first whichever secret it stands in, and of equal
/// ones that of the earlier secret; globs stand in the labels of the host, the port must be equal, a path is a prefix.
/// `credHelpers` and `credsStore` in a secret mean nothing: whoever may write a secret does not choose programs to run.
#[derive(Debug, Clone, Default)]
pub struct PullSecrets {
    /// In the order in which they are tried.
    entries: Vec<Entry>,
    /// Why secrets that should be here are not.
    absent: Vec<String>,
}

#[derive(Debug, Clone)]
struct Entry {
    pattern: ImagePattern,
    /// For messages: the secret and the key.
    place: String,
    credential: Credential,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    auths: BTreeMap<String, WireAuth>,
}

impl PullSecrets {
    /// No secret.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing in it: no credential, and nothing that is missed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.absent.is_empty()
    }

    /// Adds a secret's `.dockerconfigjson`. The name is for messages: `namespace/name`.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] if it is not JSON of that shape or an `auth` is not base64 of `user:password`.
    pub fn dockerconfigjson(self, name: &str, bytes: &[u8]) -> Result<Self, RegistryError> {
        let wire: Wire = read(name, bytes)?;
        self.extended(name, wire.auths)
    }

    /// Adds a secret's legacy `.dockercfg`: the bare map of `auths`.
    ///
    /// # Errors
    /// As [`dockerconfigjson`](Self::dockerconfigjson).
    pub fn dockercfg(self, name: &str, bytes: &[u8]) -> Result<Self, RegistryError> {
        let auths = read(name, bytes)?;
        self.extended(name, auths)
    }

    /// These and the others, as if they had been added one after the other.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        self.absent.extend_from_slice(&others.absent);
        self.with(others.entries.iter().cloned())
    }

    /// Notes why a secret that should be here is not. That keeps nobody from using the others; a denial tells it, of every registry, since nobody knows
    /// whose credentials it holds. What is read so is an [`Access`] of its own: nobody else is told that this secret was missed.
    #[must_use]
    pub fn absent(mut self, why: &str) -> Self {
        self.absent.push(why.to_owned());
        self
    }

    /// Every credential for a repository, in order, and then what is missing.
    pub(super) fn find(&self, repository: &Repository) -> Vec<Found> {
        let fixed = |entry: &Entry| Found::fixed(&entry.credential, &entry.place);
        let found = self.matching(repository).into_iter().map(fixed);
        let missing = self.absent.iter().map(|why| Found {
            credential: None,
            note: why.clone(),
            fingerprint: missed(why),
        });
        found.chain(missing).collect()
    }

    pub(super) fn fingerprints(&self, repository: &Repository) -> Vec<Access> {
        let found = self.matching(repository).into_iter();
        let found = found.map(|entry| entry.credential.access());
        found
            .chain(self.absent.iter().map(|why| missed(why)))
            .collect()
    }

    /// What messages call the credentials for a repository.
    pub(super) fn names(&self, repository: &Repository) -> Vec<&str> {
        let matching = self.matching(repository).into_iter();
        matching.map(|entry| entry.place.as_str()).collect()
    }

    fn matching(&self, repository: &Repository) -> Vec<&Entry> {
        let all = |is_meant: &dyn Fn(&ImagePattern) -> bool| -> Vec<&Entry> {
            let entries = self.entries.iter();
            entries.filter(|it| is_meant(&it.pattern)).collect()
        };
        let matching = all(&|pattern| pattern.matches(repository));
        if matching.is_empty() && repository.registry() == HUB {
            return all(&ImagePattern::is_hub);
        }
        matching
    }

    /// What a program of the kubelet's has answered: the same kind of map.
    pub(super) fn answered(place: &str, auths: BTreeMap<String, Credential>) -> Self {
        let entries = auths.into_iter().map(|(key, credential)| Entry {
            pattern: ImagePattern::of_config_key(&key),
            place: format!("{place} for `{}`", clip(&key)),
            credential,
        });
        Self::default().with(entries)
    }

    fn extended(
        self,
        name: &str,
        auths: BTreeMap<String, WireAuth>,
    ) -> Result<Self, RegistryError> {
        let mut entries = Vec::new();
        for (key, auth) in auths {
            let credential = auth
                .credential()
                .map_err(|cause| broken(name, format!("`{}`: {cause}", clip(&key))))?;
            entries.extend(credential.map(|credential| Entry {
                pattern: ImagePattern::of_config_key(&key),
                place: format!("the pull secret {}'s `{}`", clip(name), clip(&key)),
                credential,
            }));
        }
        Ok(self.with(entries))
    }

    fn with(mut self, entries: impl IntoIterator<Item = Entry>) -> Self {
        self.entries.extend(entries);
        // Stable: equal keys stay in the order of their secrets.
        self.entries
            .sort_by_cached_key(|entry| entry.pattern.order());
        self
    }
}

/// The access of whoever misses a secret.
fn missed(why: &str) -> Access {
    Access::of([b"absent".as_slice(), why.as_bytes()])
}

fn read<T: serde::de::DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, RegistryError> {
    // serde_json's message could quote a secret; its position is enough to find the mistake.
    serde_json::from_slice(bytes).map_err(|error| {
        broken(
            name,
            format!(
                "not of the shape of its type (line {}, column {})",
                error.line(),
                error.column()
            ),
        )
    })
}

fn broken(name: &str, cause: String) -> RegistryError {
    RegistryError::Configuration {
        source_name: format!("pull secret {}", clip(name)),
        cause,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use countersign_core::ImageRef;

    use super::*;

    fn secret(name: &str, entries: &[(&str, &str)], secrets: PullSecrets) -> PullSecrets {
        let auths: serde_json::Map<_, _> = entries
            .iter()
            .map(|(key, user)| {
                let entry = serde_json::json!({"username": user, "password": "hunter2"});
                ((*key).to_owned(), entry)
            })
            .collect();
        let text = serde_json::json!({"auths": auths}).to_string();
        secrets.dockerconfigjson(name, text.as_bytes()).unwrap()
    }

    fn users(secrets: &PullSecrets, image: &str) -> Vec<String> {
        let repository = Repository::of(&ImageRef::parse(image).unwrap());
        secrets
            .find(&repository)
            .into_iter()
            .map(|found| match found.credential {
                Some(Credential::Basic { username, .. }) => username,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn all_that_match_are_tried_the_most_specific_first() {
        let secrets = secret(
            "ns/first",
            &[
                ("*.foo.io", "glob"),
                ("reg.foo.io", "host"),
                ("https://reg.foo.io/v2/", "v2"),
                ("reg.foo.io/acme", "path"),
                ("reg.foo.io:5000", "port"),
                ("index.docker.io", "hub"),
            ],
            PullSecrets::new(),
        );
        let secrets = secret(
            "ns/second",
            &[
                ("reg.foo.io/acme/app", "repository"),
                ("reg.foo.io", "second"),
                ("https://index.docker.io/v1/", "second-hub"),
            ],
            secrets,
        );
        for (image, expected) in [
            (
                "reg.foo.io/acme/app",
                &["repository", "path", "v2", "host", "second", "glob"][..],
            ),
            ("reg.foo.io/acme", &["path", "v2", "host", "second", "glob"]),
            ("other.foo.io/acme", &["glob"]),
            ("reg.foo.io:5000/x", &["port"]),
            ("a.reg.foo.io/x", &[]),
            ("nginx", &["hub", "second-hub"]),
            ("foo.io/x", &[]),
        ] {
            assert_eq!(users(&secrets, image), expected, "{image}");
        }
        // Hub's account service counts where nothing else does.
        let secrets = secret("ns/third", &[("docker.io/library", "library")], secrets);
        assert_eq!(users(&secrets, "nginx"), ["library"]);
        assert_eq!(users(&secrets, "acme/app"), ["hub", "second-hub"]);
    }

    #[test]
    fn a_legacy_secret_is_the_bare_map_and_no_secret_names_programs() {
        let secrets = PullSecrets::new()
            .dockercfg(
                "ns/old",
                br#"{"reg.foo.io": {"auth": "bWU6aHVudGVyMg==", "email": "x@example"}, "other.io": {}}"#,
            )
            .unwrap()
            .dockerconfigjson(
                "ns/evil",
                br#"{"auths": {"reg.foo.io": {}}, "credsStore": "evil", "credHelpers": {"reg.foo.io": "../evil"}}"#,
            )
            .unwrap();
        assert_eq!(users(&secrets, "reg.foo.io/x"), ["me"]);
        assert_eq!(users(&secrets, "other.io/x"), Vec::<String>::new());
        let repository = Repository::of(&ImageRef::parse("reg.foo.io/x").unwrap());
        assert_eq!(
            secrets.find(&repository)[0].note,
            "the user name and password of the pull secret ns/old's `reg.foo.io`"
        );
    }

    #[test]
    fn mistakes_are_told_without_secrets() {
        for text in [
            r#"{"auths": {"a.example": {"auth": "hunter2 is not base64"}}}"#,
            r#"{"auths": {"a.example": {"password": ["hunter2"]}}}"#,
            r#"{"auths": ["hunter2"]}"#,
            "hunter2",
        ] {
            let error = PullSecrets::new()
                .dockerconfigjson("ns/name", text.as_bytes())
                .unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("ns/name"), "{shown}");
        }
        for text in [r#"{"a.example": {"auth": "hunter2"}}"#, r#"["hunter2"]"#] {
            let error = PullSecrets::new()
                .dockercfg("ns/name", text.as_bytes())
                .unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }
}
