//! Proven facts and a policy in, a [`Decision`] out (`architecture.md`, "Verdicts"). It never fetches or verifies.

use crate::{Decision, Findings, Gap, PinnedImage, PolicySet, Request, UnixTime, Verdict};

/// What is known about the requested image.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Resolution<'a> {
    /// It was resolved, and its evidence was examined.
    Examined {
        /// The manifest that the reference meant.
        image: &'a PinnedImage,
        /// What was proven about it.
        findings: &'a Findings,
    },
    /// It could not be resolved.
    Unresolved(&'a Gap),
    /// Nothing was asked, because [`PolicySet::needs`] says that nothing fetched can matter.
    NotAsked,
}

/// Judges one image by every policy that matches it.
pub fn decide(
    policies: &PolicySet,
    request: &Request,
    resolution: Resolution<'_>,
    now: UnixTime,
) -> Decision {
    let digest = match resolution {
        Resolution::Examined { image, .. } => Some(*image.digest()),
        Resolution::Unresolved(_) | Resolution::NotAsked => None,
    };
    Decision {
        image: request.written().to_owned(),
        name: request.name().map(str::to_owned),
        digest,
        now,
        policy_digest: *policies.digest(),
        trust_fingerprint: *policies.trust().fingerprint(),
        judged: Verdict::Deny,
        effect: Verdict::Deny,
        policies: Vec::new(),
        unmatched: None,
        warnings: Vec::new(),
        evidence: Vec::new(),
        refused: Vec::new(),
        gaps: Vec::new(),
    }
}
