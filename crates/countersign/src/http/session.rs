//! What a registry has granted us for one repository.

use reqwest::header::{HeaderMap, HeaderValue};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::challenge::{self, Challenge};
use super::token::{Token, TokenRequest, basic, bearer};
use super::transport::Transport;
use crate::credentials::Found;
use crate::{Budget, Credential, RegistryError, Repository, Scope};

/// One repository, one credential: a token is never shared between repositories, registries or credentials.
#[derive(Debug)]
pub(super) struct Session {
    repository: Repository,
    found: Found,
    plain: bool,
    scope: Scope,
    granted: Mutex<Granted>,
}

#[derive(Debug, Default)]
struct Granted {
    authorization: Option<HeaderValue>,
    ends: Option<Instant>,
    /// Counts grants, so that of many requests that were refused together only one asks for a new token.
    generation: u64,
}

/// What to send, and of which generation it is.
pub(super) struct Grant {
    pub(super) authorization: Option<HeaderValue>,
    pub(super) generation: u64,
}

impl Session {
    pub(super) fn new(repository: Repository, found: Found, plain: bool, scope: Scope) -> Self {
        Self {
            repository,
            found,
            plain,
            scope,
            granted: Mutex::default(),
        }
    }

    /// What was tried, for the message of a denial.
    pub(super) fn tried(&self) -> &str {
        &self.found.note
    }

    /// What was granted before, if it is still good. The first request goes without: what the registry wants to see is its
    /// to say.
    pub(super) async fn current(&self) -> Grant {
        let granted = self.granted.lock().await;
        let is_over = granted.ends.is_some_and(|ends| ends <= Instant::now());
        Grant {
            authorization: granted.authorization.clone().filter(|_| !is_over),
            generation: granted.generation,
        }
    }

    /// Answers a challenge (401) to a request that was sent with the grant of generation `used`.
    pub(super) async fn renew(
        &self,
        used: u64,
        headers: &HeaderMap,
        transport: &Transport,
        budget: &Budget,
    ) -> Result<HeaderValue, RegistryError> {
        let mut granted = self.granted.lock().await;
        if granted.generation != used
            && let Some(newer) = &granted.authorization
        {
            return Ok(newer.clone());
        }
        let (authorization, ends) = self.grant(headers, transport, budget).await?;
        *granted = Granted {
            authorization: Some(authorization.clone()),
            ends,
            generation: granted.generation + 1,
        };
        Ok(authorization)
    }

    async fn grant(
        &self,
        headers: &HeaderMap,
        transport: &Transport,
        budget: &Budget,
    ) -> Result<(HeaderValue, Option<Instant>), RegistryError> {
        let credential = self.found.credential.as_ref();
        match (challenge::best(headers), credential) {
            (Some(_), Some(Credential::RegistryToken(token))) => match bearer(token.expose()) {
                Some(authorization) => Ok((authorization, None)),
                None => Err(self.denied("; its token has characters that no token has")),
            },
            (Some(Challenge::Bearer { realm, service }), credential) => {
                let request = TokenRequest {
                    realm: &realm,
                    service: service.as_deref(),
                    repository: &self.repository,
                    credential,
                    tried: &self.found.note,
                    plain: self.plain,
                    scope: self.scope,
                };
                let Token {
                    authorization,
                    ends,
                } = request.fetch(transport, budget).await?;
                Ok((authorization, Some(ends)))
            }
            (Some(Challenge::Basic), Some(Credential::Basic { username, password })) => {
                Ok((basic(username, password), None))
            }
            (Some(Challenge::Basic), _) => Err(self.denied("; it wants a user name and password")),
            (None, _) => Err(self.denied("; it names no way to log in that is known here")),
        }
    }

    fn denied(&self, why: &str) -> RegistryError {
        RegistryError::Denied {
            host: self.repository.registry().to_owned(),
            status: 401,
            tried: format!("{}{why}", self.found.note),
        }
    }
}
