//! The tables in `docs/meaning.md`: every rule of meaning and every way to cheat has a case and a test, and these exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use countersign_testkit::faults;

use crate::documentation::{all_test_names, named};

/// What the design counts: a row that goes is missed.
const RULES: usize = 30;
const CHEATS: usize = 20;

#[test]
fn every_rule_and_every_cheat_is_shown() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(repository.join("docs/meaning.md")).unwrap();
    let tests = all_test_names(&repository.join("crates"));
    let cases = cases(&repository);
    for (heading, count) in [("Rules of meaning", RULES), ("Ways to cheat", CHEATS)] {
        let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| "));
        let rows: Vec<Vec<&str>> = rows.skip(1).map(|row| row.split(" | ").collect()).collect();
        assert_eq!(rows.len(), count, "{heading}");
        for row in rows {
            let [what, by_case, by_test] = row[..] else {
                panic!("three cells: {row:?}");
            };
            for (cell, known) in [(by_case, &cases), (by_test, &tests)] {
                let names = named(cell);
                assert!(!names.is_empty(), "{what}: nothing shows it in `{cell}`");
                for name in names {
                    assert!(known.contains(&name), "{what}: there is no `{name}`");
                }
            }
        }
    }
}

/// Folders of `testdata/cases`, policies of `tests/policy/cases`, and the forged evidence of the catalogue.
fn cases(repository: &Path) -> BTreeSet<String> {
    let folders = ["testdata/cases", "crates/core/tests/policy/cases"];
    let files = folders
        .iter()
        .flat_map(|folder| fs::read_dir(repository.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path().with_extension(""));
    files
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .chain(faults::all().iter().map(|case| case.name.to_owned()))
        .collect()
}
