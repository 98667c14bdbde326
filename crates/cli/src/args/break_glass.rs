//! What was typed after `countersign break-glass`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use countersign_core::UnixTime;

use super::{Format, policy, signing, time};

#[derive(Debug, Subcommand)]
pub(crate) enum BreakGlass {
    /// Make a statement and approve it, or approve one that somebody else has made: the very same bytes.
    Sign(Box<Sign>),
    /// Show what a file of approvals says, and who says to have signed; it verifies and judges nothing.
    Show(Show),
    /// Say whether enough approvals count by a policy, and for what they would; nothing is asked of a registry.
    Verify(VerifyStatement),
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The approvals of others: what they have signed is shown, signed as it is, and added to the file.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// An image that may run, by its digest; may be given several times.
    #[arg(
        long = "image",
        value_name = "REPOSITORY@sha256:…",
        conflicts_with = "file",
        required_unless_present_any = ["file", "whole_namespace"]
    )]
    pub(crate) images: Vec<String>,
    /// Whatever runs in the namespaces may run: only where a BreakGlass says `allowNamespaceScope: true`.
    #[arg(long, conflicts_with_all = ["file", "images"])]
    pub(crate) whole_namespace: bool,
    /// The cluster, as `cluster` in Settings calls it.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "file",
        required_unless_present = "file"
    )]
    pub(crate) cluster: Option<String>,
    /// A namespace in which it holds; may be given several times.
    #[arg(
        long = "namespace",
        value_name = "NAME",
        conflicts_with = "file",
        required_unless_present = "file"
    )]
    pub(crate) namespaces: Vec<String>,
    /// Why, for everybody who reads a decision.
    #[arg(
        long,
        value_name = "TEXT",
        conflicts_with = "file",
        required_unless_present = "file"
    )]
    pub(crate) reason: Option<String>,
    /// Where the emergency is being settled.
    #[arg(
        long,
        value_name = "TICKET",
        conflicts_with = "file",
        required_unless_present = "file"
    )]
    pub(crate) ticket: Option<String>,
    /// Who asks for it.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "file",
        required_unless_present = "file"
    )]
    pub(crate) requested_by: Option<String>,
    /// From when on it holds (RFC 3339); now, unless it is given.
    #[arg(long, value_name = "TIME", conflicts_with = "file", value_parser = time::at)]
    pub(crate) not_before: Option<UnixTime>,
    /// For how long it holds, such as 90m or 4h.
    #[arg(
        long = "for",
        value_name = "DURATION",
        conflicts_with_all = ["file", "not_after"],
        required_unless_present_any = ["file", "not_after"],
        value_parser = time::span
    )]
    pub(crate) lasts: Option<i64>,
    /// Until when it holds (RFC 3339).
    #[arg(long, value_name = "TIME", conflicts_with = "file", value_parser = time::at)]
    pub(crate) not_after: Option<UnixTime>,
    /// By which it can be revoked; a new one, unless it is given.
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    pub(crate) id: Option<String>,
    /// Where to write it; a file that is there already is left alone.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "file",
        required_unless_present = "file"
    )]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) signing: signing::SigningOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A file of approvals: Sigstore bundles, one on each line.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Write the bytes that are approved to a new file, for whoever signs with something else, such as cosign with a token.
    #[arg(long, value_name = "FILE")]
    pub(crate) statement: Option<PathBuf>,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyStatement {
    /// A file of approvals: Sigstore bundles, one on each line.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The image that is to run, by its digest; without it every image that the statements name.
    #[arg(value_name = "REPOSITORY@sha256:…")]
    pub(crate) image: Option<String>,
    /// The namespace in which it is to run; without it every one that the statements name.
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// The policy: a file, or a folder whose files are one set.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) policy: PathBuf,
    #[command(flatten)]
    pub(crate) roots: policy::PolicyRoots,
    /// Judge as of this time (RFC 3339), such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time::at)]
    pub(crate) at: Option<UnixTime>,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}
