//! What the words mean: from what was typed to what is to be done.

use std::path::PathBuf;
use std::time::Duration;

use countersign::Image;
use countersign_core::{ImageRef, Namespace, UnixTime};

use crate::args::manifests::{ReportFile, ReportFormat};
use crate::args::policy::{Deadlines, Explain, Lint, Test};
use crate::args::{Command, Format, Labels, Policy, Typed, Verify, VerifyBundle};
use crate::break_glass::BreakGlassJob;
use crate::copy::CopyJob;
use crate::escape::escaped;
use crate::evidence::EvidenceJob;
use crate::failure::Failure;
use crate::import::ImportJob;
use crate::init::InitJob;
use crate::lock::LockJob;
use crate::manifests::ManifestsJob;
use crate::pin::PinJob;
use crate::policies::Roots;
use crate::policy::deadlines::DeadlinesJob;
use crate::policy::explain::ExplainJob;
use crate::policy::test::{Mutate, TestJob};
use crate::promote::PromoteJob;
use crate::pull::PullJob;
use crate::registries::RegistryAccess;
use crate::replay::ReplayJob;
use crate::sbom::SbomJob;
use crate::surroundings::Surroundings;
use crate::trust::TrustJob;
use crate::verify_blob::BlobJob;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Job {
    Verify(Box<VerifyJob>),
    VerifyManifests(Box<ManifestsJob>),
    Pin(Box<PinJob>),
    Lock(Box<LockJob>),
    VerifyBlob(Box<BlobJob>),
    VerifyBundle(Box<BundleJob>),
    Evidence(Box<EvidenceJob>),
    PullEvidence(Box<PullJob>),
    Copy(Box<CopyJob>),
    Promote(Box<PromoteJob>),
    Replay(Box<ReplayJob>),
    BreakGlass(BreakGlassJob),
    Init(Box<InitJob>),
    Import(ImportJob),
    Lint(LintJob),
    Explain(ExplainJob),
    Deadlines(DeadlinesJob),
    Test(TestJob),
    /// Print the JSON Schema of policy documents.
    Schema(anstream::ColorChoice),
    Sbom(Box<SbomJob>),
    Trust(TrustJob),
}

/// Judge images.
#[derive(Debug)]
pub(crate) struct VerifyJob {
    pub(crate) images: Vec<Image>,
    pub(crate) policy: PathBuf,
    pub(crate) roots: Roots,
    /// Where evidence is kept for the next run, if anywhere.
    pub(crate) evidence_cache: Option<PathBuf>,
    pub(crate) now: UnixTime,
    pub(crate) format: ReportFormat,
    pub(crate) reports: Vec<ReportFile>,
    pub(crate) explain: bool,
    pub(crate) registry: RegistryAccess,
    /// Files of approvals.
    pub(crate) break_glass: Vec<PathBuf>,
    pub(crate) timeout: Duration,
    pub(crate) color: anstream::ColorChoice,
}

/// Judge one file by a bundle.
#[derive(Debug)]
pub(crate) struct BundleJob {
    pub(crate) bundle: PathBuf,
    pub(crate) artifact: PathBuf,
    pub(crate) signer: Demand,
    pub(crate) predicate_type: Option<String>,
    pub(crate) root: RootChoice,
    pub(crate) now: UnixTime,
    pub(crate) format: Format,
    pub(crate) explain: bool,
    pub(crate) color: anstream::ColorChoice,
}

/// Who must have signed.
#[derive(Debug)]
pub(crate) enum Demand {
    Identity { subject: String, issuer: String },
    Pattern { pattern: String, issuer: String },
    Key { file: PathBuf, alone: bool },
}

/// By which trust root.
#[derive(Debug)]
pub(crate) enum RootChoice {
    PublicGood,
    Staging,
    File(PathBuf),
}

/// Look for what is wrong in policy files.
#[derive(Debug)]
pub(crate) struct LintJob {
    pub(crate) path: PathBuf,
    pub(crate) deny_warnings: bool,
    pub(crate) roots: Roots,
    pub(crate) format: Format,
    pub(crate) color: anstream::ColorChoice,
}

