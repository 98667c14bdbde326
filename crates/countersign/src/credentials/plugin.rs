//! The kubelet's credential provider plugins: programs that cloud registries come with.

mod answer;
mod config;
mod duration;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use self::answer::{Answer, KeyType};
use self::config::Provider;
use super::helper::{FAILURE_KEPT, is_program};
use super::kept::Kept;
use super::program::Program;
use super::{Found, PullSecrets, read_file};
use crate::error::clip;
use crate::locked::lock;
use crate::{Access, Budget, RegistryError, Repository};

/// A kubelet's: an answer holds a token or a few.
const MAX_OUTPUT: usize = 1024 * 1024;
/// The kubelet's.
const TIME: Duration = Duration::from_secs(60);

/// Credential provider plugins as the kubelet configures them: a `CredentialProviderConfig` of
/// `kubelet.config.k8s.io/v1`, spoken to by `credentialprovider.kubelet.k8s.io/v1`.
///
/// Every provider whose `matchImages` means a repository is asked, in the order of the file. Its answer is kept for as long
/// as it says, by image, by registry or for all, and equal questions wait for one program. A program that fails is named in
/// a denial. Plugins that want a service account's token (`tokenAttributes`) are refused: nobody here has one.
#[derive(Debug, Clone)]
pub struct CredentialPlugins {
    providers: Arc<[Plugin]>,
    folder: PathBuf,
    time: Duration,
    /// Beside what the file configures.
    environment: Vec<(OsString, OsString)>,
}

#[derive(Debug)]
struct Plugin {
    provider: Provider,
    kept: Kept<Key, Arc<Result<Answer, String>>>,
    /// How the last answer wanted to be kept; nobody knows before the first.
    key_type: Mutex<Option<KeyType>>,
}

/// Under what an answer is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Image(Repository),
    Registry(String),
    Global,
}

impl CredentialPlugins {
    /// Reads a `CredentialProviderConfig` (YAML or JSON); the programs stand in `folder` under their providers' names.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] if the text breaks a rule of the kubelet's, wants what is not supported here, or a
    /// program is missing.
    pub fn from_bytes(bytes: &[u8], folder: impl Into<PathBuf>) -> Result<Self, RegistryError> {
        let folder = folder.into();
        let broken = |cause| RegistryError::Configuration {
            source_name: "credential provider config".to_owned(),
            cause,
        };
        let providers = config::read(bytes).map_err(broken)?;
        for provider in &providers {
            let program = folder.join(&provider.name);
            if !is_program(&program) {
                return Err(broken(format!("{}: no such program", program.display())));
            }
        }
        let fresh = |provider| Plugin {
            provider,
            kept: Kept::default(),
            key_type: Mutex::default(),
        };
        Ok(Self {
            providers: providers.into_iter().map(fresh).collect(),
            folder,
            time: TIME,
            environment: Vec::new(),
        })
    }

    /// Reads a file as [`from_bytes`](Self::from_bytes) does.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] if it cannot be read, is larger than 1 MiB, or as there.
    pub fn load(path: &Path, folder: impl Into<PathBuf>) -> Result<Self, RegistryError> {
        let named = |cause| RegistryError::Configuration {
            source_name: path.display().to_string(),
            cause,
        };
        let bytes = read_file(path)?.ok_or_else(|| named("there is no such file".to_owned()))?;
        Self::from_bytes(&bytes, folder).map_err(|error| match error {
            RegistryError::Configuration { cause, .. } => named(cause),
            other => other,
        })
    }

    /// A variable that the programs see beside those that are configured: `PATH` and `HOME`, usually. They see no other.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// How long a program may take, in place of a minute.
    #[must_use]
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    pub(super) async fn find(
        &self,
        repository: &Repository,
        budget: &Budget,
    ) -> Result<Vec<Found>, RegistryError> {
        let mut all = Vec::new();
        for plugin in self.providers_of(repository) {
            let named = format!("the credential plugin `{}`", clip(&plugin.provider.name));
            let fingerprint = self.access(plugin, repository);
            let none = |why: String| Found {
                credential: None,
                note: format!("{named} {why}"),
                fingerprint,
            };
            match self.ask(plugin, repository, budget).await?.as_ref() {
                Err(why) => all.push(none(format!("failed: {why}"))),
                Ok(answer) => {
                    let secrets = PullSecrets::answered(&named, answer.auth.clone());
                    let found = secrets.find(repository);
                    if found.is_empty() {
                        all.push(none("has none for this image".to_owned()));
                    }
                    all.extend(found.into_iter().map(|found| Found {
                        fingerprint,
                        ..found
                    }));
                }
            }
        }
        Ok(all)
    }

