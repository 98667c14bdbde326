#![no_main]
//! A VEX document of either format: no panic, and never more assertions than the text has room for.
use countersign_core::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    for predicate_type in ["https://openvex.dev/ns/v0.2.0", "https://cyclonedx.org/bom"] {
        if let Ok(assertions) = fuzzing::vex(predicate_type, document) {
            assert!(assertions <= document.len());
        }
    }
});
