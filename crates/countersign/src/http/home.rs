//! What was meant when a request was made, and what follows from it for each URL that it leads to.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, Url};

use super::retry::Retry;
use super::transport::host_of;
use crate::Observer;
use crate::network::{Allowed, Connection, Proxies, Registries, Special};

/// How requests are made.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) connect: Duration,
    pub(super) stall: Duration,
    pub(super) retry: Retry,
    pub(super) extra_roots: Vec<Certificate>,
    pub(super) plain_hosts: BTreeSet<String>,
    /// Registries that a person has typed: they may be on this machine, or on a private network.
    pub(super) typed_hosts: BTreeSet<String>,
    /// The special addresses that every host may have.
    pub(super) allowed: Allowed,
    pub(super) registries: Registries,
    pub(super) proxies: Proxies,
    pub(super) observer: Option<Arc<dyn Observer>>,
}

/// The registry or mirror that is meant, and how it is reached.
#[derive(Debug, Clone)]
pub(super) struct Home {
    /// What its paths begin with; only URLs of the same origin are its own.
    pub(super) base: Url,
    pub(super) connection: Arc<Connection>,
    pub(super) allowed: Allowed,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            stall: Duration::from_secs(10),
            retry: Retry::default(),
            extra_roots: Vec::new(),
            plain_hosts: BTreeSet::new(),
            typed_hosts: BTreeSet::new(),
            allowed: Allowed::default().with([Special::Private]),
            registries: Registries::default(),
            proxies: Proxies::default(),
            observer: None,
        }
    }
}

impl Settings {
    /// How a URL is connected to, and to which special addresses: by the rules of the home if it is the home's own, else by
    /// those of its host. What a registry points to gains nothing from who pointed.
    pub(super) fn rules(&self, url: &Url, home: Option<&Home>) -> (Arc<Connection>, Allowed) {
        match home {
            Some(home) if home.base.origin() == url.origin() => {
                (Arc::clone(&home.connection), home.allowed.clone())
            }
            _ => self.rules_of(&host_of(url)),
        }
    }

    /// The rules of a host that nobody in particular has named.
    pub(super) fn rules_of(&self, host: &str) -> (Arc<Connection>, Allowed) {
        let allowed = self.allowed.clone();
        match self.registries.entry(host) {
            Some(entry) => (Arc::clone(&entry.connection), allowed.and(&entry.allowed)),
            None => (Arc::default(), allowed),
        }
    }

    /// Whether a person has named this registry, by typing it or for plain HTTP.
    pub(super) fn is_named(&self, registry: &str) -> bool {
        self.typed_hosts.contains(registry) || self.plain_hosts.contains(registry)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("plain_hosts", &self.plain_hosts)
            .field("typed_hosts", &self.typed_hosts)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
