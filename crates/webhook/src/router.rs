//! The paths that are served, and what of HTTP is refused before anything is read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::health::Health;
use crate::{Door, Review, Reviewer};

/// Two objects of at most 1.5 MiB each (etcd's bound), escaped, and what stands around them.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// The API server waits 10 s unless the configuration says otherwise, and 30 s at most.
const DEFAULT_TIME: Duration = Duration::from_secs(10);
const MOST_TIME: Duration = Duration::from_secs(30);
/// What an answer needs on its way back.
const RESERVE: Duration = Duration::from_millis(500);

/// What answers the API server.
#[derive(Debug, Clone)]
pub struct Doors {
    reviewer: Arc<Reviewer>,
    health: Option<Arc<Health>>,
    most_time: Duration,
}

impl Doors {
    /// Doors behind which this reviewer sits.
    #[must_use]
    pub const fn new(reviewer: Arc<Reviewer>) -> Self {
        Self {
            reviewer,
            health: None,
            most_time: MOST_TIME,
        }
    }

    /// With a bound of our own on how long an answer may take.
    #[must_use]
    pub const fn most_time(mut self, time: Duration) -> Self {
        self.most_time = time;
        self
    }

    pub(crate) fn health(mut self, health: Arc<Health>) -> Self {
        self.health = Some(health);
        self
    }

    /// `/validate` and `/validate-audit`; `/healthz` and `/readyz` too where there is something to be ready for.
    pub fn router(self) -> Router {
        let health = self.health.clone();
        let doors = Router::new()
            .route(
                "/validate",
                post(|state, query, headers, body| {
                    answered(Door::Enforce, state, query, headers, body)
                }),
            )
            .route(
                "/validate-audit",
                post(|state, query, headers, body| {
                    answered(Door::Audit, state, query, headers, body)
                }),
            )
            .with_state(Arc::new(self));
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

async fn answered(
    door: Door,
    State(doors): State<Arc<Doors>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let begun = Instant::now();
    let time = match time(query.as_deref()) {
        Ok(time) => time.min(doors.most_time),
        Err(why) => return refused(StatusCode::BAD_REQUEST, &why),
    };
    if !is_json(&headers) {
        return refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body has to be application/json",
        );
    }
    let bytes: Bytes = match tokio::time::timeout(time, to_bytes(body, MOST_BYTES)).await {
        Ok(Ok(bytes)) => bytes,
        Err(_) => {
            return refused(
                StatusCode::REQUEST_TIMEOUT,
                &format!("the body did not come within {} s", time.as_secs_f32()),
            );
        }
        Ok(Err(_)) => {
            return refused(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("the body is cut off, or larger than {MOST_BYTES} bytes"),
            );
        }
    };
    let review = match Review::from_json(&bytes) {
        Ok(review) => review,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let left = time.saturating_sub(begun.elapsed());
    let answer = doors.reviewer.review(&review, door, left).await;
    (
        [(header::CONTENT_TYPE, "application/json")],
        answer.to_json(&review.uid).to_string(),
    )
        .into_response()
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

fn refused(status: StatusCode, why: &str) -> Response {
    (status, format!("{why}\n")).into_response()
}
