//! What was typed after `countersign policy import`.

use std::path::PathBuf;

use clap::Args;
use countersign_core::UnixTime;

use super::Format;

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Policies of policy-controller or of Kyverno: a file, a folder with `.yaml`, `.yml` and `.json`, or `-` for standard input.
    #[arg(required = true, value_name = "FILE|DIR|-")]
    pub(crate) from: Vec<PathBuf>,
    /// Where the policy set goes, in place of standard output: a new file `….yaml`, or a folder.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The report on every field, as text for people or JSON for programs; on standard error, or with --out on standard output.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) report: Format,
    /// Look for what is doubtful in the result as of this time (RFC 3339); now, unless it is given.
    #[arg(long, value_name = "TIME", value_parser = super::time::at)]
    pub(crate) at: Option<UnixTime>,
}
