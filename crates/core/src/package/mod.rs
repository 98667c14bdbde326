//! Packages: their URLs, and versions by the rules of where they come from (`policy.md`, "SBOM and VEX").

mod purl;
mod range;
mod version;

pub(crate) use purl::plain_name;
pub use purl::{Likeness, Purl, PurlError, PurlPattern};
pub use range::{RangeError, Standing, VersionRange};
pub use version::Ecosystem;
