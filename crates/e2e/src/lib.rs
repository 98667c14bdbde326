//! End-to-end tests of countersign with real cosign, registries and Sigstore.
//!
//! The parts are pinned and built by `crates/e2e/tools`; a test asks for them by [`parts`] and returns when there are
//! none.

mod parts;

pub use countersign_testkit::gate::corpus;
pub use parts::{Parts, parts};
