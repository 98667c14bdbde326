//! Kubernetes manifests as text: documents with the place of every value, and the objects in them with the places of their images.
//!
//! Policies are read by `policy/yaml.rs`, which refuses what a reviewer should not have to expand in his head. Manifests come from generators, so
//! anchors, aliases and merge keys are read here, within bounds; what readers of YAML understand differently is refused. Documents are read one
//! at a time, for the output of a whole cluster is large.

mod node;
mod object;
mod yaml;

pub use node::{Located, LocatedKey, LocatedValue, Spot, Style};
pub use object::{ManifestObject, PlacedImage};
pub use yaml::{DocumentError, Documents};

#[cfg(test)]
mod tests;
