//! Who asks the private Fulcio for a certificate.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Error, Result};
use serde_json::{Value, json};

/// The issuer of e-mail identities.
pub const EMAIL_ISSUER: &str = "https://accounts.private.example";
/// The issuer of workflow identities: GitHub's name, so that a `Signer` for GitHub needs nothing but another trust root.
pub const WORKFLOW_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// An identity that the private issuers vouch for.
///
/// As text: `dev@acme.example`, or `acme/app:acme/ci/.github/workflows/release.yml@refs/heads/main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A person, by e-mail address.
    Email(String),
    /// A GitHub Actions workflow.
    Workflow {
        /// The repository that is built: `owner/name`.
        repository: String,
        /// The workflow file, with the repository that it is in: `owner/name/.github/workflows/file.yml`.
        workflow: String,
        /// The Git ref of both.
        reference: String,
    },
}

impl Identity {
    /// The issuer that vouches for it.
    #[must_use]
    pub const fn issuer(&self) -> &'static str {
        match self {
            Self::Email(_) => EMAIL_ISSUER,
            Self::Workflow { .. } => WORKFLOW_ISSUER,
        }
    }

    /// The subject alternative name that Fulcio writes.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::Email(address) => address.clone(),
            Self::Workflow {
                workflow,
                reference,
                ..
            } => {
                format!("https://github.com/{workflow}@{reference}")
            }
        }
    }

    /// The claims of its token that say who it is (for workflows as in GitHub's tokens), without times and audience.
    pub(crate) fn claims(&self) -> Value {
        match self {
            Self::Email(address) => json!({
                "iss": EMAIL_ISSUER,
                "sub": address,
                "email": address,
                "email_verified": true,
            }),
            Self::Workflow {
                repository,
                workflow,
                reference,
            } => {
                let owner = repository.split('/').next().unwrap_or_default();
                let commit = "5c0ffee5c0ffee5c0ffee5c0ffee5c0ffee5c0ff";
                json!({
                    "iss": WORKFLOW_ISSUER,
                    "sub": format!("repo:{repository}:ref:{reference}"),
                    "event_name": "push",
                    "job_workflow_ref": format!("{workflow}@{reference}"),
                    "job_workflow_sha": commit,
                    "ref": reference,
                    "repository": repository,
                    "repository_id": "123",
                    "repository_owner": owner,
                    "repository_owner_id": "12",
                    "repository_visibility": "public",
                    "run_attempt": "1",
                    "run_id": "1000",
                    "runner_environment": "github-hosted",
                    "sha": commit,
                    "workflow": "release",
                    "workflow_ref": format!("{repository}/.github/workflows/release.yml@{reference}"),
                    "workflow_sha": commit,
                })
            }
        }
    }
}

impl FromStr for Identity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((repository, signer)) = text.split_once(':') else {
            return Ok(Self::Email(text.to_owned()));
        };
        let (workflow, reference) = signer
            .split_once('@')
            .with_context(|| format!("no @REF in the workflow identity `{text}`"))?;
        Ok(Self::Workflow {
            repository: repository.to_owned(),
            workflow: workflow.to_owned(),
            reference: reference.to_owned(),
        })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(address) => f.write_str(address),
            Self::Workflow {
                repository,
                workflow,
                reference,
            } => {
                write!(f, "{repository}:{workflow}@{reference}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn an_identity_reads_back_from_its_text() {
        for text in [
            "dev@acme.example",
            "acme/app:acme/ci/.github/workflows/release.yml@refs/heads/main",
        ] {
            assert_eq!(text.parse::<Identity>().unwrap().to_string(), text);
        }
        assert!("acme/app:no-ref".parse::<Identity>().is_err());
    }
}
