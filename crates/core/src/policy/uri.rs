//! URIs in matchers.

use std::fmt;

use super::glob::Glob;

/// A URI, whole or with a pattern at its end; what stands before the pattern is compared exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UriPattern {
    written: String,
    /// The whole URI, or what stands before the pattern.
    literal: String,
    rest: Option<Glob>,
}

/// Where a URI takes `*` and `**`: never in what says whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stars {
    /// In the ref behind the first `@`.
    BehindAt,
    /// Behind the host and the first element of the path.
    BehindOwner,
}

impl UriPattern {
    /// Reads a URI.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the text.
    pub(crate) fn parse(text: &str, stars: Stars) -> Result<Self, String> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("has blanks or control characters".to_owned());
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("is not a URI with scheme and host")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let good_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !good_scheme || host.is_empty() || host.contains(['@', '*']) {
            return Err("is not a URI with scheme and host".to_owned());
        }
        if !text.contains('*') {
            return Ok(Self {
                written: text.to_owned(),
                literal: text.to_owned(),
                rest: None,
            });
        }
        let (split, why) = match stars {
            Stars::BehindAt => (
                path.split_once('@'),
                "has `*` elsewhere than in the ref behind `@`",
            ),
            Stars::BehindOwner => (
                path.split_once('/'),
                "has `*` in its host or in the first element of its path",
            ),
        };
        let (before, pattern) = split
            .filter(|(before, _)| !before.contains('*') && !before.is_empty())
            .ok_or(why)?;
        let separator = if stars == Stars::BehindAt { '@' } else { '/' };
        Ok(Self {
            written: text.to_owned(),
            literal: format!("{scheme}://{host}/{before}{separator}"),
            rest: Some(
                Glob::parse(pattern)
                    .map_err(|why| format!("is wrong behind `{separator}`: `{pattern}` {why}"))?,
            ),
        })
    }

    /// Whether a value is this URI, or fits the pattern at its end.
    pub(crate) fn matches(&self, value: &str) -> bool {
        match &self.rest {
            None => value == self.literal,
            Some(glob) => value
                .strip_prefix(&self.literal)
                .is_some_and(|rest| glob.matches(rest)),
        }
    }

    /// Whether one value could fit both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (&self.rest, &other.rest) {
            (Some(left), Some(right)) => self.literal == other.literal && left.overlaps(right),
            (None, _) => other.matches(&self.literal),
            (Some(_), None) => self.matches(&other.literal),
        }
    }
}

impl fmt::Display for UriPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_uri_is_literal_but_for_its_end() {
        let run = "https://github.com/acme/app/actions/runs/7/attempts/1";
        let ci = "https://github.com/acme/ci/.github/workflows/ci.yml@refs/tags/v1";
        for (pattern, stars, value, expected) in [
            (ci, Stars::BehindAt, ci, true),
            (
                ci,
                Stars::BehindAt,
                "https://github.com/acme/ci/.github/workflows/ci.yml@refs/tags/v10",
                false,
            ),
            (
                "https://github.com/acme/ci/.github/workflows/ci.yml@refs/tags/v*",
                Stars::BehindAt,
                ci,
                true,
            ),
            (
                "https://github.com/acme/ci/.github/workflows/ci.yml@refs/heads/*",
                Stars::BehindAt,
                ci,
                false,
            ),
            (
                "https://github.com/acme/c/.github/workflows/ci.yml@**",
                Stars::BehindAt,
                ci,
                false,
            ),
            (
                "https://gitlab.com/acme/ci//.gitlab-ci.yml@refs/**",
                Stars::BehindAt,
                "https://gitlab.com/acme/ci//.gitlab-ci.yml@refs/heads/main",
                true,
            ),
            (
                "https://github.com/acme/app/actions/runs/*/attempts/1",
                Stars::BehindOwner,
                run,
                true,
            ),
            (
                "https://github.com/acme/app/actions/runs/*",
                Stars::BehindOwner,
                run,
                false,
            ),
            ("https://github.com/acme/**", Stars::BehindOwner, run, true),
            ("https://github.com/acm/**", Stars::BehindOwner, run, false),
            (
                "https://github.com/acme/**",
                Stars::BehindOwner,
                "https://github.com/acme-evil/app/actions/runs/7",
                false,
            ),
        ] {
            assert_eq!(
                UriPattern::parse(pattern, stars).unwrap().matches(value),
                expected,
                "{pattern} {value}"
            );
        }
    }

    #[test]
    fn no_pattern_reaches_whose_it_is() {
        for (text, stars) in [
            ("", Stars::BehindAt),
            (
                "acme/ci/.github/workflows/ci.yml@refs/tags/v1",
                Stars::BehindAt,
            ),
            ("https:///acme", Stars::BehindAt),
            ("HTTPS://github.com/acme", Stars::BehindAt),
            ("https://user@github.com/acme", Stars::BehindAt),
            ("https://github.com/acme ci", Stars::BehindAt),
            ("https://*.github.com/acme/ci@refs/tags/v1", Stars::BehindAt),
            (
                "https://github.com/*/ci/.github/workflows/ci.yml@refs/tags/v1",
                Stars::BehindAt,
            ),
            (
                "https://github.com/acme/ci/.github/workflows/*.yml@refs/tags/v*",
                Stars::BehindAt,
            ),
            ("https://github.com/acme/ci/*", Stars::BehindAt),
            ("https://github.com@*", Stars::BehindAt),
            ("https://github.com/@*", Stars::BehindAt),
            (
                "https://github.com/acme/ci/.github/workflows/ci.yml@refs/tags/[v]*",
                Stars::BehindAt,
            ),
            (
                "https://github.com/*/app/actions/runs/1",
                Stars::BehindOwner,
            ),
            ("https://github.com/**", Stars::BehindOwner),
            ("https://*/acme/app", Stars::BehindOwner),
            ("https://github.com//*", Stars::BehindOwner),
        ] {
            assert!(UriPattern::parse(text, stars).is_err(), "{text}");
        }
    }
}
