//! `countersign replay`: decisions again from their record, without a registry.

use std::path::{Path, PathBuf};

use countersign::{Cache, Checker, LayoutRef, OciLayout, ReplayError, ReplayStore};
use countersign_core::{Decision, Limits, Report, UnixTime};

use crate::args::Format;
use crate::args::replay::ReplayRecord;
use crate::bounded;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policies::{Policies, Roots};
use crate::surroundings::Surroundings;
use crate::verify::kept_in;
use crate::{output, progress, render};

/// Bytes of a record: a thousand images with all their evidence explained.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Make the decisions of a record again.
#[derive(Debug)]
pub(crate) struct ReplayJob {
    record: PathBuf,
    policy: PathBuf,
    roots: Roots,
    cache: Option<PathBuf>,
    from: Vec<LayoutRef>,
    format: Format,
    color: anstream::ColorChoice,
}

impl ReplayJob {
    pub(crate) fn new(
        typed: ReplayRecord,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        let layout = |text: &String| {
            LayoutRef::parse(text).map_err(|error| {
                Failure::misused(&format!("--from {}: {error}", escaped(text, 100)))
            })
        };
        Ok(Self {
            record: typed.record,
            policy: typed.policy,
            cache: typed.roots.cache.evidence(),
            roots: Roots::typed(typed.roots, surroundings, surroundings.now),
            from: typed.from.iter().map(layout).collect::<Result<_, _>>()?,
            format: typed.format,
            color,
        })
    }
}

/// Decides each image of the record again; the exit code is that of the decisions, if they are the same.
pub(crate) fn run(mut job: ReplayJob) -> Result<Exit, Failure> {
    let record = record(&job.record)?;
    // Trust roots that are kept are looked at as of then.
    if let Some(then) = record.images.first().map(|it| UnixTime::parse(&it.now)) {
        job.roots.now = then.unwrap_or(job.roots.now);
    }
    let policies = Policies::load(&job.policy, &job.roots)?;
    let policies = policies.told(&job.policy, "nothing was decided again", job.color)?;
    let checker = Checker::new(policies);
    let store = store(&job, &record)?;
    let runtime = progress::runtime()?;
    let decisions: Result<Vec<Decision>, ReplayError> = record
        .images
        .iter()
        .map(|image| runtime.block_on(checker.replay(image, &store)))
        .collect();
    let decisions = decisions.map_err(|error| failed(&error))?;
    let again = if explains(&record) {
        Report::explained(&decisions)
    } else {
        Report::new(&decisions)
    };
    if again != record {
        return Err(Failure::unknown(format!(
            "another decision: {}",
            difference(&record, &again)
        )));
    }
    let exit = decisions.iter().map(|it| Exit::from(it.effect())).max();
    let text = match job.format {
        Format::Json => again.to_json(),
        Format::Text => decisions.iter().map(same).collect(),
    };
    Ok(output::deliver(
        &text,
        job.color,
        exit.unwrap_or(Exit::Unknown),
    ))
}

fn record(path: &Path) -> Result<Report, Failure> {
    let shown = escaped(&path.display().to_string(), 300);
    let bytes = bounded::head(path, MOST_BYTES)
        .map_err(|error| Failure::unknown(format!("{shown}: it cannot be read: {error}")))?;
    let too_large = u64::try_from(bytes.len()).is_ok_and(|it| it > MOST_BYTES);
    let report = if too_large {
        Err(format!("larger than {MOST_BYTES} bytes"))
    } else {
        Report::from_json(&bytes)
    };
    let report = report.map_err(|why| {
        let why = escaped(&why, 300);
        Failure::misused(&format!("{shown}: no decision record: {why}"))
    })?;
    if report.images.is_empty() {
        return Err(Failure::misused(&format!("{shown}: a record of no image")));
    }
    Ok(report)
}

/// The layouts that are named, those that the record itself names, and the folder of the cache.
fn store(job: &ReplayJob, record: &Report) -> Result<ReplayStore, Failure> {
    let limits = Limits::default();
    let mut store = ReplayStore::default();
    for layout in &job.from {
        let opened = OciLayout::open(layout, &limits);
        store = store.layout(opened.map_err(|error| {
            Failure::unknown(format!("--from: {}", escaped(&error.to_string(), 500)))
        })?);
    }
    let named = record.images.iter().map(|it| LayoutRef::parse(&it.image));
    for layout in named.flatten() {
        // One that is gone is missed where its bytes are.
        if let Ok(layout) = OciLayout::open(&layout, &limits) {
            store = store.layout(layout);
        }
    }
    if let Some(folder) = &job.cache {
        store = store.cache(kept_in(folder, Cache::default())?);
    }
    Ok(store)
}

/// Whether the record was made by `--explain`.
fn explains(record: &Report) -> bool {
    let policies = record.images.iter().flat_map(|image| &image.policies);
    let mut rules = policies.flat_map(|policy| &policy.rules);
    rules.any(|rule| !rule.candidates.is_empty())
}

fn same(decision: &Decision) -> String {
    let what = render::text::word(decision.effect());
    let image = escaped(decision.image(), 500);
    let digest = decision
        .digest()
        .map(|digest| format!("\n  digest  {digest}"));
    let digest = digest.unwrap_or_default();
    let now = decision.now();
    format!("{image}\n  {what}: the same decision as at {now}, to the last byte{digest}\n")
}

/// The first line in which two records differ.
fn difference(record: &Report, again: &Report) -> String {
    let (then, now) = (record.to_json(), again.to_json());
    let mut lines = then.lines().zip(now.lines()).enumerate();
    let Some((number, (then, now))) = lines.find(|(_, (then, now))| then != now) else {
        return "one record goes on where the other ends".to_owned();
    };
    let (then, now) = (escaped(then.trim(), 300), escaped(now.trim(), 300));
    format!(
        "line {} of the record says `{then}`, and now it is `{now}`",
        number + 1
    )
}

fn failed(error: &ReplayError) -> Failure {
    let message = escaped(&error.to_string(), 2000);
    let (exit, hint) = match error {
        ReplayError::Policies { .. } => (
            Exit::Misused,
            "Give the policy files as they were: their digest covers every file that they name.",
        ),
        ReplayError::Trust { .. } => (
            Exit::Misused,
            "Give the same `--trust-root` files, or the `--cache-dir` that kept them.",
        ),
        ReplayError::Missing { .. } => (
            Exit::Unknown,
            "Name what keeps it: `--from oci:PATH` (`pull-evidence` writes one), or the `--cache-dir` of that check.",
        ),
        ReplayError::Record { .. } => (Exit::Misused, "Give a record as `verify` printed it."),
        _ => (Exit::Unknown, "Nothing was decided again."),
    };
    Failure {
        exit,
        message: format!("{message}\n{hint}"),
    }
}
