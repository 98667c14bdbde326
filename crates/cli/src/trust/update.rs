//! `countersign trust update`.

use std::time::Duration;

use countersign::{PolicyFiles, RefreshError, TrustState, TufClient, TufError, TufSource};
use countersign_core::{Diagnostic, ReasonCode, Severity, TrustRoot};
use serde::Serialize;

use super::TrustJob;
use super::report::{TufReport, line, safe};
use crate::args::Format;
use crate::args::trust::Update;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policies::rendered;
use crate::{bounded, output, progress};

/// What `--format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpdateReport {
    api_version: &'static str,
    sources: Vec<SourceReport>,
}

/// What came of one source.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SourceReport {
    name: String,
    url: String,
    /// `current`, or the kind of what went wrong.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// sha256 of the trusted root that is in the cache now.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tuf: Option<TufReport>,
}

/// Fetches every source; a failure of one does not hold up the others.
pub(super) fn run(job: &TrustJob, typed: &Update) -> Result<Exit, Failure> {
    let sources = sources(job, typed)?;
    let store = job.store().ok_or_else(|| {
        Failure::misused("there is no home folder to keep trust roots in; pass --cache-dir DIR")
    })?;
    let client = client(typed)?;
    let runtime = progress::runtime()?;
    let mut exit = Exit::Allowed;
    let mut reports = Vec::new();
    for (name, source) in sources {
        let work = store.refresh(&source, &client, job.now);
        let outcome = runtime.block_on(progress::shown(source.url(), work));
        exit = exit.max(match &outcome {
            Ok(_) => Exit::Allowed,
            Err(RefreshError {
                cause: TufError::PinnedRoot(_),
                ..
            }) => Exit::Misused,
            Err(_) => Exit::Unknown,
        });
        reports.push(SourceReport::new(job, name, &source, outcome));
    }
    let report = UpdateReport {
        api_version: "countersign.dev/trust-update/v1alpha1",
        sources: reports,
    };
    let text = match typed.format {
        Format::Text => report.sources.iter().map(SourceReport::text).collect(),
        Format::Json => output::json(&report),
    };
    Ok(output::deliver(&text, job.color, exit))
}

/// What is asked: the sources of a policy, the one that was typed, or the public-good one.
fn sources(job: &TrustJob, typed: &Update) -> Result<Vec<(String, TufSource)>, Failure> {
    if let Some(path) = &typed.policy {
        let shown = path.display();
        let files = PolicyFiles::open(path).map_err(|it| Failure::misused(&it.to_string()))?;
        let found = files.tuf_sources();
        let errors: Vec<Diagnostic> = found
            .diagnostics
            .into_iter()
            .filter(|it| it.severity == Severity::Error && it.code != ReasonCode::UnusedName)
            .collect();
        if !errors.is_empty() {
            output::say(&rendered(&errors, files.sources()), job.color);
            let count = errors.len();
            return Err(Failure::misused(&format!(
                "{shown}: {count} errors in the policy; nothing was fetched"
            )));
        }
        if found.sources.is_empty() {
            return Err(Failure::misused(&format!(
                "{shown}: no TrustRoot of the policy has `tuf`; without --policy the public-good root is fetched"
            )));
        }
        return Ok(found.sources);
    }
    let (Some(url), Some(file)) = (&typed.url, &typed.root) else {
        return Ok(vec![(
            TrustRoot::PUBLIC_GOOD.to_owned(),
            TufSource::public_good(),
        )]);
    };
    let named = |why: String| Failure::misused(&format!("--root {}: {why}", file.display()));
    let root = bounded::read(file).map_err(|error| named(error.to_string()))?;
    let source =
        TufSource::new(url, root).map_err(|it| Failure::misused(&format!("--url: {it}")))?;
    Ok(vec![(url.clone(), source)])
}

fn client(typed: &Update) -> Result<TufClient, Failure> {
    let client = TufClient::new().timeout(Duration::from_secs(typed.timeout));
    let Some(path) = &typed.ca_file else {
        return Ok(client);
    };
    let named = |why: String| Failure::misused(&format!("--ca-file {}: {why}", path.display()));
    let pem = bounded::read(path).map_err(|error| named(error.to_string()))?;
    client
        .ca_file(&pem)
        .map_err(|error| named(error.to_string()))
}

impl SourceReport {
    fn new(
        job: &TrustJob,
        name: String,
        source: &TufSource,
        outcome: Result<TrustState, RefreshError>,
    ) -> Self {
        let (outcome, error, state) = match outcome {
            Ok(state) => ("current", None, Some(state)),
            Err(error) => {
                let (kind, why) = (error.cause.as_str(), error.cause.to_string());
                (kind, Some(why), error.kept.map(|kept| *kept))
            }
        };
        Self {
            name,
            url: source.url().to_owned(),
            outcome,
            error,
            fingerprint: state.as_ref().map(|it| it.fingerprint.to_string()),
            tuf: state.as_ref().map(|it| TufReport::new(it, None, job.now)),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let name = if self.name == self.url {
            safe(&self.url)
        } else {
            format!("{} ({})", safe(&self.name), safe(&self.url))
        };
        let kept = match (&self.error, &self.fingerprint) {
            (None, _) => "current",
            (Some(_), Some(_)) => "NOT REFRESHED; what was good before still serves",
            (Some(_), None) => "NOT FETCHED",
        };
        line(&mut text, 0, &format!("{name}: {kept}"));
        if let Some(error) = &self.error {
            line(&mut text, 2, &format!("{}: {}", self.outcome, safe(error)));
        }
        if let Some(fingerprint) = &self.fingerprint {
            line(&mut text, 2, fingerprint);
        }
        if let Some(tuf) = &self.tuf {
            tuf.write(&mut text, 2);
        }
        text
    }
}
