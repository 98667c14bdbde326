//! The tables in `docs/verification.md` are complete: every step has code that quotes its number and tests that exist, and
//! every advisory of the design has a test named for it.

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
            assert!(
                quoted_steps(&code).contains(&row.step),
                "step {}: no comment of {file} quotes it",
                row.step
            );
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

/// The steps that comments quote: `Step 7`, `Steps 4 and 5`, `steps 6 to 9`, `Steps 4, 5 and 17`.
fn quoted_steps(code: &str) -> BTreeSet<u32> {
    let mut steps = BTreeSet::new();
    for line in code.lines() {
        let Some((_, comment)) = line.split_once("//") else {
            continue;
        };
        for (at, _) in comment.to_lowercase().match_indices("step") {
            let rest = comment[at..].trim_start_matches(|letter: char| letter.is_alphabetic());
            let mut last = None;
            let mut is_range = false;
            for word in rest.split_whitespace() {
                let digits = word.trim_end_matches(|letter: char| !letter.is_ascii_digit());
                match (digits.parse::<u32>(), word) {
                    (Ok(step), _) => {
                        steps.extend(last.filter(|_| is_range).unwrap_or(step)..=step);
                        (last, is_range) = (Some(step), false);
                        if !word.ends_with(',') && digits != word {
                            break;
                        }
                    }
                    (Err(_), "and") => (),
                    (Err(_), "to") => is_range = true,
                    (Err(_), _) => break,
                }
            }
        }
    }
    steps
}

#[test]
fn quoted_steps_are_read() {
    let read = |code: &str| quoted_steps(code).into_iter().collect::<Vec<u32>>();
    assert_eq!(read("//! Step 7: a proof"), [7]);
    assert_eq!(read("let x = 1; // Steps 4 and 5"), [4, 5]);
    assert_eq!(read("/// (steps 6 to 9)."), [6, 7, 8, 9]);
    assert_eq!(read("// Steps 4, 5 and 17: of 30 things"), [4, 5, 17]);
    assert_eq!(read("let step = 3;\n// a step by 4"), [] as [u32; 0]);
}

/// The advisories of the design's table but for those of TUF.
const ADVISORIES: &[&str] = &[
    "CVE-2022-23649",
    "CVE-2022-35929",
    "CVE-2022-35930",
    "CVE-2022-36056",
    "CVE-2023-46737",
    "CVE-2024-29902",
    "CVE-2024-29903",
    "CVE-2026-22703",
    "GHSA-whqx-f9j3-ch6m",
    "CVE-2026-24122",
    "CVE-2026-39395",
    "cosign-4648",
    "cosign-4653",
    "cosign-4998",
    "cosign-5016",
    "CVE-2024-45395",
    "CVE-2026-49834",
    "CVE-2026-54787",
    "sigstore-go-600",
    "sigstore-go-611",
    "sigstore-go-562",
    "sigstore-go-630",
    "CVE-2024-55655",
    "CVE-2026-24408",
    "sigstore-python-1488",
    "CVE-2024-53267",
    "CVE-2024-54140",
    "CVE-2026-31830",
    "sigstore-ruby-307",
    "sigstore-js-1656",
    "TOB-SIGSTORE-3",
    "TOB-SIGSTORE-4",
    "TOB-SIGSTORE-9",
    "TOB-SIGSTORE-11",
    "sigstore-rust-154",
    "sigstore-rs-0-15",
    "rekor-2069",
    "CVE-2023-30551",
    "CVE-2023-33199",
    "CVE-2026-23831",
    "CVE-2026-24117",
    "CVE-2026-48702",
    "CVE-2026-39984",
    "CVE-2025-66564",
    "CVE-2026-49835",
    "GHSA-r2xv-vpr2-42m9",
    "CVE-2023-47122",
    "CVE-2024-51746",
    "CVE-2026-44309",
    "CVE-2026-44310",
    "GHSA-rvrx-rrwh-r9p6",
    "GHSA-9m3v-v4r5-ppx7",
    "CVE-2021-41087",
    "GHSA-pmwq-pjrm-6p5r",
    "RUSTSEC-2023-0053",
    "RUSTSEC-2026-0098",
    "RUSTSEC-2026-0099",
    "RUSTSEC-2026-0104",
    "RUSTSEC-2026-0044",
    "RUSTSEC-2026-0045",
    "RUSTSEC-2026-0046",
    "RUSTSEC-2026-0047",
    "RUSTSEC-2026-0048",
    "RUSTSEC-2023-0071",
    "RUSTSEC-2020-0024",
    "CVE-2026-22772",
    "CVE-2026-49478",
    "CVE-2025-66506",
    "CVE-2022-29173",
    "GHSA-3633-5h82-39pq",
    "CVE-2024-47534",
    "CVE-2026-23991",
    "CVE-2026-23992",
    "CVE-2026-24137",
    "CVE-2026-24686",
];

#[test]
fn the_table_of_advisories_is_complete() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(repository.join("docs/verification.md")).unwrap();
    let (_, section) = text.split_once("\n## Advisories\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let tests = all_test_names(&repository.join("crates"));
    let mut listed = BTreeSet::new();
    for line in section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
    {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ids: Vec<&str> = cells[1].split(", ").collect();
        listed.extend(ids.iter().copied());
        let named: Vec<&str> = cells[3].split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            let why = cells[3].strip_prefix("not applicable: ");
            assert!(why.is_some_and(|why| why.len() > 10), "{line}");
        }
        let first = ids[0].to_lowercase().replace('-', "_");
        for test in named {
            assert!(tests.contains(test), "{}: no test `{test}`", ids[0]);
            assert!(
                test.starts_with(&first),
                "{}: `{test}` is not named for it",
                ids[0]
            );
        }
    }
    let wanted: BTreeSet<&str> = ADVISORIES.iter().copied().collect();
    assert_eq!(listed, wanted);
}

fn is_step_test(name: &str) -> bool {
    name.starts_with('s') && name.get(3..4) == Some("_") && name[1..3].parse::<u32>().is_ok()
}

/// `| 6 | what | code files | tests |`, with names in backticks.
fn rows(text: &str) -> Vec<Row> {
    text.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            Some(Row {
                step: cells.get(1)?.parse().ok()?,
                code: named(cells.get(3)?),
                tests: named(cells.get(4)?),
            })
        })
        .collect()
}

/// What stands in backticks.
pub(crate) fn named(cell: &str) -> Vec<String> {
    let names = cell.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

/// The names of all test functions below a folder.
pub(crate) fn all_test_names(folder: &Path) -> BTreeSet<String> {
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
