//! What is typed behind `lock`.

use std::path::PathBuf;

use clap::Args;

use super::manifests;

#[derive(Debug, Args)]
pub(crate) struct Lock {
    /// The files: manifests, kustomization.yaml, or values with --values-path; a folder with all below it, or - for standard input.
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
    #[command(flatten)]
    pub(crate) writing: manifests::WritingOptions,
}
