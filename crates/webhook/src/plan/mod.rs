//! `countersign-webhook plan`: what rendered manifests would create, and what could not be created while no replica answers.
//!
//! Only what is in the input is known. What depends on more is taken for the worst: where it cannot be told whether a webhook would be asked, it would.

mod hook;
mod objects;
mod owner;
mod report;
mod rules;
mod selector;
mod weigh;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use self::objects::Objects;
use self::report::PlanReport;

/// What is right and what would stop a cluster, as exit codes (`docs/exit-codes.md`).
const GOOD: u8 = 0;
const BLOCKING: u8 = 1;
const UNKNOWN: u8 = 2;
const MISUSED: u8 = 3;

/// Prints what rendered manifests would create, and what they would block while no replica of a webhook can be asked.
///
/// Exit codes: 0; 1 where a webhook could keep itself or kube-system from coming up; 3 where the input cannot be read.
#[derive(Debug, Parser)]
#[command(name = "countersign-webhook plan")]
struct PlanOptions {
    /// Rendered manifests: files, folders, or `-` for standard input (`helm template … | countersign-webhook plan -f -`).
    #[arg(short = 'f', long = "file", value_name = "FILE|DIR|-", required = true)]
    files: Vec<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    /// The namespace of objects that name none, as `kubectl -n` has it.
    #[arg(long, short = 'n', value_name = "NAME", default_value = "default")]
    namespace: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    Text,
    Json,
}

/// Does as `plan` and the words after it say, and gives the exit code.
#[must_use]
pub fn plan(words: impl IntoIterator<Item = OsString>) -> u8 {
    let options = match PlanOptions::try_parse_from(words) {
        Ok(options) => options,
        Err(message) => {
            // Where even the message cannot be written, the exit code still tells.
            let _ = message.print();
            return if message.use_stderr() { MISUSED } else { GOOD };
        }
    };
    printed(&options).unwrap_or_else(|wrong| {
        let lines = wrong.iter().map(|line| format!("error: {line}\n"));
        let _ = std::io::stderr().write_all(lines.collect::<String>().as_bytes());
        MISUSED
    })
}

/// Prints the plan; or gives one line for each thing of the input that is wrong.
fn printed(options: &PlanOptions) -> Result<u8, Vec<String>> {
    let (texts, unread) = countersign::read_manifests(&options.files);
    let objects = Objects::read(&texts, unread, &options.namespace)?;
    let report = PlanReport::of(&objects)?;
    let text = match options.format {
        PlanFormat::Text => report.text(),
        PlanFormat::Json => report.json(),
    };
    Ok(match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) if report.is_blocking() => BLOCKING,
        Ok(()) => GOOD,
        Err(_) => UNKNOWN,
    })
}
