//! Everything that the rules of one decision look at, and what a decision shows of it.

use std::cell::{Cell, OnceCell};

use super::Resolution;
use super::cite;
use super::per_signer::Judged;
use crate::policy::Revocations;
use crate::policy::signer::Signer;
use crate::scan::Beside;
use crate::text::safe;
use crate::vex::Verdicts;
use crate::{
    CandidateOutcome, Cited, CitedChild, Claim, Digest, Findings, Gap, PinnedImage, PolicySet,
    Refused, Request, Stale, UnixTime, Verified,
};

/// Everything that the rules of one decision look at.
pub(super) struct Scene<'a> {
    pub(super) policies: &'a PolicySet,
    pub(super) request: &'a Request,
    pub(super) now: UnixTime,
    pub(super) resolution: Resolution<'a>,
    /// Whether an explanation is wanted.
    pub(super) explained: bool,
    /// Whether an expression did not end in time.
    late: Cell<bool>,
}

/// What a rule may know beside the one piece of evidence that it looks at.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub(super) now: UnixTime,
    /// The image's canonical `host/path`, if it is known.
    pub(super) name: Option<&'a str>,
    /// Whether an explanation is wanted.
    pub(super) explained: bool,
    /// Whether age alone denies nothing.
    pub(super) age_relief: bool,
    pub(super) revocations: &'a Revocations,
    /// All that is known about the same digest.
    pub(super) findings: &'a Findings,
    /// What VEX among the findings says to the rule; empty until it is asked for.
    pub(super) vex: &'a OnceCell<Verdicts>,
    /// Whether an expression did not end in time; none is asked after it.
    pub(super) late: &'a Cell<bool>,
}

impl<'a> Circumstances<'a> {
    /// What a scan is judged beside.
    pub(super) const fn beside(&self) -> Beside<'a> {
        Beside {
            now: self.now,
            revocations: self.revocations,
            findings: self.findings,
            vex: self.vex,
        }
    }
}

impl<'a> Scene<'a> {
    pub(super) const fn new(
        policies: &'a PolicySet,
        request: &'a Request,
        resolution: Resolution<'a>,
        now: UnixTime,
    ) -> Self {
        Self {
            policies,
            request,
            now,
            resolution,
            explained: true,
            late: Cell::new(false),
        }
    }

    /// The same without an explanation.
    pub(super) fn brief(self) -> Self {
        Self {
            explained: false,
            ..self
        }
    }

