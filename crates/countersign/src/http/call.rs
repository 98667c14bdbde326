//! One request of any method, for whoever writes to a registry.

use std::fmt;

use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Url};
use tokio::io::AsyncRead;

use super::HttpRegistry;
use super::answer::classify;
use super::retry::{Retry, Tries};
use super::session::{Session, is_refusal};
use super::transport::{Errand, Parcel, Transport, host_of};
use super::upload::streamed;
use crate::error::clip;
use crate::{Budget, RegistryError, Repository};

/// What is read of an answer's body: errors and upload sessions are short.
const MAX_BODY: usize = 1024 * 1024;

/// What a token has to permit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Reading: `pull`.
    #[default]
    Pull,
    /// Reading and writing: `pull,push`.
    PullPush,
}

/// The method of a [`Call`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of HTTP (RFC 9110, 9)")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// Where a [`Call`] goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Below `/v2/<name>/` of the repository, with its query: `blobs/uploads/?mount=…`.
    Path(String),
    /// Where an answer's `Location` led: [`Called::location`]. The credential goes along only to the registry itself.
    Url(String),
}

/// The body of a [`Call`].
pub enum CallBody {
    /// None; `Content-Length: 0`.
    Empty,
    /// These bytes. The request may be repeated.
    Bytes(Vec<u8>),
    /// Exactly `size` bytes, read while they are sent. The request is never repeated.
    Stream {
        /// How many bytes `reader` has.
        size: u64,
        /// Where they come from.
        reader: Box<dyn AsyncRead + Send + Unpin>,
    },
}

/// One request to the distribution API of a repository's registry.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub target: Target,
    /// What a token has to permit.
    pub scope: Scope,
    /// Headers beside those that every request has: `("content-type", …)`.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: CallBody,
}

/// The answer to a [`Call`], whatever its status, but for those that are errors: 403, 429 and 5xx.
#[derive(Debug, Clone)]
pub struct Called {
    /// The HTTP status.
    pub status: u16,
    /// The body, at most 1 MiB of it.
    pub body: Vec<u8>,
    headers: HeaderMap,
    url: Url,
}

impl Scope {
    /// The actions of the token's scope: `pull` or `pull,push`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::PullPush => "pull,push",
        }
    }
}

impl Method {
    const fn as_http(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Head => reqwest::Method::HEAD,
            Self::Post => reqwest::Method::POST,
            Self::Put => reqwest::Method::PUT,
            Self::Patch => reqwest::Method::PATCH,
            Self::Delete => reqwest::Method::DELETE,
        }
    }
}

impl Called {
    /// The value of a header, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where the answer's `Location` leads, as an absolute URL.
    #[must_use]
    pub fn location(&self) -> Option<Target> {
        let next = self.url.join(self.header("location")?).ok()?;
        Some(Target::Url(next.into()))
    }
}

impl HttpRegistry {
    /// Sends one request of any method to the registry of a repository, with the credential that is meant for it. Redirects
    /// are not followed, mirrors not asked.
    ///
    /// Connection errors, 429 and 5xx are tried again where that is harmless: never with a streamed body, and never for
    /// [`Method::Patch`]. A streamed body that meets a 401 is lost: the new token is fetched, and the 401 handed out; send it
    /// again once.
    ///
    /// # Errors
    /// Those of reading; [`RegistryError::Protocol`] for a target that is no URL.
    pub async fn call(
        &self,
        repository: &Repository,
        call: Call,
        budget: &Budget,
    ) -> Result<Called, RegistryError> {
        let place = self.origin(repository)?;
        let url = match &call.target {
            Target::Path(path) => place.url(path)?,
            Target::Url(url) => target_url(url, &place.home.base)?,
        };
        let (session, access) = self.session(&place, call.scope);
        let headers = call_headers(&call)?;
        let is_safe = call.method != Method::Patch && !matches!(call.body, CallBody::Stream { .. });
        let mut request = Request {
            with_credential: url.origin() == place.home.base.origin(),
            url,
            method: call.method.as_http(),
            headers,
            body: call.body,
        };
        let mut tries = Tries::new(if is_safe {
            self.retry()
        } else {
            Retry::never()
        });
        loop {
            let transport = self.transport.on(Errand {
                home: Some(place.home.clone()),
                access,
                what: "upload",
                attempt: tries.attempt(),
            });
            match request.send(&transport, &session, budget).await {
                Ok(called) => return Ok(called),
                Err(error) => tries.again(&transport, error, budget).await?,
            }
        }
    }
}

