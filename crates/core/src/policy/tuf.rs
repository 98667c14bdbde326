//! TUF repositories that give trust roots: what a policy set names, and what a cache hands back. Nothing here fetches.

use super::Diagnostic;
use crate::{Digest, UnixTime};

/// The TUF root of the public-good Sigstore instance, version 16, as the crate `sigstore-trust-root` 0.15.1 carries it.
const PUBLIC_GOOD_ROOT: &[u8] = include_bytes!("public-good.tuf-root.json");
const PUBLIC_GOOD_URL: &str = "https://tuf-repo-cdn.sigstore.dev";
/// More than any address needs.
const MAX_URL: usize = 1024;
/// As file systems have it.
const MAX_TARGET: usize = 255;

/// A TUF repository, the root from which trust begins, and the target that is wanted.
#[derive(Clone, PartialEq, Eq)]
pub struct TufSource {
    url: String,
    root: Vec<u8>,
    target: String,
}

/// Why something is no TUF source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TufSourceError {
    /// The address cannot be used.
    #[error("`{url}` is not the address of a TUF repository: {why}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The target's name could lead anywhere.
    #[error(
        "`{0}` is not a target's name: it must be a relative path of letters, digits, `-`, `_` and `.`"
    )]
    Target(String),
}

impl TufSource {
    /// The target that Sigstore instances keep their trust material in.
    pub const TRUSTED_ROOT: &'static str = "trusted_root.json";

    /// A repository's address and the bytes of a `root.json` that is trusted to begin with. The target is
    /// [`TRUSTED_ROOT`](Self::TRUSTED_ROOT).
    ///
    /// # Errors
    /// [`TufSourceError::Url`] unless the address is https (or http on this machine), without user name, query or fragment.
    pub fn new(url: &str, root: Vec<u8>) -> Result<Self, TufSourceError> {
        if let Some(why) = url_problem(url) {
            return Err(TufSourceError::Url {
                url: crate::digest::clip(url),
                why,
            });
        }
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            root,
            target: Self::TRUSTED_ROOT.to_owned(),
        })
    }

    /// The repository of the public-good Sigstore instance, with the root that is compiled in.
    #[must_use]
    pub fn public_good() -> Self {
        Self {
            url: PUBLIC_GOOD_URL.to_owned(),
            root: PUBLIC_GOOD_ROOT.to_vec(),
            target: Self::TRUSTED_ROOT.to_owned(),
        }
    }

    /// With another target.
    ///
    /// # Errors
    /// [`TufSourceError::Target`] for a name that is absolute, leads upwards, or has characters that mean something to a
    /// file system or URL (CVE-2026-24137: such names wrote outside a client's cache).
    pub fn target(mut self, name: &str) -> Result<Self, TufSourceError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let good = name.len() <= MAX_TARGET
            && name
                .split('/')
                .all(|element| !matches!(element, "" | "." | "..") && element.bytes().all(plain));
        if !good {
            return Err(TufSourceError::Target(crate::digest::clip(name)));
        }
        name.clone_into(&mut self.target);
        Ok(self)
    }

    /// The repository's address, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bytes of the root that is trusted to begin with.
    #[must_use]
    pub fn root(&self) -> &[u8] {
        &self.root
    }

    /// The wanted target's name.
    #[must_use]
    pub fn target_name(&self) -> &str {
        &self.target
    }

    /// What a cache knows the source by: another address, root or target is another source.
    #[must_use]
    pub fn id(&self) -> Digest {
        let mut material = Vec::new();
        for part in [self.url.as_bytes(), self.target.as_bytes()] {
            material.extend_from_slice(part);
            material.push(b'\n');
        }
        material.extend_from_slice(Digest::of(&self.root).as_bytes());
        Digest::of(&material)
    }
}

impl std::fmt::Debug for TufSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TufSource")
            .field("url", &self.url)
            .field("root", &Digest::of(&self.root))
            .field("target", &self.target)
            .finish()
    }
}

