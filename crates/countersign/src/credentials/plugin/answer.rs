//! What a plugin is asked, and what it answers: `credentialprovider.kubelet.k8s.io/v1`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use crate::{Credential, Repository, Secret};

/// The only version that is spoken.
pub(super) const API_VERSION: &str = "credentialprovider.kubelet.k8s.io/v1";

/// A `CredentialProviderResponse`.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) key_type: KeyType,
    /// How long it may be kept; `None`: the provider's default.
    pub(super) time: Option<Duration>,
    /// By the image pattern that each is for.
    pub(super) auth: BTreeMap<String, Credential>,
}

/// For what an answer is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub(super) enum KeyType {
    Image,
    Registry,
    Global,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    kind: &'static str,
    api_version: &'static str,
    image: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    kind: String,
    api_version: String,
    cache_key_type: KeyType,
    cache_duration: Option<String>,
    auth: Option<BTreeMap<String, WireLogin>>,
}

#[derive(Deserialize)]
struct WireLogin {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

/// A `CredentialProviderRequest`: the image is named without tag and digest, as the kubelet does.
pub(super) fn question(repository: &Repository) -> Vec<u8> {
    let question = Question {
        kind: "CredentialProviderRequest",
        api_version: API_VERSION,
        image: repository.to_string(),
    };
    serde_json::to_vec(&question).expect("three texts are JSON")
}

impl Answer {
    /// Reads one. The messages hold nothing of it: any part could be the secret.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let wire: Wire = serde_json::from_slice(bytes)
            .map_err(|_| "its answer is not a CredentialProviderResponse")?;
        if wire.kind != "CredentialProviderResponse" || wire.api_version != API_VERSION {
            return Err("its answer is of another kind or version");
        }
        let time = wire
            .cache_duration
            .map(|text| duration::parse(&text).ok_or("its cacheDuration is no duration"))
            .transpose()?;
        let mut auth = BTreeMap::new();
        for (key, login) in wire.auth.unwrap_or_default() {
            // The kubelet's "nothing special here": whoever has no name is anybody.
            if login.username.is_empty() && login.password.is_empty() {
                continue;
            }
            let password = Secret::new(login.password);
            let username = login.username;
            auth.insert(key, Credential::Basic { username, password });
        }
        Ok(Self {
            key_type: wire.cache_key_type,
            time,
            auth,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn answers_are_read_by_the_rules() {
        let read = |rest: &str| {
            Answer::read(
                format!(
                    r#"{{"kind": "CredentialProviderResponse", "apiVersion": "{API_VERSION}"{rest}}}"#
                )
                .as_bytes(),
            )
        };
        let answer = read(
            r#", "cacheKeyType": "Registry", "cacheDuration": "1h30m",
            "auth": {"*.a.io": {"username": "u", "password": "hunter2"}, "b.io": {}}"#,
        )
        .unwrap();
        assert_eq!(answer.key_type, KeyType::Registry);
        assert_eq!(answer.time, Some(Duration::from_secs(5400)));
        assert_eq!(answer.auth.keys().collect::<Vec<_>>(), ["*.a.io"]);
        assert!(!format!("{answer:?}").contains("hunter2"));
        let answer = read(r#", "cacheKeyType": "Image", "auth": null"#).unwrap();
        assert_eq!((answer.time, answer.auth.len()), (None, 0));
        for broken in [
            "",
            r#", "cacheKeyType": """#,
            r#", "cacheKeyType": "Namespace""#,
            r#", "cacheKeyType": "Image", "cacheDuration": "hunter2""#,
            r#", "cacheKeyType": "Image", "cacheDuration": 5"#,
            r#", "cacheKeyType": "Image", "auth": {"a": "hunter2"}"#,
        ] {
            let why = read(broken).unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
        for text in [
            r#"{"kind": "Other", "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "cacheKeyType": "Image"}"#,
            r#"{"kind": "CredentialProviderResponse", "apiVersion": "credentialprovider.kubelet.k8s.io/v1beta1", "cacheKeyType": "Image"}"#,
        ] {
            assert!(Answer::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
