//! What was stated, or why nothing was, as text and as JSON.

use countersign_core::{Decision, NotPromoted, Promoter, Promotion, Report};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Delivered, PromoteJob, shown};
use crate::args::Format;
use crate::escape::escaped;
use crate::{output, render};

/// What `--format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromotionReport {
    api_version: &'static str,
    /// As it was written.
    image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    level: String,
    /// `attached`, `bundle-written`, `predicate-written`, `planned` or `refused`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<RefusedReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predicate_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predicate: Option<Map<String, Value>>,
    /// The file that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// sha256 of the signed bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attached: Option<AttachedReport>,
    /// The decision record, which `replay` takes.
    record: Report,
    #[serde(skip)]
    lines: Vec<String>,
}

#[derive(Serialize)]
struct RefusedReport {
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct AttachedReport {
    repository: String,
    manifest: String,
    /// `pushed`, or `present` if it was there already.
    done: &'static str,
}

impl PromotionReport {
    /// Nothing was stated. Why goes to standard error in text, beside the decision.
    pub(super) fn refused(job: &PromoteJob, decision: &Decision, refused: &NotPromoted) -> Self {
        let mut report = Self::new(job, decision, "refused");
        report.refused = Some(RefusedReport {
            code: refused.as_str(),
            message: refused.to_string(),
        });
        report
    }

    pub(super) fn promoted(
        job: &PromoteJob,
        decision: &Decision,
        promotion: &Promotion,
        predicate: Map<String, Value>,
        delivered: &Delivered,
    ) -> Self {
        let (outcome, verb) = match delivered {
            Delivered::Attached(..) => ("attached", "promoted"),
            Delivered::Bundle(..) => ("bundle-written", "promoted"),
            Delivered::Predicate(_) => ("predicate-written", "may be promoted"),
            Delivered::Nothing => ("planned", "would be promoted"),
        };
        let mut report = Self::new(job, decision, outcome);
        let (name, level) = (escaped(promotion.name(), 512), promotion.level());
        let image = format!("{name}@{}", promotion.image());
        report.say(0, &format!("{verb} to {level}: {image}"));
        report.say(2, &counted(promotion));
        report.predicate_type = Some(Promoter::PREDICATE_TYPE);
        match delivered {
            Delivered::Attached(attached, bundle) => {
                let (manifest, repository) = (attached.manifest, attached.repository.to_string());
                let done = attached.done.as_str();
                report.say(
                    2,
                    &format!("attached as {manifest} to {repository} ({done})"),
                );
                report.bundle = Some(bundle.to_string());
                report.attached = Some(AttachedReport {
                    repository,
                    manifest: manifest.to_string(),
                    done,
                });
            }
            Delivered::Bundle(file, bundle) => {
                report.say(2, &format!("signed bundle in {}", shown(file)));
                report.bundle = Some(bundle.to_string());
                report.file = Some(file.display().to_string());
            }
            Delivered::Predicate(file) => {
                let file = shown(file);
                let kind = Promoter::PREDICATE_TYPE;
                report.say(
                    2,
                    &format!("predicate in {file}; it counts once it is signed:"),
                );
                report.say(
                    2,
                    &format!("cosign attest --type {kind} --predicate {file} {image}"),
                );
                report.file = Some(file);
            }
            Delivered::Nothing => {
                report.say(2, "nothing was signed, written or attached; it would say:");
                for line in output::json(&predicate).lines() {
                    report.say(2, &escaped(line, 5000));
                }
            }
        }
        report.predicate = Some(predicate);
        report
    }

    pub(super) fn text(&self, format: Format) -> String {
        match format {
            Format::Text => self.lines.concat(),
            Format::Json => output::json(self),
        }
    }

    fn new(job: &PromoteJob, decision: &Decision, outcome: &'static str) -> Self {
        Self {
            api_version: "countersign.dev/promotion/v1alpha1",
            image: decision.image().to_owned(),
            digest: decision.digest().map(ToString::to_string),
            level: escaped(&job.level, 100),
            outcome,
            refused: None,
            predicate_type: None,
            predicate: None,
            file: None,
            bundle: None,
            attached: None,
            record: Report::new(std::slice::from_ref(decision)),
            lines: vec![render::text::decision(decision, false)],
        }
    }

    fn say(&mut self, indent: usize, line: &str) {
        self.lines.push(format!("{:indent$}{line}\n", ""));
    }
}

/// By what it passed.
fn counted(promotion: &Promotion) -> String {
    let evidence = match promotion.inputs() {
        1 => "1 piece of evidence".to_owned(),
        count => format!("{count} pieces of evidence"),
    };
    match promotion.exceptions().as_slice() {
        [] => format!("by {evidence}"),
        names => format!("by {evidence} and the Exceptions {}", names.join(", ")),
    }
}
