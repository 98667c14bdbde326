//! What was typed after `countersign sbom`.

use std::path::PathBuf;

use clap::Args;
use countersign_core::UnixTime;

use super::{Format, NamedFile, trust};

#[derive(Debug, Args)]
pub(crate) struct ShowSbom {
    /// The SBOM: CycloneDX 1.2 to 1.7 or SPDX 2.2, 2.3 or 3.0, as JSON.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Judge it by the `sbom` rules of this policy, a file or folder; who attests it is not asked.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) policy: Option<PathBuf>,
    /// List every component, not the first hundred.
    #[arg(long)]
    pub(crate) all: bool,
    /// A trusted_root.json that signers name as NAME; without NAME=, the one trust root that they name and nothing defines.
    #[arg(long = "trust-root", value_name = "[NAME=]FILE", requires = "policy")]
    pub(crate) trust_roots: Vec<NamedFile>,
    #[command(flatten)]
    pub(crate) cache: trust::Cache,
    /// Read the policy as of this time (RFC 3339), such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = super::time::at)]
    pub(crate) at: Option<UnixTime>,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}
