//! How a TUF repository is asked.

use std::time::Duration;

use countersign_core::{Limits, TufSource};
use reqwest::Url;

use super::{TufError, TufRole};
use crate::http::FileClient;
use crate::{Budget, RegistryError};

/// Bytes of one whole refresh. The public-good repository needs 100 KiB from its first root on.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Asks TUF repositories: over HTTPS (HTTP on this machine), without credentials, redirects or proxies, with a deadline for
/// each whole refresh.
#[derive(Debug)]
pub struct TufClient {
    files: FileClient,
    time: Duration,
}

impl TufClient {
    /// A client with a deadline of 60 s.
    #[must_use]
    pub fn new() -> Self {
        Self {
            files: FileClient::default(),
            time: Duration::from_secs(60),
        }
    }

    /// Trusts these CA certificates (PEM, one or several) beside the system's.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] if there is no certificate, or one that cannot be read.
    pub fn ca_file(mut self, pem: &[u8]) -> Result<Self, RegistryError> {
        self.files.ca_file(pem)?;
        Ok(self)
    }

    /// With another deadline for a whole refresh.
    #[must_use]
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// How long to wait for a connection (5 s), and for the next byte of an answer (10 s).
    #[must_use]
    pub fn timeouts(mut self, connect: Duration, stall: Duration) -> Self {
        self.files.timeouts(connect, stall);
        self
    }

    /// Begins a refresh.
    pub(super) fn visit<'a>(&'a self, source: &'a TufSource) -> Result<Visit<'a>, TufError> {
        let base = Url::parse(&format!("{}/", source.url())).map_err(|error| {
            TufError::Hostile(RegistryError::protocol(source.url(), error.to_string()))
        })?;
        let mut limits = Limits::default();
        limits.fetched_bytes = MAX_BYTES;
        Ok(Visit {
            files: &self.files,
            base,
            budget: Budget::new(&limits, self.time),
        })
    }
}

impl Default for TufClient {
    fn default() -> Self {
        Self::new()
    }
}

/// One refresh of one repository.
pub(super) struct Visit<'a> {
    files: &'a FileClient,
    base: Url,
    budget: Budget,
}

impl Visit<'_> {
    /// The root of this version, if there is one. Object stores say 403 of what is not there (to those who may not list).
    pub(super) async fn root(&self, version: u64) -> Result<Option<Vec<u8>>, TufError> {
        let file = format!("{version}.root.json");
        match self.get(&file, TufRole::Root.max_bytes()).await {
            Err(RegistryError::Denied { status: 403, .. }) => Ok(None),
            other => Ok(other?),
        }
    }

    /// Metadata that must be there.
    pub(super) async fn metadata(&self, role: TufRole, file: &str) -> Result<Vec<u8>, TufError> {
        let found = self.get(file, role.max_bytes()).await?;
        found.ok_or_else(|| TufError::Missing(file.to_owned()))
    }

    /// A target that must be there.
    pub(super) async fn target(&self, file: &str, length: usize) -> Result<Vec<u8>, TufError> {
        let file = format!("targets/{file}");
        let found = self.get(&file, length).await?;
        found.ok_or(TufError::Missing(file))
    }

    async fn get(&self, file: &str, max: usize) -> Result<Option<Vec<u8>>, RegistryError> {
        let url = self.base.join(file).map_err(|error| {
            RegistryError::protocol(self.base.as_str(), format!("`{file}`: {error}"))
        })?;
        self.files.get(&url, file, max, &self.budget).await
    }
}
