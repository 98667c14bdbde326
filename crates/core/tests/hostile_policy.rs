//! Policy files that nobody wrote in good faith: each ends soon, with a diagnostic and without a panic.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use countersign_core::{Loaded, NoFiles, PolicySet, Severity, Source};
use proptest::prelude::*;

fn load(text: String) -> (Loaded, Vec<Source>) {
    let sources = vec![Source {
        name: "hostile.yaml".to_owned(),
        text,
    }];
    (PolicySet::load(&sources, &NoFiles, &[]), sources)
}

/// Loading and rendering end within the bound, on a small stack, and with an error.
fn refused(name: &str, text: String) {
    let name = name.to_owned();
    let work = move || {
        let begin = Instant::now();
        let (loaded, sources) = load(text);
        assert!(loaded.policies.is_none(), "{name}");
        assert!(
            loaded
                .diagnostics
                .iter()
                .any(|one| one.severity == Severity::Error),
            "{name}"
        );
        assert!(
            loaded.diagnostics.len() <= 201,
            "{name}: {}",
            loaded.diagnostics.len()
        );
        for diagnostic in loaded.diagnostics.iter().take(3) {
            assert!(!diagnostic.render(&sources, true).is_empty());
        }
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "{name}: {:?}",
            begin.elapsed()
        );
    };
    std::thread::Builder::new()
        .stack_size(512 * 1024)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn depth_and_size_are_bounded() {
    for (open, close) in [
        ("[", "]"),
        ("{a: ", "}"),
        ("- ", ""),
        ("? ", ""),
        ("a: {b: [", "]}"),
    ] {
        refused(
            open,
            format!("{}x{}", open.repeat(100_000), close.repeat(100_000)),
        );
    }
    let nested = (0..20_000).fold(String::new(), |mut text, depth| {
        writeln!(text, "{}a:", " ".repeat(depth.min(400))).unwrap();
        text
    });
    refused("block nesting", nested);
    refused("too many bytes", "a: b\n".repeat(300_000));
    refused("too many values", "- a\n".repeat(100_000));
    refused("one long key", format!("{}: x\n", "k".repeat(900_000)));
    refused("one long value", format!("kind: {}\n", "v".repeat(900_000)));
    refused(
        "many keys",
        (0..9_000).map(|key| format!("k{key}: x\n")).collect(),
    );
    refused("many documents", "---\n{}\n".repeat(19_000));
    refused("many broken documents", "---\n[\n".repeat(50_000));
}

#[test]
fn aliases_expand_to_nothing() {
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b]\n\
                d: &d [*c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d]\nkind: *e\n";
    refused("alias bomb", bomb.to_owned());
    refused("alias of itself", "a: &a [*a]\n".to_owned());
    refused("merge of itself", "a: &a {<<: *a}\n".to_owned());
}

#[test]
fn odd_bytes_are_an_error() {
    for text in [
        "\0",
        "\u{feff}",
        "a: \u{1}",
        "\t- a",
        "%TAG ! x\n---\na: b",
        "!!binary x: y",
        "a: b: c",
        "'",
        "\"\\u{d800}",
        "--- |\n",
        "? \n: ",
        "*a",
        "&a",
        "<<: x",
        "...",
        "{",
        "]",
    ] {
        refused(text, text.to_owned());
    }
}

#[test]
fn long_patterns_and_expressions_are_refused_before_they_cost_anything() {
    let signer = |subject: &str| {
        format!(
            "apiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: s}}\nspec:\n  trust: public-good\n  keyless:\n    issuer: https://i.example\n    subject: {{regex: '{subject}'}}\n"
        )
    };
    for subject in [
        "(".repeat(900),
        "a{1000}{1000}{1000}".to_owned(),
        "(a?){900}".to_owned(),
        "x".repeat(5000),
        "\\p{L}{5000}".to_owned(),
        "((((((((((a*)*)*)*)*)*)*)*)*)*)*".to_owned(),
    ] {
        refused(&subject, signer(&subject));
    }
    let glob = "*a".repeat(20_000);
    refused(
        "glob",
        format!(
            "apiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {{name: p}}\nspec: {{images: ['{glob}'], rules: [{{name: a, digest: required}}]}}\n"
        ),
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// A good file with bytes cut, doubled or replaced is read or refused, never a panic, and every place fits the text.
    #[test]
    fn mutations_of_a_good_file_are_read_or_refused(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, prop::sample::select(&["", "[", "]", "{", "}", ":", "- ", "\n", "  ", "*", "&a ", "\"", "'", "#", "---\n", "\u{e9}", "\u{202e}", "9", "|\n"][..])), 1..6),
    ) {
        let mut text: Vec<char> = include_str!("policy/base.yaml").chars().collect();
        for (index, length, insert) in cuts {
            let start = index.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, insert.chars());
            if text.is_empty() {
                break;
            }
        }
        let (loaded, sources) = load(text.into_iter().collect());
        for diagnostic in &loaded.diagnostics {
            prop_assert!(!diagnostic.render(&sources, false).is_empty());
            if let Some(place) = &diagnostic.place {
                prop_assert!(sources[0].text.get(place.span.clone()).is_some(), "{diagnostic:?}");
            }
        }
    }
}
