#![no_main]
//! A `trusted_root.json`.
use countersign_core::TrustRoot;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &[u8]| drop(TrustRoot::from_json("fuzzed", json)));
