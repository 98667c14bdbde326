//! Who made a signature: a key, or the identity in a certificate.

use crate::Digest;

/// Who made a signature.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SignedBy {
    /// A key of the policy set, by the sha256 of its SubjectPublicKeyInfo.
    Key(Digest),
    /// A short-lived certificate that a trusted certificate authority issued.
    Certificate(Box<Certificate>),
}

/// The identity in a Fulcio certificate (github.com/sigstore/fulcio, `docs/oid-info.md`).
#[derive(Debug, Clone)]
pub struct Certificate {
    /// sha256 of the DER certificate.
    pub fingerprint: Digest,
    /// The one subject alternative name.
    pub san: San,
    /// The OIDC issuer that vouched for the identity: extension .1.8, or .1.1 where .1.8 is absent.
    pub issuer: String,
    /// What the CI provider said about the run.
    pub claims: CiClaims,
}

/// A subject alternative name (RFC 5280, 4.2.1.6) of a kind that Fulcio issues.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum San {
    /// rfc822Name.
    Email(String),
    /// uniformResourceIdentifier.
    Uri(String),
    /// dNSName.
    Dns(String),
    /// otherName 1.3.6.1.4.1.57264.1.7 (a user name).
    OtherName(String),
}

impl San {
    /// Its text.
    #[must_use]
    pub fn value(&self) -> &str {
        match self {
            Self::Email(value) | Self::Uri(value) | Self::Dns(value) | Self::OtherName(value) => {
                value
            }
        }
    }

    /// `email`, `uri`, `dns` or `other-name`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Uri(_) => "uri",
            Self::Dns(_) => "dns",
            Self::OtherName(_) => "other-name",
        }
    }
}

/// The Fulcio extensions 1.3.6.1.4.1.57264.1.2 to .1.24. A missing one is `None`, which matches nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CiClaims {
    /// .1.2 (old): the event, such as `push`.
    pub github_workflow_trigger: Option<String>,
    /// .1.3 (old): the commit.
    pub github_workflow_sha: Option<String>,
    /// .1.4 (old): the workflow's name.
    pub github_workflow_name: Option<String>,
    /// .1.5 (old): `owner/repository` of the caller.
    pub github_workflow_repository: Option<String>,
    /// .1.6 (old): the ref of the caller.
    pub github_workflow_ref: Option<String>,
    /// .1.9
    pub build_signer_uri: Option<String>,
    /// .1.10
    pub build_signer_digest: Option<String>,
    /// .1.11: `github-hosted` or `self-hosted`.
    pub runner_environment: Option<String>,
    /// .1.12: such as `https://github.com/acme/app`.
    pub source_repository_uri: Option<String>,
    /// .1.13: the commit.
    pub source_repository_digest: Option<String>,
    /// .1.14: such as `refs/heads/main`.
    pub source_repository_ref: Option<String>,
    /// .1.15: the repository's number, which survives renaming.
    pub source_repository_identifier: Option<String>,
    /// .1.16
    pub source_repository_owner_uri: Option<String>,
    /// .1.17
    pub source_repository_owner_identifier: Option<String>,
    /// .1.18
    pub build_config_uri: Option<String>,
    /// .1.19
    pub build_config_digest: Option<String>,
    /// .1.20: the event, such as `push`.
    pub build_trigger: Option<String>,
    /// .1.21
    pub run_invocation_uri: Option<String>,
    /// .1.22
    pub source_repository_visibility_at_signing: Option<String>,
    /// .1.23: the deployment environment.
    pub deployment_environment: Option<String>,
    /// .1.24: the `sub` of the OIDC token, such as `repo:acme/app:ref:refs/heads/main`.
    pub token_subject: Option<String>,
}
