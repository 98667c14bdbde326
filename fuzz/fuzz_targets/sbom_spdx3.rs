#![no_main]
//! An SPDX 3 document: never a panic, and the same document in a string says the same.
use countersign_fuzz::sbom_is_read_alike;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| sbom_is_read_alike("https://spdx.dev/Document", bytes));
