//! The paths that are served, and what of HTTP is refused before anything is read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::gate::{Bounds, Gate};
use crate::health::Health;
use crate::metrics::{self, Metrics};
use crate::review::{BadReview, Slip};
use crate::reviewer::refused;
use crate::{Answer, Door, Review, Reviewer};

/// Two objects of at most 1.5 MiB each (etcd's bound), escaped, and what stands around them.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// The API server waits 10 s unless the configuration says otherwise, and 30 s at most.
const DEFAULT_TIME: Duration = Duration::from_secs(10);
const MOST_TIME: Duration = Duration::from_secs(30);
/// What an answer needs on its way back.
const RESERVE: Duration = Duration::from_millis(500);
const OVERLOADED: &str = "countersign is overloaded";

/// What answers the API server.
#[derive(Debug, Clone)]
pub struct Doors {
    reviewer: Arc<Reviewer>,
    health: Option<Arc<Health>>,
    most_time: Duration,
    gate: Gate,
    metrics: Option<Arc<Metrics>>,
    mutate: bool,
}

impl Doors {
    /// Doors behind which this reviewer sits.
    #[must_use]
    pub fn new(reviewer: Arc<Reviewer>) -> Self {
        Self {
            reviewer,
            health: None,
            most_time: MOST_TIME,
            gate: Gate::new(Bounds::default()),
            metrics: None,
            mutate: false,
        }
    }

    /// With a bound of our own on how long an answer may take.
    #[must_use]
    pub const fn most_time(mut self, time: Duration) -> Self {
        self.most_time = time;
        self
    }

    /// With bounds on the questions that are judged at once, on those that wait for that, and on the bytes of all of them.
    #[must_use]
    pub fn bounds(self, reviews: usize, waiting: usize, bytes: usize) -> Self {
        self.gate(Gate::new(Bounds {
            reviews,
            waiting,
            bytes,
        }))
    }

    pub(crate) fn gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }

    pub(crate) fn counted(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = Some(metrics);
        self
    }

    pub(crate) fn health(mut self, health: Arc<Health>) -> Self {
        self.health = Some(health);
        self
    }

    /// Whether there is a door that writes digests to Pods.
    #[must_use]
    pub const fn mutate(mut self, mutate: bool) -> Self {
        self.mutate = mutate;
        self
    }

    /// `/validate` and `/validate-audit`, and `/mutate` where that is wanted; `/healthz` and `/readyz` too where there is something to be ready for.
    pub fn router(self) -> Router {
        let (health, mutate) = (self.health.clone(), self.mutate);
        let at = |door| {
            post(move |state, query, headers, body| answered(door, state, query, headers, body))
        };
        let mut doors = Router::new()
            .route("/validate", at(Door::Enforce))
            .route("/validate-audit", at(Door::Audit));
        if mutate {
            doors = doors.route("/mutate", at(Door::Mutate));
        }
        let doors = doors.with_state(Arc::new(self));
        match health {
            Some(health) => doors.merge(health_router(health)),
            None => doors,
        }
    }
}

/// `/healthz` and `/readyz`.
pub(crate) fn health_router(health: Arc<Health>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || async move { health.readiness() }))
}

/// `/metrics`.
pub(crate) fn metrics_router(metrics: Arc<Metrics>) -> Router {
    Router::new().route(
        "/metrics",
        get(move || async move {
            let kind = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
            (kind, metrics.text())
        }),
    )
}

async fn answered(
    door: Door,
    State(doors): State<Arc<Doors>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match doors.question(door, query.as_deref(), &headers, body).await {
        Ok((uid, answer)) => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (kind, answer.to_json(&uid).to_string()).into_response()
        }
        Err((status, why)) => (status, format!("{why}\n")).into_response(),
    }
}

