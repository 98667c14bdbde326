//! Source repositories, compared as what they mean rather than as text.

use std::fmt;

/// A repository: host and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    host: String,
    path: String,
}

/// Where a short name such as `acme/app` lives.
const DEFAULT_HOST: &str = "github.com";

impl Repository {
    /// Reads `acme/app`, `github.com/acme/app`, `https://github.com/acme/app.git`, `git+https://…`.
    ///
    /// Scheme, `git+`, `.git`, the case of the host and a trailing slash do not matter. User info, percent signs, queries
    /// and dot segments are refused, because two readers could understand them differently.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence that begins with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let Address { host, path } = Address::parse(text)?;
        let elements = path.split('/').count();
        if elements < 2 || (host == DEFAULT_HOST && elements != 2) {
            return Err("is not owner/repository, with a host before it or not");
        }
        Ok(Self { host, path })
    }

    /// Whether the text is this repository, in any spelling.
    pub(crate) fn is(&self, text: &str) -> bool {
        // As CI providers write it, without parsing: what was parsed once has nothing in it that could be meant otherwise but this ending.
        let plain = text.strip_prefix("https://");
        let path = plain.and_then(|rest| rest.strip_prefix(self.host.as_str())?.strip_prefix('/'));
        let is_plain = path == Some(self.path.as_str()) && !self.path.ends_with(".git");
        is_plain || Self::parse(text).as_ref() == Ok(self)
    }

    /// The path on its host.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// A path as the certificate extension .1.5 has it: `owner/repository`, on the forge that the issuer stands for.
    pub(crate) fn is_path(&self, path: &str) -> bool {
        self.host == DEFAULT_HOST && self.path == path
    }
}

/// An owner of repositories: a user, an organization, a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    host: String,
    path: String,
}

impl Owner {
    /// Reads `acme`, `github.com/acme`, `https://github.com/acme`, `gitlab.com/acme/team`, as [`Repository::parse`] does.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence that begins with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let Address { host, path } = Address::parse(text)?;
        // No owner on GitHub has a dot in its name: that would be a host.
        if host == DEFAULT_HOST && path.contains(['/', '.', ':']) {
            return Err("is not an owner, with a host before it or not");
        }
        Ok(Self { host, path })
    }
}

/// Where something lives on a forge.
struct Address {
    host: String,
    path: String,
}

impl Address {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains(['@', '%', '?', '#', '\\', '*'])
            || text.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err("has characters that a repository's address does not need");
        }
        let rest = text.strip_prefix("git+").unwrap_or(text);
        let (scheme, rest) = match rest.split_once("://") {
            Some((scheme @ ("https" | "http" | "ssh" | "git"), rest)) => (Some(scheme), rest),
            Some(_) => return Err("has a scheme that repositories do not have"),
            None => (None, rest),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let rest = rest.strip_suffix(".git").unwrap_or(rest);
        let (host, path) = match rest.split_once('/') {
            Some((first, path)) if scheme.is_some() || first.contains(['.', ':']) => (first, path),
            _ if scheme.is_some() => return Err("has no path behind its host"),
            _ => (DEFAULT_HOST, rest),
        };
        let host = host.to_ascii_lowercase();
        if path
            .split('/')
            .any(|element| matches!(element, "" | "." | ".."))
        {
            return Err("has an empty or dotted path element");
        }
        if host.is_empty() {
            return Err("has no host");
        }
        Ok(Self {
            host,
            path: path.to_owned(),
        })
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_repository_are_equal() {
        let wanted = Repository::parse("acme/app");
        assert!(wanted.is_ok());
        for text in [
            "github.com/acme/app",
            "https://github.com/acme/app",
            "https://GitHub.com/acme/app/",
            "git+https://github.com/acme/app.git",
            "http://github.com/acme/app",
        ] {
            assert_eq!(Repository::parse(text), wanted, "{text}");
            assert!(wanted.as_ref().is_ok_and(|it| it.is(text)), "{text}");
        }
        for text in [
            "acme/app-evil",
            "acme/ap",
            "Acme/app",
            "gitlab.com/acme/app",
            "https://github.com.evil.com/acme/app",
            "https://github.com:8443/acme/app",
        ] {
            assert_ne!(Repository::parse(text), wanted, "{text}");
            assert!(wanted.as_ref().is_ok_and(|it| !it.is(text)), "{text}");
        }
    }

    #[test]
    fn spellings_of_one_owner_are_equal() {
        let wanted = Owner::parse("acme");
        assert!(wanted.is_ok());
        for text in [
            "github.com/acme",
            "https://GitHub.com/acme/",
            "http://github.com/acme",
        ] {
            assert_eq!(Owner::parse(text), wanted, "{text}");
        }
        for text in [
            "acme-evil",
            "Acme",
            "gitlab.com/acme",
            "https://github.com.evil.com/acme",
        ] {
            assert!(
                Owner::parse(text).is_ok_and(|other| Ok(other) != wanted),
                "{text}"
            );
        }
        assert!(Owner::parse("gitlab.com/acme/team").is_ok());
        for text in [
            "",
            "github.com",
            "acme/app",
            "https://github.com/acme/app",
            "https://github.com",
            "https://localhost",
            "acme*",
            "a b",
            "acme/../x",
        ] {
            assert!(Owner::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tricks_are_refused() {
        for text in [
            "",
            "acme",
            "https://github.com/acme",
            "https://user@github.com/acme/app",
            "acme/app%2f..",
            "acme/../app",
            "acme//app",
            "https://github.com/acme/app?x=1",
            "https://github.com/acme/app#x",
            "file:///acme/app",
            "acme/*",
            "acme/ app",
            "acme/app/tree/main",
            "git@github.com:acme/app",
        ] {
            assert!(Repository::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        /// A text is a repository if it is parsed as that one, and never else.
        #[test]
        fn what_is_compared_as_text_is_what_would_be_parsed(
            one in "(https://|git\\+https://)?(github.com/|A.b/)?[ab./]{1,6}(/c)?(\\.git){0,2}/?",
            other in "(https://|git\\+https://)?(github.com/|a.b/)?[ab./]{1,6}(/c)?(\\.git){0,2}/?",
        ) {
            for (left, right) in [(&one, &other), (&one, &one)] {
                let Ok(repository) = Repository::parse(left) else { continue };
                let plain = format!("https://{repository}");
                for text in [right, &plain, &format!("{plain}.git"), &format!("{plain}/")] {
                    let parsed = Repository::parse(text).as_ref() == Ok(&repository);
                    prop_assert_eq!(repository.is(text), parsed, "{} {}", left, text);
                }
            }
        }
    }
}
