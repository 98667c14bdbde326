//! What was typed after `countersign replay`.

use std::path::PathBuf;

use clap::Args;

use super::{Format, policy};

#[derive(Debug, Args)]
pub(crate) struct ReplayRecord {
    /// The decision record: what `verify --format json` printed.
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    /// The policy that decided, as it was then: a file, or a folder whose files are one set.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) policy: PathBuf,
    #[command(flatten)]
    pub(crate) roots: policy::PolicyRoots,
    /// An OCI layout that keeps manifests and evidence, such as `pull-evidence` writes; may be given several times.
    #[arg(long = "from", value_name = "oci:PATH")]
    pub(crate) from: Vec<String>,
    /// Text for people or JSON for programs: the report again.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}
