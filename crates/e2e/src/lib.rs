//! End-to-end tests of countersign with real cosign, registries and Sigstore.
//!
//! The parts are pinned and built by `crates/e2e/tools`; a test asks for them by [`parts`] and returns when there are
//! none. [`Registry`] and [`Sigstore`] run them on free loopback ports and end them when dropped, so that tests can run
//! beside each other; [`SigningKey`] and [`Sigstore`] sign with real cosign.

mod authority;
mod cli;
mod command;
mod cosign;
mod identity;
mod issuer;
mod login;
mod parts;
mod process;
mod registry;
mod services;
mod sigstore;
mod syft;
mod tls;
mod token_server;
mod web;

pub use cli::{Countersign, TlsAccess, Verdict, workspace};
pub use command::{Output, outcome, run};
pub use cosign::{RELEASE_POLICY, SigningKey};
pub use countersign_testkit::gate::corpus;
pub use identity::{EMAIL_ISSUER, Identity, WORKFLOW_ISSUER};
pub use login::{Login, OWNER, READER};
pub use parts::{Parts, parts};
pub use registry::{REGISTRY_PARTS, Registry, RegistryKind};
pub use sigstore::{SIGSTORE_PARTS, Sigstore};
pub use syft::Syft;
