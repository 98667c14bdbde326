//! `countersign break-glass show`: what approvals say, before anybody signs or believes them.

use std::fmt::Write as _;
use std::path::PathBuf;

use countersign_core::{
    Approval, Approvals, BreakGlassScope, BreakGlassStatement, Digest, Limits, Trust,
};
use serde::Serialize;

use super::file;
use crate::args::Format;
use crate::args::break_glass::Show;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

const API_VERSION: &str = "countersign.dev/break-glass-file/v1alpha1";

/// Show a file.
#[derive(Debug)]
pub(crate) struct ShowJob {
    file: PathBuf,
    /// Where the bytes go that are approved.
    statement: Option<PathBuf>,
    format: Format,
    color: anstream::ColorChoice,
}

impl ShowJob {
    pub(super) fn new(typed: Show, color: anstream::ColorChoice) -> Self {
        Self {
            file: typed.file,
            statement: typed.statement,
            format: typed.format,
            color,
        }
    }
}

/// Shows it; a file in which something is no statement cannot be shown whole.
pub(super) fn run(job: &ShowJob) -> Result<Exit, Failure> {
    let approvals = unverified(file::read(&job.file)?)?;
    if let Some(path) = &job.statement {
        let bytes = one_payload(&approvals)
            .map_err(|why| Failure::misused(&format!("{}: {why}", super::shown(&job.file))))?;
        file::create(path, bytes)?;
    }
    let shown = Shown::of(&approvals);
    let exit = match shown.unreadable.as_slice() {
        [] => Exit::Allowed,
        _ => Exit::Unknown,
    };
    let text = match job.format {
        Format::Text => shown.text(),
        Format::Json => output::json(&shown),
    };
    Ok(output::deliver(&text, job.color, exit))
}

/// Bundles that nobody has verified: under no keys and no trust roots nothing is proven.
pub(super) fn unverified(bundles: Vec<Vec<u8>>) -> Result<Approvals, Failure> {
    let nobody = Trust::new(Vec::new(), Vec::new())
        .map_err(|error| Failure::unknown(escaped(&error.to_string(), 300)))?;
    Approvals::examine(bundles, &nobody, &Limits::default())
        .map_err(|error| Failure::misused(&error.to_string()))
}

/// The bytes of the one statement that all approvals are of, each of which can be read.
///
/// # Errors
/// Why there is no such statement.
pub(super) fn one_payload(approvals: &Approvals) -> Result<&[u8], String> {
    let unreadable = approvals.iter().find(|it| it.statement().is_none());
    if let Some(refused) = unreadable.and_then(Approval::refused) {
        let detail = escaped(&refused.detail, 500);
        let code = refused.code;
        return Err(format!("what was signed cannot be read ({code}): {detail}"));
    }
    let mut payloads = approvals.iter().filter_map(Approval::signed_bytes);
    let first = payloads.next().ok_or("there is no statement in it")?;
    if payloads.any(|other| other != first) {
        let why =
            "it holds approvals of different statements, which never add up; give a file of one";
        return Err(why.to_owned());
    }
    Ok(first)
}

/// What a file holds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    api_version: &'static str,
    statements: Vec<Said>,
    /// Why something in the file is no statement.
    unreadable: Vec<String>,
}

/// One statement.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    payload: String,
    id: String,
    cluster: String,
    namespaces: Vec<String>,
    scope: &'static str,
    images: Vec<String>,
    not_before: String,
    not_after: String,
    reason: String,
    ticket: String,
    requested_by: String,
    /// Who the bundles say has signed; nothing is verified.
    claimed_by: Vec<String>,
}

impl Shown {
    fn of(approvals: &Approvals) -> Self {
        let mut shown = Self {
            api_version: API_VERSION,
            statements: Vec::new(),
            unreadable: Vec::new(),
        };
        for approval in approvals.iter() {
            let (Some(payload), Some(statement)) = (approval.payload(), approval.statement())
            else {
                let why = approval
                    .refused()
                    .map(|it| format!("{}: {}", it.code, it.detail));
                shown.unreadable.extend(why.map(|why| escaped(&why, 500)));
                continue;
            };
            let payload = payload.to_string();
            let who = escaped(approval.claimed_by(), 300);
            match shown.statements.iter_mut().find(|it| it.payload == payload) {
                Some(known) => known.claimed_by.push(who),
                None => shown.statements.push(Said {
                    payload,
                    claimed_by: vec![who],
                    ..Said::of(statement)
                }),
            }
        }
        shown
    }

    fn text(&self) -> String {
        let statements = self.statements.iter().map(|said| {
            let mut text = said.text();
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "  signed by, as the bundles say (nothing was verified):"
            );
            for who in &said.claimed_by {
                let _ = writeln!(text, "    {who}");
            }
            text
        });
        let unreadable = self.unreadable.iter();
        let unreadable = unreadable.map(|why| format!("not a statement: {why}\n"));
        statements.chain(unreadable).collect::<Vec<_>>().join("\n")
    }
}

impl Said {
    fn of(statement: &BreakGlassStatement) -> Self {
        let images = match &statement.scope {
            BreakGlassScope::Images(images) => images.as_slice(),
            _ => &[],
        };
        Self {
            payload: String::new(),
            id: statement.id.clone(),
            cluster: statement.cluster.clone(),
            namespaces: statement.namespaces.clone(),
            scope: match &statement.scope {
                BreakGlassScope::Images(_) => "images",
                _ => "namespace",
            },
            images: images
                .iter()
                .map(|(name, digest)| format!("{name}@{digest}"))
                .collect(),
            not_before: statement.not_before.to_string(),
            not_after: statement.not_after.to_string(),
            reason: escaped(&statement.reason, 500),
            ticket: escaped(&statement.ticket, 500),
            requested_by: escaped(&statement.requested_by, 500),
            claimed_by: Vec::new(),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("break-glass {}\n", self.id);
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<11} {value}");
        };
        line("cluster", &self.cluster);
        line("namespaces", &self.namespaces.join(", "));
        match self.images.as_slice() {
            [] => line("images", "EVERY IMAGE that runs there"),
            images => images.iter().for_each(|image| line("image", image)),
        }
        line("holds from", &self.not_before);
        line("until", &self.not_after);
        line("reason", &self.reason);
        line("ticket", &self.ticket);
        line("asked by", &self.requested_by);
        line("payload", &self.payload);
        text
    }
}

/// What somebody is about to sign.
pub(super) fn told(statement: &BreakGlassStatement, payload: &Digest) -> String {
    let said = Said {
        payload: payload.to_string(),
        ..Said::of(statement)
    };
    said.text()
}

/// Whether an approval says to be by this key.
pub(super) fn is_by(approval: &Approval, key: &Digest) -> bool {
    approval.claimed_by() == format!("key {key}")
}