impl Doors {
    /// The uid and the answer, or what HTTP says to what is no question.
    async fn question(
        &self,
        door: Door,
        query: Option<&str>,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(String, Answer), (StatusCode, String)> {
        let begun = Instant::now();
        let bad = |why: String| (StatusCode::BAD_REQUEST, why);
        let time = time(query).map_err(bad)?.min(self.most_time);
        if !is_json(headers) {
            let why = "the body has to be application/json".to_owned();
            return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
        }
        let length = length(headers)?;
        let Ok(held) = self.gate.hold(length) else {
            self.count(door, "bytes");
            self.gate.hold_back(time).await;
            // Without its uid a question has no answer; the API server does as its `failurePolicy` says.
            let why = format!("{OVERLOADED}; that is no word about any image; try again");
            return Err((StatusCode::SERVICE_UNAVAILABLE, why));
        };
        let bytes = read(body, length, time).await?;
        let wrong = |error: BadReview| bad(error.to_string());
        let review_of =
            |bytes: &Bytes| Review::from_json(bytes, self.reviewer.outline()).map_err(wrong);
        // Where there is room for anybody it is read whole at once; else only as far as to know whose turn it is.
        let (review, slip) = match self.gate.has_room_for_all() {
            true => {
                let review = review_of(&bytes)?;
                let slip = Slip::of(&review);
                (Some(review), slip)
            }
            false => (None, Slip::from_json(&bytes).map_err(wrong)?),
        };
        let namespace = slip.namespace.unwrap_or_default();
        // Half of the time is left to judge.
        let left = time.saturating_sub(begun.elapsed());
        let enter = tokio::time::timeout(left / 2, self.gate.enter(&namespace));
        let Ok(Ok(_place)) = enter.await else {
            self.count(door, "reviews");
            // Neither the question nor room for it is kept while its refusal waits.
            drop((review, bytes, held));
            self.gate
                .hold_back(time.saturating_sub(begun.elapsed()))
                .await;
            let message = format!(
                "{OVERLOADED} and has not looked at this object: that is no word about its images; try again"
            );
            return Ok((slip.uid, refused(door, "unknown", &message)));
        };
        let review = match review {
            Some(review) => review,
            None => review_of(&bytes)?,
        };
        let left = time.saturating_sub(begun.elapsed());
        let answer = self.reviewer.review(&review, door, left).await;
        Ok((review.uid, answer))
    }

    fn count(&self, door: Door, full: &'static str) {
        if let Some(metrics) = &self.metrics {
            metrics.overloaded(door, full);
        }
    }
}

/// How long the body is, as it says; one that does not say may have all that is allowed.
fn length(headers: &HeaderMap) -> Result<usize, (StatusCode, String)> {
    let said = headers.get(header::CONTENT_LENGTH);
    let said = said.and_then(|said| said.to_str().ok()?.parse::<usize>().ok());
    match said.unwrap_or(MOST_BYTES) {
        length if length <= MOST_BYTES => Ok(length),
        _ => Err(too_large()),
    }
}

async fn read(body: Body, length: usize, time: Duration) -> Result<Bytes, (StatusCode, String)> {
    match tokio::time::timeout(time, to_bytes(body, length)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => {
            let why = format!("the body did not come within {} s", time.as_secs_f32());
            Err((StatusCode::REQUEST_TIMEOUT, why))
        }
    }
}

fn too_large() -> (StatusCode, String) {
    let why = format!("the body is cut off, or larger than {MOST_BYTES} bytes");
    (StatusCode::PAYLOAD_TOO_LARGE, why)
}

/// How long the API server waits, by the parameter `timeout` (`10s`), less what the answer needs on its way.
fn time(query: Option<&str>) -> Result<Duration, String> {
    let given = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .find_map(|pair| pair.strip_prefix("timeout="));
    let Some(given) = given else {
        return Ok(DEFAULT_TIME.saturating_sub(RESERVE));
    };
    let seconds = given
        .strip_suffix('s')
        .and_then(|seconds| seconds.parse::<u64>().ok());
    match seconds.map(Duration::from_secs) {
        Some(time) if !time.is_zero() => Ok(time.min(MOST_TIME).saturating_sub(RESERVE)),
        _ => Err("the parameter `timeout` has to be whole seconds, such as `10s`".to_owned()),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
