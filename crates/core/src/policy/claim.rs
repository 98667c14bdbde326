//! Typed matchers over what a CI provider stated: Fulcio's extensions (github.com/sigstore/fulcio, `docs/oid-info.md`).

use std::fmt;

use super::glob::Glob;
use super::repository::{Owner, Repository};
use super::uri::UriPattern;
use crate::CiClaims;

/// One demand of a Signer: the claim must be there, and fit any of the patterns.
#[derive(Debug, Clone)]
pub(crate) struct ClaimDemand {
    pub(crate) claim: CiClaim,
    pub(crate) any_of: Vec<Pattern>,
}

impl ClaimDemand {
    /// What is wanted, for a message.
    pub(crate) fn wanted(&self) -> String {
        let any_of: Vec<String> = self.any_of.iter().map(ToString::to_string).collect();
        format!("{} {}", self.claim.name(), any_of.join(" or "))
    }

    /// Whether one certificate could satisfy both; demands on different claims exclude nothing.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let mut pairs = self
            .any_of
            .iter()
            .flat_map(|left| other.any_of.iter().map(move |right| (left, right)));
        self.claim != other.claim || pairs.any(|(left, right)| left.overlaps(right))
    }
}

/// A claim that can be demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CiClaim {
    Repository,
    RepositoryId,
    Owner,
    OwnerId,
    Ref,
    Commit,
    Visibility,
    Event,
    Runner,
    Environment,
    SignerUri,
    SignerDigest,
    ConfigUri,
    ConfigDigest,
    RunInvocationUri,
    WorkflowName,
    TokenSubject,
}

impl CiClaim {
    /// The name in messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::RepositoryId => "repositoryId",
            Self::Owner => "owner",
            Self::OwnerId => "ownerId",
            Self::Ref => "ref",
            Self::Commit => "commit",
            Self::Visibility => "visibility",
            Self::Event => "event",
            Self::Runner => "runner",
            Self::Environment => "environment",
            Self::SignerUri => "signerUri",
            Self::SignerDigest => "signerDigest",
            Self::ConfigUri => "configUri",
            Self::ConfigDigest => "configDigest",
            Self::RunInvocationUri => "runInvocationUri",
            Self::WorkflowName => "workflowName",
            Self::TokenSubject => "tokenSubject",
        }
    }

    /// The field of a Signer that demands it.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::Repository => "source.repository",
            Self::RepositoryId => "source.repositoryId",
            Self::Owner => "source.owner",
            Self::OwnerId => "source.ownerId",
            Self::Ref => "source.refs",
            Self::Commit => "source.commit",
            Self::Visibility => "source.visibility",
            Self::Event => "source.events",
            Self::Runner => "source.runner",
            Self::Environment => "source.environment",
            Self::SignerUri => "build.signerUri",
            Self::SignerDigest => "build.signerDigest",
            Self::ConfigUri => "build.configUri",
            Self::ConfigDigest => "build.configDigest",
            Self::RunInvocationUri => "build.runInvocationUri",
            Self::WorkflowName => "build.workflowName",
            Self::TokenSubject => "tokenSubject",
        }
    }

    /// What the certificate says in the extension of today, and in GitHub's old one.
    pub(crate) fn stated(self, claims: &CiClaims) -> (Option<&str>, Option<&str>) {
        let (new, old) = match self {
            Self::Repository => (
                &claims.source_repository_uri,
                &claims.github_workflow_repository,
            ),
            Self::RepositoryId => (&claims.source_repository_identifier, &None),
            Self::Owner => (&claims.source_repository_owner_uri, &None),
            Self::OwnerId => (&claims.source_repository_owner_identifier, &None),
            Self::Ref => (&claims.source_repository_ref, &claims.github_workflow_ref),
            Self::Commit => (
                &claims.source_repository_digest,
                &claims.github_workflow_sha,
            ),
            Self::Visibility => (&claims.source_repository_visibility_at_signing, &None),
            Self::Event => (&claims.build_trigger, &claims.github_workflow_trigger),
            Self::Runner => (&claims.runner_environment, &None),
            Self::Environment => (&claims.deployment_environment, &None),
            Self::SignerUri => (&claims.build_signer_uri, &None),
            Self::SignerDigest => (&claims.build_signer_digest, &None),
            Self::ConfigUri => (&claims.build_config_uri, &None),
            Self::ConfigDigest => (&claims.build_config_digest, &None),
            Self::RunInvocationUri => (&claims.run_invocation_uri, &None),
            Self::WorkflowName => (&None, &claims.github_workflow_name),
            Self::TokenSubject => (&claims.token_subject, &None),
        };
        (new.as_deref(), old.as_deref())
    }

    /// Whether the two extensions of one claim say the same.
    pub(crate) fn agree(self, new: &str, old: &str) -> bool {
        match self {
            Self::Repository => {
                Repository::parse(new).is_ok_and(|repository| repository.path() == old)
            }
            Self::Commit => {
                new == old
                    || GitDigest::parse(new)
                        .is_some_and(|digest| Some(digest) == GitDigest::parse(old))
            }
            _ => new == old,
        }
    }
}

