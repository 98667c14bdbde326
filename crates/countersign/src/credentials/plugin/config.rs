//! The kubelet's `CredentialProviderConfig`, by the rules by which the kubelet checks it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{answer, duration};
use crate::credentials::pattern::ImagePattern;
use crate::error::clip;
use crate::{Repository, Secret};

/// The only version that is read.
const API_VERSION: &str = "kubelet.config.k8s.io/v1";

/// One program, and for which images it is asked.
#[derive(Debug)]
pub(super) struct Provider {
    /// The name of the program in its folder.
    pub(super) name: String,
    images: Vec<ImagePattern>,
    pub(super) default_time: Duration,
    pub(super) arguments: Vec<String>,
    /// Values may be secrets.
    pub(super) environment: Vec<(String, Secret)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    api_version: String,
    kind: String,
    #[serde(default)]
    providers: Vec<WireProvider>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireProvider {
    name: String,
    #[serde(default)]
    match_images: Vec<String>,
    default_cache_duration: Option<String>,
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    args: Option<Vec<String>>,
    #[serde(default)]
    env: Option<Vec<WireVariable>>,
    token_attributes: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireVariable {
    name: String,
    value: String,
}

impl Provider {
    pub(super) fn matches(&self, repository: &Repository) -> bool {
        self.images
            .iter()
            .any(|pattern| pattern.matches(repository))
    }

    /// What tells it from other programs, or the same one otherwise configured. Lists are counted, so that an argument is
    /// never taken for a variable.
    pub(super) fn parts(&self) -> Vec<Vec<u8>> {
        let count = |count: usize| count.to_string().into_bytes();
        let mut parts = vec![self.name.as_bytes().to_vec(), count(self.arguments.len())];
        parts.extend(self.arguments.iter().map(|text| text.as_bytes().to_vec()));
        parts.push(count(self.environment.len()));
        for (name, value) in &self.environment {
            parts.push(name.as_bytes().to_vec());
            parts.push(value.expose().as_bytes().to_vec());
        }
        parts
    }
}

/// Reads the file's text. The messages hold no value of it, for it may hold secrets in `env`.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Provider>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    let wire: Wire = serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location().map_or_else(String::new, |place| {
            format!(" (line {}, column {})", place.line(), place.column())
        });
        format!("not a CredentialProviderConfig, or with fields that it does not have{place}")
    })?;
    if wire.kind != "CredentialProviderConfig" || wire.api_version != API_VERSION {
        return Err(format!(
            "it must be of kind CredentialProviderConfig and version {API_VERSION}"
        ));
    }
    if wire.providers.is_empty() {
        return Err("it has no providers".to_owned());
    }
    let mut names = BTreeSet::new();
    let mut providers = Vec::new();
    for wire in wire.providers {
        let name = wire.name.clone();
        let provider =
            provider(wire).map_err(|why| format!("provider `{}`: {why}", clip(&name)))?;
        if !names.insert(name) {
            return Err(format!(
                "provider `{}` is there twice",
                clip(&provider.name)
            ));
        }
        providers.push(provider);
    }
    Ok(providers)
}

