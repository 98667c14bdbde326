//! Decides whether a container image may run: signatures, attestations and policies, as a library.
mod budget;
mod collect;
mod error;
mod policy_files;
mod registry;
mod wire;

pub use budget::Budget;
pub use collect::{collect, collect_bundles, collect_legacy, resolve};
pub use error::RegistryError;
pub use policy_files::{PolicyFiles, PolicyFilesError};
pub use registry::{Fetched, Listing, Reference, Referrer, Registry, Repository};
