//! What was typed after `countersign evidence` and `countersign pull-evidence`.

use std::path::PathBuf;

use clap::Args;

use super::registries::RegistryOptions;
use super::{Format, NamedFile, trust};

#[derive(Debug, Args)]
pub(crate) struct Evidence {
    /// The image, in the form that the help tells: brackets in a docstring would be read as links.
    #[arg(
        value_name = "IMAGE",
        help = "registry/repository[:tag][@sha256:…], or oci:PATH[:tag|@sha256:…] for an OCI layout"
    )]
    pub(crate) image: String,
    /// Verify by the keys and trust roots of this policy, a file or folder; without it by the public-good root alone.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) policy: Option<PathBuf>,
    /// A trusted_root.json that the policy's signers name as NAME; without a policy, one more to verify by.
    #[arg(long = "trust-root", value_name = "[NAME=]FILE")]
    pub(crate) trust_roots: Vec<NamedFile>,
    #[command(flatten)]
    pub(crate) cache: trust::Cache,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) registries: RegistryOptions,
    /// Give up after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct PullEvidence {
    /// The image, in the form that the help tells: brackets in a docstring would be read as links.
    #[arg(
        value_name = "IMAGE",
        help = "registry/repository[:tag][@sha256:…], or oci:PATH[:tag|@sha256:…] for an OCI layout"
    )]
    pub(crate) image: String,
    /// Where to, in the form that the help tells.
    #[arg(
        long,
        value_name = "oci:DIR",
        help = "oci:DIR[:tag], the OCI layout to write: a new folder, an empty one, or a layout to add to"
    )]
    pub(crate) to: String,
    /// Save the image's configs and layers too.
    #[arg(long)]
    pub(crate) layers: bool,
    #[command(flatten)]
    pub(crate) registries: RegistryOptions,
    /// Give up after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub(crate) timeout: u64,
}
