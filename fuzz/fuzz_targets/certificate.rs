#![no_main]
//! A signing certificate: only the one that was issued is trusted.
use countersign_core::fuzzing;
use countersign_fuzz::world;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|der: &[u8]| {
    if fuzzing::leaf(der, &world().root, world().time).is_ok() {
        assert_eq!(der, world().leaf);
    }
});