impl Job {
    /// Understands the command line.
    ///
    /// # Errors
    /// What is wrong with it, one line each.
    pub(crate) fn new(typed: Typed, surroundings: Surroundings) -> Result<Self, Failure> {
        let color = typed.color.into();
        match typed.command {
            Command::Verify(typed) if !typed.manifests.files.is_empty() => {
                let job = ManifestsJob::new(typed, &surroundings, color);
                Ok(Self::VerifyManifests(Box::new(job)))
            }
            Command::Lock(typed) => {
                let job = LockJob::new(typed, &surroundings, color);
                Ok(Self::Lock(Box::new(job)))
            }
            Command::Pin(typed) => Ok(Self::Pin(Box::new(PinJob::new(
                typed,
                &surroundings,
                color,
            )))),
            Command::Verify(verify) => VerifyJob::new(verify, &surroundings, color)
                .map(Box::new)
                .map(Self::Verify),
            Command::VerifyBlob(typed) => BlobJob::new(typed, &surroundings, color)
                .map(Box::new)
                .map(Self::VerifyBlob),
            Command::VerifyBundle(typed) => BundleJob::new(typed, &surroundings, color)
                .map(Box::new)
                .map(Self::VerifyBundle),
            Command::Evidence(typed) => EvidenceJob::new(typed, &surroundings, color)
                .map(Box::new)
                .map(Self::Evidence),
            Command::PullEvidence(typed) => PullJob::new(typed, surroundings, color)
                .map(Box::new)
                .map(Self::PullEvidence),
            Command::Copy(typed) => CopyJob::new(typed, &surroundings, color)
                .map(Box::new)
                .map(Self::Copy),
            Command::Promote(typed) => PromoteJob::new(*typed, &surroundings, color)
                .map(Box::new)
                .map(Self::Promote),
            Command::Replay(typed) => ReplayJob::new(typed, &surroundings, color)
                .map(Box::new)
                .map(Self::Replay),
            Command::BreakGlass(typed) => {
                BreakGlassJob::new(typed, surroundings, color).map(Self::BreakGlass)
            }
            Command::Policy(Policy::Init(typed)) => InitJob::new(typed, &surroundings, color)
                .map(Box::new)
                .map(Self::Init),
            Command::Policy(Policy::Import(typed)) => {
                Ok(Self::Import(ImportJob::new(typed, &surroundings, color)))
            }
            Command::Policy(Policy::Lint(lint)) => {
                Ok(Self::Lint(LintJob::new(lint, &surroundings, color)))
            }
            Command::Policy(Policy::Explain(typed)) => {
                Ok(Self::Explain(ExplainJob::new(typed, &surroundings, color)))
            }
            Command::Policy(Policy::Deadlines(typed)) => Ok(Self::Deadlines(DeadlinesJob::new(
                typed,
                &surroundings,
                color,
            ))),
            Command::Policy(Policy::Schema) => Ok(Self::Schema(color)),
            Command::Policy(Policy::Test(typed)) => Ok(Self::Test(TestJob::new(typed, color))),
            Command::Sbom(typed) => Ok(Self::Sbom(Box::new(SbomJob::new(
                typed,
                &surroundings,
                color,
            )))),
            Command::Trust(typed) => Ok(Self::Trust(TrustJob::new(typed, surroundings, color))),
        }
    }
}

impl VerifyJob {
    fn new(
        typed: Verify,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        let now = typed.at.unwrap_or(surroundings.now);
        let registry = RegistryAccess::new(typed.registries, surroundings);
        let namespace = namespace(typed.namespace.as_deref(), typed.namespace_labels);
        let images = images(&typed.images, typed.judged_as.as_deref())?;
        Ok(Self {
            images: match namespace {
                Some(namespace) => images
                    .into_iter()
                    .map(|image| image.in_namespace(namespace.clone()))
                    .collect(),
                None => images,
            },
            policy: typed.policy,
            evidence_cache: typed.roots.cache.evidence(),
            roots: Roots::typed(typed.roots, surroundings, now),
            now,
            format: typed.format,
            reports: typed.reports,
            explain: typed.explain,
            registry,
            break_glass: typed.break_glass,
            timeout: Duration::from_secs(typed.timeout),
            color,
        })
    }
}

