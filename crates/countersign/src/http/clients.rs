//! HTTP clients: one for each way to connect, made when it is first needed.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Client, Proxy, Url};

use super::gates::Gates;
use super::home::Settings;
use super::transport::innermost;
use crate::RegistryError;
use crate::locked::lock;
use crate::network::{Allowed, Connection, Filter};

/// The clients so far. Their number is bounded by what is configured: hosts without an entry share.
#[derive(Debug, Default)]
pub(super) struct Clients {
    made: Mutex<BTreeMap<Key, Client>>,
}

/// How a URL is to be connected to.
pub(super) struct Way<'a> {
    pub(super) url: &'a Url,
    pub(super) connection: &'a Connection,
    pub(super) allowed: &'a Allowed,
}

/// What must be equal for two requests to share connections.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    secure: bool,
    connection: Vec<u8>,
    /// Its connections were checked by these rules only.
    allowed: Allowed,
    proxy: Option<Url>,
    connect: Duration,
}

impl Clients {
    pub(super) fn get(
        &self,
        way: &Way<'_>,
        settings: &Settings,
        host: &str,
    ) -> Result<Client, RegistryError> {
        let proxy = settings.proxies.of(way.url, &way.connection.proxy);
        let key = Key {
            secure: way.url.scheme() == "https",
            connection: way.connection.key().to_vec(),
            allowed: way.allowed.clone(),
            proxy: proxy.cloned(),
            connect: way.connection.connect.unwrap_or(settings.connect),
        };
        let mut made = lock(&self.made);
        if let Some(client) = made.get(&key) {
            return Ok(client.clone());
        }
        let client = build(way, &key, settings).map_err(|error| RegistryError::Tls {
            host: host.to_owned(),
            cause: innermost(&error),
        })?;
        made.insert(key, client.clone());
        Ok(client)
    }
}

/// TLS, and the loading of the system's roots, is set up only when TLS is spoken.
fn build(way: &Way<'_>, key: &Key, settings: &Settings) -> reqwest::Result<Client> {
    let mut builder = Client::builder()
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .connect_timeout(key.connect)
        .pool_max_idle_per_host(Gates::DEFAULT_WIDTH)
        // A connection that is dead fails before a request stalls, so that the request is tried again on another.
        .http2_keep_alive_interval(Duration::from_secs(5))
        .http2_keep_alive_timeout(Duration::from_secs(4))
        .http2_initial_stream_window_size(1 << 20)
        .http2_initial_connection_window_size(4 << 20);
    // Through a proxy no other name is resolved here than the proxy's, which the operator has written.
    let allowed = match &key.proxy {
        Some(proxy) => {
            builder = builder.proxy(Proxy::all(proxy.clone())?);
            Allowed::everything()
        }
        None => key.allowed.clone(),
    };
    builder = builder.dns_resolver(Filter(allowed));
    let proxy_speaks_tls = key.proxy.as_ref().is_some_and(|it| it.scheme() == "https");
    if !key.secure && !proxy_speaks_tls {
        return builder.http1_only().tls_certs_only([]).build();
    }
    let roots = settings.extra_roots.iter().chain(way.connection.roots());
    builder = builder
        .https_only(key.secure)
        .tls_certs_merge(roots.cloned());
    if let Some(identity) = way.connection.identity() {
        builder = builder.identity(identity.clone());
    }
    builder.build()
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A proxy's URL may hold a password.
        f.debug_struct("Key")
            .field("secure", &self.secure)
            .finish_non_exhaustive()
    }
}
