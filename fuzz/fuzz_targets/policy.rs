#![no_main]
//! A policy file: diagnostics or a policy set, never both wrong, and every diagnostic can be shown.
use countersign_core::{Files, PolicySet, Severity, Source};
use libfuzzer_sys::fuzz_target;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str, _: &str) -> Result<Vec<u8>, String> {
        Err("no files here".to_owned())
    }
}

fuzz_target!(|text: String| {
    let sources = [Source { name: "fuzzed.yaml".to_owned(), text }];
    let loaded = PolicySet::load(&sources, &NoFiles, &[]);
    let errors = loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    assert_eq!(loaded.policies.is_none(), errors > 0);
    loaded.diagnostics.iter().for_each(|found| drop(found.render(&sources, false)));
});
