//! What a copy did, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use countersign_sign::{Copied, Done, Piece, PieceKind};
use serde::Serialize;

use super::CopyJob;
use crate::escape::escaped;

const NAME: Style = Style::new().bold();
/// Characters of one foreign string.
const MAX_CHARS: usize = 512;

/// What `--format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CopyReport<'a> {
    api_version: &'static str,
    /// As it was written.
    source: &'a str,
    /// `host/repository` or `oci:PATH`.
    destination: String,
    digest: String,
    /// The destination's tag; none if it has the image by digest alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    only_evidence: bool,
    dry_run: bool,
    /// How much had each thing done to it: `pushed`, `mounted`, `planned`, `present`.
    done: BTreeMap<&'static str, DoneReport>,
    pieces: Vec<PieceReport<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DoneReport {
    blobs: usize,
    manifests: usize,
    fallback_indexes: usize,
    tags: usize,
    bytes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PieceReport<'a> {
    kind: &'static str,
    digest: String,
    size: u64,
    media_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    done: &'static str,
}

impl<'a> CopyReport<'a> {
    pub(super) fn new(job: &'a CopyJob, copied: &'a Copied) -> Self {
        let done = Done::ALL.map(|done| (done.as_str(), DoneReport::new(copied, done)));
        Self {
            api_version: "countersign.dev/copy/v1alpha1",
            source: &job.source,
            destination: job.route.destination().to_string(),
            digest: copied.digest.to_string(),
            tag: job.route.tag().filter(|_| !job.only_evidence),
            only_evidence: job.only_evidence,
            dry_run: job.dry_run,
            done: done.into_iter().collect(),
            pieces: copied.pieces.iter().map(PieceReport::new).collect(),
        }
    }

    /// A summary for people; of a dry run also every piece that is not there yet.
    pub(super) fn text(&self) -> String {
        let verb = if self.dry_run { "would copy" } else { "copied" };
        let what = if self.only_evidence {
            "the evidence of "
        } else {
            ""
        };
        let mut text = String::new();
        let head = format!(
            "{verb} {what}{} to {}",
            safe(self.source),
            safe(&self.named())
        );
        line(&mut text, 0, &format!("{NAME}{head}{NAME:#}"));
        line(&mut text, 2, &self.digest);
        for (done, title) in TITLES {
            if let Some(counts) = self.counts(done).text() {
                line(&mut text, 2, &format!("{title:<14} {counts}"));
            }
        }
        for piece in self.pieces.iter().filter(|_| self.dry_run) {
            if piece.done == Done::Planned.as_str() {
                line(&mut text, 4, &piece.text());
            }
        }
        text
    }

    /// What to say of a copy that broke off.
    pub(super) fn so_far(&self) -> String {
        if self.dry_run || self.pieces.is_empty() {
            return String::new();
        }
        let there: Vec<String> = [Done::Pushed, Done::Mounted, Done::Present]
            .into_iter()
            .filter_map(|done| Some(format!("{} {}", self.counts(done).text()?, done.as_str())))
            .collect();
        let tag = match self.tag {
            Some(_) => "; its tag was not written",
            None => "",
        };
        format!(
            "\nnote: so far {} has: {}{tag}; run the same again to go on",
            safe(&self.destination),
            there.join(", ")
        )
    }

    fn named(&self) -> String {
        match self.tag {
            Some(tag) => format!("{}:{tag}", self.destination),
            None => self.destination.clone(),
        }
    }

    fn counts(&self, done: Done) -> &DoneReport {
        &self.done[done.as_str()]
    }
}

const TITLES: [(Done, &str); 4] = [
    (Done::Pushed, "pushed"),
    (Done::Mounted, "mounted"),
    (Done::Planned, "to push"),
    (Done::Present, "already there"),
];

impl DoneReport {
    fn new(copied: &Copied, done: Done) -> Self {
        let counts = copied.counts(done);
        let of = |kind| counts.get(&kind).copied().unwrap_or_default();
        Self {
            blobs: of(PieceKind::Blob),
            manifests: of(PieceKind::Manifest),
            fallback_indexes: of(PieceKind::FallbackIndex),
            tags: of(PieceKind::Tag),
            bytes: copied.bytes(done),
        }
    }

    /// `2 blobs, 1 manifest (123 bytes)`, or nothing if there is nothing.
    fn text(&self) -> Option<String> {
        let counted: Vec<String> = [
            (self.blobs, "blob", "blobs"),
            (self.manifests, "manifest", "manifests"),
            (self.fallback_indexes, "fallback index", "fallback indexes"),
            (self.tags, "tag", "tags"),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, several)| format!("{count} {}", if count == 1 { one } else { several }))
        .collect();
        if counted.is_empty() {
            return None;
        }
        Some(format!("{} ({} bytes)", counted.join(", "), self.bytes))
    }
}

impl<'a> PieceReport<'a> {
    fn new(piece: &'a Piece) -> Self {
        Self {
            kind: piece.kind.as_str(),
            digest: piece.digest.to_string(),
            size: piece.size,
            media_type: &piece.media_type,
            tag: piece.tag.as_deref(),
            done: piece.done.as_str(),
        }
    }

    fn text(&self) -> String {
        let (kind, digest) = (self.kind, &self.digest);
        match self.tag {
            Some(tag) => format!("{kind} {} is {digest}", safe(tag)),
            None => format!(
                "{kind} {digest}, {} bytes, {}",
                self.size,
                safe(self.media_type)
            ),
        }
    }
}

fn line(text: &mut String, indent: usize, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{:indent$}{line}", "");
}

fn safe(text: &str) -> String {
    escaped(text, MAX_CHARS)
}
