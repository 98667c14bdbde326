#![no_main]
//! The predicate of a vulnerability scan: no panic, and never more findings than the text has room for.
use countersign_core::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|predicate: &[u8]| {
    if let Ok(findings) = fuzzing::vulnerabilities(predicate) {
        assert!(findings <= predicate.len());
    }
});
