//! Web services that an operator has named, such as those that a signature is made with: bounded, at that address only.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, Method, Url};

use super::answer::classify;
use super::retry::Tries;
use super::transport::{Errand, Parcel, Transport, host_of};
use crate::network::Allowed;
use crate::{Budget, HttpRegistry, RegistryError, Secret};

/// The address of a web service: `https://`, or `http://` on this machine alone, without user name, password and fragment.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServiceUrl(Url);

/// Why a text is no address of a service. It never shows the text, which may hold a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceUrlError {
    /// It cannot be read as a URL with a host.
    #[error("it is no absolute URL")]
    Malformed,
    /// What is sent there could be read and changed on the way.
    #[error("it is neither https:// nor http:// on this machine (localhost, 127.0.0.1, [::1])")]
    Open,
    /// It names a user, or a fragment.
    #[error("it holds a user name, a password or a fragment, which no service has")]
    Decorated,
}

/// One request to a service.
pub struct ServiceRequest<'a> {
    /// Where it goes.
    pub url: &'a ServiceUrl,
    /// What is asked for, as messages about the answer call it: `a certificate`.
    pub what: &'static str,
    /// The media type that is wanted.
    pub accept: &'static str,
    /// A bearer token (RFC 6750, 2.1).
    pub bearer: Option<&'a Secret>,
    /// Media type and content of what is posted; `None` is a GET.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// The most bytes of an answer.
    pub most: usize,
}

/// What a service answers, whatever its status, but for those that are errors: 407, 429 and 5xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Asks web services: redirects are not followed, nothing is decompressed, and each answer is bounded in bytes and time.
///
/// Proxies, certificates and connections are those of the clients for registries.
#[derive(Debug, Clone)]
pub struct ServiceClient {
    transport: Transport,
}

impl ServiceUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// [`ServiceUrlError`].
    pub fn parse(text: &str) -> Result<Self, ServiceUrlError> {
        let url = Url::parse(text).map_err(|_| ServiceUrlError::Malformed)?;
        let host = url.host_str().ok_or(ServiceUrlError::Malformed)?;
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(host));
        if !is_safe {
            return Err(ServiceUrlError::Open);
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(ServiceUrlError::Decorated);
        }
        Ok(Self(url))
    }

    /// The address of this path below it.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let mut url = self.0.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{path}"));
        Self(url)
    }

    /// The same address with one more parameter in its query.
    #[must_use]
    pub fn with_parameter(&self, name: &str, value: &str) -> Self {
        let mut url = self.0.clone();
        url.query_pairs_mut().append_pair(name, value);
        Self(url)
    }

    /// `host` or `host:port`.
    #[must_use]
    pub fn host(&self) -> String {
        host_of(&self.0)
    }
}

/// Host and path only: a query may hold what nobody else shall know.
impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.0.scheme(), self.host(), self.0.path())
    }
}

impl ServiceClient {
    /// How long to wait for a connection, if nobody says otherwise.
    pub const CONNECT: Duration = Duration::from_secs(5);
    /// How long to wait for the next byte of an answer, if nobody says otherwise: a log of tiles answers only when it has signed a checkpoint
    /// over the entry.
    pub const STALL: Duration = Duration::from_secs(30);

    /// A client that trusts the system's certificate authorities and uses no proxy. [`HttpRegistry::services`] makes one that is set up otherwise.
    #[must_use]
    pub fn new() -> Self {
        HttpRegistry::new()
            .timeouts(Self::CONNECT, Self::STALL)
            .services()
    }

    /// Sends a request and reads the answer. It may be sent again after a connection error, 429 or 5xx: use it where that is harmless.
    ///
    /// # Errors
    /// [`RegistryError`] where there is no answer, it is too large or too slow, the service failed, or it redirects.
    pub async fn ask(
        &self,
        request: &ServiceRequest<'_>,
        budget: &Budget,
    ) -> Result<ServiceAnswer, RegistryError> {
        let headers = headers(request)?;
        let mut tries = Tries::new(self.transport.settings().retry);
        loop {
            let transport = self.transport.on(Errand {
                what: "service",
                attempt: tries.attempt(),
                ..Errand::default()
            });
            match once(&transport, request, headers.clone(), budget).await {
                Ok(answer) => return Ok(answer),
                Err(error) => tries.again(&transport, error, budget).await?,
            }
        }
    }
}

