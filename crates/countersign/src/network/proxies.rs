//! Which requests go through a proxy: what the environment says, and what the configuration says.

use std::net::IpAddr;

use ipnet::IpNet;
use reqwest::Url;

use crate::RegistryError;
use crate::error::clip;

/// The proxies of an environment: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`.
///
/// The library reads no environment: whoever has one gives the values. With a proxy it is the proxy that resolves names, so
/// that the addresses that they lead to are not seen here.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    except: Vec<Exception>,
}

/// Which proxy a host's requests go through.
#[derive(Clone, Default)]
pub(crate) enum ProxyChoice {
    /// That of the environment.
    #[default]
    Environment,
    /// None, whatever the environment says.
    Direct,
    /// This one.
    Through(Url),
}

#[derive(Clone)]
enum Exception {
    Everything,
    Network(IpNet),
    /// A name, and all below it; with a port, that one only.
    Domain(String, Option<u16>),
}

impl Proxies {
    /// Reads the values of an environment. `variable` gives the value of a variable, if it is set; the forms in lower case
    /// are asked first, as curl does.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] for a proxy that is no `http://` or `https://` URL, and for a `NO_PROXY` entry that
    /// cannot be read.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, RegistryError> {
        let value = |name: &str| {
            [name.to_ascii_lowercase(), name.to_owned()]
                .iter()
                .find_map(|name| variable(name).filter(|value| !value.trim().is_empty()))
        };
        let proxy = |name: &str| match value(name) {
            Some(text) => {
                proxy_url(&text)
                    .map(Some)
                    .map_err(|cause| RegistryError::Configuration {
                        source_name: name.to_owned(),
                        cause,
                    })
            }
            None => Ok(None),
        };
        let all = proxy("ALL_PROXY")?;
        Ok(Self {
            http: proxy("HTTP_PROXY")?.or_else(|| all.clone()),
            https: proxy("HTTPS_PROXY")?.or(all),
            except: value("NO_PROXY")
                .unwrap_or_default()
                .split(',')
                .map(str::trim)
                .filter(|entry| !entry.is_empty())
                .map(Exception::parse)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The proxy for a URL, if its requests go through one.
    pub(crate) fn of<'a>(&'a self, url: &Url, choice: &'a ProxyChoice) -> Option<&'a Url> {
        match choice {
            ProxyChoice::Direct => None,
            ProxyChoice::Through(proxy) => Some(proxy),
            ProxyChoice::Environment => {
                let proxy = if url.scheme() == "https" {
                    self.https.as_ref()
                } else {
                    self.http.as_ref()
                };
                proxy.filter(|_| !self.except.iter().any(|it| it.matches(url)))
            }
        }
    }
}

impl Exception {
    fn parse(text: &str) -> Result<Self, RegistryError> {
        if text == "*" {
            return Ok(Self::Everything);
        }
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Network(address.into()));
        }
        if let Ok(network) = text.parse() {
            return Ok(Self::Network(network));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().map(Some).ok()),
            None => (text, Some(None)),
        };
        let name = name.strip_prefix('*').unwrap_or(name);
        let name = name.strip_prefix('.').unwrap_or(name).to_ascii_lowercase();
        match port {
            Some(port) if !name.is_empty() && !name.contains(['*', '/', ':']) => {
                Ok(Self::Domain(name, port))
            }
            _ => Err(RegistryError::Configuration {
                source_name: "NO_PROXY".to_owned(),
                cause: format!(
                    "`{}` is no name, no address, no network and no `*`",
                    clip(text)
                ),
            }),
        }
    }

    fn matches(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match self {
            Self::Everything => true,
            Self::Network(network) => bare
                .parse::<IpAddr>()
                .is_ok_and(|address| network.contains(&address)),
            Self::Domain(name, port) => {
                let is_port = port.is_none_or(|port| url.port_or_known_default() == Some(port));
                let is_name = host
                    .strip_suffix(name.as_str())
                    .is_some_and(|above| above.is_empty() || above.ends_with('.'));
                is_port && is_name
            }
        }
    }
}

