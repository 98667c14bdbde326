//! What was typed after `countersign trust`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use countersign_core::UnixTime;

use super::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// Fetch what TUF repositories give as trust roots into the cache: of the public-good Sigstore instance, of a policy, or one.
    Update(Update),
    /// Show trust roots: who is in them, from when to when, where they come from, and what expires.
    Show(Show),
    /// Read a trusted_root.json strictly.
    Verify(Check),
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Fetch for every TrustRoot with `tuf` of this policy file or folder.
    #[arg(long, value_name = "FILE|DIR", conflicts_with_all = ["url", "root"])]
    pub(crate) policy: Option<PathBuf>,
    /// Fetch from this TUF repository.
    #[arg(long, value_name = "URL", requires = "root")]
    pub(crate) url: Option<String>,
    /// The TUF root.json that is trusted to begin with.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) root: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) cache: Cache,
    /// PEM certificates to trust for the repository's host, beside the built-in ones.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Give up on a repository after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
    /// Judge what has expired as of this time (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = super::time::at)]
    pub(crate) at: Option<UnixTime>,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A policy file or folder, or a trusted_root.json; without it the public-good root.
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) cache: Cache,
    /// Warn of what expires as of this time (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = super::time::at)]
    pub(crate) at: Option<UnixTime>,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The trusted_root.json.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

/// Where things are kept from one run to the next.
#[derive(Debug, Args)]
pub(crate) struct Cache {
    /// Where fetched trust roots are kept, and for `verify` evidence too; by default $XDG_CACHE_HOME/countersign or
    /// ~/.cache/countersign, for trust roots alone.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
}

impl Cache {
    /// The folder of the trust roots.
    pub(crate) fn trust(&self) -> Option<PathBuf> {
        self.cache_dir.as_ref().map(|folder| folder.join("trust"))
    }

    /// The folder of evidence, which nobody gets without asking for it.
    pub(crate) fn evidence(&self) -> Option<PathBuf> {
        self.cache_dir
            .as_ref()
            .map(|folder| folder.join("evidence"))
    }
}
