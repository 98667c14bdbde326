//! The formats in which judged images are reported.
//!
//! A format knows its own syntax and what has to be escaped in it, and nothing of how anything was decided: it is given [`Entry`]s, one for each
//! place at which an image is written, in the order of the input.

mod finding;
mod github;
mod json;
mod junit;
mod markdown;
mod sarif;
mod text;

use countersign_core::{Decision, ReasonCode, Verdict};

use self::finding::Finding;
use crate::args::manifests::{ReportFile, ReportFormat};
use crate::escape::escaped;
use crate::exit::Exit;
use crate::manifests::found::Written;
use crate::output;

/// Everything that was judged in one run.
pub(crate) struct Results {
    pub(crate) entries: Vec<Entry>,
    pub(crate) decisions: Vec<Decision>,
    /// How many objects were read; none where images were typed.
    pub(crate) objects: Option<usize>,
}

/// One image as it is written in one place.
pub(crate) struct Entry {
    pub(crate) image: String,
    /// Where; none where it was typed.
    pub(crate) written: Option<Written>,
    /// Which decision is about it.
    pub(crate) decision: usize,
    /// What the command line demands beyond the policy and the image lacks. What they say counts as the policy's own.
    pub(crate) demands: Vec<Demand>,
}

/// Something that the command line demands and an image lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) code: ReasonCode,
    /// What is wrong, in one or two sentences.
    pub(crate) message: String,
    /// What follows: a denial, or that nobody could tell.
    pub(crate) effect: Verdict,
}

/// An entry with what its decision says.
struct Row<'a> {
    entry: &'a Entry,
    /// What follows from decision and demands together.
    effect: Verdict,
    findings: Vec<Finding>,
}

impl Results {
    /// One entry for each typed image.
    pub(crate) fn typed(decisions: Vec<Decision>) -> Self {
        let entries = decisions.iter().enumerate().map(|(number, it)| Entry {
            image: it.image().to_owned(),
            written: None,
            decision: number,
            demands: Vec::new(),
        });
        Self {
            entries: entries.collect(),
            decisions,
            objects: None,
        }
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let row = |entry| Row::new(entry, decision_of(&self.decisions, entry));
        self.entries.iter().map(row).collect()
    }

    /// The heaviest effect; an input that may be empty and is denies nothing.
    fn exit(&self) -> Exit {
        let empty = match self.objects {
            Some(_) => Exit::Allowed,
            None => Exit::Misused,
        };
        let effects = self.rows().into_iter().map(|row| Exit::from(row.effect));
        effects.max().unwrap_or(empty)
    }

    fn render(&self, format: ReportFormat, explain: bool) -> String {
        match format {
            ReportFormat::Text => text::render(self, explain),
            ReportFormat::Json => json::render(self, explain),
            ReportFormat::Sarif => sarif::render(&self.rows()),
            ReportFormat::Junit => junit::render(&self.rows()),
            ReportFormat::Markdown => markdown::render(self),
            ReportFormat::Github => github::render(self),
        }
    }

    /// `3 images at 4 places: 2 allowed, 1 denied, 0 unknown`, counted by places.
    fn summary(&self) -> String {
        let rows = self.rows();
        let count = |effect: Verdict| rows.iter().filter(|row| row.effect == effect).count();
        let (allowed, denied) = (count(Verdict::Allow), count(Verdict::Deny));
        let unknown = rows.len() - allowed - denied;
        let verdicts = format!("{allowed} allowed, {denied} denied, {unknown} unknown");
        match self.objects {
            Some(objects) => format!(
                "{} images at {} places of {objects} objects: {verdicts}",
                self.decisions.len(),
                rows.len()
            ),
            None => format!("{} images: {verdicts}", rows.len()),
        }
    }
}

fn decision_of<'a>(decisions: &'a [Decision], entry: &Entry) -> &'a Decision {
    decisions
        .get(entry.decision)
        .expect("an entry is made with the number of its decision")
}

impl<'a> Row<'a> {
    fn new(entry: &'a Entry, decision: &Decision) -> Self {
        let demanded = entry.demands.iter().map(|demand| demand.effect).max();
        let demands = entry.demands.iter().map(Finding::demanded);
        Self {
            effect: decision.effect().max(demanded.unwrap_or(Verdict::Allow)),
            findings: demands.chain(finding::of(decision)).collect(),
            entry,
        }
    }
}

/// Writes the reports, prints the result, and says how the run ends. A report that cannot be written is no allow.
pub(crate) fn deliver(
    results: &Results,
    format: ReportFormat,
    reports: &[ReportFile],
    explain: bool,
    color: anstream::ColorChoice,
) -> Exit {
    let mut exit = results.exit();
    for report in reports {
        let text = results.render(report.format, explain);
        let plain = anstream::adapter::strip_str(&text).to_string();
        if let Err(error) = std::fs::write(&report.file, plain) {
            let file = escaped(&report.file.display().to_string(), 300);
            output::complain(&format!("--report {file}: cannot be written: {error}"));
            exit = exit.max(Exit::Unknown);
        }
    }
    output::deliver(&results.render(format, explain), color, exit)
}

/// `deploy.yaml:12:9`.
fn place(written: &Written) -> String {
    let file = escaped(&written.file, 300);
    format!("{file}:{}:{}", written.line, written.column)
}

/// `Deployment.apps shop/web, spec.template.spec.containers[0].image`.
fn object(written: &Written) -> String {
    let object = escaped(&written.object, 300);
    format!("{object}, {}", escaped(&written.field, 300))
}