/// What a TUF repository gave last.
#[derive(Debug, Clone)]
pub struct TufMaterial {
    /// The bytes of the `trusted_root.json`.
    pub json: Vec<u8>,
    /// When the first role of the repository's metadata expires.
    pub expires: UnixTime,
    /// When the cache was read: what has expired then is told when the set is loaded.
    pub read_at: UnixTime,
    /// What people should be told: roles that have expired or will soon, one line each.
    pub warnings: Vec<String>,
}

/// The TUF repositories that a policy set names.
#[derive(Debug, Clone)]
#[must_use]
pub struct TufSources {
    /// The name of each TrustRoot with its source, in the order of the files.
    pub sources: Vec<(String, TufSource)>,
    /// What is wrong with the set as far as it was looked at.
    pub diagnostics: Vec<Diagnostic>,
}

/// What is wrong with an address. Signatures protect what comes, but over plain HTTP anybody on the way could keep a client
/// at an old state, so that is for this machine only.
fn url_problem(url: &str) -> Option<&'static str> {
    let (rest, secure) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, false),
        (None, None) => return Some("it must begin with https://"),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port))
            if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            host
        }
        _ => authority,
    };
    let plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'`');
    if url.len() > MAX_URL || !url.bytes().all(plain) {
        Some("it is too long, or has characters that no address has")
    } else if host.is_empty() {
        Some("it has no host")
    } else if rest.contains(['?', '#', '@', '%']) {
        Some("it has a user name, a query, a fragment or an escape")
    } else if rest.split('/').any(|element| matches!(element, "." | "..")) {
        Some("its path leads upwards")
    } else if !secure && !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        Some("plain http is for this machine only; write https")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn addresses_are_https_or_on_this_machine() {
        for good in [
            "https://tuf.example",
            "https://tuf.example:8443/a/b/",
            "http://127.0.0.1:80",
            "http://localhost",
            "http://[::1]:8080/x",
        ] {
            TufSource::new(good, Vec::new()).unwrap();
        }
        for bad in [
            "",
            "tuf.example",
            "ftp://tuf.example",
            "http://tuf.example",
            "http://localhost.example",
            "http://127.0.0.1.example:80",
            "http://127.0.0.1:80@tuf.example",
            "https://",
            "https://:443",
            "https:///path",
            "https://user@tuf.example",
            "https://tuf.example/?a",
            "https://tuf.example/#a",
            "https://tuf.example/../a",
            "https://tuf.example/%2e%2e/a",
            "https://tuf.example/a b",
            "https://tuf.example\\@other",
            "https://tuf.example/\u{1b}",
        ] {
            assert!(TufSource::new(bad, Vec::new()).is_err(), "{bad}");
        }
    }

    /// CVE-2026-24137.
    #[test]
    fn target_names_never_lead_anywhere_else() {
        let source = TufSource::public_good();
        for good in ["trusted_root.json", "a/b-c/d_e.json", "..a", "a.."] {
            assert_eq!(source.clone().target(good).unwrap().target_name(), good);
        }
        let long = "a".repeat(256);
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../x",
            "a/..",
            "./a",
            "a//b",
            "a/",
            "a\\b",
            "..\\x",
            "C:x",
            "a%2fb",
            "a?b",
            "a#b",
            "a\0b",
            "a\nb",
            "ä",
            &long,
        ] {
            assert!(source.clone().target(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn another_address_root_or_target_is_another_source() {
        let of = |url: &str, root: &[u8]| TufSource::new(url, root.to_vec()).unwrap();
        let one = of("https://a.example", b"1");
        assert_eq!(one.id(), of("https://a.example/", b"1").id());
        for other in [
            of("https://b.example", b"1"),
            of("https://a.example", b"2"),
            of("https://a.example", b"1").target("other.json").unwrap(),
        ] {
            assert_ne!(one.id(), other.id());
        }
    }
}