impl BundleJob {
    fn new(
        typed: VerifyBundle,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        let alone = typed.key_alone_unsafe;
        let signer = match (
            typed.certificate_identity,
            typed.certificate_identity_regexp,
            typed.certificate_oidc_issuer,
            typed.key,
        ) {
            (Some(subject), None, Some(issuer), None) => Demand::Identity { subject, issuer },
            (None, Some(pattern), Some(issuer), None) => Demand::Pattern { pattern, issuer },
            (None, None, None, Some(file)) => Demand::Key { file, alone },
            // What was typed does not get here with any other; if it did, nothing would match by default.
            _ => {
                return Err(Failure::misused(
                    "say who must have signed: an identity with its issuer, or a key",
                ));
            }
        };
        Ok(Self {
            bundle: typed.bundle,
            artifact: typed.artifact,
            signer,
            predicate_type: typed.predicate_type,
            root: match typed.trusted_root {
                Some(file) => RootChoice::File(file),
                None if typed.staging => RootChoice::Staging,
                None => RootChoice::PublicGood,
            },
            now: typed.at.unwrap_or(surroundings.now),
            format: typed.format,
            explain: typed.explain,
            color,
        })
    }
}

impl LintJob {
    fn new(typed: Lint, surroundings: &Surroundings, color: anstream::ColorChoice) -> Self {
        Self {
            path: typed.path,
            deny_warnings: typed.deny_warnings,
            roots: Roots::typed(
                typed.roots,
                surroundings,
                typed.at.unwrap_or(surroundings.now),
            ),
            format: typed.format,
            color,
        }
    }
}

impl ExplainJob {
    fn new(typed: Explain, surroundings: &Surroundings, color: anstream::ColorChoice) -> Self {
        Self {
            path: typed.path,
            roots: Roots::typed(typed.roots, surroundings, surroundings.now),
            format: typed.format,
            color,
        }
    }
}

impl DeadlinesJob {
    fn new(typed: Deadlines, surroundings: &Surroundings, color: anstream::ColorChoice) -> Self {
        let now = typed.at.unwrap_or(surroundings.now);
        Self {
            path: typed.path,
            roots: Roots::typed(typed.roots, surroundings, now),
            format: typed.format,
            color,
        }
    }
}

impl TestJob {
    fn new(typed: Test, color: anstream::ColorChoice) -> Self {
        Self {
            folder: typed.folder,
            root: typed.root,
            mutate: match (typed.mutate, typed.across) {
                (false, _) => None,
                (true, false) => Some(Mutate::Each),
                (true, true) => Some(Mutate::Across),
            },
            format: typed.format,
            color,
        }
    }
}

/// The namespace in which images are to run, if one is named, with its labels, if they are told.
pub(crate) fn namespace(name: Option<&str>, labels: Option<Labels>) -> Option<Namespace> {
    let namespace = Namespace::new(name?);
    Some(match labels {
        Some(labels) => namespace.labelled(labels.0),
        None => namespace,
    })
}

/// Every image, or everything that is wrong with them.
fn images(written: &[String], judged_as: Option<&str>) -> Result<Vec<Image>, Failure> {
    let mut images = Vec::new();
    let mut wrong = Vec::new();
    for text in written {
        match Image::parse(text) {
            Ok(image) => images.push(image),
            Err(error) => wrong.push(format!("{}: {error}", escaped(text, 100))),
        }
    }
    if !wrong.is_empty() {
        return Err(Failure::misused(&wrong.join("\nerror: ")));
    }
    let Some(name) = judged_as else {
        return Ok(images);
    };
    let name =
        ImageRef::parse(name).map_err(|error| Failure::misused(&format!("--as: {error}")))?;
    match <[Image; 1]>::try_from(images) {
        Ok([image]) => match image.judged_as(&name) {
            Ok(image) => Ok(vec![image]),
            Err(error) => Err(Failure::misused(&format!("--as: {error}"))),
        },
        Err(_) => Err(Failure::misused("--as names one image; give one")),
    }
}
