//! What becomes of patterns, and that no image escapes them.

#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn patterns_of_policy_controller() {
    for (text, expected, fit) in [
        ("**", &["**"][..], Fit::Same),
        ("ghcr.io/acme/*", &["ghcr.io/acme/*"], Fit::Same),
        ("ghcr.io/acme/**", &["ghcr.io/acme/**"], Fit::Same),
        ("ghcr.io/acme/app*", &["ghcr.io/acme/app*"], Fit::Same),
        (
            "ghcr.io/acme/app**",
            &["ghcr.io/acme/app*", "ghcr.io/acme/app*/**"],
            Fit::Same,
        ),
        ("**demo**", &["**/*demo*", "**/*demo*/**"], Fit::Same),
        ("*", &["docker.io/library/*"], Fit::Same),
        ("*/*", &["docker.io/*/*"], Fit::Same),
        ("index.docker.io/acme/*", &["docker.io/acme/*"], Fit::Same),
        ("acme/*", &["docker.io/acme/*"], Fit::Same),
        ("busybox*", &["docker.io/library/busybox*"], Fit::Same),
        ("host:5000/a*", &["host:5000/a*"], Fit::Same),
        ("localhost/**", &["localhost/**"], Fit::Same),
        ("ghcr.io/acme/app", &["ghcr.io/acme/app"], Fit::AnyTag),
        ("ghcr.io/acme/app:*", &["ghcr.io/acme/app"], Fit::AnyTag),
        ("ghcr.io/acme/app:v1", &["ghcr.io/acme/app"], Fit::AnyTag),
        (
            "ghcr.io/acme/app@sha256:ab",
            &["ghcr.io/acme/app"],
            Fit::AnyTag,
        ),
        ("a.io/**/x*", &["a.io/*/**/x*"], Fit::Same),
        ("ghcr.io/Acme/*", &[], Fit::Same),
        ("GHCR.io/acme/*", &["ghcr.io/acme/*"], Fit::Same),
        ("h.example:443/acme/*", &["h.example/acme/*"], Fit::Same),
    ] {
        let images = covering(text, Dialect::Controller).unwrap();
        assert_eq!(
            (images.patterns, images.fit),
            (expected.iter().map(|it| (*it).to_owned()).collect(), fit),
            "{text}"
        );
    }
    for text in ["[", "a b", "", "a\\b", "é"] {
        assert!(covering(text, Dialect::Controller).is_err(), "{text}");
    }
}

#[test]
fn wildcards_of_kyverno_cross() {
    for (text, expected, fit) in [
        ("*", &["**"][..], Fit::Same),
        ("ghcr.io/acme/*", &["ghcr.io/acme/**"], Fit::Same),
        (
            "ghcr.io/acme/app*",
            &["ghcr.io/acme/app*", "ghcr.io/acme/app*/**"],
            Fit::Same,
        ),
        ("ghcr.io/acme/app:*", &["ghcr.io/acme/app"], Fit::AnyTag),
        (
            "ghcr.io/acme/ap?:v?",
            &["ghcr.io/acme/ap*", "ghcr.io/acme/ap*/**"],
            Fit::AnyTag,
        ),
        (
            "ghcr.io/acme/ap?*",
            &["ghcr.io/acme/ap*", "ghcr.io/acme/ap*/**"],
            Fit::Wider,
        ),
        (
            "docker.io/nginx*",
            &[
                "docker.io/library/nginx*",
                "docker.io/nginx*",
                "docker.io/nginx*/**",
            ],
            Fit::Same,
        ),
        ("*/nginx*", &["*/**/nginx*", "*/**/nginx*/**"], Fit::Same),
    ] {
        let images = covering(text, Dialect::Wildcard).unwrap();
        assert_eq!(
            (images.patterns, images.fit),
            (expected.iter().map(|it| (*it).to_owned()).collect(), fit),
            "{text}"
        );
    }
}

