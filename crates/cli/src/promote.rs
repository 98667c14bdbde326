//! `countersign promote`: judges an image by the policy of an environment, and states that it passed.

mod deliver;
mod report;
mod statement;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign::{Checker, Image};
use countersign_core::{
    Decision, ImageRef, NotPromoted, Outcome, PolicySet, Promoter, Promotion, UnixTime,
};

use self::deliver::{Delivered, Delivery};
use self::report::PromotionReport;
use crate::args::Format;
use crate::args::promote::Promote;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policies::{Policies, Roots};
use crate::registries::RegistryAccess;
use crate::signing::SigningAccess;
use crate::surroundings::Surroundings;
use crate::{output, plan, progress, verify};

/// Characters of one message; it may hold that of a rule.
const MAX_CHARS: usize = 3000;

/// State that an image has passed the policy of an environment.
#[derive(Debug)]
pub(crate) struct PromoteJob {
    image: Image,
    policy: PathBuf,
    roots: Roots,
    /// Where evidence is kept for the next run, if anywhere.
    evidence_cache: Option<PathBuf>,
    level: String,
    promoter: Promoter,
    signing: Option<SigningAccess>,
    delivery: Delivery,
    now: UnixTime,
    format: Format,
    registry: RegistryAccess,
    timeout: Duration,
    color: anstream::ColorChoice,
}

impl PromoteJob {
    pub(crate) fn new(
        typed: Promote,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        if typed.at.is_some() {
            return Err(Failure::misused(
                "promote states what is judged now, so --at is refused: nobody could tell the statement from one of that time; \
                 use `verify --at` to ask what was or will be",
            ));
        }
        let image = image(&typed.image, typed.image_name.as_deref())?;
        let namespace = plan::namespace(typed.namespace.as_deref(), typed.namespace_labels);
        let signing = typed
            .signing
            .is_given()
            .then(|| SigningAccess::new(typed.signing, surroundings));
        let signing = signing.transpose()?;
        let delivery = match (typed.predicate, typed.bundle, typed.dry_run) {
            (Some(file), ..) => Delivery::Predicate(file),
            (None, Some(file), _) => Delivery::Bundle(file),
            (None, None, true) => Delivery::Nothing,
            (None, None, false) => Delivery::attach(&typed.image)?,
        };
        if signing.is_none() && delivery.is_signed() {
            return Err(Failure::misused(
                "nothing to sign with: give --key FILE or --signing-config FILE, or --predicate FILE to sign what is stated with another tool",
            ));
        }
        let promoter = Promoter::new(&typed.verifier, &typed.policy_uri)
            .and_then(|promoter| promoter.resource(&typed.resource))
            .map_err(|error| Failure::misused(&escaped(&error.to_string(), MAX_CHARS)))?;
        Ok(Self {
            image: match namespace {
                Some(namespace) => image.in_namespace(namespace),
                None => image,
            },
            policy: typed.policy,
            evidence_cache: typed.roots.cache.evidence(),
            roots: Roots::typed(typed.roots, surroundings, surroundings.now),
            level: typed.level,
            promoter,
            signing,
            delivery,
            now: surroundings.now,
            format: typed.format,
            registry: RegistryAccess::new(typed.registries, surroundings),
            timeout: Duration::from_secs(typed.timeout),
            color,
        })
    }
}

/// What has a name that policies match and that can be stated.
fn image(text: &str, name: Option<&str>) -> Result<Image, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::misused(&format!("{}: {error}", escaped(text, 100)))
    };
    let image = Image::parse(text).map_err(|error| wrong(&error))?;
    match (name, image.registry()) {
        (None, Some(_)) => Ok(image),
        (None, None) => Err(Failure::misused(
            "an oci: image has no name that policies could match and that could be stated: say --image-name REFERENCE",
        )),
        (Some(name), _) => {
            let wrong =
                |error: &dyn std::fmt::Display| Failure::misused(&format!("--image-name: {error}"));
            let name = ImageRef::parse(name).map_err(|error| wrong(&error))?;
            image.judged_as(&name).map_err(|error| wrong(&error))
        }
    }
}

/// Judges; states, signs and delivers only what passed. What can be known to fail is found before any of it is done.
pub(crate) fn run(job: PromoteJob) -> Result<Exit, Failure> {
    job.delivery.is_free()?;
    let signer = statement::signer(&job)?;
    let policies = Policies::load(&job.policy, &job.roots)?;
    let policies = policies.told(&job.policy, "no image was looked at", job.color)?;
    policies
        .emits(&job.level, job.now)
        .map_err(|refused| not_promoted(&job, Exit::Misused, &refused))?;
    let runtime = progress::runtime()?;
    let decision = runtime.block_on(decision(&job, policies))?;
    let promotion = match Promotion::of(&decision, &job.level) {
        Ok(promotion) => promotion,
        Err(refused) => {
            let text = PromotionReport::refused(&job, &decision, &refused).text(job.format);
            let told = not_promoted(&job, exit(&refused), &refused).told();
            return Ok(output::deliver(&text, job.color, told));
        }
    };
    let predicate = job.promoter.summary(&promotion);
    let bundle = match &signer {
        Some(signer) if job.delivery.is_signed() => {
            let signed = statement::signed(&promotion, predicate.clone(), signer, job.now);
            Some(runtime.block_on(signed)?)
        }
        _ => None,
    };
    let delivered = deliver::deliver(&job, &runtime, &predicate, bundle.as_ref())?;
    let report = PromotionReport::promoted(&job, &decision, &promotion, predicate, &delivered);
    Ok(output::deliver(
        &report.text(job.format),
        job.color,
        Exit::Allowed,
    ))
}

async fn decision(job: &PromoteJob, policies: PolicySet) -> Result<Decision, Failure> {
    let cache = Arc::new(verify::cache(&job.registry, job.evidence_cache.as_deref())?);
    let checker = Checker::new(policies)
        .timeout(job.timeout)
        .cache(Arc::clone(&cache));
    let checker = match job.registry.client(job.image.registry())? {
        Some(registry) => checker.registry(registry),
        None => checker,
    };
    let written = job.image.request().written();
    let check = Box::pin(checker.check(&job.image, job.now));
    let decision = progress::shown(written, check).await;
    verify::tell_disk_error(&cache, job.color);
    Ok(decision)
}

/// What is said of this image ends as a verdict does; nothing of it is a mistake of the command line.
fn exit(refused: &NotPromoted) -> Exit {
    match refused {
        NotPromoted::Unknown { .. } | NotPromoted::Stale { .. } => Exit::Unknown,
        NotPromoted::OnlyWarned(rule) if rule.outcome == Outcome::Unknown => Exit::Unknown,
        _ => Exit::Denied,
    }
}

fn not_promoted(job: &PromoteJob, exit: Exit, refused: &NotPromoted) -> Failure {
    let level = escaped(&job.level, 100);
    let why = escaped(&refused.to_string(), MAX_CHARS);
    Failure {
        exit,
        message: format!("not promoted to {level}: {why}"),
    }
}

fn shown(path: &Path) -> String {
    escaped(&path.display().to_string(), 300)
}
