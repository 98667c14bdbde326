//! What is kept of every answer: one line of the log for each image, with the decision record, and the metrics.

use std::sync::Arc;
use std::time::SystemTime;

use countersign_core::{Decision, Report, UnixTime, Verdict, printable};
use serde::Serialize;

use crate::events::Events;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::{Answered, Judged, Operation, Outcome, Witness};

/// Writes and counts.
pub(crate) struct Recorder {
    pub(crate) log: Log,
    pub(crate) metrics: Arc<Metrics>,
    /// Who tells it in Events, if anybody does.
    pub(crate) events: Option<Arc<Events>>,
}

/// One line. Everything that others chose is escaped, and cut where it is too long.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    time: String,
    level: &'static str,
    event: &'static str,
    uid: String,
    door: &'static str,
    operation: &'static str,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    dry_run: bool,
    /// `allow`, `unknown` or `deny`: what policies make of this image, whatever the door answers.
    effect: &'a str,
    /// What was answered for the object as a whole.
    allowed: bool,
    /// How long the whole answer took.
    took_milliseconds: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// The report, of one image: the same bytes as the command's, and what `countersign replay` reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Report>,
}

impl Witness for Recorder {
    fn answered(&self, answered: &Answered<'_>) {
        self.metrics.answered(answered);
        if let Some(events) = &self.events {
            events.answered(answered);
        }
        for judged in answered.images {
            self.log.line(&of_image(answered, judged));
        }
        if answered.images.is_empty() && answered.answer.effect() != "allow" {
            let answer = answered.answer;
            let told = match answer.message() {
                "" => answer.warnings().first().map(String::as_str),
                message => Some(message),
            };
            self.log.line(&Line {
                message: told,
                ..line(answered, answer.effect())
            });
        }
    }
}

fn of_image<'a>(answered: &Answered<'a>, judged: &'a Judged) -> Line<'a> {
    let (effect, message, record) = match &judged.outcome {
        Outcome::Misnamed(message) => (Verdict::Deny, Some(message.as_str()), None),
        Outcome::Late(message) => (Verdict::Unknown, Some(message.as_str()), None),
        Outcome::Decided(decision) => {
            let why = judged.aside.labels.as_deref();
            (decision.effect(), why, Some(report(decision)))
        }
    };
    let fields = judged.fields.iter();
    let is_loud = matches!(&judged.outcome, Outcome::Decided(it) if it.is_by_break_glass());
    let line = line(answered, effect.as_str());
    Line {
        level: if is_loud { "warn" } else { line.level },
        image: Some(printable(&judged.image)),
        fields: fields.map(|field| printable(field)).collect(),
        message,
        record,
        ..line
    }
}

fn report(decision: &Decision) -> Report {
    Report::new(std::slice::from_ref(decision))
}

fn line<'a>(answered: &Answered<'_>, effect: &'a str) -> Line<'a> {
    let review = answered.review;
    let now: UnixTime = SystemTime::now().into();
    Line {
        time: now.to_string(),
        level: match effect {
            "allow" => "info",
            _ => "warn",
        },
        event: "decision",
        uid: printable(&review.uid),
        door: answered.door.as_str(),
        operation: match review.operation {
            Operation::Create => "CREATE",
            Operation::Update => "UPDATE",
            Operation::Delete => "DELETE",
            Operation::Connect => "CONNECT",
        },
        kind: printable(&review.kind.to_string()),
        namespace: review.namespace.as_deref().map(printable),
        dry_run: review.dry_run,
        effect,
        allowed: answered.answer.is_allowed(),
        took_milliseconds: answered.took.as_millis(),
        image: None,
        fields: Vec::new(),
        message: None,
        record: None,
    }
}