    pub(super) fn fingerprints(&self, repository: &Repository) -> Vec<Access> {
        self.providers_of(repository)
            .map(|plugin| self.access(plugin, repository))
            .collect()
    }

    /// The access of whoever this program, run in this way, answers for this image. `PATH` changes nothing about who asks.
    fn access(&self, plugin: &Plugin, repository: &Repository) -> Access {
        let image = repository.to_string();
        let mut parts = vec![
            b"credential plugin".as_slice(),
            image.as_bytes(),
            self.folder.as_os_str().as_encoded_bytes(),
        ];
        let own = plugin.provider.parts();
        let given = self.environment.iter().filter(|(name, _)| name != "PATH");
        parts.extend(own.iter().map(Vec::as_slice));
        for (name, value) in given {
            parts.extend([name.as_encoded_bytes(), value.as_encoded_bytes()]);
        }
        Access::of(parts)
    }

    fn providers_of(&self, repository: &Repository) -> impl Iterator<Item = &Plugin> {
        self.providers
            .iter()
            .filter(|plugin| plugin.provider.matches(repository))
    }

    /// The kept answer, or the program's.
    async fn ask(
        &self,
        plugin: &Plugin,
        repository: &Repository,
        budget: &Budget,
    ) -> Result<Arc<Result<Answer, String>>, RegistryError> {
        loop {
            let key_type = plugin.key_type();
            // Before the first answer all wait for it: it may be good for all.
            let key = Key::of(key_type.unwrap_or(KeyType::Global), repository);
            let _turn = plugin.kept.turn(&key, budget).await?;
            if let Some(answer) = plugin.kept_answer(repository) {
                return Ok(answer);
            }
            if key_type.is_none() && plugin.key_type().is_some() {
                continue;
            }
            let answer = Arc::new(self.run(plugin, repository, budget).await?);
            plugin.keep(repository, &answer);
            return Ok(answer);
        }
    }

    async fn run(
        &self,
        plugin: &Plugin,
        repository: &Repository,
        budget: &Budget,
    ) -> Result<Result<Answer, String>, RegistryError> {
        let provider = &plugin.provider;
        let mut environment = self.environment.clone();
        environment.extend(
            provider
                .environment
                .iter()
                .map(|(name, value)| (name.into(), value.expose().into())),
        );
        let program = Program {
            path: self.folder.join(&provider.name),
            arguments: &provider.arguments,
            environment: Some(environment),
            input: answer::question(repository),
            most: MAX_OUTPUT,
            time: self.time,
        };
        Ok(match program.run(budget).await? {
            Err(why) => Err(why),
            Ok(ended) => match ended.failure {
                Some(why) => Err(why),
                None => Answer::read(&ended.output).map_err(str::to_owned),
            },
        })
    }
}

impl Plugin {
    fn key_type(&self) -> Option<KeyType> {
        *lock(&self.key_type)
    }

    /// The kubelet looks by image, then by registry, then for all.
    fn kept_answer(&self, repository: &Repository) -> Option<Arc<Result<Answer, String>>> {
        [KeyType::Image, KeyType::Registry, KeyType::Global]
            .into_iter()
            .find_map(|key_type| self.kept.get(&Key::of(key_type, repository)))
    }

    fn keep(&self, repository: &Repository, answer: &Arc<Result<Answer, String>>) {
        let (key_type, time) = match answer.as_ref() {
            Ok(answer) => {
                let mut known = lock(&self.key_type);
                *known = Some(answer.key_type);
                let told = answer.time.unwrap_or(self.provider.default_time);
                (answer.key_type, told)
            }
            Err(_) => (KeyType::Image, FAILURE_KEPT),
        };
        self.kept
            .keep(Key::of(key_type, repository), Arc::clone(answer), time);
    }
}

impl Key {
    fn of(key_type: KeyType, repository: &Repository) -> Self {
        match key_type {
            KeyType::Image => Self::Image(repository.clone()),
            KeyType::Registry => Self::Registry(repository.registry().to_owned()),
            KeyType::Global => Self::Global,
        }
    }
}
