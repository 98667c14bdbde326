//! Decisions over real, forged evidence: bytes → `examine` → `decide`, and nothing between that a test could pretend.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

#[path = "decide/advisories.rs"]
mod advisories;
#[path = "decide/bans.rs"]
mod bans;
#[path = "decide/break_glass.rs"]
mod break_glass;
#[path = "decide/break_glass_alone.rs"]
mod break_glass_alone;
#[path = "decide/builders.rs"]
mod builders;
#[path = "decide/cache.rs"]
mod cache;
#[path = "decide/certificates.rs"]
mod certificates;
#[path = "decide/cheating.rs"]
mod cheating;
#[path = "decide/children.rs"]
mod children;
#[path = "decide/claims.rs"]
mod claims;
#[path = "decide/exceptions.rs"]
mod exceptions;
#[path = "decide/exceptions_alone.rs"]
mod exceptions_alone;
#[path = "decide/explanations.rs"]
mod explanations;
#[path = "decide/keys.rs"]
mod keys;
#[path = "decide/namespaces.rs"]
mod namespaces;
#[path = "decide/operators.rs"]
mod operators;
#[path = "decide/platforms.rs"]
mod platforms;
#[path = "decide/promotion.rs"]
mod promotion;
#[path = "decide/property.rs"]
mod property;
#[path = "decide/provenance.rs"]
mod provenance;
#[path = "decide/report.rs"]
mod report;
#[path = "decide/revocation.rs"]
mod revocation;
#[path = "decide/sbom.rs"]
mod sbom;
#[path = "decide/scans.rs"]
mod scans;
#[path = "decide/selection.rs"]
mod selection;
#[path = "decide/signers.rs"]
mod signers;
#[path = "decide/stale.rs"]
mod stale;
#[path = "decide/steps.rs"]
mod steps;
#[path = "decide/summary.rs"]
mod summary;
#[path = "decide/thresholds.rs"]
mod thresholds;
#[path = "decide/verdicts.rs"]
mod verdicts;
#[path = "decide/vex.rs"]
mod vex;
#[path = "decide/vulnerabilities.rs"]
mod vulnerabilities;
#[path = "decide/world.rs"]
mod world;
