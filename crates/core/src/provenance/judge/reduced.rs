//! A demand without what decides nothing beside what its Signers demand already.

use super::builder::{BuilderDemand, DEFAULT_LEVEL};
use super::{ProvenanceDemand, SELF_HOSTED_LEVEL};
use crate::policy::claim::{CiClaim, ClaimDemand, Pattern};
use crate::policy::signer::{Maker, Signer};

impl ProvenanceDemand {
    /// A demand that judges every provenance by these Signers exactly as this one, and is the same for all that do.
    ///
    /// - A `minLevel` that nothing reaches demands what the next level demands that something reaches: the level of a
    ///   Builder of the rule, or that of a self-hosted runner where a Signer may sign on one.
    /// - A claim about the source that each Signer demands of the certificate, and no less strictly, is told twice: the
    ///   provenance must agree with the certificate anyway.
    pub(crate) fn reduced<'s>(&self, signers: impl Iterator<Item = &'s Signer> + Clone) -> Self {
        let mut reduced = self.clone();
        let self_hosted = Pattern::Text("self-hosted".to_owned());
        let hosted_only = signers.clone().all(|signer| {
            demands(signer, |it| {
                it.claim == CiClaim::Runner && !it.any_of.contains(&self_hosted)
            })
        });
        let reached = self.levels(hosted_only).filter(|it| *it >= self.min_level);
        reduced.min_level = reached.min().unwrap_or(self.min_level);
        reduced.source.claims.retain(|own| {
            let is_told = |signer: &Signer| demands(signer, |it| covers(it, own));
            !(self.is_bound_to_certificate(own.claim) && signers.clone().all(is_told))
        });
        reduced
    }

    /// The levels for which a build can be trusted.
    fn levels(&self, hosted_only: bool) -> impl Iterator<Item = u8> {
        let named = self
            .builders
            .iter()
            .map(|it: &std::sync::Arc<BuilderDemand>| it.level);
        let default = self.builders.is_empty().then_some(DEFAULT_LEVEL);
        let all = named.chain(default);
        let capped = all.clone().map(|it| it.min(SELF_HOSTED_LEVEL));
        all.chain(capped.filter(move |_| !hosted_only))
    }

    /// Whether what the provenance says of it, or leaves out, is that of the certificate: not of a build type that is only
    /// listed, which may leave the repository out, nor of a claim that an old extension alone may state.
    fn is_bound_to_certificate(&self, claim: CiClaim) -> bool {
        match claim {
            CiClaim::Repository => self.build_types.is_empty(),
            CiClaim::RepositoryId | CiClaim::OwnerId | CiClaim::Runner => true,
            _ => false,
        }
    }
}

/// Whether the Signer demands such a claim of certificates; one with keys demands none.
fn demands(signer: &Signer, such: impl Fn(&ClaimDemand) -> bool) -> bool {
    match &signer.maker {
        Maker::Keyless(keyless) => keyless.claims.iter().any(such),
        Maker::Keys(_) => false,
    }
}

/// Whether what fits the one fits the other.
fn covers(strict: &ClaimDemand, lax: &ClaimDemand) -> bool {
    strict.claim == lax.claim && strict.any_of.iter().all(|it| lax.any_of.contains(it))
}
