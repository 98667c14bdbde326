//! What takes how long, as spans: of a review, of each image in it, of each request to a registry. They go where `--otlp-endpoint` says, by OTLP over HTTP.
//!
//! Built without the feature `otel`, nothing of it is there and nothing is measured.

#[cfg(feature = "otel")]
mod otlp;

#[cfg(feature = "otel")]
pub(crate) use self::otlp::{Requests, Spans, within};

/// What is told of a span.
pub(crate) type Told = Vec<(&'static str, String)>;

/// Does the work, and nothing else.
#[cfg(not(feature = "otel"))]
pub(crate) async fn within<T>(
    _name: &'static str,
    _begins: impl FnOnce() -> Told,
    work: impl Future<Output = T>,
    _ends: impl FnOnce(&T) -> Told,
) -> T {
    work.await
}
