#![no_main]
//! A Sigstore bundle, through the whole of `examine`.
use countersign_core::Content;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bundle: Vec<u8>| countersign_fuzz::nothing_verifies(Content::Bundle(bundle)));
