//! SLSA provenance: what was built from which source by whom, whatever the build type (slsa.dev/spec, "Provenance").
//!
//! Adapters turn each build type into one set of [`BuildFacts`]; what a rule demands is then compared with these alone.

mod facts;
mod flat;
mod github;
mod judge;
mod wire;

pub(crate) use facts::{BuildFacts, Dependency, Family};
pub(crate) use judge::{
    BuilderDemand, BuilderId, DependencyDemand, ParameterDemand, ProvenanceDemand, SourceDemand,
    Speakers,
};

/// The predicate types that are provenance.
pub(crate) const PREDICATE_TYPES: [&str; 2] = [
    "https://slsa.dev/provenance/v0.2",
    "https://slsa.dev/provenance/v1",
];
