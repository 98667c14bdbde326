//! Which hosts, and which images, an entry of the configuration is for.

use crate::Repository;
use crate::registry::canonical_host;

/// `host[:port]`, or `*.domain[:port]` for every host below a domain. Without a port it is the default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostPattern {
    Exact(String),
    Below(String),
}

/// A pattern of repositories, `registry/path`: `*` stands for anything within a segment, `**` for anything.
#[derive(Debug, Clone)]
pub(super) struct ImagePattern(String);

impl HostPattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let pattern = match text.strip_prefix('*') {
            // As a name of its own a domain may be one word, which is no registry; some host below it is.
            Some(domain) if domain.starts_with('.') => canonical_host(&format!("x{domain}"))
                .and_then(|host| host.strip_prefix('x').map(str::to_owned))
                .map(Self::Below),
            _ => canonical_host(text).map(Self::Exact),
        };
        pattern.ok_or_else(|| {
            "no host: it is written `host`, `host:port`, or `*.domain` for all below a domain"
                .to_owned()
        })
    }

    pub(super) fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::Below(suffix) => host
                .strip_suffix(suffix.as_str())
                .is_some_and(|below| !below.is_empty()),
        }
    }

    /// The most specific first: exact before all below, long before short.
    pub(super) fn rank(&self) -> (bool, std::cmp::Reverse<usize>) {
        match self {
            Self::Exact(exact) => (false, std::cmp::Reverse(exact.len())),
            Self::Below(suffix) => (true, std::cmp::Reverse(suffix.len())),
        }
    }
}

impl ImagePattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (host, path) = text.split_once('/').unwrap_or_default();
        let is_text = !text
            .chars()
            .any(|it| it.is_whitespace() || it.is_control() || it == '@');
        if host.is_empty() || path.is_empty() || !is_text || text.len() > 512 {
            return Err("no pattern of images: it is written `registry/path`, where `*` and `**` may stand, without tag and digest".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn matches(&self, image: &Repository) -> bool {
        glob(self.0.as_bytes(), image.to_string().as_bytes())
    }
}

/// Matches in time that is bounded by the product of both lengths: after the row of states for each character of the
/// pattern stands which beginnings of the text it has matched.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let mut matched = vec![false; text.len() + 1];
    matched[0] = true;
    let mut rest = pattern;
    while let Some((&first, after)) = rest.split_first() {
        let is_deep = first == b'*' && after.first() == Some(&b'*');
        rest = if is_deep { &after[1..] } else { after };
        let mut next = vec![false; text.len() + 1];
        for end in 0..=text.len() {
            let last = end.checked_sub(1).map(|before| (before, text[before]));
            next[end] = match (first, last) {
                (b'*', None) => matched[0],
                (b'*', Some((before, byte))) => {
                    matched[end] || (next[before] && (is_deep || byte != b'/'))
                }
                (_, None) => false,
                (wanted, Some((before, byte))) => matched[before] && wanted == byte,
            };
        }
        matched = next;
    }
    matched[text.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use countersign_core::ImageRef;

    use super::*;

    #[test]
    fn hosts_match_exactly_or_below_a_domain() {
        for (pattern, host, matches) in [
            ("ghcr.io", "ghcr.io", true),
            ("GHCR.io:443", "ghcr.io", true),
            ("ghcr.io", "ghcr.io:5000", false),
            ("index.docker.io", "docker.io", true),
            ("registry", "registry:443", true),
            ("localhost:5000", "localhost:5000", true),
            ("[::1]:5000", "[::1]:5000", true),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "badexample.com", false),
            ("*.example.com", "a.example.com:5000", false),
            ("*.example.com:5000", "a.example.com:5000", true),
        ] {
            let parsed = HostPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(host), matches, "{pattern} {host}");
        }
        for text in [
            "",
            "https://a.b",
            "a.b/c",
            "*",
            "*.",
            "a.*.b",
            "a b",
            "a.b:x",
            "a@b",
        ] {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn images_match_within_and_across_segments() {
        let repository = |text| Repository::of(&ImageRef::parse(text).unwrap());
        for (pattern, image, matches) in [
            ("ghcr.io/acme/**", "ghcr.io/acme/a/b", true),
            ("ghcr.io/acme/*", "ghcr.io/acme/a", true),
            ("ghcr.io/acme/*", "ghcr.io/acme/a/b", false),
            ("ghcr.io/acme/app", "ghcr.io/acme/app", true),
            ("ghcr.io/acme/app", "ghcr.io/acme/app2", false),
            ("ghcr.io/**/app", "ghcr.io/a/b/app", true),
            ("*.io/acme/a*c", "ghcr.io/acme/abc", true),
            ("**/app", "quay.io/x/app", true),
            ("ghcr.io/acme/**", "ghcr.io/acme2/a", false),
        ] {
            let pattern = ImagePattern::parse(pattern).unwrap();
            assert_eq!(
                pattern.matches(&repository(image)),
                matches,
                "{pattern:?} {image}"
            );
        }
        for text in [
            "",
            "ghcr.io",
            "/a",
            "ghcr.io/",
            "ghcr.io/a@b",
            "ghcr.io/a b",
        ] {
            assert!(ImagePattern::parse(text).is_err(), "{text}");
        }
        // Exponential in a matcher that goes back.
        let stars = format!("ghcr.io/{}b", "a*".repeat(200));
        let image = repository(&format!("ghcr.io/{}", "a".repeat(200)));
        assert!(!ImagePattern::parse(&stars).unwrap().matches(&image));
    }
}
