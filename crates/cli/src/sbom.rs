//! `countersign sbom`: what the reader sees in an SBOM, and how the rules of a policy would judge it.

pub(crate) mod report;

use std::path::PathBuf;

use countersign_core::{Limits, Outcome, Sbom};

use self::report::SbomReport;
use crate::args::Format;
use crate::args::sbom::ShowSbom;
use crate::bounded;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policies::{Policies, Roots};
use crate::surroundings::Surroundings;
use crate::{output, render};

/// Components that are listed unless all are asked for.
const SHOWN: usize = 100;

/// Show an SBOM.
#[derive(Debug)]
pub(crate) struct SbomJob {
    file: PathBuf,
    policy: Option<PathBuf>,
    all: bool,
    roots: Roots,
    format: Format,
    color: anstream::ColorChoice,
}

impl SbomJob {
    pub(crate) fn new(
        typed: ShowSbom,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Self {
        Self {
            file: typed.file,
            policy: typed.policy,
            all: typed.all,
            roots: Roots::new(
                typed.trust_roots,
                &typed.cache,
                surroundings,
                typed.at.unwrap_or(surroundings.now),
            ),
            format: typed.format,
            color,
        }
    }
}

/// Shows it; a policy's answer is the exit code.
pub(crate) fn run(job: &SbomJob) -> Result<Exit, Failure> {
    let policies = match &job.policy {
        None => None,
        Some(path) => Some(Policies::load(path, &job.roots)?.told(
            path,
            "the SBOM was not looked at",
            job.color,
        )?),
    };
    let limits = Limits::default();
    let shown = escaped(&job.file.display().to_string(), 300);
    let max = u64::try_from(limits.payload_bytes).unwrap_or(u64::MAX);
    let bytes = bounded::head(&job.file, max)
        .map_err(|error| Failure::unknown(format!("{shown}: it cannot be read: {error}")))?;
    let sbom = Sbom::read_document(&bytes, &limits).map_err(|error| Failure {
        exit: Exit::Denied,
        message: format!("{shown}: {}", escaped(&error.to_string(), 500)),
    })?;
    let judged = policies.as_ref().map(|policies| policies.judge_sbom(&sbom));
    if let (Some(judged), Some(path)) = (&judged, &job.policy)
        && judged.is_empty()
    {
        let path = escaped(&path.display().to_string(), 300);
        return Err(Failure::misused(&format!(
            "{path}: no rule of the policy is about SBOMs"
        )));
    }
    let exit = match judged.iter().flatten().map(|rule| rule.outcome).max() {
        None | Some(Outcome::Pass) => Exit::Allowed,
        Some(Outcome::Fail) => Exit::Denied,
        Some(_) => Exit::Unknown,
    };
    let most = if job.all { usize::MAX } else { SHOWN };
    let report = SbomReport::new(
        &job.file.display().to_string(),
        &sbom,
        judged.as_deref(),
        most,
    );
    let text = match job.format {
        Format::Text => render::sbom::text(&report),
        Format::Json => output::json(&report),
    };
    Ok(output::deliver(&text, job.color, exit))
}
