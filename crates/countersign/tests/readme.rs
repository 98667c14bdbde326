//! The README shows what is tested: its commands, its example and its policy are files of this repository.
#![allow(clippy::unwrap_used)]

use std::fs;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn read(path: &str) -> String {
    fs::read_to_string(format!("{ROOT}/{path}")).unwrap()
}

/// The contents of the fenced blocks of one language, in order.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    let readme = read("README.md");
    let block = |rest: &str| rest.split("\n```").next().unwrap().to_owned();
    readme.split(&fence).skip(1).map(block).collect()
}

/// `.ci/run` runs these two.
#[test]
fn the_first_two_commands_are_the_main_job_and_the_tests() {
    let main_job = "cargo run --release -p countersign-cli -- verify oci:testdata/images/signed-keyed \
                    --policy policies/testdata-keyed.yaml";
    assert_eq!(blocks("sh"), [main_job, "cargo test --workspace"]);
}

#[test]
fn the_example_is_the_example() {
    let example = read("crates/countersign/examples/verify.rs");
    let code = example.split_once("\n\n").unwrap().1.trim_end();
    assert_eq!(blocks("rust"), [code]);
    assert!(code.lines().count() < 20, "a decision takes under 20 lines");
}

#[test]
fn the_policy_is_an_example() {
    assert_eq!(
        blocks("yaml"),
        [read("policies/github-actions.yaml").trim_end()]
    );
}
