//! Whether this replica may be asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;

/// What readiness depends on. It is lost by draining alone: a later failure keeps the last good policies in force, and one typo must not stop a cluster.
#[derive(Debug, Default)]
pub(crate) struct Health {
    has_policies: AtomicBool,
    is_draining: AtomicBool,
    has_certificate: AtomicBool,
    /// Which certificate it waits for, if for any.
    certificate: Mutex<String>,
    /// What it waits for.
    waits_for: Mutex<String>,
}

impl Health {
    pub(crate) fn waits_for(&self, what: &str) {
        let mut waits_for = self
            .waits_for
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        what.clone_into(&mut waits_for);
    }

    /// It cannot serve until it has a certificate, for this reason. Once it has one, that one or a later stays in use.
    pub(crate) fn waits_for_certificate(&self, why: &str) {
        let mut certificate = self
            .certificate
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        why.clone_into(&mut certificate);
    }

    /// There is a certificate to serve with.
    pub(crate) fn has_certificate(&self) {
        self.has_certificate.store(true, Ordering::SeqCst);
    }

    /// The first good policies and their trust are in force, and the built-in bundle verifies.
    pub(crate) fn has_policies(&self) {
        self.has_policies.store(true, Ordering::SeqCst);
    }

    /// It is about to end.
    pub(crate) fn drains(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
    }

    /// Whether `/readyz` says yes.
    pub(crate) fn is_ready(&self) -> bool {
        self.readiness().0 == StatusCode::OK
    }

    /// What `/readyz` answers.
    pub(crate) fn readiness(&self) -> (StatusCode, String) {
        let no = |why: &str| {
            (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("not ready: {why}\n"),
            )
        };
        if self.is_draining.load(Ordering::SeqCst) {
            return no("it is about to end");
        }
        if !self.has_certificate.load(Ordering::SeqCst) {
            let certificate = self
                .certificate
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if !certificate.is_empty() {
                return no(&certificate);
            }
        }
        if !self.has_policies.load(Ordering::SeqCst) {
            let waits_for = self
                .waits_for
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            return no(&waits_for);
        }
        (StatusCode::OK, "ok\n".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_a_certificate_is_ready_once_it_has_one_whatever_comes_later() {
        let health = Health::default();
        health.has_policies();
        health.waits_for_certificate("no Secret yet");
        assert_eq!(health.readiness().1, "not ready: no Secret yet\n");
        health.has_certificate();
        assert_eq!(health.readiness().0, StatusCode::OK);
        health.waits_for_certificate("it cannot be read any more");
        assert_eq!(health.readiness().0, StatusCode::OK);
    }

    #[test]
    fn it_is_ready_from_the_first_policies_until_it_drains() {
        let health = Health::default();
        health.waits_for("no policies yet");
        assert_eq!(
            health.readiness(),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready: no policies yet\n".to_owned()
            )
        );
        health.has_policies();
        assert_eq!(health.readiness().0, StatusCode::OK);
        health.drains();
        assert_eq!(
            health.readiness(),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready: it is about to end\n".to_owned()
            )
        );
    }
}
