//! `countersign trust`: fetch, show and check trust roots.

mod report;
mod show;
mod update;

use std::path::PathBuf;

use countersign::TrustStore;
use countersign_core::{TrustError, TrustRoot, UnixTime};

use crate::args::Format;
use crate::args::trust::{Check, Trust};
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::surroundings::Surroundings;
use crate::{bounded, output};
use report::{RootReport, TrustReport};

/// What is to be done with trust roots.
#[derive(Debug)]
pub(crate) struct TrustJob {
    typed: Trust,
    cache: Option<PathBuf>,
    now: UnixTime,
    color: anstream::ColorChoice,
}

impl TrustJob {
    pub(crate) fn new(
        typed: Trust,
        surroundings: Surroundings,
        color: anstream::ColorChoice,
    ) -> Self {
        let (cache, now) = match &typed {
            Trust::Update(it) => (it.cache.trust(), it.at),
            Trust::Show(it) => (it.cache.trust(), it.at),
            Trust::Verify(_) => (None, None),
        };
        Self {
            cache: cache.or(surroundings.trust_cache),
            now: now.unwrap_or(surroundings.now),
            typed,
            color,
        }
    }

    fn store(&self) -> Option<TrustStore> {
        self.cache.clone().map(TrustStore::new)
    }
}

/// Does it.
pub(crate) fn run(job: &TrustJob) -> Result<Exit, Failure> {
    match &job.typed {
        Trust::Update(typed) => update::run(job, typed),
        Trust::Show(typed) => show::run(job, typed),
        Trust::Verify(typed) => check(job, typed),
    }
}

/// `countersign trust verify`.
fn check(job: &TrustJob, typed: &Check) -> Result<Exit, Failure> {
    let root = read_root(&typed.file)?;
    let shown = typed.file.display().to_string();
    let report = TrustReport::new(vec![RootReport::new(&root, "file", Some(shown), None)]);
    let text = match typed.format {
        Format::Text => report.counted(),
        Format::Json => output::json(&report),
    };
    Ok(output::deliver(&text, job.color, Exit::Allowed))
}

/// A trusted_root.json that the command line names; one that is wrong is a wrong command line.
fn read_root(path: &std::path::Path) -> Result<TrustRoot, Failure> {
    let shown = escaped(&path.display().to_string(), 300);
    let failed = |why: &str| Failure::misused(&format!("{shown}: {}", escaped(why, 300)));
    let json = bounded::read(path).map_err(|error| failed(&error.to_string()))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    TrustRoot::from_json(&name, &json).map_err(|error| match error {
        TrustError::Malformed { why, .. } => failed(&why),
        error => failed(&error.to_string()),
    })
}
