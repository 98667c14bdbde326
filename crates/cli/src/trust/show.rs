//! `countersign trust show`.

use std::path::Path;

use countersign::{TrustState, TufSource};
use countersign_core::{RootOrigin, Severity, TrustRoot, UnixTime};

use super::report::{RootReport, TrustReport, TufReport};
use super::{TrustJob, read_root};
use crate::args::Format;
use crate::args::trust::Show;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policies::{Policies, Roots, rendered};
use crate::{bounded, output};

/// Shows the trust roots of a policy set or file, or the public-good one.
pub(super) fn run(job: &TrustJob, typed: &Show) -> Result<Exit, Failure> {
    let roots = match &typed.path {
        None => vec![public_good(job)?],
        Some(path) if is_trusted_root(path) => {
            let root = read_root(path)?;
            let shown = path.display().to_string();
            vec![RootReport::new(&root, "file", Some(shown), None)]
        }
        Some(path) => of_policy(job, path)?,
    };
    let report = TrustReport::new(roots);
    let text = match typed.format {
        Format::Text => report.text(),
        Format::Json => output::json(&report),
    };
    Ok(output::deliver(&text, job.color, Exit::Allowed))
}

/// A trusted_root.json is JSON with a `mediaType`; a policy has an `apiVersion`.
fn is_trusted_root(path: &Path) -> bool {
    path.is_file()
        && bounded::read(path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
            .is_some_and(|json| json.get("mediaType").is_some())
}

fn public_good(job: &TrustJob) -> Result<RootReport, Failure> {
    let failed = |why: String| Failure::unknown(why);
    let name = TrustRoot::PUBLIC_GOOD;
    match fetched(job, &TufSource::public_good())? {
        Some(state) => {
            let root =
                TrustRoot::from_json(name, &state.json).map_err(|it| failed(it.to_string()))?;
            let tuf = TufReport::new(&state, None, job.now);
            Ok(RootReport::new(&root, "tuf", Some(state.url), Some(tuf)))
        }
        None => {
            let root = TrustRoot::public_good().map_err(|it| failed(it.to_string()))?;
            Ok(RootReport::of(&root, &RootOrigin::BuiltIn, None))
        }
    }
}

/// Every root of a set, in the order of their names.
fn of_policy(job: &TrustJob, path: &Path) -> Result<Vec<RootReport>, Failure> {
    let roots = Roots {
        named: Vec::new(),
        cache: job.cache.clone(),
        now: job.now,
    };
    let Policies { files, loaded } = Policies::load(path, &roots)?;
    let errors = loaded
        .diagnostics
        .iter()
        .filter(|it| it.severity == Severity::Error);
    let errors: Vec<_> = errors.cloned().collect();
    output::say(&rendered(&errors, files.sources()), job.color);
    let Some(policies) = loaded.policies else {
        let path = path.display();
        let count = errors.len();
        return Err(Failure::misused(&format!(
            "{path}: {count} errors in the policy"
        )));
    };
    let mut sources = files.tuf_sources().sources;
    sources.push((TrustRoot::PUBLIC_GOOD.to_owned(), TufSource::public_good()));
    let mut roots = Vec::new();
    for root in policies.trust().roots() {
        let name = &root.name().name;
        let Some(origin) = policies.root_origin(name) else {
            continue;
        };
        let source = sources.iter().find(|(other, _)| other == name);
        let tuf = match (origin, source) {
            (RootOrigin::Tuf { serves_until, .. }, Some((_, source))) => {
                tuf(job, source, *serves_until)?
            }
            _ => None,
        };
        roots.push(RootReport::of(root, origin, tuf));
    }
    Ok(roots)
}

fn tuf(job: &TrustJob, source: &TufSource, until: UnixTime) -> Result<Option<TufReport>, Failure> {
    let state = fetched(job, source)?;
    Ok(state.map(|state| TufReport::new(&state, Some(until), job.now)))
}

fn fetched(job: &TrustJob, source: &TufSource) -> Result<Option<TrustState>, Failure> {
    let Some(store) = job.store() else {
        return Ok(None);
    };
    store
        .load(source)
        .map_err(|error| Failure::unknown(error.to_string()))
}
