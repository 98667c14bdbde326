//! What becomes of issuers and subjects.

#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn patterns_become_no_wider() {
    let exact = |text: &str| Subject::Exact(text.to_owned());
    let regex = |text: &str| Subject::Regex(text.to_owned());
    for (pattern, subject, same) in [
        (
            r"^https://github\.com/acme/app/\.github/workflows/r\.yml@refs/heads/main$",
            exact("https://github.com/acme/app/.github/workflows/r.yml@refs/heads/main"),
            true,
        ),
        (
            r"^https://github\.com/acme/.*$",
            regex(r"https://github\.com/acme/.*"),
            true,
        ),
        (
            r"https://github.com/acme/.*",
            regex(r"https://github\.com/acme/.*"),
            false,
        ),
        (
            r"^https://github\.com/acme/app",
            regex(r"https://github\.com/acme/app.*"),
            true,
        ),
        (
            r"^https://github\.com/acme",
            regex(r"https://github\.com/acme/.*"),
            false,
        ),
        (r".*@acme\.com$", regex(r".*@acme\.com"), true),
        (r"@acme\.com$", regex(r".*@acme\.com"), true),
        (
            r"github.com/acme/app",
            regex(r"https://github\.com/acme/app.*"),
            false,
        ),
        (
            r"^https://github\.com/acme/\d+$",
            regex(r"https://github\.com/acme/[0-9]+"),
            false,
        ),
        (
            r"^dev@acme\.com|ops@acme\.com$",
            regex(r".*(?:^dev@acme\.com|ops@acme\.com$).*"),
            false,
        ),
    ] {
        assert_eq!(
            anchored(pattern).unwrap(),
            Anchored { subject, same },
            "{pattern}"
        );
    }
    for pattern in [
        ".*",
        ".+",
        "",
        r"^https://github\.com/.*",
        r"\Qx\E",
        "[[a]b]",
        "(",
        r"https://.*/x",
    ] {
        assert!(
            anchored(pattern).is_err(),
            "{pattern}: {:?}",
            anchored(pattern)
        );
    }
}

#[test]
fn issuers_are_the_urls_that_a_pattern_names() {
    for (pattern, expected) in [
        (
            r"^https://token\.actions\.githubusercontent\.com$",
            &["https://token.actions.githubusercontent.com"][..],
        ),
        (
            "https://accounts.google.com",
            &["https://accounts.google.com"],
        ),
        (
            "^(https://a.example|https://b.example)$",
            &["https://a.example", "https://b.example"],
        ),
        (".*", &[]),
        ("https://.*", &[]),
        ("github", &[]),
        (r"https://a.example/\d", &[]),
    ] {
        assert_eq!(alternatives(pattern), expected, "{pattern}");
    }
}

#[test]
fn wildcards_are_written_out() {
    assert_eq!(
        wildcard("https://github.com/acme/*"),
        r"https://github\.com/acme/.*"
    );
    assert_eq!(wildcard("a?b"), "a.b");
}
