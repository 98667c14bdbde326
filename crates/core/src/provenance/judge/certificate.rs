//! What the certificate authority vouches for against what the builder claims (Fulcio's extensions .1.2 to .1.21).
//!
//! The CI provider told Fulcio who runs; the build told the provenance. Where they differ, somebody lies.

use crate::compared::Compared;
use crate::policy::authorize::{GITHUB, WORKFLOWS};
use crate::policy::claim::{CiClaim, GitDigest};
use crate::policy::repository::Repository;
use crate::provenance::{BuildFacts, Family};
use crate::{Certificate, ReasonCode};

/// Compares every claim that both make. An adapter that should know a thing and does not find it makes no exception for what
/// says where the source is.
pub(super) fn compare(facts: &BuildFacts, certificate: &Certificate, compared: &mut Compared) {
    // Of a build type that is not known, what it states must still be no lie.
    let is_known = facts.family != Family::Unknown;
    // Enterprises have issuers of their own; what their runs sign as is a workflow as well.
    let is_github = certificate.issuer == GITHUB || certificate.san.value().contains(WORKFLOWS);
    let claims = &certificate.claims;
    for (claim, own, needed) in [
        (CiClaim::Repository, &facts.repository, true),
        (CiClaim::Ref, &facts.git_ref, true),
        (CiClaim::Commit, &facts.commit, true),
        (CiClaim::RepositoryId, &facts.repository_id, false),
        (CiClaim::OwnerId, &facts.owner_id, false),
        (CiClaim::Event, &facts.event, false),
        (CiClaim::Runner, &facts.runner, false),
        (CiClaim::RunInvocationUri, &facts.invocation, false),
    ] {
        let (new, old) = claim.stated(claims);
        if let (Some(new), Some(old)) = (new, old)
            && !claim.agree(new, old)
        {
            told(claim.name(), new, Some(old), false, compared);
        }
        // GitHub's certificates have said since the first of them where the source is. One that does not leaves the builder's word alone.
        let is_bare = is_github && needed && new.is_none() && old.is_none();
        if is_bare && (own.is_some() || is_known) {
            let value = "nothing: the certificate does not state it";
            told(claim.name(), value, own.as_deref(), false, compared);
        }
        for (value, is_old) in [(new, false), (old, true)] {
            let Some(value) = value else {
                continue;
            };
            let agrees = match own.as_deref() {
                Some(own) => agree(claim, own, value, is_old),
                None => !(needed && is_known),
            };
            told(claim.name(), value, own.as_deref(), agrees, compared);
        }
    }
    // The workflow at the top is repository, path and ref in one.
    if let Some(value) = claims.build_config_uri.as_deref() {
        let own = super::builder::own_workflow(facts);
        let agrees = match own.as_deref() {
            Some(own) => own == value,
            None => !is_known,
        };
        told(
            CiClaim::ConfigUri.name(),
            value,
            own.as_deref(),
            agrees,
            compared,
        );
    }
    if let Some(value) = claims.build_signer_uri.as_deref().filter(|_| is_known) {
        let own = Some(facts.builder.as_str());
        told(
            CiClaim::SignerUri.name(),
            value,
            own,
            own == Some(value),
            compared,
        );
    }
}

fn told(name: &str, value: &str, own: Option<&str>, agrees: bool, compared: &mut Compared) {
    let found = own.unwrap_or("nothing: the provenance does not state it");
    let code = ReasonCode::ProvenanceCertificateMismatch;
    compared.that(
        format_args!("certificate.{name}"),
        value,
        found,
        agrees,
        code,
    );
}

fn agree(claim: CiClaim, own: &str, value: &str, is_old: bool) -> bool {
    match claim {
        CiClaim::Repository => match Repository::parse(own) {
            Ok(own) if is_old => own.is_path(value),
            own => own.is_ok_and(|own| own.is(value)),
        },
        CiClaim::Commit => {
            let own = GitDigest::parse(own);
            own.is_some() && own == GitDigest::parse(value)
        }
        _ => own == value,
    }
}
