//! What was typed after `countersign verify-blob`.

use std::path::PathBuf;

use clap::Args;
use countersign_core::UnixTime;

use super::Format;
use super::policy::PolicyRoots;

#[derive(Debug, Args)]
pub(crate) struct VerifyBlob {
    /// The file, or its digest: sha256: and 64 hexadecimal digits, unless there is a file of that name.
    #[arg(value_name = "FILE_OR_DIGEST")]
    pub(crate) artifact: PathBuf,
    /// A Sigstore bundle about the file (JSON, v0.1 to v0.3), or one on each line.
    #[arg(long = "bundle", value_name = "FILE", required = true)]
    pub(crate) bundles: Vec<PathBuf>,
    /// The policy: a file, or a folder whose files are one set.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) policy: PathBuf,
    /// What policies match; without it every policy of the set judges the file.
    #[arg(long = "as", value_name = "REFERENCE")]
    pub(crate) judged_as: Option<String>,
    #[command(flatten)]
    pub(crate) roots: PolicyRoots,
    /// Judge as of this time (RFC 3339), such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = super::time::at)]
    pub(crate) at: Option<UnixTime>,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// List all evidence, what verified and what was refused.
    #[arg(long)]
    pub(crate) explain: bool,
}
