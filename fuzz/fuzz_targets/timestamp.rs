#![no_main]
//! An RFC 3161 timestamp: only the authority's own time is one.
use countersign_core::fuzzing;
use countersign_fuzz::world;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|token: &[u8]| {
    if let Ok(time) = fuzzing::timestamp(token, &world().stamped, &world().root) {
        assert_eq!(time, world().time);
    }
});
