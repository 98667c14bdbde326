//! Who signs in GitHub Actions, as Fulcio certifies it, and what such a run attests.

use countersign_testkit::forge::{Forge, Forgery, GITHUB_ISSUER, Identity, San};
use serde_json::{Value, json};

use crate::case::image;

pub(crate) const COMMIT: &str = "a3c1f5b2d4e60718293a4b5c6d7e8f9001122334";

/// One run of a workflow; by default the release workflow of acme/app on its main branch.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) issuer: &'static str,
    pub(crate) repository: &'static str,
    pub(crate) repository_id: &'static str,
    pub(crate) owner_id: &'static str,
    /// What was built.
    pub(crate) git_ref: &'static str,
    /// The workflow at the top: a path in the repository, and the ref of the file.
    pub(crate) workflow: &'static str,
    pub(crate) workflow_ref: &'static str,
    /// The workflow that signs, with its repository, and the ref of the file.
    pub(crate) signer: &'static str,
    pub(crate) signer_ref: &'static str,
    pub(crate) event: &'static str,
    pub(crate) runner: &'static str,
    pub(crate) visibility: &'static str,
    pub(crate) attempt: u8,
}

pub(crate) const MAIN: Run = Run {
    issuer: GITHUB_ISSUER,
    repository: "acme/app",
    repository_id: "123456789",
    owner_id: "1234567",
    git_ref: "refs/heads/main",
    workflow: ".github/workflows/release.yml",
    workflow_ref: "refs/heads/main",
    signer: "acme/app/.github/workflows/release.yml",
    signer_ref: "refs/heads/main",
    event: "push",
    runner: "github-hosted",
    visibility: "private",
    attempt: 1,
};

impl Run {
    /// The same at another ref, in all places where one stands.
    pub(crate) fn on(self, git_ref: &'static str) -> Self {
        Self {
            git_ref,
            workflow_ref: git_ref,
            signer_ref: git_ref,
            ..self
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://github.com/{}", self.repository)
    }

    pub(crate) fn signer_uri(&self) -> String {
        format!("https://github.com/{}@{}", self.signer, self.signer_ref)
    }

    pub(crate) fn invocation(&self) -> String {
        format!("{}/actions/runs/1000/attempts/{}", self.url(), self.attempt)
    }

    pub(crate) fn identity(&self) -> Identity {
        let owner = self.repository.split('/').next().unwrap_or_default();
        let claims = [
            (2, self.event.to_owned()),
            (3, COMMIT.to_owned()),
            (4, "Release".to_owned()),
            (5, self.repository.to_owned()),
            (6, self.git_ref.to_owned()),
            (9, self.signer_uri()),
            (10, COMMIT.to_owned()),
            (11, self.runner.to_owned()),
            (12, self.url()),
            (13, COMMIT.to_owned()),
            (14, self.git_ref.to_owned()),
            (15, self.repository_id.to_owned()),
            (16, format!("https://github.com/{owner}")),
            (17, self.owner_id.to_owned()),
            (
                18,
                format!("{}/{}@{}", self.url(), self.workflow, self.workflow_ref),
            ),
            (19, COMMIT.to_owned()),
            (20, self.event.to_owned()),
            (21, self.invocation()),
            (22, self.visibility.to_owned()),
        ];
        Identity {
            san: San::Uri(self.signer_uri()),
            issuer: self.issuer.to_owned(),
            claims: claims.into(),
        }
    }

    /// An image signature, logged and timestamped.
    pub(crate) fn signs(&self, forge: &Forge) -> Vec<u8> {
        let signature = forge.image_signature(&image());
        signature
            .keyless(self.identity())
            .rekor_v2()
            .timestamp()
            .bundle()
    }

    /// An attestation, not yet logged.
    pub(crate) fn attests<'f>(
        &self,
        forge: &'f Forge,
        digest: &str,
        predicate_type: &str,
        predicate: Value,
    ) -> Forgery<'f> {
        let attestation = forge.attestation(digest, predicate_type, predicate);
        attestation.keyless(self.identity())
    }

    /// The provenance that `actions/attest` writes (SLSA v1).
    pub(crate) fn provenance(&self) -> Value {
        json!({
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {"workflow": {
                    "ref": self.git_ref, "repository": self.url(), "path": self.workflow,
                }},
                "internalParameters": {"github": {
                    "event_name": self.event, "repository_id": self.repository_id,
                    "repository_owner_id": self.owner_id, "runner_environment": self.runner,
                }},
                "resolvedDependencies": [{
                    "uri": format!("git+{}@{}", self.url(), self.git_ref), "digest": {"gitCommit": COMMIT},
                }],
            },
            "runDetails": {
                "builder": {"id": self.signer_uri()}, "metadata": {"invocationId": self.invocation()},
            },
        })
    }
}
