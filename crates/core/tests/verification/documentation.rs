//! The table in `docs/verification.md` is complete: every step has code that quotes its number and tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Steps that `examine` follows, by the numbers of the table; 1 to 3 are collection's, 20 and 21 the decision's.
const STEPS: std::ops::RangeInclusive<u32> = 0..=23;

struct Row {
    step: u32,
    code: Vec<String>,
    tests: Vec<String>,
}

#[test]
fn the_table_of_steps_is_complete() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(repository.join("docs/verification.md")).unwrap();
    let rows = rows(&text);
    let documented: BTreeSet<u32> = rows.iter().map(|row| row.step).collect();
    assert_eq!(documented, STEPS.collect(), "one row for each step");
    let tests = all_test_names(&repository.join("crates"));
    for row in &rows {
        assert!(
            !row.code.is_empty() && !row.tests.is_empty(),
            "step {}",
            row.step
        );
        for file in &row.code {
            let code = fs::read_to_string(repository.join(file)).unwrap_or_default();
            assert!(!code.is_empty(), "step {}: no file {file}", row.step);
        }
        for test in &row.tests {
            assert!(tests.contains(test), "step {}: no test `{test}`", row.step);
        }
    }
    // and the reverse: a test that is named for a step stands in the step's row
    for test in tests.iter().filter(|test| is_step_test(test)) {
        let step: u32 = test[1..3].parse().unwrap();
        let row = rows.iter().find(|row| row.step == step).unwrap();
        assert!(
            row.tests.contains(test),
            "step {step}: `{test}` is missing in the table"
        );
    }
}

fn is_step_test(name: &str) -> bool {
    name.starts_with('s') && name.get(3..4) == Some("_") && name[1..3].parse::<u32>().is_ok()
}

/// `| 6 | what | code files | tests |`, with names in backticks.
fn rows(text: &str) -> Vec<Row> {
    let names = |cell: &str| {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    text.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            Some(Row {
                step: cells.get(1)?.parse().ok()?,
                code: names(cells.get(3)?),
                tests: names(cells.get(4)?),
            })
        })
        .collect()
}

fn all_test_names(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                for (at, _) in text
                    .match_indices("#[test]")
                    .chain(text.match_indices("#[tokio::test]"))
                {
                    let name = text[at..]
                        .split("fn ")
                        .nth(1)
                        .and_then(|rest| rest.split('(').next());
                    names.extend(name.map(str::to_owned));
                }
            }
        }
    }
    names
}
