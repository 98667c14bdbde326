//! How registries are asked, for every command that asks some.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Default, Args)]
pub(crate) struct RegistryOptions {
    /// Ask registries over HTTP without TLS.
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// PEM certificates to trust for registries, beside the built-in ones.
    #[arg(long, value_name = "FILE", conflicts_with = "plain_http")]
    pub(crate) ca_file: Option<PathBuf>,
    /// How registries are reached: certificates, proxies, mirrors, addresses, and where evidence is kept apart.
    #[arg(long, value_name = "FILE")]
    pub(crate) registries: Option<PathBuf>,
    /// A folder of hosts.toml files, as containerd has it at /etc/containerd/certs.d.
    #[arg(long, value_name = "DIR")]
    pub(crate) hosts_dir: Option<PathBuf>,
    /// Say on standard error what is asked of which host, and how it answered.
    #[arg(long)]
    pub(crate) verbose: bool,
}
