//! Gates as evidence: one image goes from dev to production by what its gates attest, a gate that does not say yes stops it, and what ran in
//! production comes back while everything but the registry is down. The policies are those of `policies/`, the commands those of `docs/gates.md`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(
    clippy::print_stderr,
    reason = "what was admitted, and why what was not, is worth reading"
)]

mod cluster;
mod gate;
mod lab;
mod page;
mod path;
mod refused;
mod rollback;
