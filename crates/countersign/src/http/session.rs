//! What a registry has granted us for one repository.

use reqwest::header::{HeaderMap, HeaderValue};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::challenge::{self, Challenge};
use super::token::{Token, TokenRequest, basic, bearer};
use super::transport::Transport;
use crate::{Budget, Credential, Keyring, RegistryError, Repository, Scope};

/// Credentials that are tried for one repository; more is a mistake, or an attempt to keep us busy.
const MAX_CANDIDATES: usize = 10;
/// Grants that are made for one question: a newer one of a candidate, and one for each.
const MAX_RENEWALS: usize = MAX_CANDIDATES + 1;

/// One repository, one scope, one keyring: a token is never shared between repositories, registries or credentials.
///
/// The first request goes without a credential: what the registry wants to see is its to say. When it asks, the
/// candidates of the keyring are shown in their order, the next one only when it has refused the one before.
#[derive(Debug)]
pub(super) struct Session {
    repository: Repository,
    keyring: Keyring,
    scope: Scope,
    plain: bool,
    granted: Mutex<Granted>,
}

#[derive(Debug, Default)]
struct Granted {
    authorization: Option<HeaderValue>,
    ends: Option<Instant>,
    /// Counts grants, so that of many requests that were refused together only one asks for a new token.
    generation: u64,
    /// What the registry has last asked for.
    challenge: Option<Challenge>,
    round: Round,
}

/// One way through the candidates.
#[derive(Debug, Clone, Default)]
struct Round {
    /// The candidate that the authorization was made of.
    place: Place,
    /// How many were shown.
    shown: usize,
    /// What was tried: for the message of a denial.
    tried: Vec<String>,
    /// Why there is nothing to try where there should be something.
    missing: Vec<String>,
}

/// A candidate: the number of its source in the keyring, and its number there. Behind the last source stands nobody's.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    source: usize,
    found: usize,
}

/// What to send, and what is known of it.
pub(super) struct Grant {
    pub(super) authorization: Option<HeaderValue>,
    generation: u64,
    /// How many were made for this very question. Of one that was, a refusal means the candidate, not the token's age.
    renewals: usize,
}

/// Whether a status means that the registry wants to see something else.
pub(super) const fn is_refusal(status: u16) -> bool {
    matches!(status, 401 | 403)
}

/// What is needed to ask for a token.
struct Means<'a> {
    challenge: Challenge,
    transport: &'a Transport,
    budget: &'a Budget,
}

type Made = (HeaderValue, Option<Instant>);

impl Session {
    pub(super) fn new(repository: Repository, keyring: Keyring, scope: Scope, plain: bool) -> Self {
        Self {
            repository,
            keyring,
            scope,
            plain,
            granted: Mutex::default(),
        }
    }

    /// What was granted before, if it is still good.
    ///
    /// # Errors
    /// [`RegistryError::Timeout`] when the budget's time ends while another request asks for a token.
    pub(super) async fn current(&self, budget: &Budget) -> Result<Grant, RegistryError> {
        let granted = self.lock(budget).await?;
        let is_over = granted.ends.is_some_and(|ends| ends <= Instant::now());
        Ok(Grant {
            authorization: granted.authorization.clone().filter(|_| !is_over),
            generation: granted.generation,
            renewals: 0,
        })
    }

    /// Answers a refusal (401, 403): a newer token of the same candidate where that may help, else the next candidate.
    ///
    /// # Errors
    /// [`RegistryError::Denied`] with all that was tried when nothing is left; those of a token service.
    pub(super) async fn renew(
        &self,
        refused: Grant,
        status: u16,
        headers: &HeaderMap,
        transport: &Transport,
        budget: &Budget,
    ) -> Result<Grant, RegistryError> {
        let mut granted = self.lock(budget).await?;
        if refused.renewals >= MAX_RENEWALS {
            return Err(self.denied(status, granted.round.told("it refuses each")));
        }
        if granted.generation != refused.generation
            && let Some(newer) = &granted.authorization
        {
            return Ok(Grant {
                authorization: Some(newer.clone()),
                generation: granted.generation,
                renewals: refused.renewals + 1,
            });
        }
        if let Some(challenge) = challenge::best(headers) {
            granted.challenge = Some(challenge);
        } else if status == 401 {
            let why = "it names no way to log in that is known here";
            return Err(self.denied(status, granted.round.told(why)));
        }
        let Some(challenge) = granted.challenge.clone() else {
            return Err(self.denied(status, granted.round.told("it asks for none")));
        };
        let means = Means {
            challenge,
            transport,
            budget,
        };
        let mut round = granted.round.clone();
        // A token that was good before has ended early, perhaps; 403 says that it is good and does not suffice.
        let is_settled = granted.generation == refused.generation
            && refused.authorization.is_some()
            && (refused.renewals > 0 || status == 403);
        if is_settled {
            round.place.found += 1;
        } else {
            // The same candidate is shown again.
            round.shown = round.shown.saturating_sub(1);
        }
        // In a box: a rare path, and with its programs and requests a long one.
        let next = Box::pin(self.next(&mut round, &refused, &means)).await?;
        let Some((authorization, ends)) = next else {
            if refused.renewals > 0 || status == 401 {
                // The next question begins anew.
                *granted = Granted {
                    generation: granted.generation + 1,
                    ..Granted::default()
                };
            }
            let tried = round.told("none is configured for this registry");
            return Err(self.denied(status, tried));
        };
        *granted = Granted {
            authorization: Some(authorization.clone()),
            ends,
            generation: granted.generation + 1,
            challenge: granted.challenge.take(),
            round,
        };
        Ok(Grant {
            authorization: Some(authorization),
            generation: granted.generation,
            renewals: refused.renewals + 1,
        })
    }

