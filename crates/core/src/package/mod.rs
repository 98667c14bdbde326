//! Packages: their URLs, and versions by the rules of where they come from (`policy.md`, "SBOM and VEX").

mod purl;
mod range;
mod version;

pub use purl::Purl;
pub(crate) use purl::PurlPattern;
pub(crate) use range::{Compare, VersionRange};
pub(crate) use version::Ecosystem;
