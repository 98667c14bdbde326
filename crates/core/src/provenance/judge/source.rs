//! `source`: what the provenance, or where it is silent the certificate, says of what was built.

use super::NOTHING;
use crate::compared::{Compared, made};
use crate::policy::claim::{CiClaim, ClaimDemand};
use crate::provenance::BuildFacts;
use crate::{Certificate, ReasonCode};

/// Events by which a stranger's code comes into a build; a rule has to name them. All but the second run on the pull request's merge
/// (docs.github.com, "Events that trigger workflows"), and the second is given what belongs to the base.
const STRANGERS: [&str; 4] = [
    "pull_request",
    "pull_request_target",
    "pull_request_review",
    "pull_request_review_comment",
];

/// `source`.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceDemand {
    pub(crate) claims: Vec<ClaimDemand>,
    /// Versions of the tag that was built.
    pub(crate) tags: Option<semver::VersionReq>,
    /// Whether `events` are demanded, so that those of strangers may be among them.
    pub(crate) names_events: bool,
}

impl SourceDemand {
    pub(super) fn compare(
        &self,
        facts: &BuildFacts,
        certificate: Option<&Certificate>,
        compared: &mut Compared,
    ) {
        for demand in &self.claims {
            let found = stated(facts, demand.claim, certificate);
            let fits = found.is_some_and(|found| {
                demand.any_of.iter().any(|it| match found.is_old {
                    false => it.fits(found.text),
                    true => it.fits_old(found.text),
                })
            });
            let found = found.map_or(NOTHING, |it| it.text);
            let what = format_args!("source.{}", demand.claim.name());
            let code = code_of(demand.claim);
            compared.that(what, made(|| demand.wanted()), found, fits, code);
        }
        if let Some(tags) = &self.tags {
            // The certificate's ref is the same: what a GitHub certificate does not confirm fails before.
            let found = stated(facts, CiClaim::Ref, certificate).map_or(NOTHING, |it| it.text);
            let version = found
                .strip_prefix("refs/tags/")
                .and_then(|tag| semver::Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok());
            let fits = version.is_some_and(|version| tags.matches(&version));
            let wanted = format_args!("a tag with a version {tags}");
            compared.that(
                "source.tags",
                wanted,
                found,
                fits,
                ReasonCode::ProvenanceRefMismatch,
            );
        }
        let event = stated(facts, CiClaim::Event, certificate).map(|it| it.text);
        if let Some(event) = event.filter(|_| !self.names_events) {
            let wanted = "no event by which a stranger's code is built (or name it in `events`)";
            let fits = !STRANGERS.contains(&event);
            compared.that(
                "source.events",
                wanted,
                event,
                fits,
                ReasonCode::ProvenanceEventMismatch,
            );
        }
    }
}

impl BuildFacts {
    /// What the provenance says where a certificate would have this claim.
    fn claim(&self, claim: CiClaim) -> Option<&str> {
        match claim {
            CiClaim::Repository => &self.repository,
            CiClaim::RepositoryId => &self.repository_id,
            CiClaim::OwnerId => &self.owner_id,
            CiClaim::Ref => &self.git_ref,
            CiClaim::Commit => &self.commit,
            CiClaim::Event => &self.event,
            CiClaim::Runner => &self.runner,
            CiClaim::RunInvocationUri => &self.invocation,
            _ => &None,
        }
        .as_deref()
    }
}

/// What is known of a build.
#[derive(Clone, Copy)]
pub(super) struct Stated<'a> {
    pub(super) text: &'a str,
    /// Whether only an old extension says it, in which GitHub's repositories have no host.
    is_old: bool,
}

/// What the provenance says, or where it does not, the certificate: where both do they agree, or else the rule fails before.
pub(super) fn stated<'a>(
    facts: &'a BuildFacts,
    claim: CiClaim,
    certificate: Option<&'a Certificate>,
) -> Option<Stated<'a>> {
    let (new, old) = certificate.map_or((None, None), |it| claim.stated(&it.claims));
    let of_today = facts.claim(claim).or(new);
    let of_today = of_today.map(|text| Stated {
        text,
        is_old: false,
    });
    of_today.or_else(|| old.map(|text| Stated { text, is_old: true }))
}

fn code_of(claim: CiClaim) -> ReasonCode {
    match claim {
        CiClaim::Ref => ReasonCode::ProvenanceRefMismatch,
        CiClaim::Commit => ReasonCode::ProvenanceCommitMismatch,
        CiClaim::Event => ReasonCode::ProvenanceEventMismatch,
        CiClaim::Runner => ReasonCode::ProvenanceRunnerMismatch,
        _ => ReasonCode::ProvenanceSourceMismatch,
    }
}
