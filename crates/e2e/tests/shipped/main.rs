//! The images that are shipped: small, whole, taken by others, and running as a node runs them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod layouts;
mod running;
mod scene;
