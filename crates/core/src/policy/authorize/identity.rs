//! Identities in certificates (verification step 19): issuer, subject alternative name, and what the CI provider stated.

use super::{Mismatch, mismatch};
use crate::policy::glob::Glob;
use crate::policy::repository::Repository;
use crate::policy::signer::{Keyless, Source, Subject};
use crate::{Certificate, CiClaims, ReasonCode, San};

impl Keyless {
    /// Verification step 19: issuer and subject are both mandatory, then the CI claims.
    pub(super) fn accepts(&self, certificate: &Certificate) -> Result<(), Mismatch> {
        if certificate.issuer != self.issuer {
            return Err(mismatch(
                ReasonCode::IssuerMismatch,
                &certificate.issuer,
                &self.issuer,
            ));
        }
        if !self.subject.accepts(&certificate.san) {
            return Err(mismatch(
                ReasonCode::SubjectMismatch,
                certificate.san.value(),
                self.subject.wanted(),
            ));
        }
        self.source.accepts(&certificate.claims)
    }
}

/// `https://github.com/OWNER/REPOSITORY/.github/workflows/FILE@REF` (Fulcio, `docs/oidc.md`, "GitHub").
pub(crate) const WORKFLOW_HOST: &str = "https://github.com/";

impl Subject {
    pub(crate) fn accepts(&self, san: &San) -> bool {
        match (self, san) {
            (Self::Exact(wanted), san) => san.value() == wanted,
            (Self::Email(wanted), San::Email(value)) | (Self::Uri(wanted), San::Uri(value)) => {
                value == wanted
            }
            (Self::Regex(regex, _), san) => regex.is_match(san.value()),
            (Self::Workflow { path, refs }, San::Uri(value)) => value
                .strip_prefix(WORKFLOW_HOST)
                .and_then(|rest| rest.strip_prefix(path.as_str()))
                .and_then(|rest| rest.strip_prefix('@'))
                .is_some_and(|at| refs.iter().any(|glob| glob.matches(at))),
            _ => false,
        }
    }

    pub(super) fn wanted(&self) -> String {
        match self {
            Self::Exact(value) => value.clone(),
            Self::Email(value) => format!("email {value}"),
            Self::Uri(value) => format!("uri {value}"),
            Self::Regex(_, written) => format!("regex {written}"),
            Self::Workflow { path, refs } => format!(
                "{WORKFLOW_HOST}{path}@ref, ref one of {}",
                list(refs.iter().map(Glob::as_str))
            ),
        }
    }
}

impl Source {
    /// Whether it demands nothing.
    pub(crate) fn is_open(&self) -> bool {
        self.repository.is_none() && self.repository_id.is_none()
    }

    fn accepts(&self, claims: &CiClaims) -> Result<(), Mismatch> {
        if let Some(wanted) = &self.repository {
            let uri = claims.source_repository_uri.as_deref();
            let path = claims.github_workflow_repository.as_deref();
            compare("repository", &wanted.to_string(), &[uri, path], |value| {
                if uri == Some(value) {
                    Repository::parse(value).as_ref() == Ok(wanted)
                } else {
                    wanted.is_path(value)
                }
            })?;
        }
        if let Some(wanted) = &self.repository_id {
            let found = claims.source_repository_identifier.as_deref();
            compare("repositoryId", wanted, &[found], |value| value == wanted)?;
        }
        if let Some(wanted) = &self.owner_id {
            let found = claims.source_repository_owner_identifier.as_deref();
            compare("ownerId", wanted, &[found], |value| value == wanted)?;
        }
        if !self.refs.is_empty() {
            let found = [
                claims.source_repository_ref.as_deref(),
                claims.github_workflow_ref.as_deref(),
            ];
            let wanted = list(self.refs.iter().map(Glob::as_str));
            compare("ref", &wanted, &found, |value| {
                self.refs.iter().any(|glob| glob.matches(value))
            })?;
        }
        if !self.events.is_empty() {
            let found = [
                claims.build_trigger.as_deref(),
                claims.github_workflow_trigger.as_deref(),
            ];
            let wanted = list(self.events.iter().map(String::as_str));
            compare("event", &wanted, &found, |value| {
                self.events.iter().any(|event| event == value)
            })?;
        }
        if let Some(wanted) = &self.runner {
            let found = claims.runner_environment.as_deref();
            compare("runner", wanted, &[found], |value| value == wanted)?;
        }
        if let Some(wanted) = &self.environment {
            let found = claims.deployment_environment.as_deref();
            compare("environment", wanted, &[found], |value| value == wanted)?;
        }
        Ok(())
    }
}

/// A claim stands in a new extension, an old one or both: there must be one, and each that is there must fit.
fn compare(
    what: &str,
    wanted: &str,
    found: &[Option<&str>],
    fits: impl Fn(&str) -> bool,
) -> Result<(), Mismatch> {
    let mut any = false;
    for value in found.iter().flatten() {
        any = true;
        if !fits(value) {
            return Err(mismatch(
                ReasonCode::SourceMismatch,
                format!("{what} {value}"),
                format!("{what} {wanted}"),
            ));
        }
    }
    if any {
        return Ok(());
    }
    Err(mismatch(
        ReasonCode::SourceMismatch,
        format!("the certificate states no {what}"),
        format!("{what} {wanted}"),
    ))
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join(" or ")
}
