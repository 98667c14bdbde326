//! Argo CD syncs repositories on disk through a real API server with our webhook in place (`just e2e-gitops`).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod application;
mod chart;
mod gate;
mod hook;
mod lab;
mod page;
mod release;
mod repository;
