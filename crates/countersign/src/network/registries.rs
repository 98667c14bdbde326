//! What is configured for each registry.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use countersign_core::ImageRef;

use super::hosts_toml::{self, HostsFile};
use super::pattern::{HostPattern, ImagePattern};
use super::proxies::{ProxyChoice, proxy_url};
use super::{Allowed, Connection, Mirror, files, yaml};
use crate::error::clip;
use crate::{RegistryError, Repository};

/// How registries are reached: certificates, proxies, mirrors, addresses, and where evidence is kept.
///
/// For a host the most specific entry counts, and only that: an exact one before `*.domain`, a long domain before a short one.
#[derive(Debug, Clone, Default)]
pub struct Registries {
    entries: Vec<(HostPattern, RegistryHost)>,
    folders: BTreeMap<String, HostsFile>,
    evidence: Vec<(ImagePattern, Repository)>,
}

/// What is configured for one host, or for all below a domain. It counts wherever the host comes up: as a registry, as a
/// mirror, as a token service, and as a store that a registry redirects to.
#[derive(Debug, Clone, Default)]
pub struct RegistryHost {
    pub(crate) plain_http: bool,
    pub(crate) connection: Arc<Connection>,
    pub(crate) mirrors: Vec<Mirror>,
    pub(crate) allowed: Allowed,
}

/// What serves a registry's repositories.
pub(crate) struct Served<'a> {
    /// Asked before the server, in this order.
    pub(crate) mirrors: &'a [Mirror],
    /// The server that stands for the registry, if one is configured.
    pub(crate) server: Option<&'a Mirror>,
    pub(crate) entry: Option<&'a RegistryHost>,
}

impl RegistryHost {
    /// Nothing special: HTTPS, the system's certificate authorities, the environment's proxy, no mirror.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Speaks plain HTTP, never HTTPS: see [`HttpRegistry::plain_http`](crate::HttpRegistry::plain_http).
    #[must_use]
    pub const fn plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Trusts these CA certificates (PEM) beside the system's, for this host only.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] if there is no certificate, or one that cannot be read.
    pub fn ca_file(mut self, pem: &[u8]) -> Result<Self, RegistryError> {
        self.connection_mut().add_roots(pem, "CA file")?;
        Ok(self)
    }

    /// Shows this certificate (PEM: the host's client certificate, with its chain) and proves to have the private key (PEM).
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] if either cannot be read. It never holds the key.
    pub fn client_certificate(
        mut self,
        certificate: &[u8],
        key: &[u8],
    ) -> Result<Self, RegistryError> {
        let pem = [certificate, b"\n", key].concat();
        self.connection_mut()
            .set_identity(&pem, "client certificate")?;
        Ok(self)
    }

    /// Asks through this proxy (`http://` or `https://`), or with `None` directly, whatever the environment says.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] for what is no URL of a proxy.
    pub fn proxy(mut self, url: Option<&str>) -> Result<Self, RegistryError> {
        let choice = match url {
            None => ProxyChoice::Direct,
            Some(url) => {
                ProxyChoice::Through(proxy_url(url).map_err(|cause| broken("proxy", cause))?)
            }
        };
        self.connection_mut().proxy = choice;
        Ok(self)
    }

    /// Adds a mirror, `https://host[/prefix]`, that is asked before the registry, and after the mirrors before it. The prefix
    /// goes before the names of repositories. With `resolves` it is believed what a tag points to.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] for what is no URL of a mirror.
    pub fn mirror(mut self, url: &str, resolves: bool) -> Result<Self, RegistryError> {
        let mirror = Mirror::prefixed(url, resolves)
            .map_err(|cause| broken(&format!("mirror `{}`", clip(url)), cause))?;
        self.mirrors.push(mirror);
        Ok(self)
    }

    /// Lets the host have special addresses: `loopback`, `link-local`, `private`, `metadata`, an address, or a network in CIDR
    /// form.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] for anything else.
    pub fn address(mut self, text: &str) -> Result<Self, RegistryError> {
        self.allowed
            .add(text)
            .map_err(|cause| broken(&format!("address `{}`", clip(text)), cause))?;
        Ok(self)
    }

    fn connection_mut(&mut self) -> &mut Connection {
        Arc::make_mut(&mut self.connection)
    }
}