/// What a claim is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// The whole text.
    Text(String),
    Glob(Glob),
    Repository(Repository),
    Owner(Owner),
    Digest(GitDigest),
    Uri(UriPattern),
}

impl Pattern {
    /// Whether the value of an extension of today fits.
    pub(crate) fn fits(&self, value: &str) -> bool {
        match self {
            Self::Text(text) => text == value,
            Self::Glob(glob) => glob.matches(value),
            Self::Repository(repository) => repository.is(value),
            Self::Owner(owner) => Owner::parse(value).as_ref() == Ok(owner),
            Self::Digest(digest) => GitDigest::parse(value).as_ref() == Some(digest),
            Self::Uri(uri) => uri.matches(value),
        }
    }

    /// Whether the value of an old extension fits, where there is none of today: GitHub's repositories have no host there.
    pub(crate) fn fits_old(&self, value: &str) -> bool {
        match self {
            Self::Repository(repository) => repository.is_path(value),
            other => other.fits(value),
        }
    }

    /// Whether some value fits both.
    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glob(left), Self::Glob(right)) => left.overlaps(right),
            (Self::Uri(left), Self::Uri(right)) => left.overlaps(right),
            (left, right) => left == right,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Glob(glob) => f.write_str(glob.as_str()),
            Self::Repository(repository) => repository.fmt(f),
            Self::Owner(owner) => owner.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
            Self::Uri(uri) => uri.fmt(f),
        }
    }
}

/// A commit in full. Providers write it bare or with its algorithm in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GitDigest {
    algorithm: &'static str,
    hex: String,
}

impl GitDigest {
    /// Reads 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits, bare or behind `sha1:` or `sha256:`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (named, hex) = match text.split_once(':') {
            Some((algorithm, hex)) => (Some(algorithm), hex),
            None => (None, text),
        };
        let algorithm = match hex.len() {
            40 => "sha1",
            64 => "sha256",
            _ => return None,
        };
        let is_hex = hex
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (is_hex && named.is_none_or(|named| named == algorithm)).then(|| Self {
            algorithm,
            hex: hex.to_owned(),
        })
    }
}

impl fmt::Display for GitDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.hex)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::policy::uri::Stars;

    #[test]
    fn digests_are_whole_and_lower_case() {
        let (sha1, sha256) = ("ab".repeat(20), "ab".repeat(32));
        let read = |text: &str| GitDigest::parse(text).map(|digest| digest.to_string());
        assert_eq!(read(&sha1), Some(format!("sha1:{sha1}")));
        assert_eq!(read(&format!("sha1:{sha1}")), read(&sha1));
        assert_eq!(read(&sha256), Some(format!("sha256:{sha256}")));
        for text in [
            "",
            "abc123",
            "sha1:",
            &sha1.to_uppercase(),
            &format!("sha256:{sha1}"),
            &format!("sha1:{sha256}"),
            &format!("md5:{sha1}"),
            &format!("{sha1}0"),
            &"xy".repeat(20),
            &"ä".repeat(20),
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn overlaps_of_patterns() {
        let uri = |text: &str| Pattern::Uri(UriPattern::parse(text, Stars::BehindAt).unwrap());
        let glob = |text: &str| Pattern::Glob(Glob::parse(text).unwrap());
        for (left, right, expected) in [
            (
                uri("https://a.example/x@v*"),
                uri("https://a.example/x@*1"),
                true,
            ),
            (
                uri("https://a.example/x@v*"),
                uri("https://a.example/y@v*"),
                false,
            ),
            (
                uri("https://a.example/x@v*"),
                uri("https://a.example/x@v1"),
                true,
            ),
            (
                uri("https://a.example/x@v*"),
                uri("https://a.example/x@w1"),
                false,
            ),
            (uri("https://a.example/x"), uri("https://a.example/x"), true),
            (glob("refs/*"), glob("refs/a"), true),
            (glob("refs/b"), glob("refs/a"), false),
            (
                Pattern::Text("a".to_owned()),
                Pattern::Text("a".to_owned()),
                true,
            ),
            (
                Pattern::Text("a".to_owned()),
                Pattern::Text("b".to_owned()),
                false,
            ),
        ] {
            assert_eq!(left.overlaps(&right), expected, "{left} {right}");
            assert_eq!(right.overlaps(&left), expected, "{right} {left}");
        }
    }
}
