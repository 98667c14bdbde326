//! One request as the observer sees it.

use std::sync::Arc;

use countersign_core::ReasonCode;
use tokio::time::Instant;

use super::home::Settings;
use crate::{Observer, RequestBegins, RequestEnds};

/// Tells the observer that a request begins, and when it is dropped, how it ended.
pub(super) struct Watch {
    observer: Option<Arc<dyn Observer>>,
    host: String,
    what: &'static str,
    attempt: u32,
    begun: Instant,
    status: Option<u16>,
    error: Option<ReasonCode>,
    bytes: u64,
}

impl Watch {
    pub(super) fn begin(settings: &Settings, host: &str, what: &'static str, attempt: u32) -> Self {
        if let Some(observer) = &settings.observer {
            observer.request_begins(&RequestBegins {
                host,
                what,
                attempt,
            });
        }
        Self {
            observer: settings.observer.clone(),
            host: host.to_owned(),
            what,
            attempt,
            begun: Instant::now(),
            status: None,
            error: None,
            bytes: 0,
        }
    }

    pub(super) const fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }

    pub(super) const fn failed(&mut self, code: ReasonCode) {
        self.error = Some(code);
    }

    pub(super) fn read(&mut self, bytes: usize) {
        self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(observer) = &self.observer {
            observer.request_ends(&RequestEnds {
                host: &self.host,
                what: self.what,
                attempt: self.attempt,
                status: self.status,
                error: self.error,
                bytes: self.bytes,
                took: self.begun.elapsed(),
            });
        }
    }
}
