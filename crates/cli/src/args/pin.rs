//! What is typed behind `pin`.

use std::path::PathBuf;

use clap::Args;

use super::manifests;

#[derive(Debug, Args)]
pub(crate) struct Pin {
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
    /// Change nothing; exit with 1 when something is to be pinned.
    #[arg(long, conflicts_with = "write")]
    pub(crate) check: bool,
    /// Change the files. Without it the changes are only shown; of standard input the result is printed.
    #[arg(long)]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) writing: manifests::WritingOptions,
}
