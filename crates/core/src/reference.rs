//! Image references, as the distribution grammar reads them.

use std::fmt;

use crate::digest::clip;
use crate::{Digest, DigestError};

/// Which image somebody means: registry, repository, and a tag, a digest or both.
///
/// The grammar is that of `github.com/distribution/reference` ("normalized" form): Docker Hub short names are expanded
/// (`nginx` is `docker.io/library/nginx`), a missing tag and digest mean `:latest`, and everything odd is an error.
/// The host has one canonical form for policy matching: lower case, no default port, one name for Docker Hub.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
    written: String,
}

/// Why a text is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// Nothing was given.
    #[error("the image reference is empty")]
    Empty,
    /// Longer than any valid reference.
    #[error("the image reference is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// 64 hexadecimal digits, or a digest alone, name an image that a node has, not something in a registry.
    #[error("`{0}` looks like a bare image id; write registry/repository@sha256:…")]
    BareId(String),
    /// The host part is not a host name, an address or a port.
    #[error("`{0}` is not a registry host; expected host[:port]")]
    Host(String),
    /// The repository part breaks the grammar.
    #[error(
        "`{0}` is not a repository path; expected lower-case letters, digits and single . _ - between them"
    )]
    Repository(String),
    /// Docker Hub by a name behind which `distribution/reference` puts no `library/` before a path of one element.
    #[error(
        "`{0}` is Docker Hub by another name, and programs differ in which repository that is; write docker.io/library/NAME"
    )]
    HubShortName(String),
    /// The tag part breaks the grammar.
    #[error("`{0}` is not a tag; expected at most 128 letters, digits, `_`, `.` or `-`")]
    Tag(String),
    /// The digest part is not a supported digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

const MAX_BYTES: usize = 1024;
/// `distribution/reference`: the repository path is at most 255 bytes.
const MAX_PATH_BYTES: usize = 255;
/// The longest name of a host (RFC 1035, section 2.3.4, without the last dot). So a canonical form, with all that was left out, is
/// never longer than a reference may be.
const MAX_HOST_BYTES: usize = 253;
const DOCKER_HUB: &str = "docker.io";
/// The names of Docker Hub behind which a path of one element is in `library/`; `distribution/reference` compares them exactly.
const WITH_LIBRARY: [&str; 2] = [DOCKER_HUB, "index.docker.io"];
const DOCKER_HUB_ALIASES: [&str; 4] = [
    DOCKER_HUB,
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
];

impl ImageRef {
    /// Reads `[host[:port]/]path[:tag][@sha256:…]`.
    ///
    /// # Errors
    /// [`ReferenceError`] that names the offending part.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(ReferenceError::TooLong);
        }
        if is_image_id(text) {
            return Err(ReferenceError::BareId(clip(text)));
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(Digest::parse(digest)?)),
            None => (text, None),
        };
        let (host, rest) = split_host(named);
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(ReferenceError::Tag(clip(tag)));
        }
        let registry = match host {
            Some(host) => canonical_host(host)?,
            None => DOCKER_HUB.to_owned(),
        };
        let repository = if registry == DOCKER_HUB && !path.contains('/') {
            if let Some(host) = host.filter(|host| !WITH_LIBRARY.contains(host)) {
                return Err(ReferenceError::HubShortName(clip(host)));
            }
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        if repository.len() > MAX_PATH_BYTES || !repository.split('/').all(is_path_component) {
            return Err(ReferenceError::Repository(clip(path)));
        }
        let tag = match (tag, &digest) {
            (None, None) => Some("latest".to_owned()),
            (tag, _) => tag.map(str::to_owned),
        };
        Ok(Self {
            registry,
            repository,
            tag,
            digest,
            written: text.to_owned(),
        })
    }

    /// Canonical `host[:port]` of the registry; Docker Hub is `docker.io`.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository's path within the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// `host/path`: what a policy's `images` match. Neither tag nor digest.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The tag, if one was written; `latest` if neither tag nor digest was.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was written.
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The text as it was written.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }
}

/// Whether a node takes the text for the id of an image that it has, whatever registries hold: containerd tries to read a digest before it reads a
/// reference (`LocalResolve`), though `sha256:…` could be a tag of `docker.io/library/sha256` as well. Who judged that would have judged another image.
fn is_image_id(text: &str) -> bool {
    let (hex, digits) = match text.split_once(':') {
        Some(("sha256", hex)) => (hex, 64),
        Some(("sha384", hex)) => (hex, 96),
        Some(("sha512", hex)) => (hex, 128),
        Some(_) => return false,
        None => (text, 64),
    };
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    hex.len() == digits && hex.bytes().all(is_hex)
}

/// Splits off the host by Docker's rule: the first element is one only if it has `.` or `:`, is `localhost`, or has
/// upper-case letters.
fn split_host(named: &str) -> (Option<&str>, &str) {
    match named.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (Some(first), rest)
        }
        _ => (None, named),
    }
}

