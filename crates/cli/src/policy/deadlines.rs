//! `policy deadlines`: when a policy set begins to decide otherwise by itself.

use std::fmt::Write as _;
use std::path::PathBuf;

use countersign::DeadlineMetrics;
use countersign_core::{Deadline, Severity, UnixTime};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde::Serialize;

use crate::args::policy::DeadlinesFormat;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::policies::{Policies, Roots, rendered};
use crate::policy::Position;

const DAY: i64 = 86_400;

/// Say what ends or begins when.
#[derive(Debug)]
pub(crate) struct DeadlinesJob {
    pub(crate) path: PathBuf,
    pub(crate) roots: Roots,
    pub(crate) format: DeadlinesFormat,
    pub(crate) color: anstream::ColorChoice,
}

/// What `--format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeadlinesReport<'a> {
    api_version: &'static str,
    now: String,
    deadlines: Vec<DeadlineReport<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeadlineReport<'a> {
    kind: &'static str,
    name: &'a str,
    at: String,
    /// Seconds from `now`; negative if it is past.
    seconds: i64,
    #[serde(flatten)]
    place: Option<Position<'a>>,
}

/// Lists the deadlines of a set that loads; what is wrong with it goes to standard error, warnings too.
pub(crate) fn run(job: &DeadlinesJob) -> Result<Exit, Failure> {
    let policies = Policies::load(&job.path, &job.roots)?;
    let errors = policies.count(Severity::Error);
    let Policies { files, loaded } = policies;
    output::say(&rendered(&loaded.diagnostics, files.sources()), job.color);
    let Some(set) = loaded.policies else {
        let path = job.path.display();
        return Err(Failure::misused(&format!(
            "{path}: {errors} errors in the policy; what it will decide is not certain"
        )));
    };
    let (all, now) = (set.deadlines(), job.roots.now);
    let result = match job.format {
        DeadlinesFormat::Text => text(&all, now),
        DeadlinesFormat::Json => output::json(&DeadlinesReport {
            api_version: "countersign.dev/policy-deadlines/v1alpha1",
            now: now.to_string(),
            deadlines: all.iter().map(|it| DeadlineReport::new(it, now)).collect(),
        }),
        DeadlinesFormat::Openmetrics => metrics(all)?,
    };
    Ok(output::deliver(&result, job.color, Exit::Allowed))
}

impl<'a> DeadlineReport<'a> {
    fn new(deadline: &'a Deadline, now: UnixTime) -> Self {
        Self {
            kind: deadline.kind.as_str(),
            name: &deadline.name,
            at: deadline.at.to_string(),
            seconds: seconds_until(deadline.at, now),
            place: deadline.place.as_ref().map(Position::from),
        }
    }
}

fn text(all: &[Deadline], now: UnixTime) -> String {
    let mut text = String::new();
    for deadline in all {
        let (kind, name, at) = (deadline.kind.as_str(), &deadline.name, deadline.at);
        let seconds = seconds_until(at, now);
        let when = match (seconds, seconds.abs() / DAY) {
            (1.., 0) => "within a day".to_owned(),
            (1.., 1) => "in 1 day".to_owned(),
            (1.., days) => format!("in {days} days"),
            (_, 0) => "today".to_owned(),
            (_, 1) => "1 day ago".to_owned(),
            (_, days) => format!("{days} days ago"),
        };
        let place = deadline.place.as_ref();
        let place = place.map_or_else(String::new, |it| format!(" ({}:{})", it.file, it.line));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{at}  {when:>14}  {kind:<15}  {name}{place}");
    }
    if text.is_empty() {
        text.push_str("nothing ends or begins by itself\n");
    }
    text
}

/// One gauge for each, with the time as its value, so that whoever alerts chooses how long before.
fn metrics(all: Vec<Deadline>) -> Result<String, Failure> {
    let mut registry = Registry::with_prefix("countersign");
    let gauges = DeadlineMetrics::new(move || all.clone());
    registry.register_collector(Box::new(gauges));
    let mut text = String::new();
    encode(&mut text, &registry)
        .map_err(|error| Failure::unknown(format!("the metrics cannot be written: {error}")))?;
    Ok(text)
}

const fn seconds_until(at: UnixTime, now: UnixTime) -> i64 {
    at.seconds().saturating_sub(now.seconds())
}
