//! Where a repository is read: at its registry, or at a mirror.

use std::sync::Arc;

use reqwest::Url;

use super::HttpRegistry;
use super::home::Home;
use super::transport::host_of;
use crate::network::Connection;
use crate::{RegistryError, Repository};

/// One host that serves a repository.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) home: Arc<Home>,
    /// The repository as this host calls it: whose credentials are looked up, and what a token is for.
    pub(super) repository: Repository,
}

impl Place {
    /// The URL of what the repository has at `rest`.
    pub(super) fn url(&self, rest: &str) -> Result<Url, RegistryError> {
        let base = &self.home.base;
        Url::parse(&format!("{base}{}/{rest}", self.repository.path())).map_err(|error| {
            RegistryError::protocol(&host_of(base), format!("its name makes no URL: {error}"))
        })
    }
}

impl HttpRegistry {
    /// The registry itself.
    pub(super) fn origin(&self, repository: &Repository) -> Result<Place, RegistryError> {
        let settings = self.transport.settings();
        let registry = repository.registry();
        let scheme = if settings.plain_hosts.contains(registry) {
            "http"
        } else {
            "https"
        };
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
                connection: Connection::default(),
                allowed: settings.allowed_for(registry),
            }),
            repository: repository.clone(),
        })
    }
}