    /// The first candidate from the round's place on that yields something other than what was refused.
    async fn next(
        &self,
        round: &mut Round,
        refused: &Grant,
        means: &Means<'_>,
    ) -> Result<Option<Made>, RegistryError> {
        let start = round.place;
        for source in start.source..self.keyring.sources() {
            let found = self
                .keyring
                .find_in(source, &self.repository, means.budget)
                .await?;
            let skipped = if source == start.source {
                start.found
            } else {
                0
            };
            for (number, found) in found.into_iter().enumerate().skip(skipped) {
                let Some(credential) = &found.credential else {
                    note(&mut round.missing, found.note);
                    continue;
                };
                if round.shown >= MAX_CANDIDATES {
                    let more = format!("no more than {MAX_CANDIDATES} are tried");
                    note(&mut round.missing, more);
                    return Ok(None);
                }
                round.shown += 1;
                note(&mut round.tried, found.note);
                round.place = Place {
                    source,
                    found: number,
                };
                let made = self.offer(round, Some(credential), means).await?;
                if let Some((authorization, ends)) = made
                    // What is sent as it stands was refused as it stands; a token may be new and look the same.
                    && (ends.is_some() || refused.authorization.as_ref() != Some(&authorization))
                {
                    return Ok(Some((authorization, ends)));
                }
            }
        }
        let nobody = Place {
            source: self.keyring.sources(),
            found: 0,
        };
        let is_asked = start.source == nobody.source && start.found > 0;
        if round.shown > 0 || is_asked {
            return Ok(None);
        }
        round.place = nobody;
        self.offer(round, None, means).await
    }

    /// What the registry shall see of a candidate, exchanged for a token where it wants one; `None`, with a note, if that
    /// leads to nothing.
    async fn offer(
        &self,
        round: &mut Round,
        credential: Option<&Credential>,
        means: &Means<'_>,
    ) -> Result<Option<Made>, RegistryError> {
        let why = match (&means.challenge, credential) {
            (_, Some(Credential::RegistryToken(token))) => match bearer(token.expose()) {
                Some(authorization) => return Ok(Some((authorization, None))),
                None => "it has characters that no token has".to_owned(),
            },
            (Challenge::Bearer { realm, service }, credential) => {
                let request = TokenRequest {
                    realm,
                    service: service.as_deref(),
                    repository: &self.repository,
                    scope: self.scope,
                    credential,
                    plain: self.plain,
                };
                match request.fetch(means.transport, means.budget).await {
                    Ok(Token {
                        authorization,
                        ends,
                    }) => return Ok(Some((authorization, Some(ends)))),
                    Err(RegistryError::Denied { host, status, .. }) => {
                        format!("{host} gives no token for it, {status}")
                    }
                    Err(error) => return Err(error),
                }
            }
            (Challenge::Basic, Some(Credential::Basic { username, password })) => {
                return Ok(Some((basic(username, password), None)));
            }
            (Challenge::Basic, _) => "it wants a user name and password".to_owned(),
        };
        round.explain(why);
        Ok(None)
    }

    async fn lock(&self, budget: &Budget) -> Result<MutexGuard<'_, Granted>, RegistryError> {
        budget
            .in_time_of(self.repository.registry(), self.granted.lock())
            .await
    }

    fn denied(&self, status: u16, tried: String) -> RegistryError {
        RegistryError::Denied {
            host: self.repository.registry().to_owned(),
            status,
            tried,
        }
    }
}

impl Round {
    /// Adds why the candidate that is shown, or nobody, gets nowhere.
    fn explain(&mut self, why: String) {
        match self.tried.last_mut() {
            Some(tried) => {
                tried.push_str(&format!(" ({why})"));
            }
            None => note(&mut self.missing, why),
        }
    }

    /// What a denial says was tried; `nothing` says why there is no credential where nobody said so before.
    fn told(&self, nothing: &str) -> String {
        let (tried, missing) = (self.tried.join("; "), self.missing.join("; "));
        match (tried.as_str(), missing.as_str()) {
            ("", "") => format!("no credential ({nothing})"),
            ("", missing) => format!("no credential ({missing})"),
            (tried, "") => tried.to_owned(),
            (tried, missing) => format!("{tried}; besides, {missing}"),
        }
    }
}

/// Candidates are gone through again when a token ends; each is named once.
fn note(notes: &mut Vec<String>, note: String) {
    if !notes.contains(&note) {
        notes.push(note);
    }
}
