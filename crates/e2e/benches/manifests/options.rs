//! What the comparison is told.

use std::path::PathBuf;

use clap::Parser;

use super::scene::Format;

/// `countersign verify -f` beside a loop of `cosign verify`. Everything has a default that is the comparison as documented.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Options {
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) images: usize,
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) pairs: usize,
    /// End with 1 over a target.
    #[arg(long)]
    pub(crate) check: bool,
    /// One version of cosign alone.
    #[arg(long, value_parser = ["cosign2", "cosign3"])]
    only: Option<String>,
    /// Another command than the one that is built.
    #[arg(long, value_name = "PATH")]
    pub(crate) countersign: Option<PathBuf>,
    /// Cargo's own.
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

impl Options {
    pub(crate) fn wants(&self, format: Format) -> bool {
        self.only
            .as_deref()
            .is_none_or(|only| only == format.cosign())
    }
}
