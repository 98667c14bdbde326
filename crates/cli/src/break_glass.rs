//! `countersign break-glass`: statements that let an image run in an emergency.

mod file;
mod show;
mod sign;
mod verify;

use std::path::{Path, PathBuf};

use countersign_core::{Approvals, Limits, Trust};

use crate::args::break_glass::BreakGlass;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::surroundings::Surroundings;

/// What is to be done with a statement.
#[derive(Debug)]
pub(crate) enum BreakGlassJob {
    Sign(Box<sign::SignJob>),
    Show(show::ShowJob),
    Verify(Box<verify::VerifyJob>),
}

impl BreakGlassJob {
    pub(crate) fn new(
        typed: BreakGlass,
        surroundings: Surroundings,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        match typed {
            BreakGlass::Sign(typed) => sign::SignJob::new(*typed, surroundings, color)
                .map(Box::new)
                .map(Self::Sign),
            BreakGlass::Show(typed) => Ok(Self::Show(show::ShowJob::new(typed, color))),
            BreakGlass::Verify(typed) => verify::VerifyJob::new(typed, &surroundings, color)
                .map(Box::new)
                .map(Self::Verify),
        }
    }
}

pub(crate) fn run(job: &BreakGlassJob) -> Result<Exit, Failure> {
    match job {
        BreakGlassJob::Sign(job) => sign::run(job),
        BreakGlassJob::Show(job) => show::run(job),
        BreakGlassJob::Verify(job) => verify::run(job),
    }
}

/// The approvals of all files, examined under the keys and trust roots of a policy set.
pub(crate) fn approvals(files: &[PathBuf], trust: &Trust) -> Result<Approvals, Failure> {
    let mut bundles = Vec::new();
    for path in files {
        bundles.extend(file::read(path)?);
    }
    Approvals::examine(bundles, trust, &Limits::default())
        .map_err(|error| Failure::misused(&format!("break-glass: {error}")))
}

fn shown(path: &Path) -> String {
    escaped(&path.display().to_string(), 300)
}
