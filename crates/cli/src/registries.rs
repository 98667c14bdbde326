//! From what was typed about registries to the client that asks them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::{HttpRegistry, Observer, Proxies, Registries, RegistryError, ServiceClient};

use crate::args::registries::RegistryOptions;
use crate::escape::escaped;
use crate::failure::Failure;
use crate::surroundings::{CredentialPlaces, Surroundings};
use crate::verbose::Verbose;
use crate::{bounded, credentials};

/// How registries are asked.
#[derive(Debug)]
pub(crate) struct RegistryAccess {
    credentials: CredentialPlaces,
    plain_http: bool,
    ca_file: Option<PathBuf>,
    registries: Option<PathBuf>,
    hosts_dir: Option<PathBuf>,
    proxies: Vec<(String, String)>,
    verbose: bool,
}

impl RegistryAccess {
    pub(crate) fn new(typed: RegistryOptions, surroundings: &Surroundings) -> Self {
        Self {
            credentials: surroundings.credentials.clone(),
            plain_http: typed.plain_http,
            ca_file: typed.ca_file,
            registries: typed.registries,
            hosts_dir: typed.hosts_dir,
            proxies: surroundings.proxies.clone(),
            verbose: typed.verbose,
        }
    }

    /// Who is told of every request and of the cache's answers, if somebody wants to know.
    pub(crate) fn observer(&self) -> Option<Arc<dyn Observer>> {
        let observer: Arc<dyn Observer> = Arc::new(Verbose);
        self.verbose.then_some(observer)
    }

    /// The client for these registries (`host[:port]`), if there are any: no credentials are read for a folder.
    pub(crate) fn client<'a>(
        &self,
        hosts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<HttpRegistry>, Failure> {
        let mut registry = self.configured_client()?;
        let hosts: BTreeSet<&str> = hosts.into_iter().collect();
        if hosts.is_empty() {
            return Ok(None);
        }
        registry = hosts
            .iter()
            .fold(registry, |registry, host| registry.allow_typed(*host));
        if self.plain_http {
            registry = hosts.into_iter().fold(registry, HttpRegistry::plain_http);
        }
        self.with_credentials(registry).map(Some)
    }

    /// The client for registries that files name and nobody typed: a pull request shall not lead it to a loopback address or to plain HTTP, so
    /// only what is configured is allowed.
    pub(crate) fn client_for_files(&self) -> Result<HttpRegistry, Failure> {
        let registry = self.configured_client()?;
        self.with_credentials(registry)
    }

    /// Refuses `--plain-http` for hosts that files name: it would hold for any host that a pull request puts in.
    pub(crate) fn refuse_plain_http(&self) -> Result<(), Failure> {
        if self.plain_http {
            return Err(Failure::misused(
                "--plain-http is for registries that are typed, and -f reads names that others wrote; say `plainHttp: true` for the host in the \
                 file of --registries",
            ));
        }
        Ok(())
    }

    fn configured_client(&self) -> Result<HttpRegistry, Failure> {
        let mut registry = HttpRegistry::new()
            .registries(self.configured()?)
            .proxies(self.proxies()?);
        if let Some(path) = &self.ca_file {
            let pem = bounded::read(path)
                .map_err(|error| named("--ca-file", path, &error.to_string()))?;
            registry = registry
                .ca_file(&pem)
                .map_err(|error| named("--ca-file", path, &error.to_string()))?;
        }
        Ok(registry)
    }

    fn with_credentials(&self, registry: HttpRegistry) -> Result<HttpRegistry, Failure> {
        let registry = self.observed(registry);
        Ok(registry.credentials(credentials::keyring(&self.credentials)?))
    }

    fn observed(&self, registry: HttpRegistry) -> HttpRegistry {
        match self.observer() {
            Some(observer) => registry.observer(observer),
            None => registry,
        }
    }

    /// The client for services that sign: with the same proxies, certificates and observer, and no credentials.
    pub(crate) fn services(&self) -> Result<ServiceClient, Failure> {
        let registry = self.observed(self.configured_client()?);
        Ok(registry
            .timeouts(ServiceClient::CONNECT, ServiceClient::STALL)
            .services())
    }

    fn configured(&self) -> Result<Registries, Failure> {
        let wrong = |error: RegistryError| Failure::misused(&escaped(&error.to_string(), 500));
        let mut registries = match &self.registries {
            Some(path) => Registries::load(path).map_err(wrong)?,
            None => Registries::new(),
        };
        if let Some(path) = &self.hosts_dir {
            registries = registries.hosts_dir(path).map_err(wrong)?;
        }
        Ok(registries)
    }

    fn proxies(&self) -> Result<Proxies, Failure> {
        let value = |wanted: &str| {
            let mut all = self.proxies.iter();
            all.find_map(|(name, value)| (name == wanted).then(|| value.clone()))
        };
        Proxies::from_environment(value)
            .map_err(|error| Failure::misused(&escaped(&error.to_string(), 500)))
    }
}

fn named(option: &str, path: &Path, why: &str) -> Failure {
    Failure::misused(&format!("{option} {}: {why}", path.display()))
}
