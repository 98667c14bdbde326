//! One request and the headers of its answer: who may be connected to, how many at once, how long.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, Client, Method, Url};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::backoff::{Backoff, Pass};
use super::clients::{Clients, Way};
use super::gates::Gates;
use super::home::{Home, Settings};
use super::received::Received;
use super::upload::Progress;
use super::watch::Watch;
use crate::error::clip;
use crate::network::{Allowed, Connection, Refused};
use crate::{Access, Budget, RegistryError};

/// Whoever has not answered for so long when a check ends is to blame for it.
const SLOW: Duration = Duration::from_secs(1);

/// What requests are made with. Clones share connections, gates and back-off.
#[derive(Debug, Clone, Default)]
pub(super) struct Transport {
    settings: Arc<Settings>,
    live: Arc<Live>,
    errand: Errand,
}

/// What lives as long as the process: connections, who waits, and who is left alone for a while.
#[derive(Debug, Default)]
struct Live {
    clients: Clients,
    gates: Gates,
    backoff: Backoff,
}

/// On whose behalf requests are made, and what for.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    /// The registry or mirror that was meant. What it points to is not part of it.
    pub(super) home: Option<Arc<Home>>,
    pub(super) access: Access,
    /// For the observer: `manifest`, `referrers`, `blob`, `token`, `upload`, `service`.
    pub(super) what: &'static str,
    /// From 1.
    pub(super) attempt: u32,
}

impl Default for Errand {
    fn default() -> Self {
        Self {
            home: None,
            access: Access::anonymous(),
            what: "file",
            attempt: 1,
        }
    }
}

/// A simple request to one URL, redirects not followed.
pub(super) struct Hop<'a> {
    pub(super) url: &'a Url,
    pub(super) accept: &'static str,
    pub(super) authorization: Option<HeaderValue>,
    /// A form to post; else it is a GET.
    pub(super) form: Option<String>,
}

/// Any request to one URL, redirects not followed.
pub(super) struct Parcel<'a> {
    pub(super) url: &'a Url,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Body>,
    /// How much of the body has gone, where it is a stream.
    pub(super) progress: Option<Progress>,
}

/// Leave to send one request, and what to send it with.
struct Leave {
    client: Client,
    connection: Arc<Connection>,
    permit: OwnedSemaphorePermit,
    pass: Pass,
}

