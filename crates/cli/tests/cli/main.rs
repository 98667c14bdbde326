//! The command as people and pipelines see it: what it prints, where, and how it ends.
#![allow(clippy::unwrap_used)]

mod conformance;
mod copy;
mod evidence;
mod exit_codes;
mod gate;
mod hostile;
mod hostile_registry;
mod init;
mod init_scans;
mod messages;
mod namespaces;
mod networks;
mod policy_deadlines;
mod policy_docs;
mod policy_explain;
mod policy_lint;
mod policy_schema;
mod policy_test;
mod pull;
mod replay;
mod run;
mod same_everywhere;
mod sbom;
mod secrets;
mod trust;
mod usage;
mod verify_blob;
mod verify_bundle;
mod world;