impl Registries {
    /// Nothing is configured.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a file of kind `Registries` (`docs/registries.md`) and the files that it names.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`], with file and line, for the first thing that is wrong: an unknown or repeated field, a
    /// host that has two entries, a file that cannot be read.
    pub fn load(path: &Path) -> Result<Self, RegistryError> {
        let text = files::read_text(path)?;
        yaml::read(&text, path)
    }

    /// Reads a folder of `hosts.toml` files, as containerd has it at `/etc/containerd/certs.d`.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] for what cannot be read, and for what containerd would understand and is not done here.
    pub fn hosts_dir(mut self, path: &Path) -> Result<Self, RegistryError> {
        self.folders = hosts_toml::load(path)?;
        Ok(self)
    }

    /// Adds an entry for `host[:port]`, or for `*.domain[:port]`.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] for what is no host, and for one that has an entry.
    pub fn host(mut self, host: &str, entry: RegistryHost) -> Result<Self, RegistryError> {
        let named = |cause| broken(&format!("host `{}`", clip(host)), cause);
        let pattern = HostPattern::parse(host).map_err(named)?;
        if self.entries.iter().any(|(other, _)| *other == pattern) {
            return Err(named("it has an entry already".to_owned()));
        }
        self.entries.push((pattern, entry));
        self.entries.sort_by_key(|(pattern, _)| pattern.rank());
        Ok(self)
    }

    /// Looks for the evidence of images that match a pattern (`ghcr.io/acme/**`) in this repository (`host/path`), and not
    /// beside the image. Of several patterns the first that matches counts.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] for what is no pattern or no repository.
    pub fn evidence(mut self, images: &str, repository: &str) -> Result<Self, RegistryError> {
        let pattern = ImagePattern::parse(images)
            .map_err(|cause| broken(&format!("images `{}`", clip(images)), cause))?;
        let named = |cause: &str| {
            broken(
                &format!("repository `{}`", clip(repository)),
                cause.to_owned(),
            )
        };
        let image =
            ImageRef::parse(repository).map_err(|_| named("it is no name of a repository"))?;
        // A tag or digest would be passed over: nobody may think that it counts.
        let last = repository.rsplit('/').next().unwrap_or_default();
        if !repository.contains('/') || last.contains([':', '@']) {
            return Err(named("it is written `host/path`, without tag and digest"));
        }
        self.evidence.push((pattern, Repository::of(&image)));
        Ok(self)
    }

    /// Where the evidence of an image is kept, if not beside it.
    #[must_use]
    pub fn evidence_repository(&self, image: &Repository) -> Option<Repository> {
        let (_, repository) = self
            .evidence
            .iter()
            .find(|(pattern, _)| pattern.matches(image))?;
        Some(repository.clone())
    }

    /// The entry that counts for a host.
    pub(crate) fn entry(&self, host: &str) -> Option<&RegistryHost> {
        let (_, entry) = self
            .entries
            .iter()
            .find(|(pattern, _)| pattern.matches(host))?;
        Some(entry)
    }

    /// What serves a registry: the mirrors of its entry, else what a `hosts.toml` says.
    pub(crate) fn served(&self, registry: &str) -> Served<'_> {
        let entry = self.entry(registry);
        if let Some(entry) = entry.filter(|entry| !entry.mirrors.is_empty()) {
            return Served {
                mirrors: &entry.mirrors,
                server: None,
                entry: Some(entry),
            };
        }
        let folder = self
            .folders
            .get(registry)
            .or_else(|| self.folders.get(hosts_toml::DEFAULT));
        Served {
            mirrors: folder.map_or(&[], |folder| folder.hosts.as_slice()),
            server: folder.and_then(|folder| folder.server.as_ref()),
            entry,
        }
    }
}

fn broken(source_name: &str, cause: String) -> RegistryError {
    RegistryError::Configuration {
        source_name: source_name.to_owned(),
        cause,
    }
}
