#![no_main]
//! The strict scanner and reader against serde_json: stricter by twins and limits, and by nothing else.
use countersign_core::fuzzing::{read, scan};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::{Value, from_slice};

fuzz_target!(|bytes: &[u8]| {
    let (ours, theirs) = (scan(bytes), from_slice::<Value>(bytes));
    let both = theirs.as_ref().ok().filter(|_| ours.is_ok());
    assert_eq!(read(bytes).ok().as_ref(), both);
    match (ours, theirs) {
        (Ok(members), Ok(whole)) => members.iter().for_each(|(name, value)| {
            assert_eq!(from_slice::<Value>(value).ok().as_ref(), whole.get(name));
        }),
        (Ok(_), Err(_)) => drop(from_slice::<IgnoredAny>(bytes).expect("serde_json is not stricter")),
        (Err((stricter, why)), Ok(_)) => assert!(stricter, "{why}"),
        (Err(_), Err(_)) => {}
    }
});
