//! A GET with everything around it: credentials, redirects, retries.

use reqwest::header::{CONTENT_TYPE, HeaderValue, LINK, LOCATION};
use reqwest::{Response, Url};

use super::HttpRegistry;
use super::answer::classify;
use super::link::next_page;
use super::retry::jitter;
use super::session::Session;
use super::transport::{Hop, host_of};
use crate::error::clip;
use crate::{Budget, RegistryError, Repository};

/// Registries redirect blobs to a store once; a chain is a mistake, or an attempt to keep us busy.
const MAX_REDIRECTS: usize = 5;

/// What to get.
pub(super) struct Ask<'a> {
    pub(super) repository: &'a Repository,
    pub(super) url: Url,
    pub(super) accept: &'static str,
    /// For messages: `the manifest`.
    pub(super) what: &'a str,
    pub(super) max: usize,
}

/// An answer that is neither a redirect nor a refusal nor a failure.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where it came from in the end.
    pub(super) url: Url,
    pub(super) content_type: Option<String>,
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
    /// Gets a URL of the repository's registry, again if that may help.
    pub(super) async fn get(
        &self,
        ask: &Ask<'_>,
        budget: &Budget,
    ) -> Result<Answer, RegistryError> {
        let session = self.session(ask.repository);
        let mut failures = 0;
        loop {
            let error = match self.try_get(ask, &session, budget).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let left = budget.time_left();
            let Some(wait) = self.retry.wait(failures, &error, left, jitter()) else {
                return Err(error);
            };
            failures += 1;
            tokio::time::sleep(wait).await;
        }
    }

    async fn try_get(
        &self,
        ask: &Ask<'_>,
        session: &Session,
        budget: &Budget,
    ) -> Result<Answer, RegistryError> {
        let response = session
            .attempt(&ask.url, &self.transport, budget, |authorization| {
                self.follow(ask, authorization, budget)
            })
            .await?;
        let host = host_of(response.url());
        // The registry's own refusals have ended above.
        let tried = "no credential (the registry redirected the request there)";
        if let Some(error) = classify(&response, &host, tried) {
            return Err(error);
        }
        let text = |name| {
            let value: &HeaderValue = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let content_type = text(CONTENT_TYPE);
        let next_page = response
            .headers()
            .get_all(LINK)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(next_page)
            .map(str::to_owned);
        let status = response.status().as_u16();
        let url = response.url().clone();
        let body = if status == 200 {
            self.transport
                .body(response, ask.what, ask.max, budget)
                .await?
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

    /// Follows redirects. The authorization goes to the registry itself and to nobody else; once a request has left it, not
    /// even back.
    async fn follow(
        &self,
        ask: &Ask<'_>,
        authorization: Option<HeaderValue>,
        budget: &Budget,
    ) -> Result<Response, RegistryError> {
        let mut url = ask.url.clone();
        let mut authorization = authorization;
        for _ in 0..=MAX_REDIRECTS {
            let hop = Hop {
                url: &url,
                accept: ask.accept,
                authorization: authorization.clone(),
                form: None,
            };
            let response = self.transport.send(hop, budget).await?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let next = redirect_target(&url, &response)?;
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
}

fn redirect_target(from: &Url, response: &Response) -> Result<Url, RegistryError> {
    let host = host_of(from);
    let next = response
        .headers()
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
