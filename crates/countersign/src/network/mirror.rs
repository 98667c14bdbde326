//! A host that serves what another registry has.

use std::sync::Arc;

use reqwest::Url;

use super::Connection;
use crate::Repository;
use crate::registry::canonical_host;

/// What a mirror is trusted with, and can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ability {
    /// Serve bytes that are asked for by digest.
    Pull,
    /// Say what a tag points to.
    Resolve,
    /// List what refers to an image.
    Referrers,
}

/// A mirror of a registry, or the server that stands for it.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    /// What its paths begin with; it ends with a slash.
    pub(crate) base: Url,
    /// `host[:port]`, in the form of [`Repository::registry`].
    pub(crate) host: String,
    abilities: Vec<Ability>,
    /// Whether it is told, by the query `ns`, which registry is meant.
    pub(crate) tells_namespace: bool,
    /// How it is connected to; `None`: as the entry for its host says.
    pub(crate) connection: Option<Arc<Connection>>,
}

impl Mirror {
    /// A mirror below a URL that has no query, no fragment and no user name. `base` is where the names of repositories
    /// begin: `https://host/v2/`.
    pub(super) fn new(base: Url, abilities: Vec<Ability>) -> Result<Self, String> {
        let plain = base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none();
        if !plain || !matches!(base.scheme(), "http" | "https") {
            return Err(
                "no URL of a mirror: http:// or https://, without user name and query".to_owned(),
            );
        }
        let written = match (base.host_str(), base.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err("no URL of a mirror: it has no host".to_owned()),
        };
        let host =
            canonical_host(&written).ok_or_else(|| "its host is no registry's name".to_owned())?;
        Ok(Self {
            base,
            host,
            abilities,
            tells_namespace: false,
            connection: None,
        })
    }

    /// A mirror as people write it down: `https://host[/prefix]`. The prefix goes before the names of repositories, as
    /// proxying registries have it.
    pub(super) fn prefixed(url: &str, resolves: bool) -> Result<Self, String> {
        let url = url.trim_end_matches('/');
        let parsed = Url::parse(url).map_err(|error| format!("no URL of a mirror: {error}"))?;
        let prefix = match parsed.path().trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let mut base = parsed;
        base.set_path(&format!("/v2/{prefix}"));
        let mut abilities = vec![Ability::Pull, Ability::Referrers];
        abilities.extend(resolves.then_some(Ability::Resolve));
        Self::new(base, abilities)
    }

    pub(crate) fn can(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }

    /// A repository as the mirror calls it: what a token is for. What stands before `/v2/` is no part of a name.
    pub(crate) fn repository(&self, path: &str) -> Repository {
        let prefix = self.base.path().strip_prefix("/v2/").unwrap_or_default();
        Repository::named(&self.host, &format!("{prefix}{path}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_prefix_goes_before_the_name() {
        for (url, base, repository) in [
            (
                "https://m.example",
                "https://m.example/v2/",
                "m.example/a/b",
            ),
            (
                "https://m.example:5000/hub/",
                "https://m.example:5000/v2/hub/",
                "m.example:5000/hub/a/b",
            ),
            (
                "http://127.0.0.1:5000",
                "http://127.0.0.1:5000/v2/",
                "127.0.0.1:5000/a/b",
            ),
        ] {
            let mirror = Mirror::prefixed(url, false).unwrap();
            assert_eq!(mirror.base.as_str(), base);
            assert_eq!(mirror.repository("a/b").to_string(), repository);
            assert!(mirror.can(Ability::Pull) && !mirror.can(Ability::Resolve));
        }
        for url in [
            "m.example",
            "ftp://m.example",
            "https://u:p@m.example",
            "https://m.example/?q",
            "",
        ] {
            assert!(Mirror::prefixed(url, true).is_err(), "{url}");
        }
    }
}
