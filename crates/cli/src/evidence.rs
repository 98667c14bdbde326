//! `countersign evidence`: everything that is attached to an image, verified or why not.

mod report;
mod trust;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use countersign::{Attached, Budget, Limits, Node, walk};
use countersign_core::{Digest, Findings, PinnedImage, Trust, examine};

pub(crate) use self::report::{
    EvidenceReport, GapReport, Kind, NodeReport, RefusedReport, SignedBy, TrustUsed, VerifiedReport,
};
use self::trust::VerifiedBy;
use crate::args::{Format, evidence};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policies::Roots;
use crate::registries::RegistryAccess;
use crate::source::{Named, Source};
use crate::surroundings::Surroundings;
use crate::{output, progress, render};

/// Show what is attached to an image.
#[derive(Debug)]
pub(crate) struct EvidenceJob {
    written: String,
    image: Named,
    policy: Option<PathBuf>,
    roots: Roots,
    format: Format,
    registry: RegistryAccess,
    timeout: Duration,
    color: anstream::ColorChoice,
}

impl EvidenceJob {
    pub(crate) fn new(
        typed: evidence::Evidence,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        let registry = RegistryAccess::new(typed.registries, surroundings);
        Ok(Self {
            image: Named::parse(&typed.image)?,
            written: typed.image,
            policy: typed.policy,
            roots: Roots::new(
                typed.trust_roots,
                &typed.cache,
                surroundings,
                surroundings.now,
            ),
            format: typed.format,
            registry,
            timeout: Duration::from_secs(typed.timeout),
            color,
        })
    }
}

/// Shows it. Nothing is judged, so only what could not be read makes a difference.
pub(crate) fn run(job: &EvidenceJob) -> Result<Exit, Failure> {
    let by = VerifiedBy::load(job.policy.as_deref(), &job.roots, job.color)?;
    let limits = Limits::default();
    let source = Source::open(&job.image, &job.registry, &limits)?;
    let runtime = progress::runtime()?;
    let report = runtime.block_on(progress::shown(&job.written, look(job, &source, &by)));
    let exit = if report.is_complete() {
        Exit::Allowed
    } else {
        Exit::Unknown
    };
    let text = match job.format {
        Format::Text => render::evidence::tree(&report),
        Format::Json => output::json(&report),
    };
    Ok(output::deliver(&text, job.color, exit))
}

async fn look(job: &EvidenceJob, source: &Source, by: &VerifiedBy) -> EvidenceReport {
    let limits = Limits::default();
    let budget = Budget::new(&limits, job.timeout);
    let (repository, reference) = (&source.repository, &source.reference);
    let attached = walk(source, repository, reference, &source.way(), &budget).await;
    match attached {
        Ok(attached) => {
            let findings = verified(&attached, source, by.trust(), &budget).await;
            EvidenceReport::new(&job.written, by, &attached, &findings)
        }
        Err(gap) => EvidenceReport::unread(&job.written, by, &gap),
    }
}

/// What verifies about each manifest that has something attached to it, by its digest.
pub(crate) async fn verified(
    attached: &Attached,
    source: &Source,
    trust: &Trust,
    budget: &Budget,
) -> BTreeMap<Digest, Findings> {
    let limits = budget.limits();
    let mut findings = BTreeMap::new();
    for node in attached.nodes() {
        if node.attached.is_empty() || findings.contains_key(&node.digest) {
            continue;
        }
        let Some(manifest) = pinned(node, limits) else {
            continue;
        };
        // Its own share of bytes: the evidence of many platforms is more than that of one image, and is not held at once.
        let own = Budget::new(limits, budget.time_left());
        let evidence = node.evidence(source, &own).await;
        findings.insert(node.digest, examine(&manifest, &evidence, trust, limits));
    }
    findings
}

/// What refers to something else can be signed as well.
fn pinned(node: &Node, limits: &Limits) -> Option<PinnedImage> {
    if let Some(image) = node.image() {
        return Some(image.clone());
    }
    let media_type = Some(node.media_type.as_str());
    PinnedImage::from_bytes(node.bytes().to_vec(), media_type, None, limits).ok()
}
