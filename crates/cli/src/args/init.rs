//! What was typed after `countersign policy init`.

use std::path::PathBuf;

use clap::Args;
use countersign_core::UnixTime;

use super::NamedFile;
use super::registries::RegistryOptions;

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The image, in the form that the help tells: brackets in a docstring would be read as links.
    #[arg(
        value_name = "IMAGE",
        help = "registry/repository[:tag][@sha256:…], or oci:PATH[:tag|@sha256:…] for an OCI layout"
    )]
    pub(crate) image: String,
    /// What the policy is to match for an oci: image.
    #[arg(long = "as", value_name = "REFERENCE")]
    pub(crate) judged_as: Option<String>,
    /// A public key (PEM) by which something may be signed; evidence does not carry the keys that made it.
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
    /// A trusted_root.json to verify by, beside the built-in root of the public-good instance; without NAME= it is called like its file.
    #[arg(long = "trust-root", value_name = "[NAME=]FILE")]
    pub(crate) trust_roots: Vec<NamedFile>,
    /// Judge as of this time (RFC 3339), such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = super::time::at)]
    pub(crate) at: Option<UnixTime>,
    #[command(flatten)]
    pub(crate) registries: RegistryOptions,
    /// Give up after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}
