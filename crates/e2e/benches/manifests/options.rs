//! What the comparison is told.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::scene::Format;

/// Everything has a default that is the comparison as documented.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) images: usize,
    pub(crate) pairs: usize,
    pub(crate) check: bool,
    /// One version of cosign alone.
    only: Option<String>,
    /// Another command than the one that is built.
    pub(crate) countersign: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            images: 200,
            pairs: 3,
            check: false,
            only: None,
            countersign: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{argument} needs a value"))
            };
            match argument.as_str() {
                "--check" => options.check = true,
                "--images" => options.images = value()?.parse()?,
                "--pairs" => options.pairs = value()?.parse()?,
                "--only" => options.only = Some(value()?),
                "--countersign" => options.countersign = Some(value()?.into()),
                // Cargo's own.
                "--bench" => {}
                other => bail!(
                    "{other} is not known: --check, --images N, --pairs N, --only cosign2|cosign3, --countersign PATH"
                ),
            }
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, format: Format) -> bool {
        self.only
            .as_deref()
            .is_none_or(|only| only == format.cosign())
    }
}
