#![no_main]
//! An `.att` layer, envelope and annotations, through the whole of `examine`.
use countersign_fuzz::{Kind, layer, nothing_forged};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| nothing_forged(layer(Kind::Attestation, bytes)));
