//! When a policy set begins to decide otherwise by itself, as a metric.

use std::fmt;

use countersign_core::Deadline;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

const HELP: &str = "When an Exception, a Signer's last key or a trust root ends, or a policy or rule begins to deny, in seconds since 1970";

/// `policy_deadline_timestamp_seconds{kind, name}`: one gauge for each [`Deadline`], with the time as its value, so that whoever alerts chooses how
/// long before.
///
/// A [`Collector`] for a registry of `prometheus-client`; the command and the webhook have the prefix `countersign`.
pub struct DeadlineMetrics {
    now: Box<dyn Fn() -> Vec<Deadline> + Send + Sync>,
}

impl DeadlineMetrics {
    /// A collector that asks at each scrape for the deadlines of the set that is in force then, in the order in which they are to stand.
    #[must_use]
    pub fn new(now: impl Fn() -> Vec<Deadline> + Send + Sync + 'static) -> Self {
        Self { now: Box::new(now) }
    }
}

impl fmt::Debug for DeadlineMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadlineMetrics").finish_non_exhaustive()
    }
}

impl Collector for DeadlineMetrics {
    // In the order that they have: a `Family` would shuffle them.
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut gauges = encoder.encode_descriptor(
            "policy_deadline_timestamp",
            HELP,
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for deadline in (self.now)() {
            let labels = [
                ("kind", deadline.kind.as_str()),
                ("name", deadline.name.as_str()),
            ];
            let gauge = gauges.encode_family(&labels)?;
            ConstGauge::new(deadline.at.seconds()).encode(gauge)?;
        }
        Ok(())
    }
}
