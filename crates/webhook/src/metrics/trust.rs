//! How old what TUF repositories gave is.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::UnixTime;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use super::MOST_NAMES;

/// A trust root of a TUF repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RootAge {
    /// The TrustRoot's name.
    pub(crate) name: String,
    /// When the first role of its metadata expires; none before it was fetched.
    pub(crate) expires: Option<UnixTime>,
    /// When it was found current last.
    pub(crate) refreshed: Option<UnixTime>,
    /// Whether the last refresh went well.
    pub(crate) is_good: bool,
}

/// The trust roots of the policies' TUF repositories, as they are now: a root that is named no more is no metric any more.
#[derive(Debug, Clone, Default)]
pub(super) struct TrustRoots(Arc<Mutex<Vec<RootAge>>>);

impl TrustRoots {
    pub(super) fn set(&self, mut roots: Vec<RootAge>) {
        roots.truncate(MOST_NAMES);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = roots;
    }
}

impl Collector for TrustRoots {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let roots = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut put =
            |name: &str, help: &str, unit: Option<&Unit>, of: &dyn Fn(&RootAge) -> Option<i64>| {
                let mut gauges = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
                for root in &roots {
                    if let Some(value) = of(root) {
                        let labels = [("root", root.name.as_str())];
                        ConstGauge::new(value).encode(gauges.encode_family(&labels)?)?;
                    }
                }
                Ok(())
            };
        put(
            "trust_root_expires_timestamp",
            "When the first role of the TUF metadata of a trust root expires",
            Some(&Unit::Seconds),
            &|root| root.expires.map(|at| at.seconds()),
        )?;
        put(
            "trust_root_refreshed_timestamp",
            "When a trust root was last found current in its TUF repository",
            Some(&Unit::Seconds),
            &|root| root.refreshed.map(|at| at.seconds()),
        )?;
        put(
            "trust_root_last_refresh_ok",
            "1 if a trust root is there and nothing went wrong when its TUF repository was asked last, else 0",
            None,
            &|root| Some(i64::from(root.is_good)),
        )
    }
}