fn provider(wire: WireProvider) -> Result<Provider, String> {
    // A program in the folder, and nothing that leads out of it.
    if matches!(wire.name.as_str(), "" | "." | "..") || wire.name.contains(['/', '\\', ' ', '\0']) {
        return Err("that is no name of a program".to_owned());
    }
    if wire.api_version != answer::API_VERSION {
        return Err(format!("its apiVersion must be {}", answer::API_VERSION));
    }
    if wire.token_attributes.is_some() {
        return Err(
            "tokenAttributes are not supported: there is no service account's token here"
                .to_owned(),
        );
    }
    if wire.match_images.is_empty() {
        return Err("matchImages is missing".to_owned());
    }
    let default_time = wire
        .default_cache_duration
        .as_deref()
        .ok_or("defaultCacheDuration is missing")?;
    let default_time = duration::parse(default_time)
        .filter(|_| !default_time.starts_with('-'))
        .ok_or("defaultCacheDuration is no duration")?;
    Ok(Provider {
        name: wire.name,
        images: wire
            .match_images
            .iter()
            .map(|text| ImagePattern::parse(text))
            .collect(),
        default_time,
        arguments: wire.args.unwrap_or_default(),
        environment: wire
            .env
            .unwrap_or_default()
            .into_iter()
            .map(|it| (it.name, Secret::new(it.value)))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SOUND: &str = r#"
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: ecr-credential-provider
    matchImages:
      - "*.dkr.ecr.*.amazonaws.com"
      - registry.example:8080/path
    defaultCacheDuration: "12h"
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    args: [get-credentials, --v=3]
    env:
      - name: AWS_PROFILE
        value: hunter2
"#;

    #[test]
    fn a_kubelet_s_file_is_read() {
        let providers = read(SOUND.as_bytes()).unwrap();
        let provider = &providers[0];
        assert_eq!(provider.name, "ecr-credential-provider");
        assert_eq!(provider.default_time, Duration::from_secs(12 * 3600));
        assert_eq!(provider.arguments, ["get-credentials", "--v=3"]);
        assert_eq!(provider.environment[0].0, "AWS_PROFILE");
        let meant = |image: &str| {
            let image = countersign_core::ImageRef::parse(image).unwrap();
            provider.matches(&Repository::of(&image))
        };
        assert!(meant("1.dkr.ecr.eu-west-1.amazonaws.com/app"));
        assert!(meant("registry.example:8080/path/app"));
        assert!(!meant("registry.example/path/app"));
        assert!(!format!("{provider:?}").contains("hunter2"));
    }

    #[test]
    fn what_the_kubelet_refuses_is_refused() {
        for (from, to, why) in [
            (
                "kubelet.config.k8s.io/v1",
                "kubelet.config.k8s.io/v1beta1",
                "version",
            ),
            (
                "kind: CredentialProviderConfig",
                "kind: KubeletConfiguration",
                "kind",
            ),
            ("    args:", "    arguments:", "line 11"),
            (
                "name: ecr-credential-provider",
                "name: ../sh",
                "no name of a program",
            ),
            (
                "name: ecr-credential-provider",
                "name: ..",
                "no name of a program",
            ),
            (
                "name: ecr-credential-provider",
                "name: a b",
                "no name of a program",
            ),
            (
                "name: ecr-credential-provider",
                "name: \"\"",
                "no name of a program",
            ),
            (
                "apiVersion: credentialprovider.kubelet.k8s.io/v1",
                "apiVersion: credentialprovider.kubelet.k8s.io/v1beta1",
                "apiVersion",
            ),
            (
                "    env:",
                "    tokenAttributes: {serviceAccountTokenAudience: x}\n    env:",
                "tokenAttributes",
            ),
            (
                "    defaultCacheDuration: \"12h\"\n",
                "",
                "defaultCacheDuration",
            ),
            ("\"12h\"", "\"-12h\"", "defaultCacheDuration"),
            ("\"12h\"", "soon", "defaultCacheDuration"),
            ("value: hunter2", "value: [hunter2]", "line 14"),
        ] {
            assert!(SOUND.contains(from), "{from}");
            let text = SOUND.replacen(from, to, 1);
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{to}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let no_images = SOUND
            .replace("      - \"*.dkr.ecr.*.amazonaws.com\"\n", "")
            .replace("      - registry.example:8080/path\n", "")
            .replace("matchImages:", "matchImages: []");
        assert!(
            read(no_images.as_bytes())
                .unwrap_err()
                .contains("matchImages")
        );
        let twice = format!("{SOUND}{}", SOUND.split_once("providers:\n").unwrap().1);
        assert!(read(twice.as_bytes()).unwrap_err().contains("twice"));
        let none = SOUND
            .split_once("  - name")
            .unwrap()
            .0
            .replace("providers:", "providers: []");
        assert!(read(none.as_bytes()).unwrap_err().contains("no providers"));
        assert!(read(b"\xff").is_err());
    }
}