impl Transport {
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes how requests are made from now on; what was shared before is not shared any more.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Settings)) {
        change(Arc::make_mut(&mut self.settings));
        self.live = Arc::default();
    }

    /// The same, on another errand.
    pub(super) fn on(&self, errand: Errand) -> Self {
        Self {
            errand,
            ..self.clone()
        }
    }

    /// The same home and access, for something else.
    pub(super) fn asking_for(&self, what: &'static str) -> Self {
        self.on(Errand {
            what,
            ..self.errand.clone()
        })
    }

    /// Sends a request and waits for the answer's headers.
    pub(super) async fn send(
        &self,
        hop: Hop<'_>,
        budget: &Budget,
    ) -> Result<Received, RegistryError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(hop.accept));
        if let Some(authorization) = hop.authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        let method = if hop.form.is_some() {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form);
            Method::POST
        } else {
            Method::GET
        };
        let parcel = Parcel {
            url: hop.url,
            method,
            headers,
            body: hop.form.map(Body::from),
            progress: None,
        };
        self.deliver(parcel, budget).await
    }

    /// As [`send`](Self::send), for any method and body.
    pub(super) async fn deliver(
        &self,
        parcel: Parcel<'_>,
        budget: &Budget,
    ) -> Result<Received, RegistryError> {
        let host = host_of(parcel.url);
        let Leave {
            client,
            connection,
            permit,
            pass,
        } = self.leave(parcel.url, &host, budget).await?;
        let connect = connection.connect.unwrap_or(self.settings.connect);
        let mut watch = Watch::begin(&self.settings, &host, self.errand.what, self.errand.attempt);
        let mut request = client.request(parcel.method, parcel.url.clone());
        request = request.headers(merged(&connection, parcel.headers));
        if let Some(body) = parcel.body {
            request = request.body(body);
        }
        let sent = match parcel.progress {
            Some(progress) => {
                self.while_it_goes_on(request.send(), progress, &host, budget)
                    .await
            }
            None => self.in_time(request.send(), &host, "answer", budget).await,
        };
        let sent = sent.and_then(|sent| sent.map_err(|error| failure(&host, &error, connect)));
        match sent.map_err(|error| self.named_proxy(error, parcel.url, &connection)) {
            Ok(response) => {
                watch.answered(response.status().as_u16());
                Ok(Received::new(response, host, permit, pass, watch))
            }
            Err(error) => {
                watch.failed(error.code());
                Err(error)
            }
        }
    }

    /// Waits for leave to send: the address is allowed, the host not left alone, and there is a place at its gate.
    async fn leave(&self, url: &Url, host: &str, budget: &Budget) -> Result<Leave, RegistryError> {
        let (connection, allowed) = self.settings.rules(url, self.errand.home.as_deref());
        check_literal(url, host, &allowed)?;
        let (pass, permit) = self.place(host, budget).await?;
        let way = Way {
            url,
            connection: &connection,
            allowed: &allowed,
        };
        let client = self.live.clients.get(&way, &self.settings, host)?;
        Ok(Leave {
            client,
            connection,
            permit,
            pass,
        })
    }

    async fn place(
        &self,
        host: &str,
        budget: &Budget,
    ) -> Result<(Pass, OwnedSemaphorePermit), RegistryError> {
        let Errand {
            access, attempt, ..
        } = &self.errand;
        loop {
            let backoff = &self.live.backoff;
            let pass = backoff.admit(host, access, *attempt, budget).await?;
            let permit = self.live.gates.enter(host, budget).await?;
            // Those before it at the gate may have found out that the host is dead.
            if pass.stands() {
                return Ok((pass, permit));
            }
        }
    }

    /// The error, with the proxy on the way: it may be the one that failed.
    fn named_proxy(
        &self,
        error: RegistryError,
        url: &Url,
        connection: &Connection,
    ) -> RegistryError {
        match (error, self.settings.proxies.of(url, &connection.proxy)) {
            (RegistryError::Connection { host, cause }, Some(proxy)) => RegistryError::Connection {
                host,
                cause: format!("{cause} (through the proxy {})", host_of(proxy)),
            },
            (error, _) => error,
        }
    }

    /// Notes that all tries of a request have failed; the host may be left alone for a while.
    pub(super) fn gave_up(&self, error: &RegistryError) {
        self.live.backoff.gave_up(error, &self.errand.access);
    }

    /// Notes that a host wants to be asked later.
    pub(super) fn was_told_to_wait(&self, error: &RegistryError) {
        self.live
            .backoff
            .was_told_to_wait(error, &self.errand.access);
    }

    /// Waits for the shorter of the stall limit and the rest of the check's time.
    pub(super) async fn in_time<F: Future>(
        &self,
        work: F,
        host: &str,
        what: &'static str,
        budget: &Budget,
    ) -> Result<F::Output, RegistryError> {
        let (stall, begun) = (self.settings.stall, Instant::now());
        match budget.in_time(tokio::time::timeout(stall, work)).await {
            Some(Ok(output)) => Ok(output),
            Some(Err(_)) => Err(RegistryError::Timeout {
                host: host.to_owned(),
                what,
                limit: stall,
            }),
            // The check had little time left, but more than an answer takes.
            None if begun.elapsed() >= SLOW => Err(RegistryError::Timeout {
                host: host.to_owned(),
                what: "give a whole answer",
                limit: budget.time(),
            }),
            None => Err(budget.out_of_time(host)),
        }
    }

    /// Waits as long as the body that is being sent makes progress.
    async fn while_it_goes_on<F: Future>(
        &self,
        work: F,
        progress: Progress,
        host: &str,
        budget: &Budget,
    ) -> Result<F::Output, RegistryError> {
        let mut work = std::pin::pin!(work);
        loop {
            let before = progress.sent();
            match self.in_time(work.as_mut(), host, "take on", budget).await {
                Err(RegistryError::Timeout { .. })
                    if progress.sent() > before && !budget.time_left().is_zero() => {}
                outcome => return outcome,
            }
        }
    }

    pub(super) fn connect_limit(&self) -> Duration {
        self.settings.connect
    }
}

/// Headers of the configuration, under those that the request itself has.
fn merged(connection: &Connection, own: HeaderMap) -> HeaderMap {
    let mut headers = connection.headers.clone();
    // Extending replaces what has the same name.
    headers.extend(own);
    headers
}

/// An address in a URL never meets the resolver, so it is looked at here. The URL's parser has read odd spellings already.
fn check_literal(url: &Url, host: &str, allowed: &Allowed) -> Result<(), RegistryError> {
    let bare = url.host_str().unwrap_or_default();
    let bare = bare.trim_start_matches('[').trim_end_matches(']');
    let Ok(address) = bare.parse() else {
        return Ok(());
    };
    match allowed.refuses(address) {
        None => Ok(()),
        Some(why) => Err(RegistryError::Address {
            host: host.to_owned(),
            address: address.to_string(),
            why,
        }),
    }
}

/// What a failure to get an answer means.
pub(super) fn failure(host: &str, error: &reqwest::Error, connect: Duration) -> RegistryError {
    let host = host.to_owned();
    if let Some(refused) = cause::<Refused>(error) {
        return RegistryError::Address {
            host,
            address: refused.address.to_string(),
            why: refused.why,
        };
    }
    if error.is_timeout() {
        return RegistryError::Timeout {
            host,
            what: "accept a connection",
            limit: connect,
        };
    }
    match cause::<rustls::Error>(error) {
        Some(tls) => RegistryError::Tls {
            host,
            cause: clip(&tls.to_string()),
        },
        None => RegistryError::Connection {
            host,
            cause: innermost(error),
        },
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

/// The first error of type `E` below this one.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    if let Some(found) = error.downcast_ref::<E>() {
        return Some(found);
    }
    // An io::Error hides what it wraps: its source is its inner error's source.
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    match wrapped {
        Some(inner) => cause(inner),
        None => cause(error.source()?),
    }
}

/// The innermost cause: `Connection refused`, where the outer ones say `error sending request`.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    clip(&cause.to_string())
}
