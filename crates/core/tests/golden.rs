//! Files that are generated from the code and committed: `UPDATE_GOLDEN=1 cargo test -p countersign-core --test golden`
//! writes them anew.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

#[path = "golden/examples.rs"]
mod examples;
#[path = "golden/reference.rs"]
mod reference;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use countersign_core::{BlobReport, Class, PolicySet, ReasonCode, Report};

/// Compares with the committed file, or writes it.
fn check(path: &str, content: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == content,
        "{} is not what the code says; run with UPDATE_GOLDEN=1 and read the difference",
        path.display()
    );
}

fn pretty(schema: &serde_json::Value) -> String {
    format!("{schema:#}\n")
}

#[test]
fn the_list_of_reason_codes_is_stable() {
    let list: String = ReasonCode::ALL
        .iter()
        .map(|code| {
            format!(
                "{:<28} {:<14} {}\n",
                code.as_str(),
                code.class().as_str(),
                code.rank()
            )
        })
        .collect();
    check("crates/core/tests/golden/reason-codes.txt", &list);
}

#[test]
fn reason_codes_are_well_formed() {
    let mut seen = BTreeSet::new();
    for code in ReasonCode::ALL {
        let text = code.as_str();
        assert!(seen.insert(text), "{text} stands twice");
        let kebab = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(
            kebab && !text.starts_with('-') && !text.ends_with('-'),
            "{text}"
        );
        assert_eq!(ReasonCode::find(text), Some(*code));
        for sentence in [code.message(), code.hint()] {
            assert!(sentence.ends_with('.'), "{text}: {sentence}");
        }
    }
}

#[test]
fn docs_reasons_are_generated() {
    let (examples, mut missing) = (examples::Examples::read(), Vec::new());
    let mut text = "# Reasons\n\n<!-- Generated from crates/core/src/reason.rs by crates/core/tests/golden.rs; do not edit. -->\n\n\
        Each outcome other than *pass*, and each diagnostic about a policy, has one stable code. When several pieces of\n\
        evidence fail, the one that came farthest is shown.\n"
        .to_owned();
    for (class, title, about) in [
        (Class::Absent, "Absent", "What a rule wants is not there."),
        (
            Class::Rejected,
            "Rejected",
            "Evidence was there, and was refused or is not what the rule wants.",
        ),
        (
            Class::Unknown,
            "Unknown",
            "Nobody could tell: something could not be fetched or must not be believed.",
        ),
        (
            Class::Misconfigured,
            "Misconfigured",
            "The policy, the trust material or the command is wrong.",
        ),
    ] {
        write!(text, "\n## {title}\n\n{about}\n").unwrap();
        for code in ReasonCode::ALL.iter().filter(|code| code.class() == class) {
            let Some(example) = examples.of(*code) else {
                missing.push(code.as_str());
                continue;
            };
            let example = match example.strip_prefix("```") {
                Some(_) => format!("\n\n{example}"),
                None => format!(" {example}"),
            };
            write!(
                text,
                "\n### {code}\n\n{}\n\n*What to do:* {}\n\n*For example:*{example}\n",
                code.message(),
                code.hint()
            )
            .unwrap();
        }
    }
    assert_eq!(
        missing,
        Vec::<&str>::new(),
        "each code has an example: a case, or a line in tests/golden/examples.txt"
    );
    let listed = text.matches("\n### ").count();
    assert_eq!(listed, ReasonCode::ALL.len(), "a class is missing here");
    check("docs/reasons.md", &text);
}

#[test]
fn the_schema_of_policies_is_generated() {
    check("docs/policy.schema.json", &pretty(&PolicySet::schema()));
}

#[test]
fn the_reference_of_policies_is_generated() {
    let page = reference::page(&PolicySet::schema());
    check("docs/policy-reference.md", &page);
}

#[test]
fn the_schema_of_reports_is_generated() {
    check("docs/report.schema.json", &pretty(&Report::schema()));
}

#[test]
fn the_schema_of_verify_bundle_is_generated() {
    let path = "docs/verify-bundle.schema.json";
    check(path, &pretty(&BlobReport::schema()));
}
