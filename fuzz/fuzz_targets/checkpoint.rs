#![no_main]
//! A checkpoint: only the notes that the two logs signed are theirs.
use countersign_core::fuzzing;
use countersign_fuzz::world;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for (log, note) in &world().checkpoints {
        if fuzzing::checkpoint(text, log, &world().root).is_ok() {
            assert_eq!(text.split_once("\n\n").map(|parts| parts.0), Some(&**note));
        }
    }
});
