//! One request and its answer: connections, time limits, bounded bodies.

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use reqwest::{Certificate, Client, Response, Url};

use crate::error::clip;
use crate::{Budget, RegistryError};

/// What the connections share. TLS, and the loading of the system's roots, is set up only when an `https` host is asked.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) extra_roots: Vec<Certificate>,
    pub(super) connect: Duration,
    pub(super) stall: Duration,
    plain: OnceLock<Client>,
    secure: OnceLock<Client>,
}

/// A request to one URL, redirects not followed.
pub(super) struct Hop<'a> {
    pub(super) url: &'a Url,
    pub(super) accept: &'static str,
    pub(super) authorization: Option<HeaderValue>,
    /// A form to post; else it is a GET.
    pub(super) form: Option<String>,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            extra_roots: Vec::new(),
            connect: Duration::from_secs(5),
            stall: Duration::from_secs(10),
            plain: OnceLock::new(),
            secure: OnceLock::new(),
        }
    }
}

impl Transport {
    /// Sends a request and waits for the answer's headers.
    pub(super) async fn send(
        &self,
        hop: Hop<'_>,
        budget: &Budget,
    ) -> Result<Response, RegistryError> {
        let host = host_of(hop.url);
        let client = self.client(hop.url, &host)?;
        let mut request = match hop.form {
            Some(form) => client
                .post(hop.url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form),
            None => client.get(hop.url.clone()),
        };
        request = request.header(ACCEPT, hop.accept);
        if let Some(authorization) = hop.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        self.in_time(request.send(), &host, "answer", budget)
            .await?
            .map_err(|error| self.failure(&host, &error))
    }

    /// Reads a body of at most `max` bytes. `Content-Length` may refuse it early, and never allocates.
    pub(super) async fn body(
        &self,
        mut response: Response,
        what: &str,
        max: usize,
        budget: &Budget,
    ) -> Result<Vec<u8>, RegistryError> {
        let host = host_of(response.url());
        if let Some(encoding) = response.headers().get(CONTENT_ENCODING)
            && encoding != "identity"
        {
            // Nobody asked for compression, and nothing here decompresses: no bombs.
            return Err(RegistryError::protocol(
                &host,
                format!("it sends {what} compressed, unasked"),
            ));
        }
        let too_large = || RegistryError::TooLarge {
            host: host.clone(),
            what: what.to_owned(),
            limit: max,
        };
        let bound = u64::try_from(max).unwrap_or(u64::MAX);
        if response.content_length().is_some_and(|told| told > bound) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        loop {
            let chunk = self
                .in_time(response.chunk(), &host, "send on", budget)
                .await?
                .map_err(|error| self.failure(&host, &error))?;
            let Some(chunk) = chunk else {
                return Ok(bytes);
            };
            if chunk.len() > max - bytes.len() {
                return Err(too_large());
            }
            budget.spend(&host, chunk.len())?;
            bytes.extend_from_slice(&chunk);
        }
    }

    fn client(&self, url: &Url, host: &str) -> Result<&Client, RegistryError> {
        let is_secure = url.scheme() == "https";
        let slot = if is_secure { &self.secure } else { &self.plain };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let builder = Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(self.connect)
            // As many as one check uses at once.
            .pool_max_idle_per_host(8)
            .http2_initial_stream_window_size(1 << 20)
            .http2_initial_connection_window_size(4 << 20);
        let builder = if is_secure {
            builder
                .https_only(true)
                .tls_certs_merge(self.extra_roots.iter().cloned())
        } else {
            builder.http1_only().tls_certs_only([])
        };
        let client = builder.build().map_err(|error| RegistryError::Tls {
            host: host.to_owned(),
            cause: innermost(&error),
        })?;
        Ok(slot.get_or_init(|| client))
    }

    /// Waits for the shorter of the stall limit and the rest of the check's time.
    async fn in_time<F: Future>(
        &self,
        work: F,
        host: &str,
        what: &'static str,
        budget: &Budget,
    ) -> Result<F::Output, RegistryError> {
        match budget.in_time(tokio::time::timeout(self.stall, work)).await {
            Some(Ok(output)) => Ok(output),
            Some(Err(_)) => Err(RegistryError::Timeout {
                host: host.to_owned(),
                what,
                limit: self.stall,
            }),
            None => Err(RegistryError::Timeout {
                host: host.to_owned(),
                what: "give all that a check needs",
                limit: budget.time(),
            }),
        }
    }

    fn failure(&self, host: &str, error: &reqwest::Error) -> RegistryError {
        let host = host.to_owned();
        if error.is_timeout() {
            return RegistryError::Timeout {
                host,
                what: "accept a connection",
                limit: self.connect,
            };
        }
        match tls_cause(error) {
            Some(cause) => RegistryError::Tls { host, cause },
            None => RegistryError::Connection {
                host,
                cause: innermost(error),
            },
        }
    }
}

/// `host` or `host:port` of a URL.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The TLS library's own words, if it was the one that failed.
fn tls_cause(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(clip(&tls.to_string()));
    }
    // An io::Error hides what it wraps: its source is its inner error's source.
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    match wrapped {
        Some(inner) => tls_cause(inner),
        None => tls_cause(error.source()?),
    }
}

/// The innermost cause: `Connection refused`, where the outer ones say `error sending request`.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    clip(&cause.to_string())
}
