//! Identities in certificates (verification step 19): issuer, subject alternative name, and what the CI provider stated.

use crate::compared::{Compared, made};
use crate::policy::claim::ClaimDemand;
use crate::policy::glob::Glob;
use crate::policy::signer::{Keyless, Subject};
use crate::{Certificate, CiClaims, ReasonCode, San};

impl Keyless {
    /// Verification step 19: issuer and subject are both mandatory, then the CI claims.
    pub(super) fn compare(&self, certificate: &Certificate, compared: &mut Compared) {
        let is_issuer = certificate.issuer == self.issuer;
        let code = ReasonCode::IssuerMismatch;
        compared.that("issuer", &self.issuer, &certificate.issuer, is_issuer, code);
        let (wanted, found) = (made(|| self.subject.wanted()), certificate.san.value());
        let holds = self.subject.accepts(&certificate.san);
        compared.that("subject", wanted, found, holds, ReasonCode::SubjectMismatch);
        if is_issuer {
            for demand in &self.claims {
                demand.compare(&certificate.claims, compared);
            }
        }
    }
}

/// The issuer of GitHub Actions' identities.
pub(crate) const GITHUB: &str = "https://token.actions.githubusercontent.com";
/// `https://github.com/OWNER/REPOSITORY/.github/workflows/FILE@REF` (Fulcio, `docs/oidc.md`, "GitHub").
pub(crate) const WORKFLOW_HOST: &str = "https://github.com/";
/// What stands between repository and file in the name of every workflow, on a host of one's own too.
pub(crate) const WORKFLOWS: &str = "/.github/workflows/";

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
    fn compare(&self, claims: &CiClaims, compared: &mut Compared) {
        let name = self.claim.name();
        let stated = self.claim.stated(claims);
        let holds = match stated {
            (Some(new), Some(old)) if !self.claim.agree(new, old) => false,
            (Some(value), _) => self.any_of.iter().any(|pattern| pattern.fits(value)),
            (None, Some(value)) => self.any_of.iter().any(|pattern| pattern.fits_old(value)),
            (None, None) => false,
        };
        let found = made(|| match stated {
            (Some(new), Some(old)) if !self.claim.agree(new, old) => {
                format!("{name} {new} in one extension and {old} in the other")
            }
            (Some(value), _) | (None, Some(value)) => format!("{name} {value}"),
            (None, None) => format!("the certificate states no {name}"),
        });
        let wanted = made(|| self.wanted());
        let code = ReasonCode::SourceMismatch;
        compared.that(self.claim.field(), wanted, found, holds, code);
    }
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join(" or ")
}
