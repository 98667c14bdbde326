//! Images with everything that a pipeline attests, made by real tools and judged by policies with all rules: SLSA provenance, SBOMs
//! by syft, scans, VEX and test results, attested by cosign with a key and without.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod everything;
mod files;
mod newest;
mod platforms;
mod policy;
mod scene;
mod started;
mod syft;
