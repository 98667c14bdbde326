#![no_main]
//! A provenance by the right signer: only a build of the right source by the right workflow passes, twice alike.
use countersign_fuzz::only_true_builds_pass;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| only_true_builds_pass(bytes));