#[test]
fn exceptions_are_never_wider() {
    for (text, expected) in [
        ("ghcr.io/acme/*", Some(&["ghcr.io/acme/**"][..])),
        (
            "ghcr.io/acme/app*",
            Some(&["ghcr.io/acme/app*", "ghcr.io/acme/app*/**"]),
        ),
        ("ghcr.io/acme/app", None),
        ("ghcr.io/acme/app:*", None),
        ("ghcr.io/acme/app@*", None),
        ("ghcr.io/acme/ap?*", None),
        ("acme/app*", None),
        ("GHCR.io/acme/*", None),
        ("index.docker.io/acme/*", None),
    ] {
        let expected = expected.map(|it| it.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(covered(text).ok(), expected, "{text}");
    }
}

/// Whether a text fits a pattern of an original, letter by letter.
fn original(pattern: &[char], text: &[char], dialect: Dialect) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', '*', rest @ ..] if dialect == Dialect::Controller => {
            (0..=text.len()).any(|skip| original(rest, &text[skip..], dialect))
        }
        ['*', rest @ ..] => (0..=text.len())
            .take_while(|skip| dialect != Dialect::Controller || !text[..*skip].contains(&'/'))
            .any(|skip| original(rest, &text[skip..], dialect)),
        ['?', rest @ ..] => !text.is_empty() && original(rest, &text[1..], dialect),
        [it, rest @ ..] => text.first() == Some(it) && original(rest, &text[1..], dialect),
    }
}

/// Whether a name fits a pattern of ours, as docs/policy.md says.
fn ours(pattern: &[&str], name: &[&str]) -> bool {
    match pattern {
        [] => name.is_empty(),
        ["**"] => !name.is_empty(),
        ["**", rest @ ..] => (0..=name.len()).any(|skip| ours(rest, &name[skip..])),
        [it, rest @ ..] => name
            .split_first()
            .is_some_and(|(first, behind)| fits(it, first) && ours(rest, behind)),
    }
}

/// Every pattern of up to four parts against every small name: whatever the original names is named, and whatever is left
/// out was left out.
#[test]
fn no_image_escapes() {
    const PARTS: [&str; 8] = ["a", "b", "*", "**", "/", "?", ":v", "@d"];
    let names = [
        "h.io/a",
        "h.io/b",
        "h.io/ab",
        "h.io/a/b",
        "h.io/b/a",
        "h.io/a/a/b",
        "h.io/ab/b/a",
        "docker.io/library/a",
        "docker.io/library/ab",
        "docker.io/a/b",
    ];
    let mut patterns: Vec<String> = vec![String::new()];
    let mut last = patterns.clone();
    for _ in 0..4 {
        last = last
            .iter()
            .flat_map(|head| PARTS.iter().map(move |part| format!("{head}{part}")))
            .collect();
        patterns.extend(last.iter().cloned());
    }
    let chars = |text: &str| text.chars().collect::<Vec<char>>();
    let named = |patterns: &[String], name: &str| {
        let name: Vec<&str> = name.split('/').collect();
        patterns
            .iter()
            .any(|it| ours(&it.split('/').collect::<Vec<_>>(), &name))
    };
    let mut tried = 0;
    for (tail, dialect) in patterns
        .iter()
        .flat_map(|it| [(it, Dialect::Controller), (it, Dialect::Wildcard)])
    {
        for pattern in [tail.clone(), format!("h.io/{tail}")] {
            let written = chars(&pattern);
            let found = covering(&pattern, dialect);
            let left_out = match dialect {
                Dialect::Wildcard => covered(&pattern).unwrap_or_default(),
                Dialect::Controller | Dialect::Glob => Vec::new(),
            };
            for name in names {
                let short = name
                    .strip_prefix("docker.io/")
                    .map(|it| it.strip_prefix("library/").unwrap_or(it));
                let full = if dialect == Dialect::Controller {
                    name.replace("docker.io", "index.docker.io")
                } else {
                    name.to_owned()
                };
                let texts = |tag: &str| {
                    [
                        Some(format!("{full}{tag}")),
                        short.map(|it| format!("{it}{tag}")),
                    ]
                };
                let matches = |text: &String| original(&written, &chars(text), dialect);
                let any = [":v", "@d"]
                    .iter()
                    .flat_map(|tag| texts(tag))
                    .flatten()
                    .any(|it| matches(&it));
                // The two characters that the original refuses in a glob do not get so far.
                if let Ok(found) = &found
                    && any
                    && pattern != "*"
                    && pattern != "*/*"
                {
                    tried += 1;
                    assert!(
                        named(&found.patterns, name),
                        "{pattern} names {name}, {found:?} does not"
                    );
                }
                if named(&left_out, name) {
                    tried += 1;
                    let all = [":v", "@d"]
                        .iter()
                        .all(|tag| matches(&format!("{full}{tag}")));
                    assert!(all, "{pattern} does not name {name}, {left_out:?} does");
                }
            }
        }
    }
    assert!(tried > 10_000, "{tried}");
}
