//! What is typed.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::{About, Debian, Written, write};

/// Writes a container image of programs, without a daemon and the same bytes each time: OUT/layout, an OCI image layout, and the same as an
/// archive, OUT/PROGRAM.tar, which `kind load image-archive`, `ctr images import`, `podman load` and `docker load` take.
#[derive(Debug, Clone, Parser)]
#[command(name = "countersign-image")]
pub struct Arguments {
    /// The programs. The first one of each machine is what the image runs; its kind of machine stands in its own head
    #[arg(required = true, value_name = "PROGRAM")]
    programs: Vec<PathBuf>,
    /// The image's name: registry/repository:tag
    #[arg(long)]
    name: String,
    /// The folder to write to
    #[arg(long)]
    out: PathBuf,
    /// The commit that the programs are built from
    #[arg(long)]
    revision: String,
    /// The commit's time in seconds since 1970
    #[arg(long, env = "SOURCE_DATE_EPOCH", value_name = "SECONDS")]
    created: i64,
    /// The Debian whose libraries and certificates the image gets
    #[arg(long, default_value = "/", value_name = "FOLDER")]
    root: PathBuf,
}

impl Arguments {
    /// Does it.
    ///
    /// # Errors
    /// As [`write()`], and if the folder cannot be made.
    pub fn run(&self) -> Result<Written> {
        let version = env!("CARGO_PKG_VERSION");
        let about = About::new(&self.name, version, &self.revision, self.created)?;
        std::fs::create_dir_all(&self.out)?;
        write(&about, &self.programs, &Debian::at(&self.root), &self.out)
    }
}
