//! `countersign copy`.

mod report;

use std::time::Duration;

use countersign_sign::{Copier, CopyFailed, Place, Route};

use crate::args::Format;
use crate::args::copy::Copy;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::registries::RegistryAccess;
use crate::surroundings::Surroundings;
use crate::{output, progress};
use report::CopyReport;

/// Characters of one message; it may name several gaps, each with two references.
const MAX_CHARS: usize = 3000;

const CONNECT: Duration = Duration::from_secs(5);
/// A registry that has got the last byte of a large layer may have to move it before it answers.
const STALL: Duration = Duration::from_secs(60);

/// Copy an image with everything that is attached to it.
#[derive(Debug)]
pub(crate) struct CopyJob {
    route: Route,
    source: String,
    only_evidence: bool,
    dry_run: bool,
    format: Format,
    access: RegistryAccess,
    timeout: Duration,
    color: anstream::ColorChoice,
}

impl CopyJob {
    pub(crate) fn new(
        typed: Copy,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        let place = |text: &str| {
            Place::parse(text)
                .map_err(|error| Failure::misused(&format!("{}: {error}", escaped(text, 100))))
        };
        let (source, destination) = (place(&typed.source)?, place(&typed.destination)?);
        let route = Route::new(source, destination)
            .map_err(|error| Failure::misused(&error.to_string()))?;
        Ok(Self {
            route,
            source: typed.source,
            only_evidence: typed.only_evidence,
            dry_run: typed.dry_run,
            format: typed.format,
            access: RegistryAccess::new(typed.registries, surroundings),
            timeout: Duration::from_secs(typed.timeout),
            color,
        })
    }
}

/// Copies; a copy that is not whole ends with a message, and says nothing on standard output.
pub(crate) fn run(job: &CopyJob) -> Result<Exit, Failure> {
    let registry = job.access.client(job.route.registries())?;
    let registry = registry.unwrap_or_default().timeouts(CONNECT, STALL);
    let copier = Copier::new(registry)
        .dry_run(job.dry_run)
        .only_evidence(job.only_evidence)
        .timeout(job.timeout);
    let line = || format!("copying {}", escaped(&job.source, 60));
    let copied = progress::runtime()?
        .block_on(progress::shown_as(line, copier.copy(&job.route)))
        .map_err(|failed| failure(job, &failed))?;
    let report = CopyReport::new(job, &copied);
    let text = match job.format {
        Format::Text => report.text(),
        Format::Json => output::json(&report),
    };
    Ok(output::deliver(&text, job.color, Exit::Allowed))
}

/// What failed, and what is at the destination all the same.
fn failure(job: &CopyJob, failed: &CopyFailed) -> Failure {
    let mut message = escaped(&failed.to_string(), MAX_CHARS);
    if let Some(so_far) = &failed.so_far {
        let report = CopyReport::new(job, so_far);
        message.push_str(&report.so_far());
    }
    Failure {
        exit: Exit::Unknown,
        message,
    }
}
