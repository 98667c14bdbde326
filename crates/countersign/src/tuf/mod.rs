//! Trust roots that a TUF repository keeps current (The Update Framework 1.0).
//!
//! A [`TufSource`](countersign_core::TufSource) pins a root. [`TrustStore::refresh`] follows the repository from there:
//! newer roots, each signed by its predecessor; timestamp, snapshot and targets, none older than what was seen before; and
//! the target, a `trusted_root.json`. [`TrustStore::load`] gives what was good last, verified again from the pinned root
//! on, without any network. A refresh that fails changes nothing but what must not be forgotten: newer roots, and the
//! newest versions that were seen.
//!
//! The verification is the crate `sigstore-tuf`'s; what it lets through is checked before (`checks`). Delegations are not
//! followed: Sigstore keeps its trust material in the top-level targets.

mod checks;
mod client;
mod error;
mod refresh;
mod role;
mod state;
mod store;
mod strict;
mod trusted;

pub use client::TufClient;
pub use error::{RefreshError, TufError};
pub use role::{RoleState, TufRole};
pub use state::TrustState;
pub use store::TrustStore;