struct Request {
    url: Url,
    method: reqwest::Method,
    headers: HeaderMap,
    body: CallBody,
    with_credential: bool,
}

impl Request {
    async fn send(
        &mut self,
        transport: &Transport,
        session: &Session,
        budget: &Budget,
    ) -> Result<Called, RegistryError> {
        if !self.with_credential {
            return self.once(transport, None, budget).await;
        }
        let mut grant = session.current(budget).await?;
        let is_stream = matches!(self.body, CallBody::Stream { .. });
        loop {
            let authorization = grant.authorization.clone();
            let called = self.once(transport, authorization, budget).await?;
            if !is_refusal(called.status) {
                return Ok(called);
            }
            let tokens = transport.asking_for("token");
            grant = session
                .renew(grant, called.status, &called.headers, &tokens, budget)
                .await?;
            if is_stream {
                return Ok(called);
            }
        }
    }

    async fn once(
        &mut self,
        transport: &Transport,
        authorization: Option<HeaderValue>,
        budget: &Budget,
    ) -> Result<Called, RegistryError> {
        let mut headers = self.headers.clone();
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        let (body, progress) = match std::mem::replace(&mut self.body, CallBody::Empty) {
            CallBody::Empty => (None, None),
            CallBody::Bytes(bytes) => {
                let body = Body::from(bytes.clone());
                self.body = CallBody::Bytes(bytes);
                (Some(body), None)
            }
            CallBody::Stream { reader, .. } => {
                let (body, progress) = streamed(reader);
                (Some(body), Some(progress))
            }
        };
        let parcel = Parcel {
            url: &self.url,
            method: self.method.clone(),
            headers,
            body,
            progress,
        };
        let mut received = transport.deliver(parcel, budget).await?;
        let status = received.status().as_u16();
        let host = host_of(&self.url);
        // The registry's own refusals are the session's affair, and a 401 of another place the caller's.
        if status != 401
            && !(status == 403 && self.with_credential)
            && let Some(error) = classify(&received, &host, "no credential (it is another place)")
        {
            received.failed(&error);
            return Err(error);
        }
        let (headers, url) = (received.headers().clone(), received.url().clone());
        let is_head = self.method == reqwest::Method::HEAD;
        let body = if is_head {
            Vec::new()
        } else {
            let body = transport.body(received, "an answer", MAX_BODY, budget);
            body.await?
        };
        Ok(Called {
            status,
            body,
            headers,
            url,
        })
    }
}

fn call_headers(call: &Call) -> Result<HeaderMap, RegistryError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &call.headers {
        let broken = || RegistryError::Configuration {
            source_name: format!("the header `{name}`"),
            cause: "no header has such a name or value".to_owned(),
        };
        let name: HeaderName = name.parse().map_err(|_| broken())?;
        headers.append(name, HeaderValue::from_str(value).map_err(|_| broken())?);
    }
    let size = match &call.body {
        CallBody::Stream { size, .. } => Some(*size),
        // hyper says the length of bytes; of nothing it says nothing, which some registries mind.
        CallBody::Empty if !matches!(call.method, Method::Get | Method::Head) => Some(0),
        _ => None,
    };
    if let Some(size) = size {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    }
    Ok(headers)
}

/// A target that a registry named. It may be elsewhere, as uploads often are, but not out of TLS.
fn target_url(text: &str, base: &Url) -> Result<Url, RegistryError> {
    let host = host_of(base);
    let url = Url::parse(text)
        .map_err(|_| RegistryError::protocol(&host, "where it leads is no absolute URL"))?;
    let is_fit = match url.scheme() {
        "https" => true,
        "http" => base.scheme() == "http",
        _ => false,
    };
    if is_fit && url.username().is_empty() && url.password().is_none() {
        return Ok(url);
    }
    Err(RegistryError::Redirect {
        host,
        to: clip(&format!("{}://{}", url.scheme(), host_of(&url))),
        why: "a request is sent on by http or https only, never out of TLS, and not with a user name",
    })
}

impl fmt::Debug for CallBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Stream { size, .. } => write!(f, "Stream({size})"),
        }
    }
}
