//! From what was typed about registries to the client that asks them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use countersign::HttpRegistry;

use crate::args::registries::RegistryOptions;
use crate::failure::Failure;
use crate::surroundings::{CredentialPlaces, Surroundings};
use crate::{bounded, credentials};

/// How registries are asked.
#[derive(Debug)]
pub(crate) struct RegistryAccess {
    credentials: CredentialPlaces,
    plain_http: bool,
    ca_file: Option<PathBuf>,
}

impl RegistryAccess {
    pub(crate) fn new(typed: RegistryOptions, surroundings: &Surroundings) -> Self {
        Self {
            credentials: surroundings.credentials.clone(),
            plain_http: typed.plain_http,
            ca_file: typed.ca_file,
        }
    }

    /// The client for these registries (`host[:port]`), if there are any: no credentials are read for a folder.
    pub(crate) fn client<'a>(
        &self,
        hosts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<HttpRegistry>, Failure> {
        let mut registry = HttpRegistry::new();
        if let Some(path) = &self.ca_file {
            let named =
                |why: String| Failure::misused(&format!("--ca-file {}: {why}", path.display()));
            let pem = bounded::read(path).map_err(|error| named(error.to_string()))?;
            registry = registry
                .ca_file(&pem)
                .map_err(|error| named(error.to_string()))?;
        }
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
        registry = registry.credentials(credentials::keyring(&self.credentials)?);
        Ok(Some(registry))
    }
}
