#![no_main]
//! A Sigstore bundle as it is, through the whole of `examine`.
use countersign_core::Content;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bundle: &[u8]| countersign_fuzz::nothing_forged(Content::Bundle(bundle.into())));
