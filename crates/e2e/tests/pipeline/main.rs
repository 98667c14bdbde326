//! From commit to rollout, and our own release: the steps of the workflows in `docs/examples` and `.github`, run one by one with real parts.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod actionlint;
mod job;
mod lab;
mod path;
mod program;
mod release;
mod release_workflow;
mod sarif;
