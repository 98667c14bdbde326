//! Who signs with a certificate, as Fulcio writes it down.

use std::collections::BTreeMap;

use super::certificate::San;

/// GitHub's OIDC issuer.
pub const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The subject of a leaf certificate: a name, who vouches for it, and claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The one subject alternative name.
    pub san: San,
    /// The OIDC issuer, written as claim 1 and claim 8.
    pub issuer: String,
    /// Fulcio's other claims by the last arc of their identifier, 2 to 6 and 9 to 22.
    pub claims: BTreeMap<u8, String>,
}

impl Identity {
    /// A person.
    #[must_use]
    pub fn email(address: &str, issuer: &str) -> Self {
        Self {
            san: San::Email(address.into()),
            issuer: issuer.into(),
            claims: BTreeMap::new(),
        }
    }

    /// A machine, by URI.
    #[must_use]
    pub fn uri(uri: &str, issuer: &str) -> Self {
        Self {
            san: San::Uri(uri.into()),
            issuer: issuer.into(),
            claims: BTreeMap::new(),
        }
    }

    /// A user name of Fulcio's own kind.
    #[must_use]
    pub fn user_name(name: &str, issuer: &str) -> Self {
        Self {
            san: San::OtherName(name.into()),
            issuer: issuer.into(),
            claims: BTreeMap::new(),
        }
    }

    /// A GitHub workflow: `github_workflow("acme/app", "release.yml", "refs/tags/v1")`, with all claims.
    #[must_use]
    pub fn github_workflow(repository: &str, workflow: &str, git_ref: &str) -> Self {
        let commit = "a3c1f5b2d4e60718293a4b5c6d7e8f9001122334";
        let owner = repository.split('/').next().unwrap_or_default();
        let url = format!("https://github.com/{repository}");
        let workflow_uri = format!("{url}/.github/workflows/{workflow}@{git_ref}");
        let claims = [
            (2, "push".to_owned()),
            (3, commit.to_owned()),
            (4, "Release".to_owned()),
            (5, repository.to_owned()),
            (6, git_ref.to_owned()),
            (9, workflow_uri.clone()),
            (10, commit.to_owned()),
            (11, "github-hosted".to_owned()),
            (12, url.clone()),
            (13, commit.to_owned()),
            (14, git_ref.to_owned()),
            (15, "632596897".to_owned()),
            (16, format!("https://github.com/{owner}")),
            (17, "131804563".to_owned()),
            (18, workflow_uri.clone()),
            (19, commit.to_owned()),
            (20, "push".to_owned()),
            (21, format!("{url}/actions/runs/1234567890/attempts/1")),
            (22, "public".to_owned()),
        ];
        Self {
            san: San::Uri(workflow_uri),
            issuer: GITHUB_ISSUER.into(),
            claims: claims.into(),
        }
    }
}

impl Default for Identity {
    /// The release workflow of `acme/app` on its main branch.
    fn default() -> Self {
        Self::github_workflow("acme/app", "release.yml", "refs/heads/main")
    }
}
