//! `countersign policy init`: prints a policy that lets through exactly what is attached to an image, and says what each line trusts.

mod found;
mod material;
mod rules;
mod scan;
mod summary;
mod write;

use std::time::Duration;

use countersign::{Budget, Limits, walk};
use countersign_core::{
    Decision, Evidence, Findings, ImageRef, PinnedImage, PolicySet, Request, Resolution, Severity,
    Source as PolicySource, UnixTime, Verdict, decide, examine,
};

use self::found::Found;
use self::material::Material;
use self::rules::Rules;
use crate::args::{NamedFile, init};
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::registries::RegistryAccess;
use crate::source::{Named, Source};
use crate::surroundings::Surroundings;
use crate::{evidence, output, progress};

/// Print a policy for an image.
#[derive(Debug)]
pub(crate) struct InitJob {
    written: String,
    image: Named,
    /// What the policy matches.
    name: ImageRef,
    keys: Vec<std::path::PathBuf>,
    trust_roots: Vec<NamedFile>,
    registry: RegistryAccess,
    timeout: Duration,
    now: UnixTime,
    color: anstream::ColorChoice,
}

impl InitJob {
    pub(crate) fn new(
        typed: init::Init,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        let image = Named::parse(&typed.image)?;
        let name = match (&image, &typed.judged_as) {
            (Named::Registry(name), None) => name.clone(),
            (Named::Layout(_), Some(name)) => ImageRef::parse(name)
                .map_err(|error| Failure::misused(&format!("--as: {error}")))?,
            (Named::Registry(_), Some(_)) => {
                return Err(Failure::misused(
                    "--as is for oci: images; this one has a name",
                ));
            }
            (Named::Layout(_), None) => {
                return Err(Failure::misused(
                    "an oci: image has no name that a policy could match: say --as REFERENCE",
                ));
            }
        };
        Ok(Self {
            registry: RegistryAccess::new(typed.registries, surroundings),
            written: typed.image,
            image,
            name,
            keys: typed.keys,
            trust_roots: typed.trust_roots,
            timeout: Duration::from_secs(typed.timeout),
            now: typed.at.unwrap_or(surroundings.now),
            color,
        })
    }
}

/// What is attached to the image and to what it lists.
struct Attached {
    image: PinnedImage,
    findings: Findings,
    children: Vec<Findings>,
}

/// Prints it, once it was tried: it loads without a warning and lets the image pass.
pub(crate) fn run(job: &InitJob) -> Result<Exit, Failure> {
    let material = Material::read(&job.trust_roots, &job.keys)?;
    let source = Source::open(&job.image, &job.registry, &Limits::default())?;
    let runtime = progress::runtime()?;
    let attached =
        runtime.block_on(progress::shown(&job.written, look(job, &source, &material)))?;
    let found = Found::of(&attached, &material, job.now);
    if found.signers.is_empty() {
        return Err(nothing(&attached, &found));
    }
    let mut rules = Rules::of(&found, &attached.image);
    if rules.all.is_empty() {
        return Err(nothing_to_ask(&rules));
    }
    // What the typed rules would refuse of it is left to a rule that asks for less, and the policy says so.
    loop {
        let text = write::policy(job, &material, &found, &rules);
        let decision = tried(job, &material, &attached, &text)?;
        if decision.effect() == Verdict::Allow {
            return Ok(output::deliver(&text, job.color, Exit::Allowed));
        }
        if !rules.relax(&decision) {
            return Err(no_use(&decision));
        }
    }
}

async fn look(job: &InitJob, source: &Source, material: &Material) -> Result<Attached, Failure> {
    let limits = Limits::default();
    let budget = Budget::new(&limits, job.timeout);
    let (repository, reference) = (&source.repository, &source.reference);
    let unread = |code: &str, cause: &str| {
        Failure::unknown(format!(
            "{}: {code}: {}",
            escaped(&job.written, 300),
            escaped(cause, 500)
        ))
    };
    let attached = walk(source, repository, reference, &source.way(), &budget)
        .await
        .map_err(|gap| unread(gap.code.as_str(), &gap.cause))?;
    if let Some(gap) = attached.gaps().next() {
        return Err(unread(
            gap.code.as_str(),
            &format!("{}: {}", gap.what, gap.cause),
        ));
    }
    let image = attached
        .image
        .image()
        .cloned()
        .ok_or_else(|| unread("manifest-malformed", "it is neither an image nor an index"))?;
    let mut findings = evidence::verified(&attached, source, material.trust(), &budget).await;
    let own = match findings.remove(image.digest()) {
        Some(own) => own,
        None => examine(&image, &Evidence::default(), material.trust(), &limits),
    };
    let listed = image.children().unwrap_or_default();
    let is_child = |one: &Findings| listed.iter().any(|child| child.digest == *one.image());
    let children = findings.into_values().filter(is_child).collect();
    Ok(Attached {
        image,
        findings: own,
        children,
    })
}

/// Loads the policy as anybody would, and judges the image by it.
fn tried(
    job: &InitJob,
    material: &Material,
    attached: &Attached,
    text: &str,
) -> Result<Decision, Failure> {
    let sources = [PolicySource {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    }];
    let loaded = PolicySet::load(&sources, material, &[]);
    let wrong = loaded.diagnostics.first();
    let (None, Some(policies)) = (wrong, loaded.policies) else {
        let why = wrong
            .map(|it| it.render(&sources, false))
            .unwrap_or_default();
        let severity = wrong.map_or(Severity::Error, |it| it.severity);
        return Err(Failure::unknown(format!(
            "the policy that was made has a fault ({severity:?}): {why}"
        )));
    };
    let request = Request::named(&job.name);
    let resolution = Resolution::Examined {
        image: &attached.image,
        findings: &attached.findings,
        children: &attached.children,
    };
    Ok(decide(&policies, &request, resolution, job.now))
}

/// Nothing to go by.
fn nothing(attached: &Attached, found: &Found) -> Failure {
    let refused = attached.findings.rejected().len();
    let unusable = found.unusable.first();
    let why = match (unusable, refused) {
        (Some(why), _) => format!("what verifies cannot count: {why}"),
        (None, 0) => "nothing is attached to it".to_owned(),
        (None, refused) => format!(
            "{refused} pieces of evidence are attached, and none verifies by the roots and keys at hand (--key, --trust-root); \
             `countersign evidence` shows them"
        ),
    };
    Failure {
        exit: Exit::Denied,
        message: format!("there is nothing to write a policy for: {why}"),
    }
}

/// What is attached is nothing that a rule could ask for.
fn nothing_to_ask(rules: &Rules) -> Failure {
    let why: Vec<String> = rules.left_out.iter().map(|why| escaped(why, 500)).collect();
    Failure {
        exit: Exit::Denied,
        message: format!("there is nothing to write a policy for: {}", why.join("; ")),
    }
}

/// The image does not pass by what is attached to it, whatever is asked.
fn no_use(decision: &Decision) -> Failure {
    let rules = decision.policies().iter().flat_map(|policy| &policy.rules);
    let failed = rules.filter(|rule| rule.code.is_some());
    let why: Vec<String> = failed
        .map(|rule| format!("{}: {}", rule.name, escaped(&rule.message, 500)))
        .collect();
    Failure {
        exit: Exit::Denied,
        message: format!(
            "no policy lets the image pass by what is attached to it: {}",
            why.join("; ")
        ),
    }
}
