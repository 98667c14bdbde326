//! Spans by the crates `opentelemetry`, sent by a thread of their own: what it cannot send in time is dropped, and no answer waits.
//!
//! Besides the endpoint, the standard variables count that are no matter of countersign: `OTEL_EXPORTER_OTLP_HEADERS` (a secret is there and not in a flag),
//! `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use countersign::{CacheAsked, Observer, RequestBegins, RequestEnds};
use countersign_core::printable;
use opentelemetry::trace::{
    FutureExt as _, Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _,
};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter as Exports};
use serde_json::json;

use super::Told;
use crate::log::{Level, Log};

const NAME: &str = "countersign-webhook";
/// OTLP over HTTP takes traces here, below the endpoint.
const PATH: &str = "/v1/traces";
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether spans are made: nothing is written down for nobody.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// Sends spans, until it is ended.
pub(crate) struct Spans(SdkTracerProvider);

impl Spans {
    /// Begins to send spans to the collector at `endpoint`. Not to be called from within a runtime: its thread has one.
    ///
    /// # Errors
    /// What is wrong with the endpoint, or why there is no client.
    pub(crate) fn begin(endpoint: &str, log: &Log) -> Result<Self, String> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(format!("{}{PATH}", endpoint.trim_end_matches('/')))
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|error| printable(&error.to_string()))?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder()
            .with_service_name(NAME)
            .with_attribute(version);
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(Heard {
                exporter,
                log: log.clone(),
                is_broken: AtomicBool::new(false),
            })
            .build();
        global::set_tracer_provider(provider.clone());
        IS_ON.store(true, Ordering::Relaxed);
        Ok(Self(provider))
    }

    /// Sends what there is still, for a few seconds at most.
    pub(crate) fn end(self) {
        // What is wrong with the collector is in the log.
        let _ = self.0.shutdown();
    }
}

/// An exporter whose failures are in the log: once, until it goes well again.
#[derive(Debug)]
struct Heard {
    exporter: SpanExporter,
    log: Log,
    is_broken: AtomicBool,
}

impl Exports for Heard {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        let was_broken = self.is_broken.swap(sent.is_err(), Ordering::Relaxed);
        if let Err(error) = &sent
            && !was_broken
        {
            let message =
                "spans cannot be sent; they are dropped until the collector takes them again";
            let errors = printable(&error.to_string());
            self.log.event(
                Level::Warn,
                "spans-dropped",
                message,
                json!({"errors": errors}),
            );
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Does the work within a span, which is the parent of every span that begins in it.
pub(crate) async fn within<T>(
    name: &'static str,
    begins: impl FnOnce() -> Told,
    work: impl Future<Output = T>,
    ends: impl FnOnce(&T) -> Told,
) -> T {
    if !IS_ON.load(Ordering::Relaxed) {
        return work.await;
    }
    let tracer = global::tracer(NAME);
    let span = tracer
        .span_builder(name)
        .with_kind(SpanKind::Internal)
        .with_attributes(attributes(begins()))
        .start_with_context(&tracer, &Context::current());
    let context = Context::current_with_span(span);
    // Dropped with the work, where the caller has gone, it ends then.
    let done = work.with_context(context.clone()).await;
    context.span().set_attributes(attributes(ends(&done)));
    context.span().end();
    done
}

fn attributes(told: Told) -> Vec<KeyValue> {
    told.into_iter()
        .map(|(name, value)| KeyValue::new(name, value))
        .collect()
}

/// Makes a span of each request, below the image that it is for, and hands on to whoever counts.
///
/// Where several images wait for one request, it is below the one that was looking when it ended.
pub(crate) struct Requests(pub(crate) Arc<dyn Observer>);

impl Observer for Requests {
    fn request_begins(&self, request: &RequestBegins<'_>) {
        self.0.request_begins(request);
    }

    fn request_ends(&self, request: &RequestEnds<'_>) {
        self.0.request_ends(request);
        if !IS_ON.load(Ordering::Relaxed) {
            return;
        }
        let mut told = vec![
            KeyValue::new("server.address", printable(request.host)),
            KeyValue::new("countersign.what", request.what),
            KeyValue::new("http.request.resend_count", i64::from(request.attempt) - 1),
            KeyValue::new(
                "http.response.body.size",
                i64::try_from(request.bytes).unwrap_or(i64::MAX),
            ),
        ];
        if let Some(status) = request.status {
            told.push(KeyValue::new(
                "http.response.status_code",
                i64::from(status),
            ));
        }
        let status = match request.error {
            Some(code) => Status::error(code.as_str()),
            None => Status::Unset,
        };
        let now = SystemTime::now();
        let tracer = global::tracer(NAME);
        let mut span = tracer
            .span_builder("registry request")
            .with_kind(SpanKind::Client)
            .with_start_time(now.checked_sub(request.took).unwrap_or(now))
            .with_attributes(told)
            .start_with_context(&tracer, &Context::current());
        span.set_status(status);
        span.end_with_timestamp(now);
    }

    fn cache_asked(&self, asked: &CacheAsked) {
        self.0.cache_asked(asked);
    }
}
