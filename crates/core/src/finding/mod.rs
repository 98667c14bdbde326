//! What verification proved, and what it refused.

mod claim;
mod facts;
mod signer;

pub use claim::{Claim, Statement, Subject};
pub use facts::{Facts, Format, LogFact, ProvenTime, RootName, TimeSource};
pub use signer::{Certificate, CiClaims, San, SignedBy};

use crate::{Digest, Gap, Locator, ReasonCode, Stale};

/// A claim whose signature was verified, together with every fact that verification proved about it.
///
/// Only [`examine`](crate::examine) makes one; it has no public constructor, no `Default` and no `Deserialize`:
///
/// ```compile_fail,E0451
/// let forged = countersign_core::Verified { claim: (), facts: todo!() };
/// ```
/// ```compile_fail,E0277
/// let forged: countersign_core::Verified<String> = Default::default();
/// ```
/// ```compile_fail,E0277
/// let forged: countersign_core::Verified<String> = serde_json::from_str("{}").unwrap();
/// ```
/// ```compile_fail,E0451
/// fn steal(good: countersign_core::Verified<&'static str>) -> countersign_core::Verified<&'static str> {
///     countersign_core::Verified { claim: "mine", ..good }
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Verified<T> {
    claim: T,
    facts: Facts,
}

impl<T> Verified<T> {
    pub(crate) const fn new(claim: T, facts: Facts) -> Self {
        Self { claim, facts }
    }

    /// The same proof of the same bytes, found elsewhere.
    pub(crate) fn found_at(mut self, locator: &Locator) -> Self {
        self.facts.locator.clone_from(locator);
        self
    }

    /// What was signed.
    pub const fn claim(&self) -> &T {
        &self.claim
    }

    /// Who signed it, when, and by which trust root that is known.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// Evidence that was refused, and why.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// Where it was found.
    pub locator: Locator,
    /// What it claims to be, unverified, for the explanation only: `signature`, or a predicate type.
    pub claims: Option<String>,
    /// The stable reason.
    pub code: ReasonCode,
    /// The particulars, such as which certificate expired when.
    pub detail: String,
}

/// All that is known about one image after verification. Private inside, bound to one pinned image, made only here.
///
/// ```compile_fail,E0451
/// let none = countersign_core::Findings { image: todo!(), verified: vec![], rejected: vec![], gaps: vec![], stale: vec![] };
/// ```
#[derive(Debug, Clone)]
pub struct Findings {
    image: Digest,
    verified: Vec<Verified<Claim>>,
    rejected: Vec<Rejected>,
    gaps: Vec<Gap>,
    stale: Vec<Stale>,
}

impl Findings {
    pub(crate) const fn new(
        image: Digest,
        verified: Vec<Verified<Claim>>,
        rejected: Vec<Rejected>,
        gaps: Vec<Gap>,
        stale: Vec<Stale>,
    ) -> Self {
        Self {
            image,
            verified,
            rejected,
            gaps,
            stale,
        }
    }

    /// Adds more findings about the same image, such as what a later stage of collection found. Findings about another image
    /// are given back.
    #[must_use]
    pub fn join(&mut self, more: Self) -> Option<Self> {
        if self.image != more.image {
            return Some(more);
        }
        self.verified.extend(more.verified);
        self.rejected.extend(more.rejected);
        self.gaps.extend(more.gaps);
        self.stale.extend(more.stale);
        None
    }

    /// The digest of the image that these findings are about.
    #[must_use]
    pub const fn image(&self) -> &Digest {
        &self.image
    }

    /// Every claim that verified; one piece of evidence appears once for each trust root that proves it.
    pub fn verified(&self) -> &[Verified<Claim>] {
        &self.verified
    }

    /// Every piece of evidence that did not verify.
    #[must_use]
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// What could not be fetched.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Which last known lists the evidence comes from.
    #[must_use]
    pub fn stale(&self) -> &[Stale] {
        &self.stale
    }
}
