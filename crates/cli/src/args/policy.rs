//! What is typed behind `policy`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use countersign_core::UnixTime;

use super::{Format, NamedFile, trust};

/// By which trust roots a policy is read.
#[derive(Debug, Args)]
pub(crate) struct PolicyRoots {
    /// A trusted_root.json that signers name as NAME; without NAME=, the one trust root that they name and nothing defines.
    #[arg(long = "trust-root", value_name = "[NAME=]FILE")]
    pub(crate) trust_roots: Vec<NamedFile>,
    #[command(flatten)]
    pub(crate) cache: trust::Cache,
}

#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// The policy: a file, or a folder whose files are one set.
    #[arg(value_name = "FILE|DIR")]
    pub(crate) path: PathBuf,
    /// Exit with 1 when there are warnings.
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    #[command(flatten)]
    pub(crate) roots: PolicyRoots,
    /// What has expired by this time, or soon will have (RFC 3339); now, unless it is given.
    #[arg(long, value_name = "TIME", value_parser = super::time::at)]
    pub(crate) at: Option<UnixTime>,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The cases: a folder with a case.yaml or case.json, or with such folders in it.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Paths in the cases begin here, not in each case's folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Drop or alter each field of the policies, one at a time, and list the changes that no case notices.
    #[arg(long)]
    pub(crate) mutate: bool,
    /// With --mutate: a change is noticed where a case of any policy notices such a change of the field.
    #[arg(long, requires = "mutate")]
    pub(crate) across: bool,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The policy: a file, or a folder whose files are one set.
    #[arg(value_name = "FILE|DIR")]
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) roots: PolicyRoots,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Deadlines {
    /// The policy: a file, or a folder whose files are one set.
    #[arg(value_name = "FILE|DIR")]
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) roots: PolicyRoots,
    /// Count the days from this time on (RFC 3339); now, unless it is given.
    #[arg(long, value_name = "TIME", value_parser = super::time::at)]
    pub(crate) at: Option<UnixTime>,
    /// Text for people, JSON for programs, or a metric for Prometheus.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: DeadlinesFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeadlinesFormat {
    Text,
    Json,
    Openmetrics,
}
