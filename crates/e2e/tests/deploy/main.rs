//! What `deploy/` has: rendered by helm and kubectl, taken by a real API server, and blocking what it is meant to.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chart;
mod dry_run;
mod golden;
mod installed;
mod lab;
mod registered;
mod rights;
mod values;
