//! What the load test is told.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// Everything has a default that is the test as documented.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// How long each of a pair is asked.
    pub(crate) time: Duration,
    pub(crate) pairs: usize,
    /// Images of the cold part, and questions about them.
    pub(crate) images: usize,
    pub(crate) reviews: usize,
    pub(crate) check: bool,
    /// One part alone.
    pub(crate) only: Option<String>,
    /// Another webhook, and another echo, than those that are built.
    pub(crate) webhook: Option<PathBuf>,
    pub(crate) echo: Option<PathBuf>,
    /// The soak instead, so long.
    pub(crate) soak: Option<Duration>,
}

impl Options {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            time: Duration::from_secs(30),
            pairs: 5,
            images: 5_000,
            reviews: 100_000,
            check: false,
            only: None,
            webhook: None,
            echo: None,
            soak: None,
        };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{argument} needs a value"))
            };
            match argument.as_str() {
                "--check" => options.check = true,
                "--seconds" => options.time = Duration::from_secs_f64(value()?.parse()?),
                "--pairs" => options.pairs = value()?.parse()?,
                "--images" => options.images = value()?.parse()?,
                "--reviews" => options.reviews = value()?.parse()?,
                "--only" => options.only = Some(value()?),
                "--webhook" => options.webhook = Some(value()?.into()),
                "--echo" => options.echo = Some(value()?.into()),
                "--soak" => {
                    let minutes: f64 = value()?.parse()?;
                    options.soak = Some(Duration::from_secs_f64(minutes * 60.0));
                }
                // Cargo's own.
                "--bench" => {}
                other => bail!(
                    "{other} is not known: --check, --seconds N, --pairs N, --images N, --reviews N, --only start|signed|attested|cold|overload, \
                     --webhook PATH, --echo PATH, --soak MINUTES"
                ),
            }
        }
        Ok(options)
    }
}
