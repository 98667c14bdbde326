#![no_main]
//! The body of a log entry: the first byte says beside which evidence.
use countersign_core::fuzzing;
use countersign_fuzz::{IMAGE, world};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::from_slice;

fuzz_target!(|input: &[u8]| {
    let Some((item, body)) = input.split_first() else { return };
    let item = world().item(*item);
    if fuzzing::rekor_body(item, &world().key, IMAGE, body).is_ok() {
        from_slice::<IgnoredAny>(body).expect("a body is JSON");
    }
});
