#![no_main]
//! An in-toto statement: what is read is what another parser reads, where it can (it has no numbers beyond 64-bit floats).
use countersign_core::fuzzing;
use countersign_fuzz::IMAGE;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, from_slice};

fuzz_target!(|payload: &[u8]| {
    if let (Ok(statement), Ok(json)) = (fuzzing::statement(payload, IMAGE), from_slice::<Value>(payload)) {
        assert_eq!(json["predicateType"], *statement.predicate_type);
        assert_eq!(json["subject"].as_array().map(Vec::len), Some(statement.subjects.len()));
    }
});
