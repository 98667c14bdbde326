//! Decides whether a container image may run: signatures, attestations and policies, as a library.
mod budget;
mod collect;
mod credentials;
mod error;
mod http;
mod layout;
mod policy_files;
mod registry;
mod secret;
mod wire;

pub use budget::Budget;
pub use collect::{collect, collect_bundles, collect_legacy, resolve};
pub use credentials::{Credential, DockerConfig};
pub use error::RegistryError;
pub use http::HttpRegistry;
pub use layout::{LayoutRef, OciLayout};
pub use policy_files::{PolicyFiles, PolicyFilesError};
pub use registry::{Fetched, Listing, Reference, Referrer, Registry, Repository};
pub use secret::Secret;
