//! `countersign verify`.

use std::path::Path;
use std::sync::Arc;

use countersign::{Cache, Checker, Image};
use countersign_core::{Decision, PolicySet};

use crate::break_glass::approvals;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::formats::{self, Results};
use crate::plan::VerifyJob;
use crate::policies::Policies;
use crate::registries::RegistryAccess;
use crate::{output, progress};

/// Judges every image; the heaviest verdict is the exit code.
pub(crate) fn run(job: VerifyJob) -> Result<Exit, Failure> {
    let policies = policies(&job)?;
    let mut job = job;
    if !job.break_glass.is_empty() {
        let approvals = Arc::new(approvals(&job.break_glass, policies.trust())?);
        let images = job.images.into_iter();
        let with = |image: Image| image.with_break_glass(Arc::clone(&approvals));
        job.images = images.map(with).collect();
    }
    let (format, color, explain) = (job.format, job.color, job.explain);
    let reports = job.reports.clone();
    let results = Results::typed(decisions(job, policies)?);
    Ok(formats::deliver(&results, format, &reports, explain, color))
}

/// The policy set; what is wrong with it goes to standard error, warnings too.
fn policies(job: &VerifyJob) -> Result<PolicySet, Failure> {
    Policies::load(&job.policy, &job.roots)?.told(&job.policy, "no image was looked at", job.color)
}

/// Asks for all images, one after the other; the registry client and its connections are shared.
fn decisions(job: VerifyJob, policies: PolicySet) -> Result<Vec<Decision>, Failure> {
    let cache = Arc::new(cache(&job.registry, job.evidence_cache.as_deref())?);
    let checker = checker(&job, policies, &cache)?;
    let runtime = progress::runtime()?;
    let judge = async |image: &Image| {
        let what = image.request().written();
        progress::shown(what, Box::pin(checker.check(image, job.now))).await
    };
    let decisions = job
        .images
        .iter()
        .map(|image| runtime.block_on(judge(image)));
    let decisions = decisions.collect();
    tell_disk_error(&cache, job.color);
    Ok(decisions)
}

/// Says so where the folder of `--cache-dir` did not keep what it should.
pub(crate) fn tell_disk_error(cache: &Cache, color: anstream::ColorChoice) {
    if let Some(error) = cache.disk_error() {
        let error = escaped(&error, 500);
        let text = format!("warning: --cache-dir is of no use now: {error}\n");
        output::say(&text, color);
    }
}

/// What is remembered of registries: for this run, and in the folder that was named for that.
pub(crate) fn cache(registry: &RegistryAccess, folder: Option<&Path>) -> Result<Cache, Failure> {
    let cache = Cache::default();
    let cache = match &registry.observer() {
        Some(observer) => cache.observer(Arc::clone(observer)),
        None => cache,
    };
    match folder {
        Some(folder) => kept_in(folder, cache),
        None => Ok(cache),
    }
}

/// A cache that keeps what it has in the folder of `--cache-dir`, too.
pub(crate) fn kept_in(folder: &Path, cache: Cache) -> Result<Cache, Failure> {
    cache
        .on_disk(folder, Cache::DEFAULT_DISK_BYTES)
        .map_err(|error| {
            let error = escaped(&error.to_string(), 500);
            Failure::misused(&format!("--cache-dir: {error}"))
        })
}

/// The checker, with the registry client that the images need.
fn checker(job: &VerifyJob, policies: PolicySet, cache: &Arc<Cache>) -> Result<Checker, Failure> {
    let checker = Checker::new(policies)
        .timeout(job.timeout)
        .cache(Arc::clone(cache));
    let hosts = job.images.iter().filter_map(Image::registry);
    Ok(match job.registry.client(hosts)? {
        Some(registry) => checker.registry(registry),
        None => checker,
    })
}
