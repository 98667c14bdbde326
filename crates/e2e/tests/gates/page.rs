//! What `docs/gates.md` shows: the predicates of gates, and commands.

use countersign_testkit::page::blocks;
use serde_json::Value;

const PAGE: &str = include_str!("../../../../docs/gates.md");
/// How the page calls the image.
pub(crate) const IMAGE: &str = "ghcr.io/acme/app@sha256:DIGEST";

/// The predicate that the page shows as this file.
pub(crate) fn predicate(name: &str) -> Value {
    let (_, rest) = PAGE.split_once(&format!("`{name}`")).unwrap();
    serde_json::from_str(blocks(rest, "json").next().unwrap()).unwrap()
}

/// The words of the only command in which this one stands.
pub(crate) fn command(word: &str) -> Vec<&'static str> {
    let lines = PAGE.lines().filter_map(|line| line.strip_prefix("$ "));
    let mut found = lines
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|words| words.contains(&word));
    let words = found
        .next()
        .unwrap_or_else(|| panic!("no command of {word}"));
    assert_eq!(found.next(), None, "{word}");
    words
}

/// Every reason code in the table of what stops a promotion.
pub(crate) fn reasons() -> Vec<&'static str> {
    let (_, table) = PAGE.split_once("## What stops a promotion\n").unwrap();
    let (table, _) = table.split_once("\n\nA test result").unwrap();
    let codes = table.lines().filter(|line| line.contains(" | `"));
    codes
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

/// The sentence that the page has a refused canary say, up to what is left out.
pub(crate) fn message() -> &'static str {
    let text = blocks(PAGE, "text").next().unwrap();
    text.split(" && …").next().unwrap()
}