/// Reads a proxy's URL; `host:port` means `http://host:port`. What is wrong is said without the URL: it may hold a password.
pub(crate) fn proxy_url(text: &str) -> Result<Url, String> {
    let text = text.trim();
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("http://{text}"))
    };
    let url = url.map_err(|_| "it is no URL of a proxy".to_owned())?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        scheme => Err(format!(
            "proxies are asked by http:// or https://, not by {}://",
            clip(scheme)
        )),
    }
}

impl std::fmt::Debug for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxies").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ProxyChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Environment => "Environment",
            Self::Direct => "Direct",
            Self::Through(_) => "Through",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, RegistryError> {
        Proxies::from_environment(|name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    fn proxy(proxies: &Proxies, url: &str) -> Option<String> {
        let url = Url::parse(url).unwrap();
        proxies
            .of(&url, &ProxyChoice::Environment)
            .map(ToString::to_string)
    }

    #[test]
    fn each_scheme_has_its_variable_and_small_letters_go_first() {
        let set = proxies(&[
            ("HTTPS_PROXY", "http://upper:1"),
            ("https_proxy", "lower:2"),
            ("ALL_PROXY", "http://all:3"),
            ("HTTP_PROXY", " "),
        ])
        .unwrap();
        assert_eq!(
            proxy(&set, "https://a/").as_deref(),
            Some("http://lower:2/")
        );
        assert_eq!(proxy(&set, "http://a/").as_deref(), Some("http://all:3/"));
        assert_eq!(proxy(&proxies(&[]).unwrap(), "https://a/"), None);
    }

    #[test]
    fn no_proxy_names_domains_addresses_networks_and_ports() {
        let no_proxy = "example.com, .sub.test,10.0.0.0/8, ::1,*.wild.test,ported.test:5000,";
        let set = proxies(&[("ALL_PROXY", "http://p"), ("NO_PROXY", no_proxy)]).unwrap();
        for (url, direct) in [
            ("https://example.com/", true),
            ("https://a.b.example.com/", true),
            ("https://notexample.com/", false),
            ("https://example.com.evil/", false),
            ("https://x.sub.test/", true),
            ("https://a.wild.test/", true),
            ("http://10.9.9.9:5000/", true),
            ("http://11.0.0.1/", false),
            ("http://[::1]:80/", true),
            ("https://ported.test:5000/", true),
            ("https://ported.test/", false),
        ] {
            assert_eq!(proxy(&set, url).is_none(), direct, "{url}");
        }
        let none = proxies(&[("ALL_PROXY", "http://p"), ("no_proxy", "*")]).unwrap();
        assert_eq!(proxy(&none, "https://a/"), None);
    }

    #[test]
    fn what_cannot_be_a_proxy_is_an_error_that_keeps_the_password() {
        for (name, value) in [
            ("HTTPS_PROXY", "socks5://user:hunter2@p"),
            ("ALL_PROXY", "http://user:hunter2@:99999"),
            ("NO_PROXY", "a*b"),
            ("NO_PROXY", "a:b"),
        ] {
            let error = proxies(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let set = proxies(&[("ALL_PROXY", "http://user:hunter2@p")]).unwrap();
        assert!(!format!("{set:?}").contains("hunter2"));
    }

    #[test]
    fn a_hosts_own_choice_goes_before_the_environment() {
        let set = proxies(&[("ALL_PROXY", "http://p")]).unwrap();
        let url = Url::parse("https://a/").unwrap();
        assert!(set.of(&url, &ProxyChoice::Direct).is_none());
        let own = ProxyChoice::Through(proxy_url("own:1").unwrap());
        assert_eq!(set.of(&url, &own).unwrap().as_str(), "http://own:1/");
    }
}
