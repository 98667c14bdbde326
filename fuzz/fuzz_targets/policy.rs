#![no_main]
//! A policy file: diagnostics or a policy set, never both wrong, and every diagnostic can be shown.
use countersign_core::{PolicySet, Severity, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let sources = [Source { name: "fuzzed.yaml".to_owned(), text: text.to_owned() }];
    let loaded = PolicySet::load(&sources, &countersign_core::NoFiles, &[]);
    let wrong = loaded.diagnostics.iter().any(|found| found.severity == Severity::Error);
    assert_eq!(loaded.policies.is_none(), wrong);
    loaded.diagnostics.iter().for_each(|found| drop(found.render(&sources, false)));
});
