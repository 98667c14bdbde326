//! Which images a key of the kubelet's means: `host[:port][/path]`, with globs in the host.

use super::HUB_HOST;
use crate::Repository;

/// A key, as the kubelet reads it (`pkg/credentialprovider/keyring.go`).
///
/// The host's labels match one by one, as globs (`*`, `?`, `[a-z]`) that end at the dot; the ports are equal; the path is
/// a prefix. Off-spec: port 443 is the same as none, for an image's name has no trace of it here; hosts match in lower
/// case; and an address in brackets has no globs.
#[derive(Debug, Clone)]
pub(super) struct ImagePattern {
    host: String,
    port: Option<String>,
    /// With its slash at the beginning; empty: every path.
    path: String,
}

/// One part of a label's glob.
#[derive(Debug)]
enum Part {
    One(char),
    Any,
    Anything,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl ImagePattern {
    /// Reads `host[:port][/path]`.
    pub(super) fn parse(text: &str) -> Self {
        let (authority, path) = match text.find('/') {
            Some(slash) => text.split_at(slash),
            None => (text, ""),
        };
        let (host, port) = split_port(authority);
        Self {
            host: host.to_ascii_lowercase(),
            port: port.filter(|port| *port != "443").map(str::to_owned),
            path: match path {
                "/" => String::new(),
                path => path.to_owned(),
            },
        }
    }

    /// Reads a key of a docker config: with or without a scheme; `/v1/` and `/v2/` are no path.
    pub(super) fn of_config_key(key: &str) -> Self {
        let bare = key
            .strip_prefix("https://")
            .or_else(|| key.strip_prefix("http://"))
            .unwrap_or(key);
        let mut pattern = Self::parse(bare);
        if let Some(rest) = pattern
            .path
            .strip_prefix("/v1/")
            .or_else(|| pattern.path.strip_prefix("/v2/"))
        {
            pattern.path = match rest {
                "" => String::new(),
                rest => format!("/{rest}"),
            };
        }
        pattern
    }

    /// Whether a repository's images are meant.
    pub(super) fn matches(&self, repository: &Repository) -> bool {
        let (host, port) = split_port(repository.registry());
        if self.port.as_deref() != port
            || !format!("/{}", repository.path()).starts_with(&self.path)
        {
            return false;
        }
        if host.starts_with('[') {
            return self.host == host;
        }
        let (globs, labels) = (self.host.split('.'), host.split('.'));
        globs.clone().count() == labels.clone().count()
            && globs.zip(labels).all(|(glob, label)| is_match(glob, label))
    }

    /// Whether it is Docker Hub by the name of its account service. The kubelet uses such a key when no other matches.
    pub(super) fn is_hub(&self) -> bool {
        self.host == HUB_HOST && self.port.is_none() && self.path.is_empty()
    }

    /// The kubelet's order: the more specific goes first.
    pub(super) fn order(&self) -> std::cmp::Reverse<String> {
        let port = self.port.as_deref().map(|port| format!(":{port}"));
        std::cmp::Reverse(format!(
            "{}{}{}",
            self.host,
            port.unwrap_or_default(),
            self.path
        ))
    }
}

/// Host and port; `[::1]:5000` too.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether a glob means a label (Go's `filepath.Match`). A glob that is malformed means nothing.
fn is_match(glob: &str, label: &str) -> bool {
    let Some(parts) = parts(glob) else {
        return false;
    };
    let label: Vec<char> = label.chars().collect();
    // The last `*`, and how far it reaches so far: the only place to come back to.
    let mut star: Option<(usize, usize)> = None;
    let (mut part, mut at) = (0, 0);
    while at < label.len() {
        match (parts.get(part), label.get(at)) {
            (Some(Part::Anything), _) => {
                star = Some((part, at));
                part += 1;
            }
            (Some(one), Some(letter)) if one.means(*letter) => {
                part += 1;
                at += 1;
            }
            _ => match star {
                Some((starred, reached)) => {
                    star = Some((starred, reached + 1));
                    part = starred + 1;
                    at = reached + 1;
                }
                None => return false,
            },
        }
    }
    parts
        .iter()
        .skip(part)
        .all(|part| matches!(part, Part::Anything))
}

impl Part {
    fn means(&self, letter: char) -> bool {
        match self {
            Self::One(one) => *one == letter,
            Self::Any => true,
            Self::Anything => false,
            Self::Class { negated, ranges } => {
                ranges
                    .iter()
                    .any(|(from, to)| (*from..=*to).contains(&letter))
                    != *negated
            }
        }
    }
}

fn parts(glob: &str) -> Option<Vec<Part>> {
    let mut letters = glob.chars().peekable();
    let mut parts = Vec::new();
    while let Some(letter) = letters.next() {
        parts.push(match letter {
            '*' => Part::Anything,
            '?' => Part::Any,
            '\\' => Part::One(letters.next()?),
            '[' => {
                let negated = letters.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while ranges.is_empty() || letters.peek() != Some(&']') {
                    let from = class_letter(&mut letters)?;
                    let to = match letters.next_if_eq(&'-') {
                        Some(_) => class_letter(&mut letters)?,
                        None => from,
                    };
                    ranges.push((from, to));
                }
                letters.next();
                Part::Class { negated, ranges }
            }
            letter => Part::One(letter),
        });
    }
    Some(parts)
}

fn class_letter(letters: &mut impl Iterator<Item = char>) -> Option<char> {
    match letters.next()? {
        '\\' => letters.next(),
        '-' | ']' => None,
        letter => Some(letter),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use countersign_core::ImageRef;

    use super::*;

    fn matches(pattern: &str, image: &str) -> bool {
        let repository = Repository::of(&ImageRef::parse(image).unwrap());
        ImagePattern::parse(pattern).matches(&repository)
    }

    /// The examples of Kubernetes' documentation ("Images", and the kubelet's `matchImages`), and their neighbours.
    #[test]
    fn kubernetes_examples() {
        for (pattern, image, expected) in [
            ("*.kubernetes.io", "kubernetes.io/x", false),
            ("*.kubernetes.io", "abc.kubernetes.io/x", true),
            ("*.kubernetes.io", "abc.def.kubernetes.io/x", false),
            ("*.*.kubernetes.io", "abc.kubernetes.io/x", false),
            ("*.*.kubernetes.io", "abc.def.kubernetes.io/x", true),
            ("prefix.*.io", "prefix.kubernetes.io/x", true),
            ("*-good.kubernetes.io", "prefix-good.kubernetes.io/x", true),
            ("*-good.kubernetes.io", "prefix-bad.kubernetes.io/x", false),
            (
                "123456789.dkr.ecr.us-east-1.amazonaws.com",
                "123456789.dkr.ecr.us-east-1.amazonaws.com/x",
                true,
            ),
            (
                "*.dkr.ecr.*.amazonaws.com",
                "1.dkr.ecr.eu-west-1.amazonaws.com/x",
                true,
            ),
            ("*.azurecr.io", "acme.azurecr.io/x", true),
            ("*.azurecr.io", "azurecr.io.evil.example/x", false),
            ("gcr.io", "gcr.io/x", true),
            ("gcr.io", "eu.gcr.io/x", false),
            ("*.*.registry.io", "a.b.registry.io/x", true),
            ("registry.io:8080/path", "registry.io:8080/path/x", true),
            ("registry.io:8080/path", "registry.io/path/x", false),
            ("registry.io:8080/path", "registry.io:8080/other/x", false),
            ("registry.io/foo", "registry.io/foo/bar/baz", true),
            ("registry.io/foo/", "registry.io/foo", false),
            ("registry.io", "registry.io:5000/x", false),
            ("registry.io:443", "registry.io/x", true),
            ("Registry.IO", "registry.io/x", true),
            ("app*.k8s.io", "app1.k8s.io/x", true),
            ("*.io/", "k8s.io/x", true),
            ("*", "k8s.io/x", false),
            ("", "k8s.io/x", false),
            ("localhost:*", "localhost:5000/x", false),
            ("docker.io", "nginx", true),
            ("docker.io/library", "nginx", true),
            ("docker.io/acme", "nginx", false),
        ] {
            assert_eq!(matches(pattern, image), expected, "{pattern} of {image}");
        }
    }

    #[test]
    fn globs_are_go_s() {
        for (glob, label, expected) in [
            ("", "", true),
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abbc", true),
            ("a*b*c", "axbxbxc", true),
            ("a*b*c", "axbxbx", false),
            ("?b", "ab", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[abc]", "c", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[", "[", false),
            ("[]", "]", false),
            ("[a", "a", false),
            ("[a-]", "a", false),
            ("a\\", "a", false),
        ] {
            assert_eq!(is_match(glob, label), expected, "{glob} of {label}");
        }
        // Many stars take no longer than their product.
        assert!(!is_match(&"a*".repeat(500), &"a".repeat(499)));
    }
}
