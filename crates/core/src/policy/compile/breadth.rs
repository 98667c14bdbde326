//! Whether a regular expression over identities would accept strangers.
//!
//! From the expression itself pairs of identities are made that differ wherever the expression leaves a choice. If both
//! match and belong to different owners, then whoever holds the second can sign for the first. So `.*acme.*`, an owner
//! without a slash behind it (`github\.com/acme.*`) and an unescaped dot in a host are found, while `(acme|beta)/` is not:
//! there the author wrote both owners down.

use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Characters of a made-up identity.
const MAX_SAMPLE: usize = 2000;
/// Branches of an alternation that are tried.
const MAX_BRANCHES: usize = 32;
/// A class of so few characters was written on purpose (`[12]`, or one letter in either case).
const MAX_WRITTEN_CLASS: u32 = 4;
/// Hosts on which the first element of the path is the owner. On other hosts the host is.
const FORGES: [&str; 9] = [
    "github.com",
    "gitlab.com",
    "bitbucket.org",
    "codeberg.org",
    "buildkite.com",
    "app.circleci.com",
    "circleci.com",
    "hub.docker.com",
    "dev.azure.com",
];
/// Identities of owners that have nothing to do with each other, as Fulcio issues them.
const PROBES: [(&str, &str); 4] = [
    (
        "https://github.com/first-owner/app/.github/workflows/release.yml@refs/heads/main",
        "https://github.com/second-owner/app/.github/workflows/release.yml@refs/heads/main",
    ),
    (
        "https://gitlab.com/first-owner/app//.gitlab-ci.yml@refs/heads/main",
        "https://gitlab.com/second-owner/app//.gitlab-ci.yml@refs/heads/main",
    ),
    (
        "someone@first-owner.example",
        "someone@second-owner.example",
    ),
    (
        "https://first-owner.example/job",
        "https://second-owner.example/job",
    ),
];

/// Two identities of unrelated owners that both match, if there are such.
pub(super) fn strangers(regex: &Regex, parsed: &Hir) -> Option<(String, String)> {
    for (left, right) in PROBES {
        if regex.is_match(left) && regex.is_match(right) {
            return Some((left.to_owned(), right.to_owned()));
        }
    }
    (0..MAX_BRANCHES).find_map(|branch| {
        let left = sample(parsed, branch, Side::First)?;
        let right = sample(parsed, branch, Side::Last)?;
        let both = regex.is_match(&left) && regex.is_match(&right);
        (both && owner(&left) != owner(&right)).then_some((left, right))
    })
}

/// Who an identity belongs to: owner on a forge, host of a URI, domain of an e-mail address or DNS name.
fn owner(identity: &str) -> String {
    if let Some((scheme, rest)) = identity.split_once("://") {
        let mut elements = rest.split('/');
        let host = elements.next().unwrap_or_default();
        let owner = elements.next().unwrap_or_default();
        return if FORGES.contains(&host) {
            format!("{scheme}://{host}/{owner}").to_lowercase()
        } else {
            format!("{scheme}://{host}").to_lowercase()
        };
    }
    if let Some((_, domain)) = identity.rsplit_once('@') {
        return domain.to_lowercase();
    }
    let labels: Vec<&str> = identity.rsplit('.').take(2).collect();
    labels.join(".").to_lowercase()
}

/// Which end of a choice is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    First,
    Last,
}

/// A text that the expression probably matches; `None` if it would be too long.
fn sample(parsed: &Hir, branch: usize, side: Side) -> Option<String> {
    let mut out = String::new();
    write(parsed, branch, side, &mut out)?;
    Some(out)
}

fn write(part: &Hir, branch: usize, side: Side, out: &mut String) -> Option<()> {
    if out.len() > MAX_SAMPLE {
        return None;
    }
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => out.push(pick(class, side)?),
        HirKind::Capture(capture) => write(&capture.sub, branch, side, out)?,
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, branch, side, out)?;
            }
        }
        HirKind::Alternation(parts) => {
            write(parts.get(branch).or(parts.last())?, branch, side, out)?
        }
        HirKind::Repetition(repetition) => {
            let times = repetition
                .max
                .map_or(3, |max| max.min(3))
                .max(repetition.min);
            for _ in 0..times {
                write(&repetition.sub, branch, side, out)?;
            }
        }
    }
    Some(())
}

/// A character of the class, another one for each side unless the class was plainly written for its few characters.
fn pick(class: &Class, side: Side) -> Option<char> {
    const PREFERRED: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class
            .ranges()
            .iter()
            .map(|range| (range.start(), range.end()))
            .collect(),
        Class::Bytes(class) => class
            .ranges()
            .iter()
            .map(|range| (char::from(range.start()), char::from(range.end())))
            .collect(),
    };
    let size = ranges
        .iter()
        .map(|(start, end)| u32::from(*end) - u32::from(*start) + 1)
        .fold(0, u32::saturating_add);
    let holds = |c: &char| ranges.iter().any(|(start, end)| start <= c && c <= end);
    if side == Side::First || size <= MAX_WRITTEN_CLASS {
        return PREFERRED
            .chars()
            .find(holds)
            .or(ranges.first().map(|range| range.0));
    }
    PREFERRED
        .chars()
        .rev()
        .find(holds)
        .or(ranges.last().map(|range| range.1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn broad(pattern: &str) -> bool {
        let parsed = regex_syntax::parse(pattern).unwrap();
        let regex = Regex::new(&format!(r"\A(?:{pattern})\z")).unwrap();
        strangers(&regex, &parsed).is_some()
    }

    #[test]
    fn patterns_that_let_strangers_in_are_found() {
        for pattern in [
            ".*",
            ".+",
            ".*acme.*",
            "https://github.com/.*",
            r"https://github\.com/.*",
            r"https://github\.com/acme.*",
            r"https://github\.com/acme[^/]*/app/.*",
            r"https://github\.com/[^/]+/app/\.github/workflows/release\.yml@refs/heads/main",
            r"https://github.com/acme/app/\.github/workflows/release\.yml@refs/heads/main",
            r".*github\.com/acme/.*",
            r"https://github\.com/(acme|.*)/app/.*",
            r"https://github\.com/(acme/app|[a-z]+/other)/\.github/.*",
            r".*@acme.com",
            r".*@.*\.com",
            r"[a-z]+@[a-z]+\.example",
            r"https://.*/job",
            r"https://ci\.[a-z]+\.com/job",
            r".*\.com",
            r"https://github\.com/acme[0-9]/app/.*",
        ] {
            assert!(broad(pattern), "{pattern}");
        }
    }

    #[test]
    fn patterns_of_one_owner_pass() {
        for pattern in [
            r"https://github\.com/acme/.*",
            r"https://github\.com/acme/[a-z-]+/\.github/workflows/release\.ya?ml@refs/(heads/main|tags/v.*)",
            r"https://github\.com/(acme|beta)/app/.*",
            r"(?i)https://github\.com/acme/.*",
            r"[a-z.]+@acme\.com",
            r".*@acme\.com",
            r"https://ci\.acme\.com/.*",
            r"https://kubernetes\.io/namespaces/prod-.*/serviceaccounts/ci",
            r"^https://github\.com/acme/.*$",
            r".*\.acme\.com",
            r"https://github\.com/acme[12]/app/x",
        ] {
            assert!(!broad(pattern), "{pattern}");
        }
    }
}
