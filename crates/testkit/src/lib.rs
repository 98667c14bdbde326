//! Forges evidence and serves registries with faults, for countersign's tests.
//!
//! - [`gate`]: which tests run: those of the public corpus, of the real parts, and of suites that take long.

pub mod gate;
