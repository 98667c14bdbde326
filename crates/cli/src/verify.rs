//! `countersign verify`.

use countersign::{Checker, Image};
use countersign_core::{Decision, PolicySet, Report, Severity, Verdict};

use crate::args::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::VerifyJob;
use crate::policies::{Policies, rendered};
use crate::{output, progress, render};

/// Judges every image; the heaviest verdict is the exit code.
pub(crate) fn run(job: VerifyJob) -> Result<Exit, Failure> {
    let policies = policies(&job)?;
    let (format, color, explain) = (job.format, job.color, job.explain);
    let decisions = decisions(job, policies)?;
    let exit = decisions
        .iter()
        .map(|decision| exit(decision.effect()))
        .max()
        .unwrap_or(Exit::Misused);
    let result = match format {
        Format::Text => {
            let texts: Vec<String> = decisions
                .iter()
                .map(|it| render::text::decision(it, explain))
                .collect();
            texts.join("\n")
        }
        Format::Json => Report::new(&decisions).to_json(),
    };
    Ok(output::deliver(&result, color, exit))
}

/// The policy set; what is wrong with it goes to standard error, warnings too.
fn policies(job: &VerifyJob) -> Result<PolicySet, Failure> {
    let Policies { files, loaded } = Policies::load(&job.policy, &job.trust_roots, &job.cache)?;
    output::say(&rendered(&loaded.diagnostics, files.sources()), job.color);
    loaded.policies.ok_or_else(|| {
        let errors = loaded
            .diagnostics
            .iter()
            .filter(|it| it.severity == Severity::Error)
            .count();
        let path = job.policy.display();
        Failure::misused(&format!(
            "{path}: {errors} errors in the policy; no image was looked at"
        ))
    })
}

/// Asks for all images, one after the other; the registry client and its connections are shared.
fn decisions(job: VerifyJob, policies: PolicySet) -> Result<Vec<Decision>, Failure> {
    let checker = checker(&job, policies)?;
    let runtime = progress::runtime()?;
    let judge = async |image: &Image| {
        let what = image.request().written();
        progress::shown(what, Box::pin(checker.check(image, job.now))).await
    };
    Ok(job
        .images
        .iter()
        .map(|image| runtime.block_on(judge(image)))
        .collect())
}

/// The checker, with the registry client that the images need.
fn checker(job: &VerifyJob, policies: PolicySet) -> Result<Checker, Failure> {
    let checker = Checker::new(policies).timeout(job.timeout);
    let hosts = job.images.iter().filter_map(Image::registry);
    Ok(match job.registry.client(hosts)? {
        Some(registry) => checker.registry(registry),
        None => checker,
    })
}

const fn exit(effect: Verdict) -> Exit {
    match effect {
        Verdict::Allow => Exit::Allowed,
        Verdict::Deny => Exit::Denied,
        _ => Exit::Unknown,
    }
}
