//! Decides whether a container image may run: signatures, attestations and policies, as a library.
mod policy_files;
pub use policy_files::{PolicyFiles, PolicyFilesError};