impl HttpRegistry {
    /// A client for services that uses certificates, proxies, times, retries and observer of this one, and none of its credentials.
    #[must_use]
    pub fn services(&self) -> ServiceClient {
        let mut transport = self.transport.clone();
        // An operator has written where the services are, and nothing leads elsewhere.
        transport.change(|settings| settings.allowed = Allowed::everything());
        ServiceClient { transport }
    }
}

impl Default for ServiceClient {
    fn default() -> Self {
        Self::new()
    }
}

async fn once(
    transport: &Transport,
    request: &ServiceRequest<'_>,
    headers: HeaderMap,
    budget: &Budget,
) -> Result<ServiceAnswer, RegistryError> {
    let url = &request.url.0;
    let parcel = Parcel {
        url,
        method: match request.body {
            Some(_) => Method::POST,
            None => Method::GET,
        },
        headers,
        body: request.body.as_ref().map(|(_, it)| Body::from(it.clone())),
        progress: None,
    };
    let mut received = transport.deliver(parcel, budget).await?;
    let (status, host) = (received.status().as_u16(), host_of(url));
    let error = match status {
        301 | 302 | 303 | 307 | 308 => Some(RegistryError::Redirect {
            host,
            to: "another address".to_owned(),
            why: "it is asked at one address only; give the one that it redirects to",
        }),
        // What it says about a refusal is worth more than that it refused.
        401 | 403 => None,
        _ => classify(&received, &host, "what the request held"),
    };
    if let Some(error) = error {
        received.failed(&error);
        return Err(error);
    }
    let body = transport.body(received, request.what, request.most, budget);
    Ok(ServiceAnswer {
        status,
        body: body.await?,
    })
}

fn headers(request: &ServiceRequest<'_>) -> Result<HeaderMap, RegistryError> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(request.accept));
    if let Some((media_type, _)) = &request.body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    if let Some(bearer) = request.bearer {
        let value = HeaderValue::from_str(&format!("Bearer {}", bearer.expose()));
        let mut value = value.map_err(|_| RegistryError::Configuration {
            source_name: format!("the token for {}", request.url.host()),
            cause: "it holds characters that no token has".to_owned(),
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_service_is_asked_where_nobody_can_listen() {
        for (text, outcome) in [
            ("https://fulcio.example", Ok(())),
            ("http://127.0.0.1:8080/api", Ok(())),
            ("http://[::1]:8080", Ok(())),
            ("http://localhost", Ok(())),
            ("http://fulcio.example", Err(ServiceUrlError::Open)),
            ("http://localhost.example", Err(ServiceUrlError::Open)),
            ("http://10.0.0.1", Err(ServiceUrlError::Open)),
            ("ftp://127.0.0.1", Err(ServiceUrlError::Open)),
            ("fulcio.example", Err(ServiceUrlError::Malformed)),
            ("", Err(ServiceUrlError::Malformed)),
            (
                "https://user@fulcio.example",
                Err(ServiceUrlError::Decorated),
            ),
            (
                "https://:secret@fulcio.example",
                Err(ServiceUrlError::Decorated),
            ),
            ("https://fulcio.example/#x", Err(ServiceUrlError::Decorated)),
        ] {
            let read = ServiceUrl::parse(text).map(drop);
            assert_eq!(read, outcome, "{text}");
        }
    }

    #[test]
    fn paths_and_parameters_are_added_and_a_query_is_not_shown() {
        for base in ["https://a.example/log", "https://a.example/log/"] {
            let url = ServiceUrl::parse(base).unwrap().below("api/v2");
            assert_eq!(url.0.as_str(), "https://a.example/log/api/v2");
        }
        let url = ServiceUrl::parse("https://a.example/token?id=secret").unwrap();
        let url = url.with_parameter("audience", "a b");
        assert_eq!(url.0.query(), Some("id=secret&audience=a+b"));
        assert_eq!(format!("{url:?}"), "https://a.example/token");
    }
}
