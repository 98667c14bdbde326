//! What the webhook itself reads registries with: a docker config, read again when it changes, and the cloud's programs.

use std::env;
use std::path::{Path, PathBuf};

use countersign::{CredentialPlugins, DockerConfig, Keyring, RegistryError};
use countersign_core::Digest;

/// What the cloud's programs see of the environment, beside what their configuration gives them.
const VARIABLES: [&str; 2] = ["PATH", "HOME"];
/// And whatever begins so: how a workload identity of the cloud is found.
const PREFIXES: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];

/// Where the webhook's own credentials come from, in the order in which they are tried.
pub(crate) struct OwnCredentials {
    docker: Option<PathBuf>,
    plugins: Option<CredentialPlugins>,
    /// What the docker config was when it was read last.
    seen: Option<Digest>,
}

impl OwnCredentials {
    /// Reads them. `plugins`: a `CredentialProviderConfig` of the kubelet, and the folder with its programs.
    ///
    /// # Errors
    /// If a file cannot be read, or says what cannot be done.
    pub(crate) fn load(
        docker: Option<PathBuf>,
        plugins: Option<(&Path, &Path)>,
    ) -> Result<(Self, Keyring), RegistryError> {
        let plugins = match plugins {
            Some((file, folder)) => Some(with_environment(CredentialPlugins::load(file, folder)?)),
            None => None,
        };
        let mut own = Self {
            docker,
            plugins,
            seen: None,
        };
        own.seen = own.digest();
        let keyring = own.keyring()?;
        Ok((own, keyring))
    }

    /// What there is now, if the docker config has changed. What the programs have answered stays known.
    ///
    /// # Errors
    /// What is wrong with it; once, until it changes again.
    pub(crate) fn look(&mut self) -> Option<Result<Keyring, RegistryError>> {
        let now = self.digest();
        if now == self.seen {
            return None;
        }
        self.seen = now;
        Some(self.keyring())
    }

    fn keyring(&self) -> Result<Keyring, RegistryError> {
        let mut keyring = Keyring::new();
        if let Some(path) = &self.docker {
            keyring = keyring.and(DockerConfig::load(path)?);
        }
        if let Some(plugins) = &self.plugins {
            keyring = keyring.and(plugins.clone());
        }
        Ok(keyring)
    }

    /// Of the file before it is read: what changes in between is seen the next time.
    fn digest(&self) -> Option<Digest> {
        let bytes = std::fs::read(self.docker.as_ref()?).ok()?;
        Some(Digest::of(&bytes))
    }
}

fn with_environment(plugins: CredentialPlugins) -> CredentialPlugins {
    let is_wanted = |name: &str| {
        VARIABLES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    };
    let seen = env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_wanted));
    seen.fold(plugins, |plugins, (name, value)| {
        plugins.variable(name, value)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use countersign::{ImageRef, Repository};

    fn login(user: &str) -> String {
        serde_json::json!({"auths": {"ghcr.io": {"username": user, "password": "p"}}}).to_string()
    }

    #[test]
    fn a_docker_config_is_read_again_when_it_changes_and_is_said_once_to_be_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let repository = Repository::of(&ImageRef::parse("ghcr.io/acme/app").unwrap());
        let access = |keyring: &Keyring| keyring.access(&repository);
        std::fs::write(&path, login("a")).unwrap();
        let (mut own, first) = OwnCredentials::load(Some(path.clone()), None).unwrap();
        assert!(own.look().is_none());
        std::fs::write(&path, login("b")).unwrap();
        let second = own.look().unwrap().unwrap();
        assert_ne!(access(&first), access(&second));
        assert!(own.look().is_none());
        std::fs::write(&path, "{\"auths\": hunter2").unwrap();
        let error = own.look().unwrap().unwrap_err().to_string();
        assert!(
            error.contains("config.json") && !error.contains("hunter2"),
            "{error}"
        );
        assert!(own.look().is_none());
        std::fs::write(&path, login("a")).unwrap();
        assert_eq!(access(&own.look().unwrap().unwrap()), access(&first));
        assert!(OwnCredentials::load(None, None).unwrap().0.look().is_none());
    }
}