    pub(super) const fn image(&self) -> Option<&'a PinnedImage> {
        match self.resolution {
            Resolution::Examined { image, .. } => Some(image),
            Resolution::Blob(_) | Resolution::Unresolved(_) | Resolution::NotAsked => None,
        }
    }

    pub(super) fn digest(&self) -> Option<Digest> {
        match self.resolution {
            Resolution::Examined { image, .. } => Some(*image.digest()),
            Resolution::Blob(findings) => Some(*findings.image()),
            Resolution::Unresolved(_) | Resolution::NotAsked => None,
        }
    }

    /// What was found out about the image, and then about each child.
    pub(super) fn findings(&self) -> impl Iterator<Item = &'a Findings> + use<'a> {
        let (own, children) = match self.resolution {
            Resolution::Examined {
                findings, children, ..
            } => (Some(findings), children),
            Resolution::Blob(findings) => (Some(findings), [].as_slice()),
            Resolution::Unresolved(_) | Resolution::NotAsked => (None, [].as_slice()),
        };
        own.into_iter().chain(children)
    }

    /// The doors pass what they resolved; that it is what was written, and what was examined, is checked again here. A child
    /// is what the bytes of the pinned index list.
    pub(super) fn is_another_image(&self) -> bool {
        let is_other = |digest: &Digest| self.request.digest().is_some_and(|it| it != digest);
        let (image, findings, children) = match self.resolution {
            Resolution::Examined {
                image,
                findings,
                children,
            } => (image, findings, children),
            Resolution::Blob(findings) => return is_other(findings.image()),
            Resolution::Unresolved(_) | Resolution::NotAsked => return false,
        };
        let listed = image.children().unwrap_or_default();
        let is_listed = |child: &Findings| listed.iter().any(|one| one.digest == *child.image());
        findings.image() != image.digest()
            || !children.iter().all(is_listed)
            || is_other(image.digest())
    }

    /// Whose evidence this is, unless it is the image's own.
    pub(super) fn child(&self, digest: &Digest) -> Option<CitedChild> {
        let image = self.image().filter(|image| image.digest() != digest)?;
        let mut platforms: Vec<String> = Vec::new();
        for child in image.children()?.iter().filter(|it| it.digest == *digest) {
            let platform = child.platform.as_ref().map(ToString::to_string);
            if let Some(platform) = platform.filter(|it| !platforms.contains(it)) {
                platforms.push(platform);
            }
        }
        Some(CitedChild {
            digest: *digest,
            platform: (!platforms.is_empty()).then(|| safe(&platforms.join(", "))),
        })
    }

    pub(super) fn circumstances<'f>(
        &'f self,
        findings: &'f Findings,
        vex: &'f OnceCell<Verdicts>,
    ) -> Circumstances<'f>
    where
        'a: 'f,
    {
        Circumstances {
            explained: self.explained,
            age_relief: self.request.age_relief(),
            revocations: &self.policies.revocations,
            now: self.now,
            name: self.request.name(),
            findings,
            vex,
            late: &self.late,
        }
    }

    /// One candidate held against one Signer, as an explanation tells it.
    pub(super) fn told(&self, signer: &Signer, one: Judged<'_>) -> CandidateOutcome {
        CandidateOutcome {
            evidence: self.cite(one.claim, Some(&signer.name)),
            outcome: one.compared.outcome(),
            code: one.compared.mismatch().map(|it| it.code),
            superseded: one.superseded,
            comparisons: one.compared.into_comparisons(),
        }
    }

    /// One verified claim, with the Signer for which it counts.
    pub(super) fn cite(&self, one: &Verified<Claim>, signer: Option<&str>) -> Cited {
        Cited {
            child: self.child(one.facts().image()),
            ..cite::cite(one, signer, &self.policies.known_as)
        }
    }

    /// Every verified claim as a report cites it, in an order that does not depend on how it was fetched.
    pub(super) fn cite_all(&self) -> Vec<Cited> {
        let verified = self.findings().flat_map(Findings::verified);
        let mut all: Vec<Cited> = verified.map(|one| self.cite(one, None)).collect();
        all.sort_by(|a, b| cite::order(a).cmp(&cite::order(b)));
        all
    }

    pub(super) fn refused(&self) -> Vec<Refused> {
        let mut all: Vec<Refused> = Vec::new();
        for findings in self.findings() {
            let child = self.child(findings.image());
            all.extend(findings.rejected().iter().map(|one| Refused {
                locator: one.locator.clone(),
                child: child.clone(),
                claims: one.claims.as_deref().map(safe),
                code: one.code,
                detail: safe(&one.detail),
            }));
        }
        all.sort_by(|a, b| {
            let key = |one: &Refused| (one.code, one.detail.clone(), one.child.clone());
            (&a.locator, key(a)).cmp(&(&b.locator, key(b)))
        });
        all
    }

    /// What could not be fetched, and for each whose evidence may be hidden, unless it is the image's own.
    pub(super) fn gaps(&self) -> (Vec<Gap>, Vec<Option<CitedChild>>) {
        let unresolved = match self.resolution {
            Resolution::Unresolved(gap) => Some((gap, None)),
            Resolution::Examined { .. } | Resolution::Blob(_) | Resolution::NotAsked => None,
        };
        let known = self.findings().flat_map(|findings| {
            let child = self.child(findings.image());
            findings.gaps().iter().map(move |gap| (gap, child.clone()))
        });
        let mut all: Vec<(Gap, Option<CitedChild>)> = unresolved
            .into_iter()
            .chain(known)
            .map(|(gap, child)| {
                let gap = Gap {
                    what: safe(&gap.what),
                    cause: safe(&gap.cause),
                    ..gap.clone()
                };
                (gap, child)
            })
            .collect();
        all.sort_by(|(a, of_a), (b, of_b)| {
            (&a.what, a.code, &a.cause, of_a).cmp(&(&b.what, b.code, &b.cause, of_b))
        });
        all.into_iter().unzip()
    }

    /// The last known lists that stand in for what could not be asked, each once.
    pub(super) fn stale(&self) -> Vec<Stale> {
        let mut all: Vec<Stale> = self
            .findings()
            .flat_map(Findings::stale)
            .map(|stale| Stale {
                what: safe(&stale.what),
                age: stale.age,
            })
            .collect();
        all.sort_by(|a, b| (&a.what, a.age).cmp(&(&b.what, b.age)));
        all.dedup();
        all
    }
}
