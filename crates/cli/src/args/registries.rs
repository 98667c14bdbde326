//! How registries are asked, for every command that asks some.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct RegistryOptions {
    /// Ask registries over HTTP without TLS.
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// PEM certificates to trust for registries, beside the built-in ones.
    #[arg(long, value_name = "FILE", conflicts_with = "plain_http")]
    pub(crate) ca_file: Option<PathBuf>,
}