fn canonical_host(host: &str) -> Result<String, ReferenceError> {
    let bad = || ReferenceError::Host(clip(host));
    let (name, port) = match host.strip_prefix('[') {
        Some(v6) => {
            let (address, rest) = v6.split_once(']').ok_or_else(bad)?;
            // `::ffff:192.0.2.1` is an address too, and no host to `distribution/reference`.
            if address.contains('.') {
                return Err(bad());
            }
            address.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?;
            let port = match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':').ok_or_else(bad)?),
            };
            (format!("[{}]", address.to_ascii_lowercase()), port)
        }
        None => {
            let (name, port) = match host.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (host, None),
            };
            if name.len() > MAX_HOST_BYTES || !name.split('.').all(is_domain_component) {
                return Err(bad());
            }
            (name.to_ascii_lowercase(), port)
        }
    };
    let port = match port {
        Some(port) if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err(bad());
        }
        Some(port) => Some(port.parse::<u16>().map_err(|_| bad())?),
        None => None,
    };
    Ok(match port {
        None | Some(443) if DOCKER_HUB_ALIASES.contains(&name.as_str()) => DOCKER_HUB.to_owned(),
        // Without a port, one lower-case word would read as a path on Docker Hub: another image.
        None | Some(443) if split_host(&format!("{name}/")).0.is_none() => format!("{name}:443"),
        None | Some(443) => name,
        Some(port) => format!("{name}:{port}"),
    })
}

fn is_domain_component(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('-')
        && !part.ends_with('-')
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// `[a-z0-9]+` joined by one of `.`, `_`, `__` or any number of `-`.
fn is_path_component(part: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    alphanumeric(first)
        && alphanumeric(last)
        && part
            .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            .all(|gap| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|byte| byte == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag
            .bytes()
            .all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl std::str::FromStr for ImageRef {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match ImageRef::parse(text) {
            Ok(image) => image.to_string(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn expands_and_canonicalises() {
        let digest = Digest::of(b"x");
        for (text, expected) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("acme/app", "docker.io/acme/app:latest"),
            ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
            ("docker.io/nginx", "docker.io/library/nginx:latest"),
            ("registry-1.docker.io/acme/app:1", "docker.io/acme/app:1"),
            (
                "Docker.io:443/library/nginx",
                "docker.io/library/nginx:latest",
            ),
            ("GHCR.io/acme/app:v1", "ghcr.io/acme/app:v1"),
            ("ghcr.io:443/acme/app:v1", "ghcr.io/acme/app:v1"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/a/b/c:x", "localhost:5000/a/b/c:x"),
            ("127.0.0.1:1338/app", "127.0.0.1:1338/app:latest"),
            ("[::1]:5000/app:v1", "[::1]:5000/app:v1"),
            ("a.b/c__d/e--f/g.h", "a.b/c__d/e--f/g.h:latest"),
            // Found by fuzzing: hosts that are one word, and only by case or port.
            ("Registry/acme/app:v1", "registry:443/acme/app:v1"),
            ("registry:443/acme/app:v1", "registry:443/acme/app:v1"),
            ("LOCALHOST:443/app", "localhost/app:latest"),
            ("[::1]:443/app", "[::1]/app:latest"),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
            assert_eq!(parsed(expected), expected, "{text}");
        }
        let both = format!("ghcr.io/acme/app:v1@{digest}");
        assert_eq!(parsed(&both), both);
        let only = format!("ghcr.io/acme/app@{digest}");
        assert_eq!(parsed(&only), only);
    }

    #[test]
    fn refuses_everything_odd() {
        for text in [
            "",
            "Nginx",
            "ghcr.io/Acme/app",
            "ghcr.io//app",
            "ghcr.io/app/",
            "ghcr.io/a..b",
            "ghcr.io/a___b",
            "ghcr.io/-a",
            "ghcr.io/a:",
            "ghcr.io/a:-x",
            "ghcr.io/a:b:c",
            "ghcr.io./a",
            "ghcr.io:x/a",
            "ghcr.io:99999/a",
            "ghcr.io:/a",
            "-ghcr.io/a",
            "https://ghcr.io/a",
            "ghcr.io/a@sha256:00",
            "ghcr.io/a@sha512:00",
            "ghcr.io/a@sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
            "ghcr.io/a b",
            "ghcr.io/a\n",
            "user@ghcr.io/a",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            &format!("sha384:{}", "0".repeat(96)),
            &format!("sha512:{}", "0".repeat(128)),
            "[::1/a",
            "[zz]:1/a",
            // Found beside `distribution/reference`, which reads other repositories, or none.
            "[::ffff:192.0.2.1]/a",
            "docker.io:443/nginx",
            "Docker.io/nginx",
            "registry-1.docker.io/nginx",
            "registry.hub.docker.com/nginx:1",
            "ghcr.io/ä",
        ] {
            assert!(ImageRef::parse(text).is_err(), "{text}");
        }
        assert!(ImageRef::parse(&format!("ghcr.io/{}", "a".repeat(256))).is_err());
        // Too short or too long for an id, it is a tag like any other.
        for digits in [63, 65] {
            assert!(ImageRef::parse(&format!("sha256:{}", "0".repeat(digits))).is_ok());
        }
        // Found by fuzzing: with `:latest` it was too long to be read again.
        let host = |length: usize| format!("{}.io", "a".repeat(length - 3));
        assert!(ImageRef::parse(&format!("{}/app", host(1013))).is_err());
        assert!(ImageRef::parse(&format!("{}/app", host(254))).is_err());
        assert!(ImageRef::parse(&format!("{}/app", host(253))).is_ok());
    }
}
