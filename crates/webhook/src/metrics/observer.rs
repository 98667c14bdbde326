//! Requests to registries, answers of caches, and what is asked at each scrape.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use countersign::{CacheAsked, Observer, RequestEnds};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::{Registry, Unit};

use super::bounded::OTHER;
use super::{Asked, Counters, Durations, Text, durations, seconds};

/// Whoever is told of requests and caches. Hosts that no policy names in so many letters are `other`: whoever makes a Pod chooses them.
#[derive(Debug)]
pub(crate) struct Requests {
    requests: Counters<2>,
    request_seconds: Durations<1>,
    bytes: Counters<1>,
    caches: Counters<2>,
    hosts: RwLock<BTreeSet<String>>,
}

impl Requests {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let all = Self {
            requests: Counters::default(),
            request_seconds: durations(),
            bytes: Counters::default(),
            caches: Counters::default(),
            hosts: RwLock::default(),
        };
        registry.register(
            "registry_requests",
            "Requests to registries, by host and HTTP status (error: no answer)",
            all.requests.clone(),
        );
        registry.register_with_unit(
            "registry_request_duration",
            "From sending a request to the last byte of its answer, by what for",
            Unit::Seconds,
            all.request_seconds.clone(),
        );
        registry.register_with_unit(
            "registry_received",
            "What was read from registries, by host",
            Unit::Bytes,
            all.bytes.clone(),
        );
        registry.register(
            "cache_answers",
            "How the cache before registries answered, by what was asked for",
            all.caches.clone(),
        );
        all
    }

    /// The hosts that policies name.
    pub(super) fn name_hosts(&self, hosts: BTreeSet<&str>) {
        let mut named = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        *named = hosts.into_iter().map(str::to_owned).collect();
    }

    fn named(&self, host: &str) -> Text {
        // Docker Hub is served elsewhere than it is named.
        let host = match host.ends_with(".docker.io") {
            true => "docker.io",
            false => host,
        };
        let named = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        match named.contains(host) {
            true => Text::from(host.to_owned()),
            false => Text::from(OTHER),
        }
    }
}

impl Observer for Requests {
    fn request_ends(&self, request: &RequestEnds<'_>) {
        let host = self.named(request.host);
        let status = match request.status {
            Some(status) if request.error.is_none() || !(200..300).contains(&status) => {
                Text::from(status.to_string())
            }
            _ => Text::from("error"),
        };
        let labels = [("host", host.clone()), ("status", status)];
        self.requests.get_or_create(&labels).inc();
        self.request_seconds
            .get_or_create(&[("what", request.what.into())])
            .observe(seconds(request.took));
        self.bytes
            .get_or_create(&[("host", host)])
            .inc_by(request.bytes);
    }

    fn cache_asked(&self, asked: &CacheAsked) {
        let labels = [
            ("kind", asked.kind.as_str().into()),
            ("answer", asked.answer.as_str().into()),
        ];
        self.caches.get_or_create(&labels).inc();
    }
}

/// What has numbers of its own, asked at each scrape.
#[derive(Debug)]
pub(super) struct Now(pub(super) Arc<OnceLock<Asked>>);

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(asked) = self.0.get() else {
            return Ok(());
        };
        let load = asked.gate.load();
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let gauge = |count: usize| ConstGauge::new(number(count));
        let mut put = Put(&mut encoder);
        put.one(
            "ready",
            "1 if this replica may be asked, else 0",
            &ConstGauge::new(i64::from(asked.health.is_ready())),
        )?;
        put.one(
            "reviews_running",
            "Questions that are being judged",
            &gauge(load.running),
        )?;
        put.one(
            "reviews_waiting",
            "Questions that wait to be judged",
            &gauge(load.waiting),
        )?;
        put.one(
            "reviews_held_bytes",
            "Bytes of questions that are held",
            &gauge(load.bytes),
        )?;
        let left_out = ConstCounter::new(asked.log.left_out());
        put.one(
            "log_lines_left_out",
            "Lines of the log that nobody read fast enough",
            &left_out,
        )?;
        let Some(checker) = asked.reviewer.checker() else {
            return Ok(());
        };
        let proofs = checker.proof_stats();
        put.one(
            "proof_hits",
            "Evidence whose proof was known",
            &ConstCounter::new(proofs.hits),
        )?;
        put.one(
            "proof_verifications",
            "Evidence that was verified",
            &ConstCounter::new(proofs.verifications),
        )?;
        put.one("proofs", "Proofs that are known", &gauge(proofs.proofs))?;
        put.one(
            "proofs_bytes",
            "Bytes that known proofs take, about",
            &gauge(proofs.bytes),
        )
    }
}

struct Put<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Put<'_, '_> {
    fn one<M: EncodeMetric + TypedMetric>(
        &mut self,
        name: &str,
        help: &str,
        metric: &M,
    ) -> fmt::Result {
        let kind: MetricType = M::TYPE;
        let encoder = self.0.encode_descriptor(name, help, None, kind)?;
        metric.encode(encoder)
    }
}
