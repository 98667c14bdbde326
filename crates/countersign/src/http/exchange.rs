//! A GET with everything around it: credentials, redirects, retries.

use std::borrow::Cow;
use std::sync::Arc;

use countersign_core::Digest;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LINK, LOCATION};
use tokio::io::AsyncWrite;

use super::HttpRegistry;
use super::answer::{classify, status_error};
use super::link::next_page;
use super::place::Place;
use super::received::Received;
use super::retry::Tries;
use super::session::{Session, is_refusal};
use super::transport::{Errand, Hop, Transport, host_of};
use crate::error::clip;
use crate::{Access, Budget, RegistryError, Scope, wire};

/// Registries redirect blobs to a store once; a chain is a mistake, or an attempt to keep us busy.
const MAX_REDIRECTS: usize = 5;

/// Where a blob of any size goes.
pub(super) type Sink<'a> = dyn AsyncWrite + Send + Unpin + 'a;

/// What to get.
pub(super) struct Ask<'a> {
    pub(super) place: &'a Place,
    pub(super) url: Url,
    pub(super) accept: &'static str,
    /// For the observer: `manifest`, `referrers` or `blob`.
    pub(super) kind: &'static str,
    /// For messages: `the manifest`.
    pub(super) what: &'a str,
    pub(super) max: usize,
}

/// An answer that is neither a redirect nor a refusal nor a failure.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where it came from in the end.
    pub(super) url: Url,
    pub(super) content_type: Option<Cow<'static, str>>,
    pub(super) next_page: Option<String>,
    /// Empty unless the status is 200.
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn host(&self) -> String {
        host_of(&self.url)
    }

    /// The content type without parameters.
    pub(super) fn media_type(&self) -> Option<&str> {
        let value = self.content_type.as_deref()?;
        Some(value.split(';').next().unwrap_or(value).trim())
    }
}

impl HttpRegistry {
    /// Gets a URL of a place, again if that may help.
    pub(super) async fn get(
        &self,
        ask: &Ask<'_>,
        budget: &Budget,
    ) -> Result<Answer, RegistryError> {
        let (session, access) = self.session(ask.place, Scope::Pull);
        let mut tries = Tries::new(self.retry());
        loop {
            let transport = self.errand(ask, access, tries.attempt());
            let answer = match open(ask, &transport, &session, budget).await {
                Ok(received) => read(ask, &transport, received, budget).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => tries.again(&transport, error, budget).await?,
            }
        }
    }

    /// As [`get`](Self::get), but the body of an answer 200 goes to a sink; `None` if the place says that it is not there.
    /// Once a byte has been written there is no second try.
    pub(super) async fn get_into(
        &self,
        ask: &Ask<'_>,
        blob: (&Digest, u64),
        sink: &mut Sink<'_>,
        budget: &Budget,
    ) -> Result<Option<()>, RegistryError> {
        let (session, access) = self.session(ask.place, Scope::Pull);
        let mut tries = Tries::new(self.retry());
        loop {
            let transport = self.errand(ask, access, tries.attempt());
            let error = match open(ask, &transport, &session, budget).await {
                Ok(mut received) => match received.status().as_u16() {
                    200 => {
                        let poured = transport.pour(received, blob, sink, budget).await;
                        if let Err(error) = &poured {
                            transport.gave_up(error);
                        }
                        return poured.map(Some);
                    }
                    404 => return Ok(None),
                    status => {
                        let error = status_error(&host_of(received.url()), status, ask.what);
                        received.failed(&error);
                        error
                    }
                },
                Err(error) => error,
            };
            tries.again(&transport, error, budget).await?;
        }
    }

    fn errand(&self, ask: &Ask<'_>, access: Access, attempt: u32) -> Transport {
        self.transport.on(Errand {
            home: Some(Arc::clone(&ask.place.home)),
            access,
            what: ask.kind,
            attempt,
        })
    }
}

/// The answer's headers, after redirects and a login; what is refused, limited or failed is an error.
async fn open(
    ask: &Ask<'_>,
    transport: &Transport,
    session: &Session,
    budget: &Budget,
) -> Result<Received, RegistryError> {
    let mut grant = session.current(budget).await?;
    let mut received = loop {
        let received = follow(ask, transport, grant.authorization.clone(), budget).await?;
        let status = received.status().as_u16();
        if !is_refusal(status) || received.url().origin() != ask.url.origin() {
            break received;
        }
        let headers = received.headers().clone();
        // Whoever asks for a token must not hold a place that the token's host may be waiting for.
        drop(received);
        let tokens = transport.asking_for("token");
        grant = session
            .renew(grant, status, &headers, &tokens, budget)
            .await?;
    };
    let host = host_of(received.url());
    // The place's own refusals have ended above.
    let tried = "no credential (the registry redirected the request there)";
    match classify(&received, &host, tried) {
        Some(error) => {
            received.failed(&error);
            Err(error)
        }
        None => Ok(received),
    }
}

async fn read(
    ask: &Ask<'_>,
    transport: &Transport,
    received: Received,
    budget: &Budget,
) -> Result<Answer, RegistryError> {
    let text = |name| {
        let value: &HeaderValue = received.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let content_type = text(CONTENT_TYPE).map(wire::media_type);
    let next_page = received
        .headers()
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(next_page)
        .map(str::to_owned);
    let status = received.status().as_u16();
    let url = received.url().clone();
    let body = if status == 200 {
        let body = transport.body(received, ask.what, ask.max, budget);
        body.await?
    } else {
        Vec::new()
    };
    Ok(Answer {
        status,
        url,
        content_type,
        next_page,
        body,
    })
}

/// Follows redirects. The authorization goes to the place itself and to nobody else; once a request has left it, not even
/// back.
async fn follow(
    ask: &Ask<'_>,
    transport: &Transport,
    authorization: Option<HeaderValue>,
    budget: &Budget,
) -> Result<Received, RegistryError> {
    let mut url = ask.url.clone();
    let mut authorization = authorization;
    for _ in 0..=MAX_REDIRECTS {
        let hop = Hop {
            url: &url,
            accept: ask.accept,
            authorization: authorization.clone(),
            form: None,
        };
        let mut received = transport.send(hop, budget).await?;
        if !matches!(received.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(received);
        }
        let next = match redirect_target(&url, received.headers()) {
            Ok(next) => next,
            Err(error) => {
                received.failed(&error);
                return Err(error);
            }
        };
        if next.origin() != url.origin() {
            authorization = None;
        }
        url = next;
    }
    Err(RegistryError::Redirect {
        host: host_of(&ask.url),
        to: shown(&url),
        why: "too many redirects",
    })
}

fn redirect_target(from: &Url, headers: &HeaderMap) -> Result<Url, RegistryError> {
    let host = host_of(from);
    let next = headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| RegistryError::protocol(&host, "it redirects without saying where to"))?;
    let refuse = |why| {
        Err(RegistryError::Redirect {
            host,
            to: shown(&next),
            why,
        })
    };
    match (from.scheme(), next.scheme()) {
        (_, "https") | ("http", "http") => {}
        ("https", "http") => return refuse("a redirect from https to http is not followed"),
        _ => return refuse("only http and https are followed"),
    }
    if !next.username().is_empty() || next.password().is_some() {
        return refuse("a redirect with a user name is not followed");
    }
    Ok(next)
}

/// A URL without its query, which may hold a signed credential, and without a user name.
fn shown(url: &Url) -> String {
    clip(&format!(
        "{}://{}{}",
        url.scheme(),
        host_of(url),
        url.path()
    ))
}
