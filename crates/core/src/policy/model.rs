//! A compiled policy set: nothing in here can be wrong any more.

use std::sync::Arc;

use super::glob::Glob;
use super::signer::Signer;
use super::{Namespace, Place, Request};
use crate::evidence::PlatformNeed;
use crate::provenance::{self, ProvenanceDemand};
use crate::sbom::judge::{self, SbomDemand};
use crate::scan::{self, VulnerabilityDemand};
use crate::summary::SummaryDemand;
use crate::{
    Claim, Expression, Facts, Format, Mode, NamespaceFit, Needs, Platform, UnixTime, Verdict,
};

/// `kind: Settings`.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) place: Place,
    /// What happens to an image that no enforcing policy names.
    pub(crate) unmatched: OnUnmatched,
    /// What happens when evidence is unavailable (never when it is hostile).
    pub(crate) on_unknown: Verdict,
    /// How old the last known evidence may be that stands in for what is unavailable.
    pub(crate) stale: Option<std::time::Duration>,
    /// The platforms that are run; any if there are none.
    pub(crate) platforms: Vec<Platform>,
    /// What the cluster is called.
    pub(crate) cluster: Option<String>,
}

impl Settings {
    /// Whether a child of an index may be for this platform. A child that names none could be for any.
    pub(crate) fn allows(&self, platform: Option<&Platform>) -> bool {
        self.platforms.is_empty()
            || platform.is_some_and(|own| self.platforms.iter().any(|allowed| allowed.covers(own)))
    }
}

/// `unmatched: deny | warn | allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnUnmatched {
    Deny,
    Warn,
    Allow,
}

/// `kind: Policy`.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) images: Vec<Glob>,
    pub(crate) except: Vec<Glob>,
    pub(crate) namespaces: Option<Namespaces>,
    pub(crate) mode: Mode,
    pub(crate) effective_from: Option<UnixTime>,
    /// The level that a promotion summary may state.
    pub(crate) emits: Option<String>,
    pub(crate) rules: Vec<Rule>,
}

impl Policy {
    /// Whether the policy judges this request: its patterns fit the name, or there is no name to go by; and its namespaces
    /// fit, or nobody can say that they do not.
    pub(crate) fn names(&self, request: &Request) -> bool {
        let fits_name = request.name().is_none_or(|name| {
            let fits = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(name));
            fits(&self.images) && !fits(&self.except)
        });
        fits_name && self.selects(request) != Some(NamespaceFit::No)
    }

    /// Whether the policy's namespaces fit; none if it is for all.
    pub(crate) fn selects(&self, request: &Request) -> Option<NamespaceFit> {
        self.namespaces
            .as_ref()
            .map(|it| it.fit(request.namespace()))
    }
}

/// `namespaces`.
#[derive(Debug, Clone)]
pub(crate) struct Namespaces {
    pub(crate) names: Vec<Glob>,
    pub(crate) not_names: Vec<Glob>,
    pub(crate) labels: Vec<(String, String)>,
}

impl Namespaces {
    /// Labels that nobody knows fit neither nor fail to.
    pub(crate) fn fit(&self, namespace: Option<&Namespace>) -> NamespaceFit {
        let Some(namespace) = namespace else {
            return NamespaceFit::NotGiven;
        };
        let fits = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(namespace.name()));
        if (!self.names.is_empty() && !fits(&self.names)) || fits(&self.not_names) {
            return NamespaceFit::No;
        }
        match namespace.labels() {
            _ if self.labels.is_empty() => NamespaceFit::Yes,
            None => NamespaceFit::Unknown,
            Some(labels) => {
                let has = |(key, value): &(String, String)| labels.get(key) == Some(value);
                if self.labels.iter().all(has) {
                    NamespaceFit::Yes
                } else {
                    NamespaceFit::No
                }
            }
        }
    }
}

/// One rule of a policy.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) effective_from: Option<UnixTime>,
    pub(crate) condition: Condition,
}

/// What a rule demands.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Digest(DigestDemand),
    Evidence(EvidenceDemand),
}

/// `digest: required | resolve-at-admission-unsafe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DigestDemand {
    Required,
    ResolveAtAdmissionUnsafe,
}

impl DigestDemand {
    /// Whether the reference is as demanded. Nothing has to be fetched to know it.
    pub(crate) const fn is_met(self, request: &Request) -> bool {
        match self {
            Self::Required => request.digest().is_some(),
            Self::ResolveAtAdmissionUnsafe => true,
        }
    }
}

/// `signature: {…}` and `statement: {…}`.
#[derive(Debug, Clone)]
pub(crate) struct EvidenceDemand {
    pub(crate) wanted: Wanted,
    pub(crate) from: From,
    pub(crate) selection: Selection,
    /// Seconds.
    pub(crate) max_age: Option<i64>,
    /// Seconds.
    pub(crate) min_age: Option<i64>,
    /// Whether `maxAge` also denies what runs already.
    pub(crate) age_always: bool,
    pub(crate) subject: SubjectDemand,
}

