#![no_main]
//! The whole of `examine`: valid evidence with edits and parts of other evidence.
use countersign_fuzz::{edited, nothing_forged};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| edited(bytes).into_iter().for_each(nothing_forged));
