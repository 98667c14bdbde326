//! SBOMs by real syft.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{Parts, run};

/// The `syft` command.
#[derive(Debug)]
pub struct Syft {
    program: PathBuf,
    cache: PathBuf,
}

impl Syft {
    /// The command; `folder` holds its cache.
    #[must_use]
    pub fn new(parts: &Parts, folder: &Path) -> Self {
        Self {
            program: parts.path("syft"),
            cache: folder.join("syft-cache"),
        }
    }

    /// Pulls an image from a registry without TLS, looks through its layers and writes what it found, once for each format
    /// (syft's name, such as `cyclonedx-json@1.6`) to the file beside it.
    ///
    /// # Errors
    /// If syft fails.
    pub fn write(&self, image: &str, documents: &[(&str, &Path)]) -> Result<()> {
        let mut syft = Command::new(&self.program);
        syft.args(["scan", "--quiet", "--from", "registry", image])
            .env("SYFT_CHECK_FOR_APP_UPDATE", "false")
            .env("SYFT_REGISTRY_INSECURE_USE_HTTP", "true")
            .env("XDG_CACHE_HOME", &self.cache)
            .env("XDG_CONFIG_HOME", &self.cache);
        for (format, file) in documents {
            syft.arg("-o").arg(format!("{format}={}", file.display()));
        }
        run(&mut syft).map(drop)
    }
}