impl EvidenceDemand {
    /// The same demand for another kind of evidence.
    pub(crate) fn wanting(self, wanted: Wanted) -> Self {
        Self { wanted, ..self }
    }

    /// Signers beside those of `from` whose evidence changes what comes of the rule: those of VEX.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Signer> {
        let vex = match &self.wanted {
            Wanted::Vulnerabilities(demand) => demand.vex.as_ref(),
            Wanted::Signature { .. }
            | Wanted::Statement { .. }
            | Wanted::Provenance(_)
            | Wanted::Sbom(_)
            | Wanted::Summary(_) => None,
        };
        let signers = vex.into_iter().flat_map(|vex| &vex.from.signers);
        signers.map(AsRef::as_ref)
    }

    pub(crate) fn all_signers(&self) -> impl Iterator<Item = &Signer> {
        let own = self.from.signers.iter().map(AsRef::as_ref);
        own.chain(self.others())
    }

    /// Adds what could satisfy the rule.
    pub(crate) fn add_needs(&self, needs: &mut Needs) {
        needs.exhaustive |= self.selection != Selection::Any;
        needs.index |= self.subject != SubjectDemand::Platform;
        needs.platforms = needs.platforms.max(match self.subject {
            SubjectDemand::Index => PlatformNeed::No,
            SubjectDemand::Either => PlatformNeed::Instead,
            SubjectDemand::Platform => PlatformNeed::Always,
        });
        needs.exhaustive |= self.others().next().is_some();
        needs.referrers |= self.all_signers().any(Signer::takes_bundles);
        let legacy = self.all_signers().any(Signer::takes_legacy);
        match self.wanted {
            Wanted::Signature { .. } => needs.signature_tag |= legacy,
            Wanted::Statement { .. }
            | Wanted::Provenance(_)
            | Wanted::Sbom(_)
            | Wanted::Vulnerabilities(_)
            | Wanted::Summary(_) => {
                needs.attestation_tag |= legacy;
            }
        }
    }
}

/// Which claims count, and what they must say.
///
/// What a kind of rule demands of what was signed is judged beside its kind in `decide/demand.rs`.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    Signature {
        /// Whether a signature over the bytes themselves counts too.
        blob: bool,
    },
    Statement {
        predicate_type: String,
        /// `where`: what the statement must say.
        asked: Option<Asked>,
    },
    Provenance(Box<ProvenanceDemand>),
    Sbom(Box<SbomDemand>),
    Vulnerabilities(Box<VulnerabilityDemand>),
    Summary(Box<SummaryDemand>),
}

impl Wanted {
    /// Whether a claim is of the kind that the rule asks for (verification steps 18 and 21).
    ///
    /// An image signature is simple signing or a *bundle's* `cosign/sign/v1` statement. A DSSE envelope at the tag `.att`
    /// attests and never signs, so that what other rules have fetched makes no difference.
    pub(crate) fn is(&self, claim: &Claim, facts: &Facts) -> bool {
        match self {
            Self::Signature { blob } => {
                (*blob && matches!(claim, Claim::Message))
                    || (claim.is_image_signature()
                        && !(facts.format() == Format::Legacy && claim.predicate_type().is_some()))
            }
            Self::Statement { predicate_type, .. } => {
                claim.predicate_type() == Some(predicate_type.as_str())
            }
            Self::Provenance(_) => claim
                .predicate_type()
                .is_some_and(|it| provenance::PREDICATE_TYPES.contains(&it)),
            Self::Sbom(_) => claim.predicate_type().is_some_and(judge::is_sbom),
            Self::Vulnerabilities(_) => claim
                .predicate_type()
                .is_some_and(|it| scan::PREDICATE_TYPES.contains(&it)),
            Self::Summary(demand) => claim.predicate_type() == Some(demand.format.predicate_type()),
        }
    }
}

/// An expression, with its source.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) source: String,
    pub(crate) expression: Arc<dyn Expression>,
}

/// `match: any | all | newest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    Any,
    All,
    Newest,
}

/// `subject: index | platform | either`: what the evidence on an index has to be about. Of an image that is no index, all
/// three mean the image itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubjectDemand {
    /// The index itself.
    Index,
    /// Every child that could run, never one.
    Platform,
    /// The index itself, or every child that could run.
    Either,
}

/// `from`: how many of which Signers.
#[derive(Debug, Clone)]
pub(crate) struct From {
    pub(crate) signers: Vec<Arc<Signer>>,
    pub(crate) threshold: usize,
}
