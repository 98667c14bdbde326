#![no_main]
//! The predicate of a verification summary of either format: no panic, and never more levels than the text has room for.
use countersign_core::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|predicate: &[u8]| {
    for is_svr in [false, true] {
        if let Ok(levels) = fuzzing::summary(is_svr, predicate) {
            assert!(levels <= predicate.len());
        }
    }
});
