//! What is typed behind `lock`.

use std::path::PathBuf;

use clap::Args;

use super::{Format, Labels, manifests, policy, registries};

#[derive(Debug, Args)]
pub(crate) struct Lock {
    /// The Kubernetes manifests: a file, a folder with all below it, or - for standard input.
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE|DIR|-",
        required = true
    )]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) fields: manifests::FieldOptions,
    /// Where tags and their digests are written down.
    #[arg(long, value_name = "FILE", default_value = "countersign.lock")]
    pub(crate) lock_file: PathBuf,
    /// Take tags that moved to images that the policy allows, and forget what no manifest names any more.
    #[arg(long)]
    pub(crate) update: bool,
    /// The policy: a file, or a folder whose files are one set.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) policy: PathBuf,
    #[command(flatten)]
    pub(crate) roots: policy::PolicyRoots,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) registries: registries::RegistryOptions,
    /// The namespace in which images are to run, if manifests do not say; without it every policy's `namespaces` count as matching.
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// All labels of that namespace, for policies that select by them; an empty text says that it has none.
    #[arg(long, value_name = "KEY=VALUE,…", requires = "namespace")]
    pub(crate) namespace_labels: Option<Labels>,
    /// Give up on an image after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}
