//! Credentials: where they come from, and which of them belong to a repository.

mod auth;
mod docker;
mod helper;
mod kept;
mod pattern;
mod plugin;
mod program;
mod pull_secret;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

pub use self::docker::DockerConfig;
pub use self::helper::CredentialHelpers;
pub use self::plugin::CredentialPlugins;
pub use self::pull_secret::PullSecrets;

use crate::{Access, Budget, RegistryError, Repository, Secret};

/// A docker config is a few kilobytes; Kubernetes allows a secret of 1 MiB.
const MAX_BYTES: u64 = 1024 * 1024;
/// What [`Repository::registry`] calls Docker Hub.
const HUB: &str = "docker.io";
/// Under this name Docker keeps the credential for it.
const HUB_SERVER: &str = "https://index.docker.io/v1/";
/// The host of that name.
const HUB_HOST: &str = "index.docker.io";

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

/// Where credentials come from: sources in the order in which they are tried.
///
/// A source is a [`DockerConfig`], [`PullSecrets`] of Kubernetes or [`CredentialPlugins`] of the kubelet. Nothing is
/// tried, and no program of a source is run, before a registry asks for a credential; the next source is looked at only
/// when it has refused those of the ones before. Clones share what they have learned.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    sources: Vec<Arc<Source>>,
}

#[derive(Debug)]
enum Source {
    Docker(DockerConfig),
    PullSecrets(PullSecrets),
    Plugins(CredentialPlugins),
}

/// One thing that a [`Keyring`] has for a repository, or the reason why a source has none.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Found {
    /// The credential; `None` where a source should have one and could not give it.
    pub credential: Option<Credential>,
    /// For the message of a denial: of which kind it is and where it came from, or why there is none. Never the secret.
    pub note: String,
    /// What tells it from others: of what a program gave, the program and what it was asked for, and not the secret, so
    /// that a token which is renewed stays the same access.
    pub fingerprint: Access,
}

impl Keyring {
    /// One without sources: every registry is read as anybody can read it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, and then these.
    #[must_use]
    pub fn and(mut self, next: impl Into<Self>) -> Self {
        self.sources.extend(next.into().sources);
        self
    }

    /// Everything that there is for a repository, in the order in which it would be tried. Runs the programs of its
    /// sources.
    ///
    /// # Errors
    /// [`RegistryError::Timeout`] when the budget's time ends while a program runs. A program that fails is a [`Found`]
    /// without a credential.
    pub async fn find(
        &self,
        repository: &Repository,
        budget: &Budget,
    ) -> Result<Vec<Found>, RegistryError> {
        let mut all = Vec::new();
        for source in &self.sources {
            all.extend(source.find(repository, budget).await?);
        }
        Ok(all)
    }

    /// Under which access this keyring reads a repository. No program is run.
    #[must_use]
    pub fn access(&self, repository: &Repository) -> Access {
        let fingerprints: Vec<Access> = self
            .sources
            .iter()
            .flat_map(|source| source.fingerprints(repository))
            .collect();
        Access::of(
            fingerprints
                .iter()
                .map(|it| it.fingerprint().as_bytes().as_slice()),
        )
    }

    /// Under what a session is kept: the access, and what messages call the credentials of secrets. Two secrets may hold the same, and whoever is
    /// denied is told of its own.
    pub(crate) fn session(&self, repository: &Repository) -> Access {
        let access = self.access(repository);
        let names: Vec<&str> = self
            .sources
            .iter()
            .flat_map(|source| source.names(repository))
            .collect();
        if names.is_empty() {
            return access;
        }
        let own = access.fingerprint().as_bytes().as_slice();
        Access::of(std::iter::once(own).chain(names.into_iter().map(str::as_bytes)))
    }

    /// How many sources there are.
    pub(crate) fn sources(&self) -> usize {
        self.sources.len()
    }

    /// What the source with this number has; nothing if there is no such source.
    pub(crate) async fn find_in(
        &self,
        source: usize,
        repository: &Repository,
        budget: &Budget,
    ) -> Result<Vec<Found>, RegistryError> {
        match self.sources.get(source) {
            Some(source) => source.find(repository, budget).await,
            None => Ok(Vec::new()),
        }
    }

    fn of(source: Source) -> Self {
        Self {
            sources: vec![Arc::new(source)],
        }
    }
}

impl Source {
    async fn find(
        &self,
        repository: &Repository,
        budget: &Budget,
    ) -> Result<Vec<Found>, RegistryError> {
        match self {
            Self::Docker(config) => config.find(repository, budget).await,
            Self::PullSecrets(secrets) => Ok(secrets.find(repository)),
            Self::Plugins(plugins) => plugins.find(repository, budget).await,
        }
    }

    fn fingerprints(&self, repository: &Repository) -> Vec<Access> {
        match self {
            Self::Docker(config) => config.fingerprints(repository),
            Self::PullSecrets(secrets) => secrets.fingerprints(repository),
            Self::Plugins(plugins) => plugins.fingerprints(repository),
        }
    }

    fn names(&self, repository: &Repository) -> Vec<&str> {
        match self {
            Self::PullSecrets(secrets) => secrets.names(repository),
            Self::Docker(_) | Self::Plugins(_) => Vec::new(),
        }
    }
}

impl From<DockerConfig> for Keyring {
    fn from(config: DockerConfig) -> Self {
        Self::of(Source::Docker(config))
    }
}

impl From<PullSecrets> for Keyring {
    fn from(secrets: PullSecrets) -> Self {
        Self::of(Source::PullSecrets(secrets))
    }
}

impl From<CredentialPlugins> for Keyring {
    fn from(plugins: CredentialPlugins) -> Self {
        Self::of(Source::Plugins(plugins))
    }
}

impl Credential {
    /// What messages call it.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Basic { .. } => "user name and password",
            Self::IdentityToken(_) => "identity token",
            Self::RegistryToken(_) => "registry token",
        }
    }

    /// The fingerprint of a credential that does not change by itself.
    fn access(&self) -> Access {
        match self {
            Self::Basic { username, password } => Access::of([
                b"basic".as_slice(),
                username.as_bytes(),
                password.expose().as_bytes(),
            ]),
            Self::IdentityToken(token) => {
                Access::of([b"identity".as_slice(), token.expose().as_bytes()])
            }
            Self::RegistryToken(token) => {
                Access::of([b"token".as_slice(), token.expose().as_bytes()])
            }
        }
    }
}

impl Found {
    /// A credential that stands in a text.
    fn fixed(credential: &Credential, place: &str) -> Self {
        Self {
            note: format!("the {} of {place}", credential.kind()),
            fingerprint: credential.access(),
            credential: Some(credential.clone()),
        }
    }
}

/// Reads a file of at most 1 MiB; `None` if it does not exist.
fn read_file(path: &Path) -> Result<Option<Vec<u8>>, RegistryError> {
    let named = |cause: String| RegistryError::Configuration {
        source_name: path.display().to_string(),
        cause,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(named(error.to_string())),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| named(error.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|read| read > MAX_BYTES) {
        return Err(named("larger than 1 MiB".to_owned()));
    }
    Ok(Some(bytes))
}
