//! Where a repository is read: at its registry, or at a mirror.

use std::sync::Arc;

use reqwest::Url;

use super::HttpRegistry;
use super::home::{Home, Settings};
use super::transport::host_of;
use crate::network::{Ability, Mirror, Special};
use crate::{RegistryError, Repository};

/// One host that serves a repository.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) home: Arc<Home>,
    /// The repository as this host calls it: whose credentials are looked up, and what a token is for.
    pub(super) repository: Repository,
    /// Its name below the home's base.
    path: String,
    /// The registry that is meant, where the host has to be told.
    namespace: Option<String>,
    /// The host's name, if it is not the registry's.
    pub(super) from: Option<String>,
}

impl Place {
    /// The URL of what the repository has at `rest`.
    pub(super) fn url(&self, rest: &str) -> Result<Url, RegistryError> {
        let base = &self.home.base;
        let mut url = Url::parse(&format!("{base}{}/{rest}", self.path)).map_err(|error| {
            RegistryError::protocol(&host_of(base), format!("its name makes no URL: {error}"))
        })?;
        if let Some(registry) = &self.namespace {
            url.query_pairs_mut().append_pair("ns", registry);
        }
        Ok(url)
    }
}

impl HttpRegistry {
    /// The registry itself, or the server that is configured to stand for it.
    pub(super) fn origin(&self, repository: &Repository) -> Result<Place, RegistryError> {
        let settings = self.transport.settings();
        let registry = repository.registry();
        let served = settings.registries.served(registry);
        if let Some(server) = served.server {
            return Ok(mirrored(settings, server, repository));
        }
        let (connection, mut allowed) = settings.rules_of(registry);
        if settings.is_named(registry) {
            allowed = allowed.with([Special::Loopback, Special::Private]);
        }
        let is_plain = settings.plain_hosts.contains(registry)
            || served.entry.is_some_and(|entry| entry.plain_http);
        let scheme = if is_plain { "http" } else { "https" };
        let host = match registry {
            // The name of Docker Hub is not the name of its registry.
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        let base = Url::parse(&format!("{scheme}://{host}/v2/")).map_err(|error| {
            RegistryError::protocol(registry, format!("its name makes no URL: {error}"))
        })?;
        Ok(Place {
            home: Arc::new(Home {
                base,
                connection,
                allowed,
            }),
            repository: repository.clone(),
            path: repository.path().to_owned(),
            namespace: None,
            from: None,
        })
    }

    /// The mirrors that have an ability, in their order.
    pub(super) fn mirrors(&self, repository: &Repository, ability: Ability) -> Vec<Place> {
        self.mirrors_that(repository, |mirror| mirror.can(ability))
    }

    fn mirrors_that(&self, repository: &Repository, fits: impl Fn(&Mirror) -> bool) -> Vec<Place> {
        let settings = self.transport.settings();
        let served = settings.registries.served(repository.registry());
        served
            .mirrors
            .iter()
            .filter(|mirror| fits(mirror))
            .map(|mirror| mirrored(settings, mirror, repository))
            .collect()
    }

    /// The registry and every mirror: everything whose credentials matter to what is read.
    pub(super) fn places(&self, repository: &Repository) -> Result<Vec<Place>, RegistryError> {
        let mut places = vec![self.origin(repository)?];
        places.extend(self.mirrors_that(repository, |_| true));
        Ok(places)
    }
}

/// An operator has written where a mirror is: it may be on this machine, or on a private network.
fn mirrored(settings: &Settings, mirror: &Mirror, repository: &Repository) -> Place {
    let (connection, allowed) = settings.rules_of(&mirror.host);
    let registry = repository.registry();
    let is_other = mirror.host != registry;
    Place {
        home: Arc::new(Home {
            base: mirror.base.clone(),
            connection: mirror.connection.clone().unwrap_or(connection),
            allowed: allowed.with([Special::Loopback, Special::Private]),
        }),
        repository: mirror.repository(repository.path()),
        path: repository.path().to_owned(),
        namespace: (is_other && mirror.tells_namespace).then(|| registry.to_owned()),
        from: is_other.then(|| mirror.host.clone()),
    }
}
