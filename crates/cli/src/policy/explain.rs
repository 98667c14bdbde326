//! `policy explain`: what a policy set means, in plain words.

use std::fmt::Write as _;
use std::path::PathBuf;

use countersign_core::{Explained, Explanation, Severity};
use serde::Serialize;

use crate::args::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::policies::{Policies, Roots, rendered};

/// Say what a policy set means.
#[derive(Debug)]
pub(crate) struct ExplainJob {
    pub(crate) path: PathBuf,
    pub(crate) roots: Roots,
    pub(crate) format: Format,
    pub(crate) color: anstream::ColorChoice,
}

/// What `--format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainReport<'a> {
    api_version: &'static str,
    #[serde(flatten)]
    explanation: &'a Explanation,
}

/// Explains a set that loads; what is wrong with it goes to standard error, warnings too.
pub(crate) fn run(job: &ExplainJob) -> Result<Exit, Failure> {
    let policies = Policies::load(&job.path, &job.roots)?;
    let errors = policies.count(Severity::Error);
    let Policies { files, loaded } = policies;
    output::say(&rendered(&loaded.diagnostics, files.sources()), job.color);
    let Some(set) = loaded.policies else {
        let path = job.path.display();
        return Err(Failure::misused(&format!(
            "{path}: {errors} errors in the policy; what it means is not certain"
        )));
    };
    let explanation = set.explain();
    let result = match job.format {
        Format::Text => text(&explanation),
        Format::Json => output::json(&ExplainReport {
            api_version: "countersign.dev/policy-explanation/v1alpha1",
            explanation: &explanation,
        }),
    };
    Ok(output::deliver(&result, job.color, Exit::Allowed))
}

fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    section("Settings", &explanation.settings, &mut text);
    for (kind, all) in [
        ("Policy", &explanation.policies),
        ("Signer", &explanation.signers),
        ("Trust root", &explanation.trust_roots),
        ("Exception", &explanation.exceptions),
        ("Revocation", &explanation.revocations),
        ("BreakGlass", &explanation.break_glass),
    ] {
        for one in all {
            text.push('\n');
            section(kind, one, &mut text);
        }
    }
    text
}

fn section(kind: &str, explained: &Explained, text: &mut String) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}", head(kind, explained));
    for sentence in &explained.says {
        let _ = writeln!(text, "  {sentence}");
    }
    for rule in &explained.rules {
        let _ = writeln!(text, "  {}", head("Rule", rule));
        for sentence in &rule.says {
            let _ = writeln!(text, "    {sentence}");
        }
    }
}

fn head(kind: &str, explained: &Explained) -> String {
    let name = match explained.name.as_str() {
        "" => String::new(),
        name => format!(" {name}"),
    };
    match &explained.place {
        Some(place) => format!("{kind}{name} ({place})"),
        None => format!("{kind}{name}"),
    }
}
