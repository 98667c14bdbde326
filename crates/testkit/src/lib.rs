//! Forges evidence and serves registries with faults, for countersign's tests.
//!
//! - [`forge::Forge`]: a whole Sigstore instance in memory that makes evidence, proper or with one thing wrong.
//! - [`faults`]: a catalogue of such evidence.
//! - [`mutate`]: a deterministic mutator of valid evidence.
//! - [`gate`]: which tests run: those of the public corpus, of the real parts, and of suites that take long.
//! - [`page::blocks`]: what a page of `docs/` shows.
//! - [`policy::KeyedPolicy`], [`policy::production`]: the texts of small policy sets.
//! - [`registry::Registry`]: an OCI registry on loopback with whatever fault a test wants.
//! - [`sbom::cyclonedx`]: an SBOM of any size.
//! - [`tuf::Repository`]: a TUF repository, proper or with one thing wrong, and [`tuf::Server`], which serves it on loopback.
//!
//! Nothing here depends on `countersign-core`: what comes out are bytes and strings, so that the kit serves
//! `core`'s own unit tests too, and so that no mistake is shared between the forger and the verifier.

pub mod break_glass;
pub mod faults;
pub mod forge;
pub mod gate;
pub mod mutate;
pub mod page;
pub mod policy;
pub mod registry;
pub mod sbom;
pub mod tuf;

mod digest;

pub use digest::{sha256_digest, sha256_hex};
