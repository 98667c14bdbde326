//! Identities in certificates (verification step 19): issuer, subject alternative name, and what the CI provider stated.

use super::{Mismatch, mismatch};
use crate::policy::claim::ClaimDemand;
use crate::policy::glob::Glob;
use crate::policy::signer::{Keyless, Subject};
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
        self.claims
            .iter()
            .try_for_each(|demand| demand.accepts(&certificate.claims))
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

impl ClaimDemand {
    /// The claim must be there and fit. Where it stands in an old extension too, the two must agree.
    fn accepts(&self, claims: &CiClaims) -> Result<(), Mismatch> {
        let name = self.claim.name();
        let wrong = |found: String| mismatch(ReasonCode::SourceMismatch, found, self.wanted());
        match self.claim.stated(claims) {
            (Some(new), Some(old)) if !self.claim.agree(new, old) => Err(wrong(format!(
                "{name} {new} in one extension and {old} in the other"
            ))),
            (Some(value), _) if self.any_of.iter().any(|pattern| pattern.fits(value)) => Ok(()),
            (None, Some(value)) if self.any_of.iter().any(|pattern| pattern.fits_old(value)) => {
                Ok(())
            }
            (Some(value), _) | (None, Some(value)) => Err(wrong(format!("{name} {value}"))),
            (None, None) => Err(wrong(format!("the certificate states no {name}"))),
        }
    }
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join(" or ")
}
