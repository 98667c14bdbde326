//! What was typed after `countersign copy`.

use clap::Args;

use super::Format;
use super::registries::RegistryOptions;

#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// Where from, in the form that the help tells: brackets in a docstring would be read as links.
    #[arg(
        value_name = "SRC",
        help = "Where from: registry/repository[:tag][@sha256:…], or oci:PATH[:tag|@sha256:…] for an OCI layout"
    )]
    pub(crate) source: String,
    /// Where to.
    #[arg(
        value_name = "DST",
        help = "Where to, in the same forms; without a tag it gets the source's, and none if the source has none"
    )]
    pub(crate) destination: String,
    /// Copy evidence alone, to where the image already is.
    #[arg(long)]
    pub(crate) only_evidence: bool,
    /// Look at both sides, say what would be copied, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) registries: RegistryOptions,
    /// Give up after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub(crate) timeout: u64,
}
