#![no_main]
//! A break-glass statement: what is read is what another parser reads, and it names just the subjects that stand there.
use countersign_core::BreakGlassStatement;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, from_slice};

fuzz_target!(|payload: &[u8]| {
    if let Ok(statement) = BreakGlassStatement::read(payload) {
        let json: Value = from_slice(payload).expect("what is read strictly is JSON");
        assert_eq!(json["predicate"]["id"], *statement.id);
        assert_eq!(json["predicate"]["cluster"], *statement.cluster);
        assert!(statement.duration() > 0);
        let subjects = statement.subjects();
        assert_eq!(json["subject"].as_array().map(Vec::len), Some(subjects.len()));
        for ((name, digest), written) in subjects.iter().zip(json["subject"].as_array().into_iter().flatten()) {
            assert_eq!(written["name"], **name);
            assert_eq!(written["digest"]["sha256"], *digest.hex());
        }
    }
});
